// SPDX-License-Identifier: Apache-2.0
// The host shim's decisions: between the identity side (our kernel, which sees identity addresses only) and the wire
// side (I-LVs). It owns the ILCC and our own locators; packets, time and facts about the network go in, verdicts and
// actions come out. No I/O: the daemon, the simulator, the tests and the fuzzers drive the same object.
//
// RFC 6740 (architecture), 6741 (ILCC, checksums), 6743 (Locator Update), 6744 (nonce). What is ours and not the RFCs'
// is in docs/protocol.
//
// Files: host_output.cpp (identity -> wire), host_clients.cpp (as which of our NIDs), host_input.cpp (wire ->
// identity), host_ip_only.cpp (correspondents without ILNP), host_strangers.cpp (nonces that nobody knows),
// host_control.cpp (Locator Updates, probes, ICMPv6 errors), host_sessions.cpp (how they begin and end),
// host_timers.cpp, host_locators.cpp (our own), host_names.cpp, host_stalls.cpp (TCP after a silence),
// host_state_file.cpp (with saved_session.h).
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/rate_limit.h"
#include "core/forwarding/ip_only_flows.h"
#include "core/forwarding/probe.h"
#include "core/forwarding/saved_session.h"
#include "core/ilnp/error_translation.h"
#include "core/ilnp/ilcc.h"
#include "core/ilnp/own_locators.h"
#include "core/ilnp/own_nids.h"
#include "core/ilnp/reasons.h"
#include "core/ilnp/tuning.h"
#include "core/ipv6/fragments.h"
#include "core/ipv6/packet.h"

namespace ilnp {

enum class Disposition : std::uint8_t {
  to_wire,      ///< rewritten in place: send it by the interface of its source locator
  to_identity,  ///< rewritten in place: hand it to our kernel
  to_kernel,    ///< plain IPv6 to one of our I-LVs, untouched: hand it to our kernel
  held,         ///< copied; it comes out later as an action
  consumed,     ///< it was for us, or its pieces are in the actions
  dropped,      ///< counted under the reason
};

struct Verdict {
  Disposition disposition = Disposition::dropped;
  DropReason reason = DropReason::none;
};

/// A packet that we made or that was held.
struct OutPacket {
  ByteVector bytes;
  Offload offload{};
};

/// A name, or an identity address that nobody resolved (then the name is empty), has to be looked up again.
struct NameQuery {
  Address identity;
  std::string name;
  NodeId local;  ///< for resolved()
};

/// What should happen besides the verdict. Reused by the caller: clear() keeps the memory.
struct Actions {
  std::vector<OutPacket> to_wire;
  std::vector<OutPacket> to_identity;
  std::vector<HostEvent> events;
  std::vector<NameQuery> name_queries;
  /// Idle peers: has the kernel open sockets to them? Answer with set_pinned().
  std::vector<CorrespondentId> flow_checks;
  bool sessions_changed = false;  ///< the state file is out of date
  bool own_nids_changed = false;  ///< an ephemeral NID was given to a peer, or retired

  bool empty() const {
    return to_wire.empty() && to_identity.empty() && events.empty() && name_queries.empty() && flow_checks.empty() &&
           !sessions_changed && !own_nids_changed;
  }
  void clear() {
    to_wire.clear();
    to_identity.clear();
    events.clear();
    name_queries.clear();
    flow_checks.clear();
    sessions_changed = own_nids_changed = false;
  }
};

struct ResolvedLocator {
  Locator locator;
  std::uint16_t preference = 0;
  seconds ttl{};
};

class HostForwarder {
 public:
  HostForwarder(const Tuning& tuning, Locator identity_prefix, Random& random, Hasher& hasher);

  // Identities of this node. The first is the default one.
  void add_own_nid(NodeId nid) { nids_.add(nid); }
  void remove_own_nid(NodeId nid) { nids_.remove(nid); }
  const std::vector<NodeId>& own_nids() const { return nids_.node(); }
  /// Sockets that nobody bound get a NID per peer, of those that the caller provisions.
  void use_ephemeral_nids(bool use) { ephemeral_clients_ = use; }
  OwnNids& nids() { return nids_; }
  /// Sockets have the identity address towards correspondents without ILNP too. Flows with one of these ports at the
  /// other end that our kernel began with another address stay its own. Not together with ephemeral NIDs.
  void bind_ip_only(std::vector<std::uint16_t> kernels_ports);
  /// For resolved(), when an application asks: the node's NID, or OwnNids::client.
  NodeId default_local() const;
  /// What our kernel calls us in sessions of this NID.
  Address own_identity(NodeId nid) const;
  bool is_identity(const Address& address) const;
  /// Whether packets may be sent from or to it: see Tuning::may_locate(); never an identity prefix.
  bool may_locate(Locator locator) const { return tuning_.may_locate(locator) && !is_identity({locator, {}}); }

  // Packets. `interface` is the kernel index of the interface that it arrived on.
  Verdict outbound(TimePoint now, Packet& packet, Actions& actions);
  Verdict inbound(TimePoint now, Packet& packet, std::uint32_t interface, Actions& actions);
  /// Tells which sessions the next packets are of, so that many sessions cost little more than few: see
  /// Ilcc::prefetch().
  void expect(std::span<const NidPair> pairs) const { ilcc_.prefetch(pairs); }
  /// Of a packet with an IPv6 header.
  static NidPair outbound_pair(const Packet& packet) { return {nid_at(packet, 16), nid_at(packet, 32)}; }
  static NidPair inbound_pair(const Packet& packet) { return {nid_at(packet, 32), nid_at(packet, 16)}; }

  // Facts about the network.
  void locator_up(TimePoint now, const OwnLocator& locator, Actions& actions);
  void locator_down(TimePoint now, Locator locator, std::uint32_t interface, Actions& actions);

  // Names. resolved() makes or refreshes the entry and returns the identity address for the application; nullopt when
  // the cache is full or the peer is known not to speak ILNP. `local` may be OwnNids::client.
  std::optional<Address> resolved(TimePoint now, std::string_view name, NodeId local, NodeId remote,
                                  const std::vector<ResolvedLocator>& locators, Actions& actions);
  void not_resolved(TimePoint now, const Address& identity, Actions& actions);

  void set_pinned(TimePoint now, CorrespondentId id, bool pinned);

  // Time. A call serves a bounded number of sessions, so that packets get their turns in between; then next_deadline()
  // is in the past.
  void on_time(TimePoint now, Actions& actions);
  TimePoint next_deadline() const;

  // State file: everything that a restarted daemon needs to go on with the sessions, nonces included.
  ByteVector save(TimePoint now);
  /// False when the bytes are not a state file of this version for this prefix; sessions are kept up to the damage.
  /// `age`: another machine wrote them so long ago, by a clock of its own.
  bool restore(TimePoint now, Bytes saved, Actions& actions, std::optional<Duration> age = {});
  /// One session of another machine, of a NID that is ours now: the correspondent hears that we are here. False: there
  /// is one already, or it is none of ours.
  bool take_over(TimePoint now, SavedSession session, Actions& actions);
  /// Another machine has heard later than we where the correspondent is.
  void learn(Correspondent& c, const SavedSession& heard);
  /// Another machine goes on with it, and tells the correspondent where it is. What comes is still for us.
  void lend(Correspondent& c);
  /// The correspondent hears where we are.
  void announce(TimePoint now, Correspondent& c, Actions& actions);
  /// A session that was lent ends here, and nobody hears of that.
  void give_up(Correspondent& c, Actions& actions);

  Ilcc& ilcc() { return ilcc_; }
  const OwnLocators& own_locators() const { return own_; }
  std::uint64_t drops(DropReason reason) const { return drops_[static_cast<std::size_t>(reason)]; }
  const Reassembler& reassembler() const { return reassembler_; }
  std::size_t ip_only_flows() const { return ip_only_ == nullptr ? 0 : ip_only_->size(); }
  /// Octets of packets that wait for a locator or a name.
  std::size_t held_octets() const { return held_octets_; }

 private:
  static NodeId nid_at(const Packet& packet, std::size_t offset) { return {load_u64(packet.data() + offset)}; }

  // host_output.cpp
  Verdict send(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk, Actions& actions);
  Verdict send_again(TimePoint now, const HeldPacket& held, Actions& actions);
  Verdict outbound_fragment(TimePoint now, Packet& packet, const HeaderWalk& walk, Actions& actions);
  Verdict outbound_error(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk, Actions& actions);
  Verdict hold(TimePoint now, Correspondent& c, const Packet& packet);
  Verdict hold_for_name(TimePoint now, const HeaderWalk& walk, const Packet& packet, Actions& actions);
  void release_held(TimePoint now, Correspondent& c, Actions& actions);
  bool choose_pair(TimePoint now, Correspondent& c, std::size_t octets);
  const OwnLocator* choose_local(TimePoint now, Correspondent& c, Locator remote);
  bool wants_nonce(TimePoint now, const Correspondent& c, const Packet& packet, const HeaderWalk& walk) const;
  void remember_flow(Correspondent& c, const Packet& packet, const HeaderWalk& walk);
  std::size_t path_mtu(const Correspondent& c, Locator ours, Locator theirs) const;
  Verdict too_big(Packet& packet, std::size_t mtu, Actions& actions);
  Verdict send_fragmented(Packet& packet, std::size_t mtu, Actions& actions);
  void note_sent(TimePoint now, Correspondent& c, std::size_t octets);

  // host_clients.cpp
  bool is_own_identity(const Address& address) const;
  Correspondent* find_outbound(const Packet& packet, const HeaderWalk& walk);
  Correspondent* find_served(const Packet& packet, const HeaderWalk& walk);
  bool is_another_peers(const HeaderWalk& walk);
  Address receiver_of(Correspondent& c, const Packet& packet, const HeaderWalk& walk) const;

  // host_stalls.cpp
  void note_stalled(Correspondent& c, const Packet& packet, const HeaderWalk& walk);
  void wake_stalled(Correspondent& c, Actions& actions);

  // host_input.cpp
  Verdict inbound_fragment(TimePoint now, Packet& packet, const HeaderWalk& walk, std::uint32_t interface,
                           Actions& actions);
  Verdict with_nonce(TimePoint now, Packet& packet, const HeaderWalk& walk, std::uint32_t interface, Actions& actions);
  Verdict without_nonce(TimePoint now, Packet& packet, const HeaderWalk& walk, std::uint32_t interface,
                        Actions& actions);
  Verdict accept(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk, std::uint32_t interface,
                 Actions& actions);
  void follow_peer(TimePoint now, Correspondent& c, Locator here);
  Verdict deliver(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk);
  Correspondent* find_by_nonce(const Packet& packet, const HeaderWalk& walk);
  Correspondent* find_waiting(const Packet& packet, const HeaderWalk& walk);
  void follow_tentative(Correspondent& c, Locator source);
  bool learn_checksum_mode(Correspondent& c, const Packet& packet, const HeaderWalk& walk);
  void note_heard(TimePoint now, Correspondent& c, const Packet& packet, const HeaderWalk& walk, Actions& actions);

  // host_ip_only.cpp
  Verdict outbound_ip_only(TimePoint now, Packet& packet, const HeaderWalk& walk, std::size_t largest_piece,
                           Actions& actions);
  Verdict outbound_ip_only_error(Packet& packet, const HeaderWalk& walk, Actions& actions);
  Verdict refuse(const HeaderWalk& walk, const Packet& packet, std::uint8_t code, DropReason reason, Actions& actions);
  bool is_ilnp_peer(NodeId local, const Address& remote);
  Locator ip_only_locator(TimePoint now, const IpOnlyKey& key, IpOnlyFlow*& flow, Actions& actions);
  Verdict hold_ip_only(TimePoint now, const Packet& packet, const HeaderWalk& walk, Actions& actions);
  void release_ip_only(TimePoint now, Actions& actions);
  bool is_ip_only_flow(const IpOnlyKey& key);
  bool is_kernels(TimePoint now, const IpOnlyKey& key, const IpOnlyFlow* flow, const Address& own) const;
  Verdict deliver_ip_only(TimePoint now, Packet& packet, const HeaderWalk& walk);
  Verdict ip_only_error(TimePoint now, const Packet& packet, const HeaderWalk& walk, const QuotedPacket& quoted,
                        Actions& actions);

  // host_state_file.cpp
  void save_ip_only(ByteWriter& w);
  bool restore_ip_only(ByteReader& in, const SavedTimes& times);
  Correspondent* go_on(TimePoint now, SavedSession session);

  // host_strangers.cpp
  Correspondent* find_asking(const HeaderWalk& walk);
  Verdict ask_first(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk, std::uint32_t interface,
                    Actions& actions);
  Verdict keep(Correspondent& c, const Packet& packet, std::uint32_t interface);
  void deliver_kept(TimePoint now, Correspondent& c, Actions& actions);
  bool note_bad_nonce(TimePoint now, Correspondent& c, Actions& actions);
  Verdict from_stranger(TimePoint now, Packet& packet, const HeaderWalk& walk, std::uint32_t interface,
                        Actions& actions);

  // host_control.cpp
  std::optional<Verdict> control(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk,
                                 std::uint32_t interface, Actions& actions);
  Verdict locator_update(TimePoint now, Correspondent& c, Bytes message, const HeaderWalk& walk,
                         std::uint32_t interface, Actions& actions);
  Verdict obey(TimePoint now, Correspondent& c, const LocatorUpdate& update, const LuMemory::ShortDigest& digest,
               const HeaderWalk& walk, std::uint32_t interface, Actions& actions);
  Verdict acknowledgement(TimePoint now, Correspondent& c, const LocatorUpdate& update, Actions& actions);
  void answer_probe(Correspondent& c, const ProbeMessage& probe, const HeaderWalk& walk, Actions& actions);
  Verdict probe_reply(TimePoint now, Correspondent& c, const ProbeMessage& probe, const HeaderWalk& walk,
                      Actions& actions);
  Verdict icmp_error(TimePoint now, Packet& packet, const HeaderWalk& walk, Correspondent* authenticated,
                     Actions& actions);
  Verdict parameter_problem(TimePoint now, Correspondent& c, const Packet& packet, const QuotedPacket& quoted,
                            Actions& actions);
  Correspondent* quoted_session(const Packet& packet, const QuotedPacket& quoted, DropReason& why);
  void unreachable(TimePoint now, Correspondent& c, Locator target, bool proved);
  void send_control(Correspondent& c, Locator local, Locator remote, Bytes message, Actions& actions);
  void send_probes(TimePoint now, Correspondent& c, Actions& actions);
  void acknowledge(Correspondent& c, const LocatorUpdate& update, const HeaderWalk& walk, Actions& actions);

  // host_sessions.cpp
  void establish(TimePoint now, Correspondent& c, Actions& actions);
  void succeed(Correspondent& successor, Actions& actions);
  bool known_not_ilnp(TimePoint now, NodeId nid, Locator locator) const;
  void fall_back(TimePoint now, Correspondent& c, const char* reason, bool remember, Actions& actions);
  void end(Correspondent& c, const char* reason, Actions& actions);

  // host_timers.cpp
  TimePoint state_deadline(const Correspondent& c) const;
  TimePoint deadline_of(const Correspondent& c) const;
  TimePoint refresh_at(const Correspondent& c) const;
  void reschedule(Correspondent& c) { ilcc_.schedule(c, deadline_of(c)); }
  void service(TimePoint now, Correspondent& c, Actions& actions);
  bool service_state(TimePoint now, Correspondent& c, Actions& actions);
  bool service_no_answer(TimePoint now, Correspondent& c, Actions& actions);
  bool service_idle(TimePoint now, Correspondent& c, Actions& actions);
  void drop_expired_held(TimePoint now, Correspondent& c);
  void service_silence(TimePoint now, Correspondent& c, Actions& actions);
  void query_name(TimePoint now, Correspondent& c, Actions& actions);
  void service_lu(TimePoint now, Correspondent& c, Actions& actions);

  // host_locators.cpp
  void advertise(TimePoint now, OwnLocators::Change change, Actions& actions);
  void prefer(TimePoint now, Correspondent& c, Locator here, Actions& actions);
  void tell(TimePoint now, Correspondent& c, const Advertisement& set, Duration jitter, bool urgent, Actions& actions);

  // host_names.cpp
  bool is_lost(TimePoint now, const Correspondent& c) const;
  Correspondent* entry_for_name(TimePoint now, std::string_view name, NodeId local, NodeId remote,
                                const std::vector<ResolvedLocator>& locators);
  Correspondent* create_resolved(TimePoint now, NodeId local, NodeId remote, bool is_client, Actions& actions);
  void release_waiting_for_name(TimePoint now, NodeId local, const Address& identity, Actions& actions);

  bool is_own_nid(NodeId nid) const { return nids_.contains(nid); }
  Verdict drop(DropReason reason) {
    ++drops_[static_cast<std::size_t>(reason)];
    return {Disposition::dropped, reason};
  }
  static HostEvent event(EventKind kind, const Correspondent& c, const char* reason = "");

  const Tuning& tuning_;
  Random& random_;
  Hasher& hasher_;
  Ilcc ilcc_;
  OwnLocators own_;
  Reassembler reassembler_;
  RateLimit lu_rate_;
  RateLimit probe_rate_;
  RateLimit name_query_rate_;
  std::size_t held_octets_ = 0;
  TimePoint advertised_at_{};
  OwnNids nids_;
  bool ephemeral_clients_ = false;
  std::unique_ptr<IpOnlyFlows> ip_only_;  ///< nothing: plain IPv6 is our kernel's

  struct WaitingForName {
    NodeId local;
    Address identity;
    HeldPacket packet;
  };
  std::vector<WaitingForName> waiting_for_name_;
  struct NotIlnp {
    NodeId nid;
    Locator locator;
    TimePoint until;
  };
  std::vector<NotIlnp> not_ilnp_;
  std::array<std::uint64_t, static_cast<std::size_t>(DropReason::count)> drops_{};
};

}  // namespace ilnp
