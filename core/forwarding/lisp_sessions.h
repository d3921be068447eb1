// SPDX-License-Identifier: Apache-2.0
// The whole way of a packet between tunnels and nodes, for nodes of every kind. LispInterworking stands at the tunnels
// and knows where EIDs are. Behind it a packet is, by its destination,
//
//   translated   where node and client are of different families (core/lisp/siit.h); then it is looked at again
//   mode N       its node is reached by an ILNP session of ours (node_sessions.h)
//   mode X       everything else: it goes inside as it is
//
// and packets of nodes take the same way back. When another router takes the EID of a node, what belongs to a session
// of mode N goes on here for as long as its client sends it here, an hour at most (specification 10.1.1): untranslated
// it would be of no connection that the node knows. Everything else is sent after the EID. ICMP errors of our own do as
// well, so that a sender hears them in its own words. No I/O.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <vector>

#include "core/base/rate_limit.h"
#include "core/forwarding/lisp_interworking.h"
#include "core/forwarding/node_registrations.h"
#include "core/forwarding/node_sessions.h"
#include "core/lisp/siit.h"

namespace ilnp {

struct TranslationSettings {
  lisp::SiitSettings siit;
  std::optional<Address> embedding{};  ///< the /96 of IPv4 clients without a row of their own
  std::vector<lisp::EamRow> rows;
  double errors_per_second = 100;     ///< ICMP errors of our own, beside those of LispInterworking
  std::vector<lisp::EidPrefix> pool;  ///< IPv4 EIDs that exist by rows only: without one there is no such host
};

/// Another router has the EID of a node now, and its clients will go there: sessions of mode N end with that.
struct SessionsLost {
  lisp::Eid node;
  std::size_t sessions = 0;
  lisp::IpAddress rloc{};  ///< of that router
};

/// What LispActions has for the inside is looked at here; it leaves as `ready`.
struct SessionActions : LispActions {
  NodeActions nodes;
  std::vector<InsidePacket> ready;
  std::vector<SessionsLost> lost;
  void clear() {
    lost.clear();
    LispActions::clear();
    nodes.clear();
    ready.clear();
  }
};

class LispSessions {
 public:
  /// What is given by reference outlives it; no `nodes`: no mode N; no `registrations`: their RLOCs are always the
  /// same. `seed`: secret. The rows do not overlap.
  LispSessions(const TranslationSettings& settings, lisp::Xtr& xtr, LispInterworking& interworking, NodeSessions* nodes,
               NodeRegistrations* registrations, std::uint64_t seed);

  /// Ours: errors about IPv4 EIDs that nobody has come from the first IPv4 address.
  void set_inside_addresses(const std::vector<lisp::IpAddress>& addresses);

  // As those of LispInterworking. What is copied on its way is in the actions, and the verdict is `answered`.
  LispVerdict from_inside(lisp::Instant at, std::uint32_t instance, Packet& packet, SessionActions& actions);
  LispVerdict from_tunnel(lisp::Instant at, const TunnelEnd& end, MutableBytes& packet, SessionActions& actions);
  /// Of an ILNP node, to one of our locators.
  void from_wire(lisp::Instant at, Packet& packet, SessionActions& actions);

  /// To be called when the Xtr, LispInterworking or NodeSessions was: what came out of them goes on.
  void after_control(lisp::Instant at, SessionActions& actions);
  void on_time(lisp::Instant at, SessionActions& actions);
  TimePoint next_deadline() const;

  std::uint64_t translated() const { return translated_; }
  std::uint64_t drops(lisp::SiitDrop reason) const { return drops_[static_cast<std::size_t>(reason)]; }

 private:
  bool is_registered_here(const lisp::Eid& eid) const;
  bool needs_work(std::uint32_t instance, Bytes packet) const;
  bool is_nobodys(std::uint32_t instance, Bytes packet) const;
  void settle(lisp::Instant at, SessionActions& actions);
  void follow_eids(TimePoint now, SessionActions& actions);
  bool is_gateway(const lisp::IpAddress& rloc) const;
  bool is_drained(TimePoint now, const lisp::Eid& node) const;
  void inward(lisp::Instant at, std::uint32_t instance, Bytes bytes, const Offload& offload, SessionActions& actions);
  void inward_ipv6(lisp::Instant at, std::uint32_t instance, Packet& packet, bool was_translated,
                   SessionActions& actions);
  void outward(lisp::Instant at, InsidePacket& from, SessionActions& actions);
  void outward_in_pieces(lisp::Instant at, InsidePacket& from, bool is_translated, SessionActions& actions);
  void into_tunnel(lisp::Instant at, std::uint32_t instance, Packet& packet, SessionActions& actions);
  void translate(lisp::Instant at, std::uint32_t instance, Packet& packet, lisp::Family to, SessionActions& actions);
  void refuse(lisp::Instant at, std::uint32_t instance, Bytes packet, const lisp::IpAddress& from,
              SessionActions& actions);
  std::uint32_t next_identification();

  lisp::Xtr& xtr_;
  LispInterworking& interworking_;
  NodeSessions* nodes_;
  NodeRegistrations* registrations_;
  std::map<lisp::Eid, TimePoint> drained_;  ///< nodes whose EIDs have gone: until when their sessions go on here
  lisp::EamTable table_;
  lisp::Siit siit_;
  std::vector<lisp::EidPrefix> pool_;
  std::optional<lisp::IpAddress> own_ipv4_;
  RateLimit errors_;
  std::uint64_t seed_, identification_ = 0;
  std::uint64_t translated_ = 0;
  std::array<std::uint64_t, static_cast<std::size_t>(lisp::SiitDrop::count)> drops_{};
};

}  // namespace ilnp
