// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/siit_headers.h"

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "core/lisp/icmpv4.h"
#include "core/lisp/inner_packet.h"

namespace ilnp::lisp {
namespace {

constexpr std::uint16_t dont_fragment = 0x4000, more_fragments_bit = 0x2000, fragment_mask = 0x1fff;

/// A route of the sender's that has not been gone to its end (RFC 791 section 3.1).
bool has_source_route(Bytes options) {
  constexpr std::uint8_t end = 0, no_operation = 1, loose = 131, strict = 137;
  ByteReader in{options};
  while (!in.empty()) {
    const std::uint8_t type = in.u8();
    if (type == end) return false;
    if (type == no_operation) continue;
    const std::uint8_t length = in.u8();
    if (!in.ok() || length < 2) return false;
    const Bytes value = in.take(length - 2u);
    if ((type == loose || type == strict) && !value.empty() && value[0] <= length) return true;
  }
  return false;
}

/// Numbers that would be read as something else behind an IPv6 header.
bool is_ipv6_only(std::uint8_t protocol) {
  switch (protocol) {
    case next_header::hop_by_hop:
    case next_header::routing:
    case next_header::fragment:
    case next_header::authentication:
    case next_header::icmpv6:
    case next_header::destination_options:
    case next_header::mobility:
    case next_header::hip:
    case next_header::shim6:
    case 253:  // experiments, RFC 4727
    case 254:
      return true;
    default:
      return false;
  }
}

bool has_authentication(Bytes packet, const HeaderWalk& walk) {
  std::uint8_t next = packet[6];
  for (std::size_t at = ipv6_header_length; at < walk.upper_offset;) {
    if (next == next_header::authentication) return true;
    const std::size_t units = next == next_header::fragment ? 0 : packet[at + 1];
    next = packet[at];
    at += 8 * (units + 1);
  }
  return false;
}

std::uint8_t protocol_behind(const SiitHeader& from, const IpPair& to) {
  if (!from.is_icmp()) return from.protocol;
  return to.source.is_ipv4() ? icmpv4::protocol : next_header::icmpv6;
}

/// ICMPv6 has a pseudo-header and ICMP has none.
std::uint16_t icmp_pseudo_sum(const IpPair& pair, std::size_t length) {
  if (pair.source.is_ipv4()) return 0;
  return fold(std::uint64_t{sum_of(pair)} + length + next_header::icmpv6);
}

SiitDrop translate_echo(MutableBytes icmp, const SiitHeader& from, const IpPair& to, bool quoted) {
  constexpr std::size_t checksum = 2, least = 4;
  if (icmp.empty()) return quoted ? SiitDrop::icmp_quote : SiitDrop::malformed;
  const bool was_ipv4 = from.is_ipv4();
  const std::uint8_t request = was_ipv4 ? icmpv4::echo_request : icmpv6::echo_request;
  const std::uint8_t reply = was_ipv4 ? icmpv4::echo_reply : icmpv6::echo_reply;
  if (icmp[0] != request && icmp[0] != reply) return SiitDrop::icmp_type;
  if (icmp.size() < least) return quoted ? SiitDrop::icmp_quote : SiitDrop::malformed;
  const bool is_request = icmp[0] == request;
  const std::uint16_t before = load_u16(icmp.data());
  if (was_ipv4)
    icmp[0] = is_request ? icmpv6::echo_request : icmpv6::echo_reply;
  else
    icmp[0] = is_request ? icmpv4::echo_request : icmpv4::echo_reply;
  const SumChange change{fold(std::uint64_t{before} + icmp_pseudo_sum(from.addresses, from.upper_length)),
                         fold(std::uint64_t{load_u16(icmp.data())} + icmp_pseudo_sum(to, from.upper_length))};
  store_u16(icmp.data() + checksum, adjust(load_u16(icmp.data() + checksum), change));
  return SiitDrop::none;
}

}  // namespace

std::uint16_t sum_of(const IpPair& pair) {
  return ones_complement_sum(pair.source.octets(), ones_complement_sum(pair.destination.octets()));
}

bool SiitHeader::is_icmp() const { return protocol == (is_ipv4() ? icmpv4::protocol : next_header::icmpv6); }

Result<SiitHeader, SiitDrop> read_ipv4_header(Bytes packet, bool quoted) {
  if (packet.size() < ipv4_header_octets || packet[0] >> 4 != 4) return SiitDrop::malformed;
  const std::uint8_t* p = packet.data();
  const std::size_t header = (p[0] & 0xfu) * 4, length = load_u16(p + 2);
  if (header < ipv4_header_octets || header > packet.size() || length < header) return SiitDrop::malformed;
  if (!quoted && (length != packet.size() || ipv4_header_sum(packet.first(header)) != 0)) return SiitDrop::malformed;
  if (!quoted && has_source_route(packet.subspan(ipv4_header_octets, header - ipv4_header_octets)))
    return SiitDrop::source_route;

  SiitHeader out;
  out.addresses = {IpAddress::load(packet.subspan(12, 4)), IpAddress::load(packet.subspan(16, 4))};
  out.traffic_class = p[1];
  out.hop_limit = p[8];
  out.protocol = p[9];
  out.upper_offset = header;
  out.upper_length = length - header;
  const std::uint16_t flags = load_u16(p + 6);
  out.may_fragment = (flags & dont_fragment) == 0;
  out.fragment = flags & fragment_mask;
  out.more_fragments = (flags & more_fragments_bit) != 0;
  out.fragment_fields = out.is_fragment();
  out.identification = load_u16(p + 4);
  if (is_ipv6_only(out.protocol)) return SiitDrop::protocol;
  if (out.is_icmp() && out.is_fragment()) return SiitDrop::icmp_fragment;
  return out;
}

Result<SiitHeader, SiitDrop> read_ipv6_header(Bytes packet, bool quoted) {
  const WalkOutcome outcome = walk_headers(packet, quoted);
  if (!outcome.ok) return SiitDrop::malformed;
  const HeaderWalk& walk = outcome.walk;
  if (walk.fragment_header != 0 && walk.upper_pointer != walk.fragment_header) return SiitDrop::fragmented_headers;
  if (has_authentication(packet, walk)) return SiitDrop::authentication;

  SiitHeader out;
  out.addresses = {walk.source, walk.destination};
  out.traffic_class = static_cast<std::uint8_t>(load_u16(packet.data()) >> 4);
  out.hop_limit = walk.hop_limit;
  out.protocol = walk.upper_protocol;
  out.upper_offset = walk.upper_offset;
  out.upper_length = ipv6_header_length + load_u16(packet.data() + 4) - walk.upper_offset;
  out.fragment_fields = walk.fragment_header != 0;
  out.fragment = walk.fragment_offset / 8;
  out.more_fragments = walk.more_fragments;
  out.identification = walk.fragment_id;
  // Of a later fragment the walk does not look at what its first one says is behind the Fragment header.
  if (out.protocol == icmpv4::protocol || (is_ipv6_only(out.protocol) && !out.is_icmp())) return SiitDrop::protocol;
  if (out.is_icmp() && out.is_fragment()) return SiitDrop::icmp_fragment;
  if (ipv4_header_octets + out.upper_length > 0xffff) return SiitDrop::too_long;
  return out;
}

void write_ipv6_header(std::uint8_t* out, const SiitHeader& from, const IpPair& to) {
  const std::size_t extension = ipv6_octets_for(from) - ipv6_header_length;
  const std::uint8_t protocol = protocol_behind(from, to);
  store_u32(out, std::uint32_t{6} << 28 | std::uint32_t{from.traffic_class} << 20);
  store_u16(out + 4, static_cast<std::uint16_t>(extension + from.upper_length));
  out[6] = extension != 0 ? next_header::fragment : protocol;
  out[7] = from.hop_limit;
  to.source.ipv6().store(out + 8);
  to.destination.ipv6().store(out + 24);
  if (extension == 0) return;
  std::uint8_t* fragment = out + ipv6_header_length;
  fragment[0] = protocol;
  fragment[1] = 0;
  store_u16(fragment + 2, static_cast<std::uint16_t>(from.fragment << 3 | (from.more_fragments ? 1 : 0)));
  store_u32(fragment + 4, from.identification);
}

void write_ipv4_header(std::uint8_t* out, const SiitHeader& from, const IpPair& to, std::uint16_t identification) {
  const bool in_pieces = from.fragment_fields;
  const auto where = static_cast<std::uint16_t>(from.fragment | (from.more_fragments ? more_fragments_bit : 0));
  store_u16(out, static_cast<std::uint16_t>(0x4500 | from.traffic_class));
  store_u16(out + 2, static_cast<std::uint16_t>(ipv4_header_octets + from.upper_length));
  store_u16(out + 4, in_pieces ? static_cast<std::uint16_t>(from.identification) : identification);
  store_u16(out + 6, in_pieces ? where : identification == 0 ? dont_fragment : std::uint16_t{0});
  out[8] = from.hop_limit;
  out[9] = protocol_behind(from, to);
  store_u16(out + 10, 0);
  store_u32(out + 12, to.source.ipv4());
  store_u32(out + 16, to.destination.ipv4());
  store_u16(out + 10, ipv4_header_sum({out, ipv4_header_octets}));
}

SiitDrop translate_upper(MutableBytes upper, const SiitHeader& from, const IpPair& to, bool partial, bool quoted) {
  if (from.is_icmp()) return translate_echo(upper, from, to, quoted);
  const int field = checksum_field_offset(from.protocol);
  if (field < 0 || from.fragment != 0) return SiitDrop::none;
  const auto at = static_cast<std::size_t>(field);
  if (upper.size() < at + 2) return quoted ? SiitDrop::none : SiitDrop::malformed;
  const SumChange change{sum_of(from.addresses), sum_of(to)};
  if (partial)
    store_u16(upper.data() + at, adjust_partial(load_u16(upper.data() + at), change));
  else
    adjust_field(upper.data() + at, from.protocol, change);
  return SiitDrop::none;
}

}  // namespace ilnp::lisp
