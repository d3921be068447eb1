// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/siit.h"

#include <algorithm>
#include <cassert>

#include "core/base/keyed_hash.h"
#include "core/ipv6/checksum.h"
#include "core/ipv6/fragments.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "core/ipv6/offload.h"
#include "core/ipv6/udp_checksum.h"
#include "core/lisp/icmpv4.h"
#include "core/lisp/inner_packet.h"

namespace ilnp::lisp {
namespace {

/// A packet of up to this many octets may be cut by IPv4 routers; larger ones come from senders that listen to Packet
/// Too Big (RFC 7915 section 5.1).
constexpr std::size_t most_to_be_cut = 1260;

Translation dropped(SiitDrop reason, Family family) { return {Translation::Kind::dropped, reason, family, {}}; }
Translation instead(std::vector<ByteVector> packets, Family family) {
  return {Translation::Kind::instead, SiitDrop::none, family, std::move(packets)};
}

bool are_unicast(const IpPair& addresses) {
  return addresses.source.is_routable_unicast() && addresses.destination.is_routable_unicast();
}

bool is_super_packet(const Packet& packet) { return packet.offload.segmentation != Offload::Segmentation::none; }

MutableBytes upper_of(Packet& packet, const SiitHeader& header) { return packet.bytes().subspan(header.upper_offset); }

/// The front of the packet becomes `wanted` octets long, of whatever content.
void resize_front(Packet& packet, std::size_t front, std::size_t wanted) {
  if (wanted > front)
    packet.insert_gap(0, wanted - front);
  else
    packet.remove(0, front - wanted);
}

/// IPv6 wants a UDP checksum (RFC 7915 section 4.5): as long as it is an IPv4 packet it gets the one of IPv4.
SiitDrop ensure_udp_checksum(Packet& packet, const SiitHeader& header) {
  if (header.protocol != next_header::udp || header.fragment != 0 || packet.offload.partial_checksum)
    return SiitDrop::none;
  switch (fill_udp_checksum(upper_of(packet, header), header.is_fragment(), sum_of(header.addresses))) {
    case UdpChecksum::present:
      return SiitDrop::none;
    case UdpChecksum::in_pieces:
      return SiitDrop::no_udp_checksum;
    case UdpChecksum::malformed:
      break;
  }
  return SiitDrop::malformed;
}

/// Nobody finishes the checksum of ICMP behind us, and that of a datagram that is to be cut.
void finish_checksum(Packet& packet, const SiitHeader& header, bool will_be_cut) {
  if ((header.is_icmp() || will_be_cut) && !is_super_packet(packet)) complete_checksum(packet);
}

}  // namespace

Siit::Siit(SiitSettings settings, const EamTable& nodes, std::uint64_t seed)
    : settings_{settings}, nodes_{nodes}, seed_{seed} {
  for (std::size_t i = 0; i < identifications_.size(); ++i)
    identifications_[i] = static_cast<std::uint16_t>(keyed_hash(seed, {i}));
}

std::uint16_t Siit::next_identification(const IpPair& addresses) {
  const std::uint64_t both = std::uint64_t{addresses.source.ipv4()} << 32 | addresses.destination.ipv4();
  std::uint16_t& next = identifications_[keyed_hash(seed_, {both}) % identifications_.size()];
  if (++next == 0) ++next;
  return next;
}

bool Siit::is_for(std::uint32_t instance, const IpAddress& destination) const {
  if (destination.is_ipv4()) return nodes_.ipv6_of_ipv6_node(instance, destination).has_value();
  return nodes_.ipv4_of_ipv4_node(instance, destination.ipv6()).has_value();
}

Translation Siit::to_ipv6(std::uint32_t instance, Packet& packet) {
  const auto drop = [](SiitDrop reason) { return dropped(reason, Family::ipv6); };
  assert(packet.headroom() >= headroom);
  const auto read = read_ipv4_header(packet.bytes(), false);
  if (!read) return drop(read.error());
  const SiitHeader& header = read.value();
  if (!are_unicast(header.addresses)) return drop(SiitDrop::not_unicast);
  const auto destination = nodes_.ipv6_of_ipv6_node(instance, header.addresses.destination);
  if (!destination) return drop(SiitDrop::no_mapping);
  const auto source = nodes_.ipv6_of_ipv4_node(instance, header.addresses.source);
  if (!source) return drop(SiitDrop::source_not_mapped);
  const IpPair to{*source, *destination};

  const std::size_t front = ipv6_octets_for(header);
  const bool will_be_cut =
      header.may_fragment && !is_super_packet(packet) && front + header.upper_length > settings_.lowest_ipv6_mtu;
  finish_checksum(packet, header, will_be_cut);
  const MutableBytes upper = upper_of(packet, header);
  if (header.is_icmp() && !upper.empty() && icmpv4::is_error(upper[0]))
    return error_to_ipv6(instance, packet, header, to);
  SiitDrop reason = ensure_udp_checksum(packet, header);
  if (reason == SiitDrop::none) reason = translate_upper(upper, header, to, packet.offload.partial_checksum, false);
  if (reason != SiitDrop::none) return drop(reason);
  resize_front(packet, header.upper_offset, front);
  write_ipv6_header(packet.data(), header, to);
  if (!will_be_cut) return {Translation::Kind::in_place, SiitDrop::none, Family::ipv6, {}};
  const WalkOutcome walked = walk_headers(packet.bytes());
  assert(walked.ok);
  return instead(fragment_packet(packet.bytes(), walked.walk, settings_.lowest_ipv6_mtu, header.identification),
                 Family::ipv6);
}

Translation Siit::to_ipv4(std::uint32_t instance, Packet& packet) {
  const auto drop = [](SiitDrop reason) { return dropped(reason, Family::ipv4); };
  const auto read = read_ipv6_header(packet.bytes(), false);
  if (!read) return drop(read.error());
  const SiitHeader& header = read.value();
  if (!are_unicast(header.addresses)) return drop(SiitDrop::not_unicast);
  const auto destination = nodes_.ipv4_of_ipv4_node(instance, header.addresses.destination.ipv6());
  if (!destination || !destination->is_routable_unicast()) return drop(SiitDrop::no_mapping);
  const bool is_hairpin = nodes_.ipv6_of_ipv6_node(instance, *destination).has_value();
  if (is_hairpin && !settings_.hairpin) return drop(SiitDrop::hairpin);

  finish_checksum(packet, header, false);
  const MutableBytes upper = upper_of(packet, header);
  const bool is_error = header.is_icmp() && !upper.empty() && icmpv6::is_error(upper[0]);
  auto source = nodes_.ipv4_of_ipv6_node(instance, header.addresses.source.ipv6());
  if (!source && is_error) source = settings_.router;
  if (!source) return drop(SiitDrop::source_not_mapped);
  const IpPair to{*source, *destination};

  Translation out{Translation::Kind::in_place, SiitDrop::none, Family::ipv4, {}};
  if (is_error) {
    out = error_to_ipv4(instance, packet, header, to);
    if (out.kind == Translation::Kind::dropped || !is_hairpin) return out;
    ByteVector room(headroom + out.packets.front().size());
    std::ranges::copy(out.packets.front(), room.begin() + headroom);
    Packet error{room, headroom, room.size() - headroom};
    return to_ipv6(instance, error);
  }
  const SiitDrop reason = translate_upper(upper, header, to, packet.offload.partial_checksum, false);
  if (reason != SiitDrop::none) return drop(reason);
  resize_front(packet, header.upper_offset, ipv4_header_octets);
  const bool may_be_cut = packet.size() <= most_to_be_cut && !is_super_packet(packet);
  write_ipv4_header(packet.data(), header, to, may_be_cut ? next_identification(to) : std::uint16_t{0});
  return is_hairpin ? to_ipv6(instance, packet) : out;
}

Translation Siit::error_to_ipv6(std::uint32_t instance, const Packet& packet, const SiitHeader& header,
                                const IpPair& to) {
  const auto message =
      icmp_error_to_ipv6(packet.bytes().subspan(header.upper_offset), nodes_, instance, settings_.mtus);
  if (!message) return dropped(message.error(), Family::ipv6);
  ByteVector out =
      build_packet(to.source.ipv6(), to.destination.ipv6(), next_header::icmpv6, message.value(), {}, header.hop_limit);
  set_traffic_class(out, header.traffic_class);
  return instead({std::move(out)}, Family::ipv6);
}

Translation Siit::error_to_ipv4(std::uint32_t instance, const Packet& packet, const SiitHeader& header,
                                const IpPair& to) {
  const auto message = icmp_error_to_ipv4(packet.bytes().subspan(header.upper_offset), header.addresses, nodes_,
                                          instance, settings_.mtus);
  if (!message) return dropped(message.error(), Family::ipv4);
  SiitHeader error = header;
  error.upper_length = message.value().size();
  error.fragment_fields = false;
  ByteVector out(ipv4_header_octets);
  write_ipv4_header(out.data(), error, to, next_identification(to));
  out.insert(out.end(), message.value().begin(), message.value().end());
  return instead({std::move(out)}, Family::ipv4);
}

}  // namespace ilnp::lisp
