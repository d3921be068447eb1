// SPDX-License-Identifier: Apache-2.0
// SimWorld: many nodes, one process, virtual time. A queue of (time, node, bytes) and a seed; advance() jumps from
// deadline to deadline and never waits. A site is a locator with a router: what a node sends leaves by the uplink of
// the site that its source locator names, and arrives by the downlink of the site that its destination locator names.
//
// Every packet that a node transmits is checked: no identity address, at most one nonce, checksum, hop limit, size
// within the link's MTU, and a source locator of the link that it leaves by. A broken rule fails the test at once.
// On failure the last packets are written as pcap and as a sequence diagram; the seed is printed and can be given
// again by the environment variable ILNP_SIM_SEED; ILNP_SIM_TRACE is the number of packets that are kept.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/base/time.h"
#include "core/ilnp/checksum_mode.h"
#include "core/ipv6/address.h"
#include "tests/support/fakes.h"

namespace ilnp::sim {

class World;
class Node;
struct Site;

/// What the kernel models and the forwarders use when a test does not say otherwise.
inline constexpr Locator identity_prefix{0xfd49'4c4e'5036'6631};
inline constexpr std::uint16_t usual_mtu = 1500;

/// One direction of a site's connection to the wide area.
struct Link {
  Duration delay = milliseconds{5};
  double loss = 0;       ///< probability of each packet
  double duplicate = 0;  ///< probability that a second copy follows within reorder_delay
  double reorder = 0;    ///< probability that a packet is late by up to reorder_delay
  double corrupt = 0;    ///< probability that one octet beyond the addresses is changed
  Duration reorder_delay = milliseconds{30};
};

/// What the router does with a packet for a node that is not there any more.
enum class LatePackets : std::uint8_t { drop, unreachable, forward };

struct Site {
  std::string name;
  Locator locator;
  Link up, down;
  std::uint16_t link_mtu = usual_mtu;  ///< between node and router; the node knows it
  std::uint16_t path_mtu = usual_mtu;  ///< beyond the router, who answers with Packet Too Big
  LatePackets late = LatePackets::drop;
  bool drops_extension_headers = false;     ///< a middlebox that no packet with Destination Options passes
  bool dead_up = false, dead_down = false;  ///< silently
  Node* border = nullptr;                   ///< gets what leaves; nothing else connects this site to the world

  Address router() const { return {locator, NodeId{1}}; }
  Site& links(Link both) {
    up = down = both;
    return *this;
  }
};

/// Anything with a link: a host with our forwarder, a plain IPv6 node, an attacker.
class Node {
 public:
  Node(World& in_world, std::string its_name) : world_{in_world}, name_{std::move(its_name)} {}
  virtual ~Node() = default;
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  virtual void receive(ByteVector packet, Site& from) = 0;
  virtual void on_time() {}
  virtual TimePoint next_deadline() const { return never; }
  virtual bool has_nid(NodeId nid) const = 0;
  /// Whether it takes a packet for that node at that site.
  virtual bool takes(const Site&, NodeId nid) const { return has_nid(nid); }
  /// Which checksum rules its packets may follow.
  virtual bool may_use(ChecksumMode mode) const { return mode == ChecksumMode::ipv6; }
  virtual bool is_attacker() const { return false; }

  bool attached(const Site& site) const;
  const std::vector<Site*>& sites() const { return sites_; }
  const std::string& name() const { return name_; }
  World& world() const { return world_; }

 protected:
  void join(Site& site);
  void leave(Site& site);

 private:
  World& world_;
  std::string name_;
  std::vector<Site*> sites_;
};

class World {
 public:
  /// The seed of the environment variable wins when there is one.
  explicit World(std::uint64_t seed);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Site& site(const std::string& name, Link both = {});
  template <class T, class... Args>
  T& add(Args&&... args) {
    auto node = std::make_unique<T>(*this, std::forward<Args>(args)...);
    T& reference = *node;
    nodes_.push_back(std::move(node));
    return reference;
  }

  TimePoint now() const { return now_; }
  void advance(Duration d);
  /// advance() in small steps until `done`, at most `limit`; whether it was done.
  bool advance_until(const std::function<bool()>& done, Duration limit);
  void at(TimePoint when, std::function<void()> action);
  void after(Duration d, std::function<void()> action) { at(now_ + d, std::move(action)); }

  /// `from` puts a packet on the link of the site that its source locator names.
  void transmit(Node& from, ByteVector packet);
  /// The same by a named uplink, whatever the source address: for attackers and plain nodes.
  void transmit_by(Node& from, Site& via, ByteVector packet);

  test::FakeRandom& random() { return random_; }
  std::uint64_t seed() const { return seed_; }
  bool chance(double probability) {
    return probability > 0 && static_cast<double>(random_.below(1'000'000)) < probability * 1e6;
  }
  void note(const Node& node, std::string text);
  void violation(const std::string& what, Bytes packet = {});

  /// Sees every packet that a node transmits, before the link: for what a test asserts about the wire.
  std::function<void(const Node& from, Bytes packet)> on_transmit;
  /// True: the packet is lost. For losses that a test aims at.
  std::function<bool(const Node& from, Bytes packet)> lose;
  /// How much later than usual this packet arrives.
  std::function<Duration(const Node& from, Bytes packet)> hold_up;
  std::uint64_t transmitted() const { return transmitted_; }

 private:
  struct Event {
    Node* to = nullptr;  ///< nullptr: an action
    Site* via = nullptr;
    ByteVector bytes;
    std::function<void()> action;
  };
  struct Traced {
    TimePoint when;
    const Node* from;
    const Node* to;  ///< nullptr: lost or not for anybody
    ByteVector bytes;
    std::string text;
  };

  void check(const Node& from, const Site& via, Bytes packet);
  void carry(Node& from, Site& via, ByteVector packet);
  void arrive(Site& site, ByteVector packet);
  void router_error(Site& router, std::uint8_t type, std::uint8_t code, std::uint32_t parameter, Bytes about);
  void push(TimePoint when, Event event);
  void run_event(Event event);
  TimePoint next_deadline() const;
  Site* site_of(Locator locator);
  void trace(const Node* from, const Node* to, Bytes bytes, std::string text);
  void write_failure() const;

  std::uint64_t seed_;
  test::FakeRandom random_;
  TimePoint now_{seconds{1'000}};
  std::vector<std::unique_ptr<Site>> sites_;
  std::vector<std::unique_ptr<Node>> nodes_;
  std::map<std::pair<TimePoint, std::uint64_t>, Event> queue_;
  std::uint64_t order_ = 0;
  std::uint64_t transmitted_ = 0;
  std::size_t traced_events_ = 1500;
  std::deque<Traced> trace_;
  int violations_ = 0;
};

/// One line about a packet, for diagrams and messages.
std::string describe(Bytes packet);
std::uint64_t seed_or(std::uint64_t usual);

}  // namespace ilnp::sim
