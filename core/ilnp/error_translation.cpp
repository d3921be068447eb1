// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/error_translation.h"

#include <algorithm>

#include "core/ilnp/nonce.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

constexpr std::size_t error_header = 8;

/// Octets of the quote: RFC 4884 section 4 lets Destination Unreachable and Time Exceeded carry more after it.
std::size_t quote_length(Bytes message) {
  const std::size_t present = message.size() - error_header;
  const std::size_t stated = std::size_t{message[4]} * 8;
  const bool can_be_extended = message[0] == icmpv6::destination_unreachable || message[0] == icmpv6::time_exceeded;
  return can_be_extended && stated != 0 ? std::min(stated, present) : present;
}

std::uint32_t parameter_after_strip(const QuotedPacket& quoted, std::size_t overhead) {
  if (quoted.type == icmpv6::packet_too_big) {
    const std::size_t mtu = quoted.parameter;
    return static_cast<std::uint32_t>(mtu > minimum_mtu + overhead ? mtu - overhead : minimum_mtu);
  }
  const HeaderWalk& walk = quoted.walk;
  if (quoted.type == icmpv6::parameter_problem && walk.has_nonce() && quoted.parameter >= walk.nonce_header) {
    if (quoted.parameter < std::uint32_t{walk.nonce_header} + walk.nonce_header_length)
      return walk.nonce_header_pointer;
    return quoted.parameter - walk.nonce_header_length;
  }
  if (quoted.type == icmpv6::parameter_problem) return quoted.parameter;
  return 0;  // unused, or the length field of extensions that are dropped
}

ByteVector build(Bytes packet, const HeaderWalk& outer, const QuotedPacket& quoted, const AddressPair& addresses,
                 std::uint32_t parameter, Bytes quote, std::size_t overhead) {
  const ByteVector message = build_error(quoted.type, quoted.code, parameter, quote, ipv6_header_length + overhead);
  ByteVector out =
      build_packet(addresses.source, addresses.destination, next_header::icmpv6, message, {}, outer.hop_limit);
  std::copy_n(packet.begin(), 4, out.begin());  // version, traffic class, flow label
  return out;
}

}  // namespace

Result<QuotedPacket, QuoteError> parse_quoted(Bytes packet, const HeaderWalk& outer) {
  if (outer.upper_protocol != next_header::icmpv6 || outer.is_fragment) return QuoteError::not_an_error;
  const Bytes message = packet.subspan(outer.upper_offset, outer.upper_length);
  if (message.size() < error_header || !icmpv6::is_error(message[0])) return QuoteError::not_an_error;
  const auto pseudo = pseudo_header_sum(outer.source, outer.destination, outer.upper_length, next_header::icmpv6);
  if (ones_complement_sum(message, pseudo) != 0xffff) return QuoteError::bad_checksum;

  QuotedPacket quoted;
  quoted.type = message[0];
  quoted.code = message[1];
  quoted.parameter = load_u32(message.data() + 4);
  const Bytes quote = message.subspan(error_header, quote_length(message));
  const WalkOutcome inner = walk_headers(quote, true);
  if (!inner.ok) return QuoteError::unreadable;
  quoted.walk = inner.walk;
  quoted.offset = static_cast<std::uint16_t>(outer.upper_offset + error_header);
  quoted.length = static_cast<std::uint16_t>(quote.size());
  if (!inner.walk.has_upper_layer()) return quoted;

  const Bytes upper = quote.subspan(inner.walk.upper_offset, inner.walk.upper_length);
  if (has_ports(inner.walk.upper_protocol) && upper.size() >= 4) {
    quoted.has_ports = true;
    quoted.source_port = load_u16(upper.data());
    quoted.destination_port = load_u16(upper.data() + 2);
  }
  const int field = checksum_field_offset(inner.walk.upper_protocol);
  quoted.has_checksum = field >= 0 && upper.size() >= static_cast<std::size_t>(field) + 2;
  return quoted;
}

SumChange readdress_quote(std::uint8_t* quote, const QuotedPacket& quoted, const AddressPair& addresses,
                          SumChange checksum) {
  addresses.source.store(quote + 8);
  addresses.destination.store(quote + 24);
  const std::uint8_t protocol = quoted.walk.upper_protocol;
  const SumChange change = readdressed_checksum(ChecksumMode::ipv6, next_header::icmpv6, quoted.addresses(), addresses);
  if (!quoted.has_checksum) return change;
  std::uint8_t* field = quote + quoted.walk.upper_offset + checksum_field_offset(protocol);
  const std::uint16_t before = load_u16(field);
  adjust_field(field, protocol, checksum);
  return change.then({before, load_u16(field)});
}

ByteVector translate_error(Bytes packet, const HeaderWalk& outer, const QuotedPacket& quoted,
                           const AddressPair& identity, ChecksumMode mode, std::size_t overhead) {
  const Bytes original = packet.subspan(quoted.offset, quoted.length);
  ByteVector buffer{original.begin(), original.end()};
  Packet quote{buffer, 0, buffer.size()};
  readdress_quote(quote.data(), quoted, identity,
                  to_identity_checksum(mode, quoted.walk.upper_protocol, identity, quoted.addresses()));
  const std::uint32_t parameter = parameter_after_strip(quoted, overhead);
  strip_nonce(quote, quoted.walk);
  const bool from_peer = outer.source.nid == quoted.walk.destination.nid;
  return build(packet, outer, quoted, {from_peer ? identity.destination : outer.source, identity.source}, parameter,
               quote.bytes(), 0);
}

ByteVector translate_own_error(Bytes packet, const HeaderWalk& outer, const QuotedPacket& quoted,
                               const AddressPair& wire, ChecksumMode mode, std::size_t overhead) {
  const Bytes original = packet.subspan(quoted.offset, quoted.length);
  ByteVector buffer{original.begin(), original.end()};
  Packet quote{buffer, 0, buffer.size()};
  readdress_quote(quote.data(), quoted, wire,
                  to_wire_checksum(mode, quoted.walk.upper_protocol, quoted.addresses(), wire));
  const bool has_parameter = quoted.type == icmpv6::packet_too_big || quoted.type == icmpv6::parameter_problem;
  return build(packet, outer, quoted, {wire.destination, wire.source}, has_parameter ? quoted.parameter : 0,
               quote.bytes(), overhead);
}

}  // namespace ilnp
