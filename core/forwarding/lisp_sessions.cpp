// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/lisp_sessions.h"

#include <algorithm>
#include <utility>

#include "core/base/keyed_hash.h"
#include "core/ipv6/fragments.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/offload.h"
#include "core/lisp/encapsulation.h"

namespace ilnp {
namespace {

using lisp::EidPlace;
using lisp::Family;
using lisp::IpAddress;

constexpr Duration drained_for = std::chrono::hours{1};
constexpr std::size_t ipv4_least = 20, ipv6_header = 40, fragment_header = 8, next_header_at = 6, length_at = 4;

/// Of a packet whose length nobody has looked at; :: where it is too short.
IpAddress destination_of(Bytes packet) {
  if (packet.size() >= ipv6_header && packet[0] >> 4 == 6) return IpAddress::load(packet.subspan(24, 16));
  if (packet.size() >= ipv4_least && packet[0] >> 4 == 4) return IpAddress::load(packet.subspan(16, 4));
  return {};
}

IpAddress source_of(Bytes packet) {
  if (packet.size() >= ipv6_header && packet[0] >> 4 == 6) return IpAddress::load(packet.subspan(8, 16));
  return {};  // of an IPv4 node: its EID is always ours
}

/// A copy with room in front, for headers that grow.
class Roomy {
 public:
  explicit Roomy(Bytes bytes, const Offload& offload = {})
      : octets_(packet_headroom + bytes.size()), packet{octets_, packet_headroom, bytes.size(), offload} {
    std::ranges::copy(bytes, octets_.begin() + packet_headroom);
  }
  Roomy(const Roomy&) = delete;
  Roomy& operator=(const Roomy&) = delete;

 private:
  ByteVector octets_;

 public:
  Packet packet;
};

/// A fragment that is a whole packet (RFC 6946): an IPv4 packet made of it may be cut.
ByteVector as_one_fragment(Bytes packet, std::uint32_t identification) {
  ByteVector out{packet.begin(), packet.begin() + ipv6_header};
  store_u16(out.data() + length_at, static_cast<std::uint16_t>(load_u16(packet.data() + length_at) + fragment_header));
  ByteWriter w{out};
  w.u8(std::exchange(out[next_header_at], next_header::fragment));
  w.zeros(3);
  w.u32(identification);
  w.bytes(packet.subspan(ipv6_header));
  return out;
}

}  // namespace

LispSessions::LispSessions(const TranslationSettings& settings, lisp::Xtr& xtr, LispInterworking& interworking,
                           NodeSessions* nodes, NodeRegistrations* registrations, std::uint64_t seed)
    : xtr_{xtr},
      interworking_{interworking},
      nodes_{nodes},
      registrations_{registrations},
      table_{seed, settings.embedding},
      siit_{settings.siit, table_, seed},
      pool_{settings.pool},
      errors_{settings.errors_per_second, settings.errors_per_second},
      seed_{seed} {
  for (const lisp::EamRow& row : settings.rows) (void)table_.add(row);
}

void LispSessions::set_inside_addresses(const std::vector<IpAddress>& addresses) {
  const auto own = std::ranges::find_if(addresses, &IpAddress::is_ipv4);
  if (own != addresses.end()) own_ipv4_ = *own;
}

/// By what its sessions say. Such a node has no host route.
bool LispSessions::is_registered_here(const lisp::Eid& eid) const {
  return registrations_ != nullptr && registrations_->has(lisp::EidPrefix::host(eid));
}

bool LispSessions::needs_work(std::uint32_t instance, Bytes packet) const {
  const IpAddress destination = destination_of(packet);
  return (nodes_ != nullptr && nodes_->serves(instance, destination)) || siit_.is_for(instance, destination);
}

bool LispSessions::is_nobodys(std::uint32_t instance, Bytes packet) const {
  const IpAddress destination = destination_of(packet);
  if (!destination.is_ipv4() || siit_.is_for(instance, destination)) return false;
  return std::ranges::any_of(pool_, [&](const auto& prefix) {
    return prefix.contains(lisp::Eid{instance, destination});
  });
}

// --- Packets come
// -----------------------------------------------------------------------------------------------------------

LispVerdict LispSessions::from_inside(lisp::Instant at, std::uint32_t instance, Packet& packet,
                                      SessionActions& actions) {
  const IpAddress destination = destination_of(packet.bytes());
  LispVerdict verdict{LispVerdict::Kind::answered, LispDrop::none, {}, {}};
  if (!destination.is_ipv4() && siit_.is_for(instance, destination))
    translate(at, instance, packet, Family::ipv4, actions);
  else
    verdict = interworking_.from_inside(at, instance, packet, actions);
  settle(at, actions);
  return verdict;
}

LispVerdict LispSessions::from_tunnel(lisp::Instant at, const TunnelEnd& end, MutableBytes& packet,
                                      SessionActions& actions) {
  if (!pool_.empty() && own_ipv4_ && is_nobodys(end.instance, packet)) {
    ++drops_[static_cast<std::size_t>(lisp::SiitDrop::no_mapping)];
    refuse(at, end.instance, packet, *own_ipv4_, actions);
    return {LispVerdict::Kind::answered, LispDrop::none, {}, {}};
  }
  const bool goes_on = is_drained(at.now, {end.instance, destination_of(packet)}) &&
                       nodes_->goes_on(end.instance, Packet{packet, 0, packet.size()});
  const CarriedFor whom = goes_on ? CarriedFor::session : CarriedFor::eid;
  LispVerdict verdict = interworking_.from_tunnel(at, end, packet, actions, whom);
  if (verdict.kind == LispVerdict::Kind::inside && needs_work(end.instance, packet)) {
    inward(at, end.instance, packet, {}, actions);
    verdict.kind = LispVerdict::Kind::answered;
  }
  settle(at, actions);
  return verdict;
}

void LispSessions::from_wire(lisp::Instant at, Packet& packet, SessionActions& actions) {
  if (nodes_ == nullptr) return;
  nodes_->from_wire(at.now, packet, actions.nodes);
  settle(at, actions);
}

// --- What waited, and what was answered
// -------------------------------------------------------------------------------------

void LispSessions::after_control(lisp::Instant at, SessionActions& actions) {
  if (registrations_ != nullptr)
    for (const lisp::XtrEvent& event : actions.control.events)
      if (event.kind == lisp::XtrEvent::Kind::registered) registrations_->confirmed(event.eid);
  interworking_.after_control(at, actions);
  settle(at, actions);
}

void LispSessions::on_time(lisp::Instant at, SessionActions& actions) {
  if (nodes_ != nullptr) nodes_->on_time(at.now, actions.nodes);
  if (registrations_ != nullptr) registrations_->on_time(at, actions.nodes, actions.control);
  interworking_.on_time(at, actions);
  settle(at, actions);
}

TimePoint LispSessions::next_deadline() const {
  TimePoint deadline = interworking_.next_deadline();
  if (nodes_ != nullptr) deadline = std::min(deadline, nodes_->next_deadline());
  if (registrations_ != nullptr) deadline = std::min(deadline, registrations_->next_deadline());
  return deadline;
}

// --- Nodes whose EIDs go elsewhere
// ------------------------------------------------------------------------------------------------------

bool LispSessions::is_drained(TimePoint now, const lisp::Eid& node) const {
  const auto drained = drained_.empty() ? drained_.end() : drained_.find(node);
  return drained != drained_.end() && now < drained->second;
}

/// Another gateway of ours goes on with the sessions, if they are in a group.
void LispSessions::follow_eids(TimePoint now, SessionActions& actions) {
  using State = lisp::EidPresence::State;
  for (const lisp::XtrEvent& event : actions.control.events) {
    if (event.kind != lisp::XtrEvent::Kind::presence) continue;
    const lisp::Eid eid{event.eid.instance, event.eid.prefix.address};
    if (event.state == State::moving_in || event.state == State::here) drained_.erase(eid);
    if (event.state != State::moving_out || !nodes_->serves(eid.instance, eid.address)) continue;
    const std::size_t sessions = nodes_->sessions_with(eid);
    const EidPlace place = xtr_.place_of(now, eid);
    if (sessions == 0 || place.elsewhere == nullptr || !drained_.try_emplace(eid, now + drained_for).second) continue;
    const auto rloc = std::ranges::find_if(place.elsewhere->rlocs, [&](const lisp::RlocRecord& each) {
      return each.priority != lisp::never_use && each.is_reachable && !is_gateway(each.address);
    });
    if (rloc != place.elsewhere->rlocs.end()) actions.lost.push_back({eid, sessions, rloc->address});
  }
}

bool LispSessions::is_gateway(const IpAddress& rloc) const {
  return std::ranges::any_of(xtr_.settings().peers, [&](const lisp::XtrPeer& peer) {
    return peer.is_gateway && std::ranges::count(peer.addresses, rloc) != 0;
  });
}

/// Packets that somebody behind us made, or let go, are for nodes of any kind. It ends: no error answers an error.
void LispSessions::settle(lisp::Instant at, SessionActions& actions) {
  while (!actions.nodes.to_clients.empty() || !actions.inside.empty() || !actions.nodes.heard.empty()) {
    const std::vector<NodeId> heard = std::exchange(actions.nodes.heard, {});
    if (registrations_ != nullptr && !heard.empty()) {
      registrations_->heard(at, heard, actions.nodes, actions.control);
      interworking_.after_control(at, actions);
    }
    for (InsidePacket& each : std::exchange(actions.nodes.to_clients, {})) outward(at, each, actions);
    for (InsidePacket& each : std::exchange(actions.inside, {}))
      if (needs_work(each.instance, each.bytes))
        inward(at, each.instance, each.bytes, each.offload, actions);
      else
        actions.ready.push_back(std::move(each));
  }
  if (nodes_ != nullptr) follow_eids(at.now, actions);
  std::erase_if(actions.control.deliveries, [&](const auto& delivery) { return is_registered_here(delivery.eid); });
}

// --- To nodes
// ---------------------------------------------------------------------------------------------------------------

void LispSessions::inward(lisp::Instant at, std::uint32_t instance, Bytes bytes, const Offload& offload,
                          SessionActions& actions) {
  Roomy copy{bytes, offload};
  const IpAddress destination = destination_of(bytes);
  if (!siit_.is_for(instance, destination)) return inward_ipv6(at, instance, copy.packet, false, actions);
  translate(at, instance, copy.packet, destination.is_ipv4() ? Family::ipv6 : Family::ipv4, actions);
}

void LispSessions::inward_ipv6(lisp::Instant at, std::uint32_t instance, Packet& packet, bool was_translated,
                               SessionActions& actions) {
  const IpAddress destination = destination_of(packet.bytes());
  const lisp::Eid eid{instance, destination};
  const bool is_here = xtr_.place_of(at.now, eid).kind == EidPlace::Kind::site;
  if (nodes_ != nullptr && nodes_->serves(instance, destination)) {
    if (nodes_->from_client(at.now, instance, packet, actions.nodes) == NodeSessions::Entry::taken) return;
    // A connection of before it came here, with a node that has the EID as an address of its own, goes on as it was.
    const bool goes_on = is_here && xtr_.is_mobile(eid) && !is_registered_here(eid);
    if (!goes_on) return refuse(at, instance, packet.bytes(), destination, actions);
  } else if (was_translated && !is_here) {
    return into_tunnel(at, instance, packet, actions);  // IPv4 EIDs are always ours; their nodes may be elsewhere
  }
  const Bytes octets = std::as_const(packet).bytes();
  actions.ready.push_back({instance, {octets.begin(), octets.end()}, packet.offload});
}

// --- To clients
// -------------------------------------------------------------------------------------------------------------

void LispSessions::outward(lisp::Instant at, InsidePacket& from, SessionActions& actions) {
  const bool is_translated = siit_.is_for(from.instance, destination_of(from.bytes));
  if (from.offload.may_fragment) return outward_in_pieces(at, from, is_translated, actions);
  if (is_translated) {
    Roomy copy{from.bytes, from.offload};
    return translate(at, from.instance, copy.packet, Family::ipv4, actions);
  }
  Packet packet{from.bytes, 0, from.bytes.size(), from.offload};
  into_tunnel(at, from.instance, packet, actions);
}

/// Its node sent it in fragments, and it was put together to be translated: it is cut again, by us or by routers.
void LispSessions::outward_in_pieces(lisp::Instant at, InsidePacket& from, bool is_translated,
                                     SessionActions& actions) {
  constexpr std::size_t every_path_takes = 1280;
  Packet whole{from.bytes, 0, from.bytes.size(), from.offload};
  complete_checksum(whole);
  if (is_translated) {
    Roomy copy{as_one_fragment(from.bytes, next_identification())};
    return translate(at, from.instance, copy.packet, Family::ipv4, actions);
  }
  const WalkOutcome walked = walk_headers(from.bytes);
  if (!walked.ok) return;  // it was parsed before
  for (ByteVector& piece : fragment_packet(from.bytes, walked.walk, every_path_takes, next_identification())) {
    Packet packet{piece, 0, piece.size()};
    into_tunnel(at, from.instance, packet, actions);
  }
}

void LispSessions::into_tunnel(lisp::Instant at, std::uint32_t instance, Packet& packet, SessionActions& actions) {
  const bool goes_on = is_drained(at.now, {instance, source_of(packet.bytes())});
  const CarriedFor whom = goes_on ? CarriedFor::session : CarriedFor::eid;
  const LispVerdict verdict = interworking_.from_inside(at, instance, packet, actions, whom);
  if (verdict.kind != LispVerdict::Kind::tunnel) return;
  const Bytes octets = std::as_const(packet).bytes();
  actions.tunnel.push_back({verdict.rloc, verdict.outer, instance, {octets.begin(), octets.end()}, packet.offload});
}

// --- Between the families
// ---------------------------------------------------------------------------------------------------

void LispSessions::translate(lisp::Instant at, std::uint32_t instance, Packet& packet, Family to,
                             SessionActions& actions) {
  lisp::Translation done = to == Family::ipv6 ? siit_.to_ipv6(instance, packet) : siit_.to_ipv4(instance, packet);
  const auto go_on = [&](Packet& each) {
    ++translated_;
    if (done.family == Family::ipv4)
      into_tunnel(at, instance, each, actions);
    else
      inward_ipv6(at, instance, each, true, actions);
  };
  switch (done.kind) {
    case lisp::Translation::Kind::in_place:
      return go_on(packet);
    case lisp::Translation::Kind::instead:
      for (const ByteVector& each : done.packets) {
        Roomy copy{each};
        go_on(copy.packet);
      }
      return;
    case lisp::Translation::Kind::dropped:
      break;
  }
  ++drops_[static_cast<std::size_t>(done.reason)];
}

/// There is no such host, or none that knew what this is about.
void LispSessions::refuse(lisp::Instant at, std::uint32_t instance, Bytes packet, const IpAddress& from,
                          SessionActions& actions) {
  const auto inner = lisp::parse_inner(packet);
  if (!inner || !errors_.allow(at.now)) return;
  auto message = lisp::error_about(packet, inner.value(), lisp::InnerError::host_unreachable, 0, from);
  if (!message) return;
  InsidePacket error{instance, std::move(*message)};
  outward(at, error, actions);
}

/// RFC 7739 section 5.2: nobody can foresee it.
std::uint32_t LispSessions::next_identification() {
  return static_cast<std::uint32_t>(keyed_hash(seed_, {++identification_}));
}

}  // namespace ilnp
