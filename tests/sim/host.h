// SPDX-License-Identifier: Apache-2.0
// Nodes: Host is the real HostForwarder with a kernel above it and links below it; PlainNode is an IPv6 node without
// ILNP; Attacker puts bytes on a wire.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "tests/sim/directory.h"
#include "tests/sim/kernel.h"
#include "tests/sim/world.h"

namespace ilnp::sim {

class Host : public Node {
 public:
  Host(World& world, std::string name, Directory& names, Tuning tuning = {}, NodeId nid = {});

  // Locators. One interface per site.
  void attach(Site& site, std::uint16_t preference = 10);
  void detach(Site& site);
  /// Break before make: nothing for `gap`, then the new site.
  void move_hard(Site& to, Duration gap = {});
  /// Make before break: both for `overlap`.
  void move_soft(Site& to, Duration overlap = seconds{1});

  // Names and sessions.
  /// Asks the directory and then the forwarder, as the stub resolver does; nullopt until the answer is there.
  void resolve(const std::string& name, std::function<void(std::optional<Address>)> then);
  /// The same, waiting in virtual time.
  std::optional<Address> resolved(const std::string& name);
  UdpSender& send_every(Duration interval, Host& peer, std::uint16_t port, std::size_t size = 100);
  TcpStream& connect(Host& peer, std::uint16_t port);

  /// The daemon stops and starts again; the kernel, its sockets and addresses stay.
  void restart(bool keeps_state);
  ByteVector saved_state() { return forwarder_->save(world().now()); }

  HostForwarder& forwarder() { return *forwarder_; }
  Kernel& kernel() { return kernel_; }
  NodeId nid() const { return nid_; }
  Address identity() const { return {identity_prefix, nid_}; }
  /// The address of a socket that nobody bound.
  Address unbound() const { return {identity_prefix, forwarder_->default_local()}; }
  /// What this host begins has a NID per peer; `ready` are made ahead.
  void use_ephemeral_nids(std::size_t ready = 8);
  void provision(std::size_t ready);
  Address ilv(const Site& site) const { return {site.locator, nid_}; }
  Tuning& tuning() { return tuning_; }
  Site* best_site() const;

  /// The session with this peer; nullptr when there is none. Fails the test when there are several.
  Correspondent* session(const Host& peer);
  /// Where the next packet of the session would go; zero: nowhere.
  static Locator target(const Correspondent& c);
  /// Any entry of the peer, whatever its state.
  Correspondent* entry(NodeId peer);
  std::uint64_t drops(DropReason reason) const;
  int count(EventKind kind) const;
  const std::vector<std::pair<TimePoint, HostEvent>>& events() const { return events_; }
  std::string summary();

  bool answers_flow_checks = true;
  bool publishes = true;

  void receive(ByteVector packet, Site& from) override;
  void on_time() override;
  TimePoint next_deadline() const override;
  bool has_nid(NodeId nid) const override { return nid == nid_ || made_.contains(nid); }
  bool may_use(ChecksumMode mode) const override { return mode == ChecksumMode::ipv6 || allows_rfc6741; }
  bool allows_rfc6741 = false;

 private:
  void make_forwarder();
  void from_kernel(ByteVector packet);
  void perform();
  void publish();
  void query(const NameQuery& query);
  void resolve(const std::string& name, NodeId local, std::function<void(std::optional<Address>)> then);

  Directory& names_;
  Tuning tuning_;
  NodeId nid_;
  test::FakeRandom random_;
  test::FakeHasher hasher_;
  std::unique_ptr<HostForwarder> forwarder_;
  Kernel kernel_;
  Actions actions_;
  std::vector<std::pair<Site*, std::uint16_t>> preferences_;
  std::vector<std::pair<TimePoint, HostEvent>> events_;
  std::array<std::uint64_t, static_cast<std::size_t>(DropReason::count)> earlier_drops_{};
  std::uint64_t publication_ = 0;
  std::set<NodeId> made_;  ///< ephemeral ones, those that are retired too
};

/// What a node without ILNP does about a packet with the option.
enum class OptionReply : std::uint8_t { parameter_problem, silence, plain_reply };

class PlainNode : public Node {
 public:
  PlainNode(World& world, std::string name, Site& site, NodeId nid, OptionReply reply = OptionReply::parameter_problem);

  Kernel& kernel() { return kernel_; }
  Address address() const { return {sites().front()->locator, nid_}; }
  Directory::Entry entry() const { return {nid_, {{sites().front()->locator, 10, seconds{60}}}}; }
  int parameter_problems = 0;

  void receive(ByteVector packet, Site& from) override;
  void on_time() override { kernel_.on_time(); }
  TimePoint next_deadline() const override { return kernel_.next_deadline(); }
  bool has_nid(NodeId nid) const override { return nid == nid_; }

 private:
  NodeId nid_;
  OptionReply reply_;
  Kernel kernel_;
};

/// Sends what a test wrote, from a site of its choice; keeps what it receives.
class Attacker : public Node {
 public:
  Attacker(World& world, std::string name, Site& site, NodeId nid) : Node{world, std::move(name)}, nid_{nid} {
    join(site);
  }
  void send(ByteVector packet) { world().transmit_by(*this, *sites().front(), std::move(packet)); }
  Address address() const { return {sites().front()->locator, nid_}; }

  std::vector<ByteVector> received;
  void receive(ByteVector packet, Site&) override { received.push_back(std::move(packet)); }
  bool has_nid(NodeId nid) const override { return nid == nid_; }
  bool is_attacker() const override { return true; }

 private:
  NodeId nid_;
};

}  // namespace ilnp::sim
