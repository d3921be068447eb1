// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/lisp_interworking.h"

#include <algorithm>

#include "core/ipv6/offload.h"
#include "core/lisp/mss.h"
#include "core/lisp/train.h"

namespace ilnp {

using lisp::Eid;
using lisp::EidPlace;
using lisp::InnerError;
using lisp::InnerPacket;
using lisp::IpAddress;

LispInterworking::LispInterworking(InterworkingSettings settings, lisp::Xtr& xtr, std::uint64_t seed)
    : settings_{std::move(settings)},
      xtr_{xtr},
      seed_{seed},
      path_mtus_{settings_.most_path_mtus},
      errors_{settings_.errors_per_second, settings_.errors_per_second} {}

LispVerdict LispInterworking::drop(LispDrop reason) {
  ++drops_[static_cast<std::size_t>(reason)];
  return {LispVerdict::Kind::dropped, reason, {}, {}};
}

/// Drops the packet; a sender inside hears why, if errors may be sent about it and there were not too many.
LispVerdict LispInterworking::refuse(lisp::Instant at, std::uint32_t instance, Bytes packet, const InnerPacket& inner,
                                     LispDrop reason, InnerError error, std::size_t mtu, LispActions& actions) {
  LispVerdict verdict = drop(reason);
  const auto own = std::find_if(inside_addresses_.begin(), inside_addresses_.end(),
                                [&](const IpAddress& a) { return a.family() == inner.source.family(); });
  if (own == inside_addresses_.end() || !errors_.allow(at.now)) return verdict;
  auto message = lisp::error_about(packet.first(std::min(inner.length, packet.size())), inner, error, mtu, *own);
  if (!message) return verdict;
  actions.inside.push_back({instance, std::move(*message)});
  verdict.kind = LispVerdict::Kind::answered;
  return verdict;
}

// --- From inside
// ------------------------------------------------------------------------------------------------------------

LispVerdict LispInterworking::from_inside(lisp::Instant at, std::uint32_t instance, Packet& packet,
                                          LispActions& actions, CarriedFor whom) {
  const auto parsed = lisp::parse_inner(packet.bytes());
  if (!parsed) return drop(LispDrop::malformed);
  const InnerPacket& inner = parsed.value();
  if (!inner.destination.is_routable_unicast() || !inner.source.is_routable_unicast())
    return drop(LispDrop::not_unicast);
  const Eid source{instance, inner.source}, destination{instance, inner.destination};
  const bool is_somebodys = whom == CarriedFor::eid && xtr_.place_of(at.now, source).kind == EidPlace::Kind::remote;
  if (is_somebodys && !settings_.is_pitr) return drop(LispDrop::source_not_eid);
  if (xtr_.is_mobile(source)) xtr_.heard(at.now, lisp::EidPrefix::host(source));
  if (xtr_.place_of(at.now, destination).kind == EidPlace::Kind::site)
    return refuse(at, instance, packet.bytes(), inner, LispDrop::inside_loop, InnerError::host_unreachable, 0, actions);
  return route(at, instance, packet, inner, actions);
}

lisp::Flow LispInterworking::flow_of(const InnerPacket& inner) const {
  return {lisp::flow_hash(inner, seed_), inner.source_port};
}

LispVerdict LispInterworking::route(lisp::Instant at, std::uint32_t instance, Packet& packet, const InnerPacket& inner,
                                    LispActions& actions) {
  using Kind = lisp::ItrVerdict::Kind;
  const lisp::ItrVerdict verdict = xtr_.route(at.now, {instance, inner.source}, {instance, inner.destination},
                                              flow_of(inner), packet, actions.control);
  switch (verdict.kind) {
    case Kind::encapsulate:
      return send_to(at, instance, packet, inner, verdict.rloc, actions);
    case Kind::native:
      if (settings_.proxy_etr) return send_to(at, instance, packet, inner, *settings_.proxy_etr, actions);
      return refuse(at, instance, packet.bytes(), inner, LispDrop::native, InnerError::host_unreachable, 0, actions);
    case Kind::waiting:
      return {LispVerdict::Kind::held, LispDrop::none, {}, {}};
    case Kind::local:
      return drop(LispDrop::inside_loop);
    case Kind::drop:
      break;
  }
  if (verdict.error == lisp::ItrVerdict::Error::none) return drop(LispDrop::map_cache);
  const InnerError error =
      verdict.error == lisp::ItrVerdict::Error::prohibited ? InnerError::prohibited : InnerError::host_unreachable;
  return refuse(at, instance, packet.bytes(), inner, LispDrop::map_cache, error, 0, actions);
}

lisp::Encapsulation LispInterworking::encapsulated(MutableBytes packet, const InnerPacket& inner, const IpAddress& rloc,
                                                   std::size_t path_mtu, std::size_t segment) const {
  const auto is_own = [this](const IpAddress& address) { return xtr_.settings().underlay.owns(address); };
  return lisp::encapsulate(packet, inner, rloc, path_mtu, segment, seed_, is_own);
}

LispVerdict LispInterworking::send_to(lisp::Instant at, std::uint32_t instance, Packet& packet,
                                      const InnerPacket& inner, const IpAddress& rloc, LispActions& actions) {
  using enum lisp::EncapsulationVerdict;
  const lisp::Encapsulation out =
      encapsulated(packet.bytes(), inner, rloc, path_mtu(at.now, rloc), lisp::largest_piece(packet, inner));
  switch (out.verdict) {
    case encapsulate:
      fit_session(at.now, packet.bytes(), inner, rloc, packet.offload.partial_checksum);
      return {LispVerdict::Kind::tunnel, LispDrop::none, rloc, out.outer};
    case hop_limit_exceeded:
      return refuse(at, instance, packet.bytes(), inner, LispDrop::hop_limit, InnerError::hop_limit_exceeded, 0,
                    actions);
    case fragment_inner:
      if (packet.offload.segmentation == Offload::Segmentation::none)
        return send_pieces(instance, packet, inner, rloc, out.mtu, actions);
      [[fallthrough]];  // a super-packet's sender cuts it as it is told
    case too_big:
      return refuse(at, instance, packet.bytes(), inner, LispDrop::too_big, InnerError::too_big, out.mtu, actions);
    case nested:
      return drop(LispDrop::nested);
    case to_ourselves:
      break;
  }
  return drop(LispDrop::tunnel_to_ourselves);
}

LispVerdict LispInterworking::send_pieces(std::uint32_t instance, Packet& packet, const InnerPacket& inner,
                                          const IpAddress& rloc, std::size_t mtu, LispActions& actions) {
  complete_checksum(packet);
  for (ByteVector& piece : lisp::fragment_ipv4(packet.bytes().first(inner.length), inner, mtu)) {
    const auto parsed = lisp::parse_inner(piece);
    if (!parsed) return drop(LispDrop::malformed);
    const lisp::Encapsulation out =
        encapsulated(piece, parsed.value(), rloc, mtu + lisp::encapsulation_octets(rloc.family()), piece.size());
    actions.tunnel.push_back({rloc, out.outer, instance, std::move(piece)});
  }
  return {LispVerdict::Kind::answered, LispDrop::none, {}, {}};
}

// --- Out of a tunnel
// --------------------------------------------------------------------------------------------------------

LispVerdict LispInterworking::from_tunnel(lisp::Instant at, const TunnelEnd& end, MutableBytes& packet,
                                          LispActions& actions, CarriedFor whom) {
  const auto parsed = lisp::parse_inner(packet);
  if (!parsed) return drop(LispDrop::malformed);
  const InnerPacket& inner = parsed.value();
  if (!inner.destination.is_routable_unicast() || !inner.source.is_routable_unicast())
    return drop(LispDrop::not_unicast);
  const Eid source{end.instance, inner.source};
  if (xtr_.place_of(at.now, source).kind == EidPlace::Kind::site) return drop(LispDrop::source_is_ours);
  if (settings_.check_sources && !xtr_.is_behind(at.now, source, end.source, actions.control))
    return drop(LispDrop::outsider);
  packet = packet.first(inner.length);
  if (whom == CarriedFor::session) return hand_in(at.now, end, packet, inner);
  return out_of_tunnel(at, end, packet, inner, actions);
}

LispVerdict LispInterworking::out_of_tunnel(lisp::Instant at, const TunnelEnd& end, MutableBytes packet,
                                            const InnerPacket& inner, LispActions& actions) {
  const Eid destination{end.instance, inner.destination};
  const EidPlace place = xtr_.place_of(at.now, destination);
  if (place.kind == EidPlace::Kind::remote) {
    const bool is_client = std::any_of(settings_.petr_clients.begin(), settings_.petr_clients.end(),
                                       [&](const lisp::IpPrefix& prefix) { return prefix.contains(end.source); });
    if (!is_client) return drop(LispDrop::not_our_eid);
  } else {
    xtr_.on_data(at, destination, end.source, actions.control);
    if (place.kind == EidPlace::Kind::away) return relay(at, end, packet, inner, *place.elsewhere, actions);
    if (const auto hold = holds_.find(destination); hold != holds_.end()) return keep(hold->second, end, packet);
  }
  return hand_in(at.now, end, packet, inner);
}

LispVerdict LispInterworking::hand_in(TimePoint now, const TunnelEnd& end, MutableBytes packet,
                                      const InnerPacket& inner) {
  if (!lisp::decapsulate(packet, inner, end.hop_limit, end.traffic_class, settings_.dscp))
    return drop(LispDrop::congestion);
  fit_session(now, packet, inner, end.source, false);
  return {LispVerdict::Kind::inside, LispDrop::none, {}, {}};
}

/// Goes on to where its node is now, whoever sent it there by an old mapping.
LispVerdict LispInterworking::relay(lisp::Instant at, const TunnelEnd& end, MutableBytes packet,
                                    const InnerPacket& inner, const lisp::MappingRecord& elsewhere,
                                    LispActions& actions) {
  const lisp::RlocRecord* rloc = lisp::choose_rloc(elsewhere.rlocs, flow_of(inner), xtr_.settings().itr.rlocs,
                                                   xtr_.settings().underlay, xtr_.probing().down());
  if (rloc == nullptr) return drop(LispDrop::relay_unreachable);
  // Its node has gone where the packet comes from: the two of us would play ball (specification 10.9).
  if (rloc->address == end.source) return drop(LispDrop::relay_loop);
  if (!lisp::decapsulate(packet, inner, end.hop_limit, end.traffic_class, settings_.dscp))
    return drop(LispDrop::congestion);
  const auto changed = lisp::parse_inner(packet);  // hop limit and traffic class are other ones now
  if (!changed) return drop(LispDrop::malformed);
  Packet whole{packet, 0, packet.size()};
  return send_to(at, end.instance, whole, changed.value(), rloc->address, actions);
}

// --- Sizes
// ------------------------------------------------------------------------------------------------------------------

std::size_t LispInterworking::path_mtu(TimePoint now, const IpAddress& rloc) const {
  const PathMtu* known = path_mtus_.find(rloc);
  return known == nullptr || known->until <= now ? settings_.default_path_mtu : known->octets;
}

/// Both directions are taken for equally wide: what this side announces is about the way back.
void LispInterworking::fit_session(TimePoint now, MutableBytes packet, const InnerPacket& inner, const IpAddress& rloc,
                                   bool leaves_checksum) const {
  if (!settings_.clamp_mss) return;
  const std::size_t mtu = path_mtu(now, rloc) - lisp::encapsulation_octets(rloc.family());
  lisp::clamp_mss(packet, inner, lisp::segment_in(inner.source.family(), mtu), leaves_checksum);
}

void LispInterworking::set_path_mtu(TimePoint now, const IpAddress& rloc, std::size_t octets) {
  constexpr std::size_t least_ipv4 = 576, least_ipv6 = 1280;  // smaller ones are lies (RFC 8201, RFC 1191)
  const std::size_t least = rloc.is_ipv4() ? least_ipv4 : least_ipv6;
  octets = std::max(octets, least);
  // Nothing that an outsider says may raise it.
  if (octets < path_mtu(now, rloc)) path_mtus_.put(rloc, {octets, now + settings_.path_mtu_life});
}

// --- Time
// -------------------------------------------------------------------------------------------------------------------

void LispInterworking::after_control(lisp::Instant at, LispActions& actions) {
  while (!actions.control.packets.empty()) {
    std::vector<lisp::WaitingPacket> packets = std::exchange(actions.control.packets, {});
    for (lisp::WaitingPacket& waiting : packets) {
      Packet packet{waiting.octets, 0, waiting.octets.size(), waiting.offload};
      const auto inner = lisp::parse_inner(packet.bytes());
      if (!inner) continue;  // it was parsed before it waited
      const LispVerdict verdict = route(at, waiting.destination.instance, packet, inner.value(), actions);
      if (verdict.kind == LispVerdict::Kind::tunnel)
        actions.tunnel.push_back(
            {verdict.rloc, verdict.outer, waiting.destination.instance, std::move(waiting.octets), packet.offload});
    }
  }
  for (auto hold = holds_.begin(); hold != holds_.end();) {
    const auto next = std::next(hold);
    if (xtr_.place_of(at.now, hold->first).kind != EidPlace::Kind::site) let_go(at, hold, actions);
    hold = next;
  }
}

void LispInterworking::on_time(lisp::Instant at, LispActions& actions) {
  xtr_.on_time(at, actions.control);
  for (auto hold = holds_.begin(); hold != holds_.end();) {
    const auto next = std::next(hold);
    if (hold->second.until <= at.now) let_go(at, hold, actions);
    hold = next;
  }
  after_control(at, actions);
}

TimePoint LispInterworking::next_deadline() const {
  TimePoint deadline = xtr_.next_deadline();
  for (const auto& [eid, hold] : holds_) deadline = std::min(deadline, hold.until);
  return deadline;
}

}  // namespace ilnp
