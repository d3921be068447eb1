// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/siit_icmp.h"

#include <algorithm>
#include <array>
#include <optional>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "core/lisp/icmpv4.h"

namespace ilnp::lisp {
namespace {

constexpr std::size_t error_header = 8;

struct ErrorHead {
  std::uint8_t type = 0, code = 0;
  std::uint32_t parameter = 0;  ///< the second word
};

/// Of the quoted packet: RFC 4884 sections 4 and 5 let some errors carry more after it. `unit`: octets.
Bytes quote_of(Bytes message, std::size_t length_at, std::size_t unit, bool can_be_extended) {
  const Bytes present = message.subspan(error_header);
  const std::size_t stated = can_be_extended ? message[length_at] * unit : 0;
  return stated != 0 && stated < present.size() ? present.first(stated) : present;
}

/// RFC 1191 section 7: the widest usual MTU below the packet that did not fit. No IPv6 node is told less than 1280, so
/// the ones below the last one do not matter.
std::size_t plateau_below(std::size_t packet) {
  for (const std::size_t mtu : {65535u, 32000u, 17914u, 8166u, 4352u, 2002u, 1492u})
    if (mtu < packet) return mtu;
  return 1006;
}

/// Where octet n of the IPv4 header is in the IPv6 header (RFC 7915, figure 3); nothing: nowhere.
std::optional<std::uint8_t> pointer_in_ipv6(std::uint8_t n) {
  constexpr std::uint8_t none = 255;
  constexpr std::array<std::uint8_t, 20> table{0,    1,    4, 4, none, none, none, none, 7,  6,
                                               none, none, 8, 8, 8,    8,    24,   24,   24, 24};
  if (n >= table.size() || table[n] == none) return std::nullopt;
  return table[n];
}

/// The other way round (RFC 7915, figure 6).
std::optional<std::uint8_t> pointer_in_ipv4(std::uint32_t n) {
  switch (n) {
    case 0:
    case 1:
      return static_cast<std::uint8_t>(n);
    case 4:
    case 5:
      return 2;
    case 6:
      return 9;
    case 7:
      return 8;
    default:
      break;
  }
  if (n >= 8 && n < 24) return 12;
  if (n >= 24 && n < 40) return 16;
  return std::nullopt;
}

std::optional<ErrorHead> unreachable_to_ipv6(std::uint8_t code, std::uint32_t second_word, Bytes quote,
                                             const SiitMtus& mtus) {
  constexpr std::uint8_t no_route = 0, prohibited = 1, port = 4, unrecognised_next_header = 1, next_header_octet = 6;
  switch (code) {
    case 0:
    case 1:
    case 5:
    case 6:
    case 7:
    case 8:
    case 11:
    case 12:
      return ErrorHead{icmpv6::destination_unreachable, no_route, 0};
    case icmpv4::protocol_unreachable:
      return ErrorHead{icmpv6::parameter_problem, unrecognised_next_header, next_header_octet};
    case icmpv4::port_unreachable:
      return ErrorHead{icmpv6::destination_unreachable, port, 0};
    case icmpv4::fragmentation_needed: {
      const std::size_t total = quote.size() < 4 ? 0 : load_u16(quote.data() + 2);
      const std::size_t told = second_word & 0xffff;
      const std::size_t mtu = std::min({(told != 0 ? told : plateau_below(total)) + 20, mtus.ipv6, mtus.ipv4 + 20});
      return ErrorHead{icmpv6::packet_too_big, 0, static_cast<std::uint32_t>(std::max(mtu, minimum_mtu))};
    }
    case 9:
    case icmpv4::host_prohibited:
    case icmpv4::prohibited:
    case 15:
      return ErrorHead{icmpv6::destination_unreachable, prohibited, 0};
    default:
      return std::nullopt;
  }
}

std::optional<ErrorHead> head_to_ipv6(Bytes message, Bytes quote, const SiitMtus& mtus) {
  const std::uint8_t code = message[1];
  const std::uint32_t second_word = load_u32(message.data() + 4);
  switch (message[0]) {
    case icmpv4::unreachable:
      return unreachable_to_ipv6(code, second_word, quote, mtus);
    case icmpv4::time_exceeded:
      return ErrorHead{icmpv6::time_exceeded, code, 0};
    case icmpv4::parameter_problem: {
      if (code != 0 && code != 2) return std::nullopt;
      const auto pointer = pointer_in_ipv6(message[4]);
      return pointer ? std::optional{ErrorHead{icmpv6::parameter_problem, 0, *pointer}} : std::nullopt;
    }
    default:
      return std::nullopt;
  }
}

std::optional<ErrorHead> unreachable_to_ipv4(std::uint8_t code) {
  switch (code) {
    case 0:
    case 2:
    case 3:
      return ErrorHead{icmpv4::unreachable, icmpv4::host_unreachable, 0};
    case 1:
      return ErrorHead{icmpv4::unreachable, icmpv4::host_prohibited, 0};
    case 4:
      return ErrorHead{icmpv4::unreachable, icmpv4::port_unreachable, 0};
    default:
      return std::nullopt;
  }
}

std::optional<ErrorHead> problem_to_ipv4(std::uint8_t code, std::uint32_t pointer) {
  if (code == 1) return ErrorHead{icmpv4::unreachable, icmpv4::protocol_unreachable, 0};
  if (code != 0) return std::nullopt;
  const auto there = pointer_in_ipv4(pointer);
  if (!there) return std::nullopt;
  return ErrorHead{icmpv4::parameter_problem, 0, std::uint32_t{*there} << 24};
}

std::optional<ErrorHead> head_to_ipv4(Bytes message, const SiitMtus& mtus) {
  const std::uint8_t code = message[1];
  const std::uint32_t parameter = load_u32(message.data() + 4);
  switch (message[0]) {
    case icmpv6::destination_unreachable:
      return unreachable_to_ipv4(code);
    case icmpv6::packet_too_big: {
      const std::size_t told = std::max<std::size_t>(parameter, ipv4_least_mtu + 20);
      const std::size_t mtu = std::min({told - 20, mtus.ipv4, mtus.ipv6 - 20});
      return ErrorHead{icmpv4::unreachable, icmpv4::fragmentation_needed, static_cast<std::uint32_t>(mtu)};
    }
    case icmpv6::time_exceeded:
      return ErrorHead{icmpv4::time_exceeded, code, 0};
    case icmpv6::parameter_problem:
      return problem_to_ipv4(code, parameter);
    default:
      return std::nullopt;
  }
}

ByteVector message_of(const ErrorHead& head, Bytes quote) {
  ByteVector out;
  ByteWriter w{out};
  w.u8(head.type);
  w.u8(head.code);
  w.u16(0);
  w.u32(head.parameter);
  w.bytes(quote);
  return out;
}

/// The quoted packet behind the header of the other family, of which there are `octets`.
Result<ByteVector, SiitDrop> requote(Bytes quote, const SiitHeader& header, const IpPair& to, std::size_t octets) {
  const Bytes upper = quote.subspan(header.upper_offset);
  ByteVector out(octets + std::min(upper.size(), header.upper_length));
  std::copy_n(upper.begin(), out.size() - octets, out.begin() + static_cast<std::ptrdiff_t>(octets));
  if (to.source.is_ipv4())
    write_ipv4_header(out.data(), header, to, 0);
  else
    write_ipv6_header(out.data(), header, to);
  const SiitDrop drop = translate_upper(MutableBytes{out}.subspan(octets), header, to, false, true);
  if (drop != SiitDrop::none) return SiitDrop::icmp_quote;
  return out;
}

/// An IPv6-only node sent it to an IPv4 node, and this is what that one got.
Result<ByteVector, SiitDrop> quote_to_ipv6(Bytes quote, const EamTable& nodes, std::uint32_t instance) {
  const auto header = read_ipv4_header(quote, true);
  if (!header) return SiitDrop::icmp_quote;
  const IpPair& from = header.value().addresses;
  const auto source = nodes.ipv6_of_ipv6_node(instance, from.source);
  const auto destination = nodes.ipv6_of_ipv4_node(instance, from.destination);
  if (!source || !destination) return SiitDrop::icmp_quote;
  return requote(quote, header.value(), {*source, *destination}, ipv6_octets_for(header.value()));
}

Result<ByteVector, SiitDrop> quote_to_ipv4(Bytes quote, const EamTable& nodes, std::uint32_t instance) {
  const auto header = read_ipv6_header(quote, true);
  if (!header) return SiitDrop::icmp_quote;
  const IpPair& from = header.value().addresses;
  const auto source = nodes.ipv4_of_ipv4_node(instance, from.source.ipv6());
  const auto destination = nodes.ipv4_of_ipv6_node(instance, from.destination.ipv6());
  if (!source || !destination) return SiitDrop::icmp_quote;
  return requote(quote, header.value(), {*source, *destination}, ipv4_header_octets);
}

}  // namespace

Result<ByteVector, SiitDrop> icmp_error_to_ipv6(Bytes message, const EamTable& nodes, std::uint32_t instance,
                                                const SiitMtus& mtus) {
  if (message.size() < error_header) return SiitDrop::malformed;
  if (ones_complement_sum(message) != 0xffff) return SiitDrop::icmp_checksum;
  const std::uint8_t type = message[0];
  const bool can_be_extended =
      type == icmpv4::unreachable || type == icmpv4::time_exceeded || type == icmpv4::parameter_problem;
  const Bytes quote = quote_of(message, 5, 4, can_be_extended);
  const auto head = head_to_ipv6(message, quote, mtus);
  if (!head) return SiitDrop::icmp_type;
  auto requoted = quote_to_ipv6(quote, nodes, instance);
  if (!requoted) return requoted.error();
  return build_error(head->type, head->code, head->parameter, requoted.value());
}

Result<ByteVector, SiitDrop> icmp_error_to_ipv4(Bytes message, const IpPair& addresses, const EamTable& nodes,
                                                std::uint32_t instance, const SiitMtus& mtus) {
  if (message.size() < error_header) return SiitDrop::malformed;
  const auto length = static_cast<std::uint32_t>(message.size());
  const auto pseudo =
      pseudo_header_sum(addresses.source.ipv6(), addresses.destination.ipv6(), length, next_header::icmpv6);
  if (ones_complement_sum(message, pseudo) != 0xffff) return SiitDrop::icmp_checksum;
  const auto head = head_to_ipv4(message, mtus);
  if (!head) return SiitDrop::icmp_type;
  const std::uint8_t type = message[0];
  const bool can_be_extended = type == icmpv6::destination_unreachable || type == icmpv6::time_exceeded;
  auto requoted = quote_to_ipv4(quote_of(message, 4, 8, can_be_extended), nodes, instance);
  if (!requoted) return requoted.error();
  constexpr std::size_t most = 576 - ipv4_header_octets - error_header;  // RFC 1812 section 4.3.2.3
  const Bytes quote{requoted.value()};
  ByteVector out = message_of(*head, quote.first(std::min(quote.size(), most)));
  store_u16(out.data() + 2, static_cast<std::uint16_t>(~ones_complement_sum(out)));
  return out;
}

}  // namespace ilnp::lisp
