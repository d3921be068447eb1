// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/inner_packet.h"

#include "core/base/keyed_hash.h"
#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"

namespace ilnp::lisp {
namespace {

constexpr std::size_t ipv4_header_least = 20;
constexpr std::size_t ipv4_checksum = 10, ipv4_hop_limit = 8, ipv4_traffic_class = 1;

void read_ports(InnerPacket& inner, Bytes upper) {
  if (inner.is_fragment || !has_ports(inner.protocol) || upper.size() < 4) return;
  inner.source_port = load_u16(upper.data());
  inner.destination_port = load_u16(upper.data() + 2);
}

Result<InnerPacket, InnerProblem> parse_ipv4(Bytes packet) {
  if (packet.size() < ipv4_header_least) return InnerProblem::truncated;
  const std::uint8_t* p = packet.data();
  const std::size_t header = (p[0] & 0xfu) * 4;
  InnerPacket inner;
  inner.length = load_u16(p + 2);
  if (header < ipv4_header_least || inner.length < header) return InnerProblem::bad_header;
  if (inner.length > packet.size()) return InnerProblem::truncated;
  if (ipv4_header_sum(packet.first(header)) != 0) return InnerProblem::bad_header;
  inner.source = IpAddress::load(packet.subspan(12, 4));
  inner.destination = IpAddress::load(packet.subspan(16, 4));
  inner.hop_limit = p[ipv4_hop_limit];
  inner.traffic_class = p[ipv4_traffic_class];
  inner.protocol = p[9];
  inner.upper_offset = header;
  const std::uint16_t fragment = load_u16(p + 6);
  inner.may_fragment = (fragment & 0x4000) == 0;
  inner.is_fragment = (fragment & 0x3fff) != 0;
  inner.is_first_fragment = (fragment & 0x1fff) == 0;
  read_ports(inner, packet.subspan(header, inner.length - header));
  return inner;
}

Result<InnerPacket, InnerProblem> parse_ipv6(Bytes packet) {
  if (packet.size() < ipv6_header_length) return InnerProblem::truncated;
  InnerPacket inner;
  inner.length = ipv6_header_length + load_u16(packet.data() + 4);
  if (inner.length > packet.size()) return InnerProblem::truncated;
  const WalkOutcome outcome = walk_headers(packet.first(inner.length));
  if (!outcome.ok) return InnerProblem::bad_header;
  const HeaderWalk& walk = outcome.walk;
  inner.source = walk.source;
  inner.destination = walk.destination;
  inner.hop_limit = walk.hop_limit;
  inner.traffic_class = static_cast<std::uint8_t>(load_u16(packet.data()) >> 4);
  inner.flow_label = load_u32(packet.data()) & 0xf'ffff;
  inner.protocol = walk.upper_protocol;
  inner.upper_offset = walk.upper_offset;
  inner.is_fragment = walk.is_fragment;
  inner.is_first_fragment = walk.has_upper_layer();
  read_ports(inner, packet.subspan(walk.upper_offset, walk.upper_length));
  return inner;
}

bool is_ipv4(Bytes packet) { return packet[0] >> 4 == 4; }

/// One octet of an IPv4 header, which is part of a word of its checksum.
void set_ipv4_octet(MutableBytes packet, std::size_t at, std::uint8_t value) {
  std::uint8_t* word = packet.data() + (at & ~std::size_t{1});
  const std::uint16_t before = load_u16(word);
  packet[at] = value;
  std::uint8_t* checksum = packet.data() + ipv4_checksum;
  store_u16(checksum, adjust(load_u16(checksum), {before, load_u16(word)}));
}

}  // namespace

std::uint16_t ipv4_header_sum(Bytes header) { return static_cast<std::uint16_t>(~ones_complement_sum(header)); }

Result<InnerPacket, InnerProblem> parse_inner(Bytes packet) {
  if (packet.empty()) return InnerProblem::truncated;
  switch (packet[0] >> 4) {
    case 4:
      return parse_ipv4(packet);
    case 6:
      return parse_ipv6(packet);
    default:
      return InnerProblem::not_ip;
  }
}

void set_hop_limit(MutableBytes packet, std::uint8_t hop_limit) {
  if (is_ipv4(packet))
    set_ipv4_octet(packet, ipv4_hop_limit, hop_limit);
  else
    packet[7] = hop_limit;
}

void set_traffic_class(MutableBytes packet, std::uint8_t traffic_class) {
  if (is_ipv4(packet)) return set_ipv4_octet(packet, ipv4_traffic_class, traffic_class);
  packet[0] = static_cast<std::uint8_t>((packet[0] & 0xf0) | traffic_class >> 4);
  packet[1] = static_cast<std::uint8_t>((packet[1] & 0x0f) | (traffic_class & 0xf) << 4);
}

std::uint64_t flow_hash(const InnerPacket& packet, std::uint64_t seed) {
  const auto half = [](const IpAddress& address, bool upper) -> std::uint64_t {
    if (address.is_ipv4()) return upper ? 0 : address.ipv4();
    return upper ? address.ipv6().locator.bits : address.ipv6().nid.bits;
  };
  std::uint64_t rest = 0;
  if (!packet.is_fragment) {
    const bool ports = packet.source_port != 0 || packet.destination_port != 0;
    rest = std::uint64_t{packet.protocol} << 32 |
           (ports ? std::uint32_t{packet.source_port} << 16 | packet.destination_port : packet.flow_label);
  }
  return keyed_hash(seed, {half(packet.source, true), half(packet.source, false), half(packet.destination, true),
                           half(packet.destination, false), rest});
}

}  // namespace ilnp::lisp
