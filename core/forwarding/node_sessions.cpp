// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/node_sessions.h"

#include <iterator>
#include <utility>

#include "core/forwarding/packet_fields.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

constexpr std::uint32_t our_interface = 1;  ///< there is but one

OutPacket copy_of(const Packet& packet) {
  const Bytes bytes = packet.bytes();
  return {{bytes.begin(), bytes.end()}, packet.offload};
}

/// A packet that may be the first one of a flow. Of later fragments nobody can tell.
bool opens(const Packet& packet, const HeaderWalk& walk) {
  if (!walk.has_upper_layer()) return true;
  if (walk.upper_protocol == next_header::icmpv6) return icmp_type(packet, walk) == icmpv6::echo_request;
  const TcpFields tcp = tcp_of(packet, walk);
  return !tcp.valid || (tcp.flags & (tcp_syn | tcp_ack | tcp_rst)) == tcp_syn;
}

}  // namespace

const char* name_of(NodeDrop reason) {
  constexpr std::array names{"none", "no_session", "unknown_place", "no_client"};
  static_assert(names.size() == static_cast<std::size_t>(NodeDrop::count));
  return names[static_cast<std::size_t>(reason)];
}

NodeSessions::NodeSessions(NodeSettings settings, Random& random, Hasher& hasher, std::uint64_t seed)
    : settings_{std::move(settings)},
      exchange_{settings_.exchange, hasher, seed},
      forwarder_{settings_.tuning, settings_.exchange.identity_prefix, random, hasher},
      group_{settings_.tuning, settings_.exchange.identity_prefix} {
  for (const NodeSettings::Node& node : settings_.nodes) {
    nodes_.try_emplace(node.nid, Place{node});
    exchange_.reserve(node.nid);
  }
}

bool NodeSessions::serves(std::uint32_t instance, const lisp::IpAddress& eid) const {
  if (eid.is_ipv4()) return false;
  const auto prefix = settings_.exchange.eid_prefixes.find(instance);
  if (prefix == settings_.exchange.eid_prefixes.end() || eid.ipv6().locator != prefix->second) return false;
  const auto node = nodes_.find(eid.ipv6().nid);
  return node != nodes_.end() && node->second.configured.instances.contains(instance);
}

// --- From clients
// -----------------------------------------------------------------------------------------------------------

/// To the client's session with that node; or it may open one. An error is about a session: the exchange looks for it.
bool NodeSessions::belongs(std::uint32_t instance, const Packet& packet, const HeaderWalk& walk) {
  if (opens(packet, walk)) return true;
  if (walk.upper_protocol == next_header::icmpv6 && icmpv6::is_error(icmp_type(packet, walk))) return true;
  const auto nid = clients().find(lisp::Eid{instance, walk.source});
  return nid && forwarder_.ilcc().find_pair(*nid, walk.destination.nid) != nullptr;
}

bool NodeSessions::goes_on(std::uint32_t instance, const Packet& packet) {
  const WalkOutcome outcome = walk_headers(packet.bytes());
  if (!outcome.ok) return false;
  const HeaderWalk& walk = outcome.walk;
  Address sender = walk.source;
  if (walk.upper_protocol == next_header::icmpv6 && icmpv6::is_error(icmp_type(packet, walk))) {
    const auto quoted = parse_quoted(packet.bytes(), walk);  // of a router: about a packet to the client
    if (!quoted) return false;
    sender = quoted.value().walk.destination;
  }
  const auto client = clients().find(lisp::Eid{instance, sender});
  if (!client || session_of(*client, walk.destination.nid) == nullptr) return false;
  if (lent_.contains({*client, walk.destination.nid})) return false;  // who has the EID goes on with it
  const TcpFields tcp = tcp_of(packet, walk);
  return !tcp.valid || (tcp.flags & (tcp_syn | tcp_ack)) != tcp_syn;
}

std::size_t NodeSessions::sessions_with(const lisp::Eid& node) {
  const NodeId nid = node.address.ipv6().nid;
  std::size_t count = 0;
  forwarder_.ilcc().for_each([&](const Correspondent& c) {
    if (!c.is_session() || c.remote_nid() != nid) return;
    const auto client = clients().find(c.local_nid);
    count += client && client->instance == node.instance ? 1 : 0;
  });
  return count;
}

NodeSessions::Entry NodeSessions::from_client(TimePoint now, std::uint32_t instance, Packet& packet,
                                              NodeActions& actions) {
  const WalkOutcome outcome = walk_headers(packet.bytes());
  if (outcome.ok && !group_.empty())
    take_over(now, {instance, outcome.walk.source}, outcome.walk.destination.nid, actions);
  if (outcome.ok && !belongs(instance, packet, outcome.walk)) {  // otherwise the exchange says what is wrong
    count(NodeDrop::no_session);
    return Entry::no_session;
  }
  const EidExchange::Entered entered = exchange_.to_identity(now, instance, packet);
  if (entered.retired) forwarder_.remove_own_nid(*entered.retired);
  if (entered.new_client) {
    forwarder_.add_own_nid(*entered.new_client);
    actions.sessions_changed = true;
  }
  if (entered.drop != ExchangeDrop::none) return Entry::taken;
  const Verdict verdict = forwarder_.outbound(now, packet, did_);
  // What an earlier packet brought about goes first.
  settle(now, actions);
  if (verdict.disposition == Disposition::to_wire) actions.to_wire.push_back(copy_of(packet));
  return Entry::taken;
}

// --- From nodes
// -------------------------------------------------------------------------------------------------------------

void NodeSessions::from_wire(TimePoint now, Packet& packet, NodeActions& actions) {
  const WalkOutcome outcome = walk_headers(packet.bytes());
  if (outcome.ok && !comes_from_its_place(outcome.walk, actions)) return count(NodeDrop::unknown_place);
  const Verdict verdict = forwarder_.inbound(now, packet, our_interface, did_);
  settle(now, actions);
  if (verdict.disposition == Disposition::to_identity) to_client(now, packet, actions);
  if (verdict.disposition == Disposition::to_kernel) count(NodeDrop::no_client);
}

void NodeSessions::to_client(TimePoint now, Packet& packet, NodeActions& actions) {
  const EidExchange::Left left = exchange_.to_eid(now, packet);
  if (left.drop != ExchangeDrop::none) return;
  OutPacket copy = copy_of(packet);
  actions.to_clients.push_back({left.instance, std::move(copy.bytes), copy.offload});
}

// --- What the engine asks for
// -----------------------------------------------------------------------------------------------

void NodeSessions::settle(TimePoint now, NodeActions& actions) {
  while (!did_.empty()) {
    Actions did = std::exchange(did_, {});
    std::ranges::move(did.to_wire, std::back_inserter(actions.to_wire));
    for (OutPacket& out : did.to_identity) {
      Packet packet{out.bytes, 0, out.bytes.size(), out.offload};
      packet.offload.may_fragment = packet.size() > minimum_mtu;  // it came in fragments
      to_client(now, packet, actions);
    }
    for (const HostEvent& event : did.events) note(event, actions);
    std::ranges::move(did.events, std::back_inserter(actions.events));
    for (const NameQuery& query : did.name_queries) answer(now, query, actions);
    check_flows(now, did.flow_checks);
    actions.sessions_changed |= did.sessions_changed;
  }
}

void NodeSessions::check_flows(TimePoint now, const std::vector<CorrespondentId>& ids) {
  for (const CorrespondentId id : ids)
    if (const Correspondent* c = forwarder_.ilcc().at(id))
      forwarder_.set_pinned(now, id, now - c->last_used() < settings_.keep);
}

void NodeSessions::on_time(TimePoint now, NodeActions& actions) {
  forwarder_.on_time(now, did_);
  settle(now, actions);
}

}  // namespace ilnp
