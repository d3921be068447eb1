// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/encapsulation.h"

#include <algorithm>
#include <cassert>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "core/lisp/icmpv4.h"

namespace ilnp::lisp {
namespace {

constexpr int most_nested = 2;  // RFC 9300 section 4: two LISP headers at most
constexpr std::size_t udp_and_lisp = 16;
constexpr std::uint8_t ecn_not_ect = 0, ecn_ect1 = 1, ecn_ce = 3;

}  // namespace

int nesting_depth(Bytes packet) {
  int depth = 0;
  while (depth <= most_nested) {
    const auto inner = parse_inner(packet);
    if (!inner || inner.value().protocol != next_header::udp || inner.value().destination_port != data_port)
      return depth;
    ++depth;
    const std::size_t offset = inner.value().upper_offset + udp_and_lisp;
    if (offset >= inner.value().length) return depth;
    packet = packet.subspan(offset);
  }
  return depth;
}

Encapsulation encapsulate(MutableBytes packet, const InnerPacket& inner, const IpAddress& rloc, std::size_t path_mtu,
                          std::size_t segment, std::uint64_t hash_seed,
                          const std::function<bool(const IpAddress&)>& is_own) {
  using enum EncapsulationVerdict;
  const bool is_control = inner.protocol == next_header::udp && inner.destination_port == control_port;
  const bool is_tunnel = inner.protocol == next_header::udp && inner.destination_port == data_port;
  const int depth = is_tunnel ? nesting_depth(packet) : 0;
  if (is_own(rloc) || ((is_control || depth > 0) && is_own(inner.destination))) return {to_ourselves, {}, 0};
  if (depth >= most_nested) return {nested, {}, 0};
  if (inner.hop_limit <= 1) return {hop_limit_exceeded, {}, 0};

  Encapsulation out;
  const std::size_t overhead = encapsulation_octets(rloc.family());
  out.mtu = path_mtu > overhead ? path_mtu - overhead : 0;
  if (segment > out.mtu) {
    if (inner.destination.is_ipv4()) {
      out.verdict = inner.may_fragment ? fragment_inner : too_big;
    } else if (out.mtu >= minimum_mtu) {
      out.verdict = too_big;
    } else {
      // Nobody may be told less than 1280 (RFC 8200 section 5): the outer packet is what gets cut.
      out.mtu = minimum_mtu;
      out.outer.may_fragment = segment <= minimum_mtu;
      out.verdict = segment <= minimum_mtu ? EncapsulationVerdict::encapsulate : too_big;
    }
    if (out.verdict != EncapsulationVerdict::encapsulate) return out;
  }
  out.outer.hop_limit = static_cast<std::uint8_t>(inner.hop_limit - 1);
  out.outer.traffic_class = inner.traffic_class;
  out.outer.source_port = static_cast<std::uint16_t>(0xc000 | (flow_hash(inner, hash_seed) & 0x3fff));
  set_hop_limit(packet, out.outer.hop_limit);
  return out;
}

std::optional<std::uint8_t> decapsulated_ecn(std::uint8_t inner, std::uint8_t outer) {
  if (outer == ecn_ce) return inner == ecn_not_ect ? std::nullopt : std::optional{ecn_ce};
  if (outer == ecn_ect1 && inner == 2) return ecn_ect1;
  return inner;
}

bool decapsulate(MutableBytes packet, const InnerPacket& inner, std::uint8_t outer_hop_limit,
                 std::uint8_t outer_traffic_class, DscpMode mode) {
  const auto ecn = decapsulated_ecn(inner.ecn(), outer_traffic_class & 3);
  if (!ecn) return false;
  const std::uint8_t dscp = (mode == DscpMode::uniform ? outer_traffic_class : inner.traffic_class) & 0xfc;
  const auto traffic_class = static_cast<std::uint8_t>(dscp | *ecn);
  if (traffic_class != inner.traffic_class) set_traffic_class(packet, traffic_class);
  if (outer_hop_limit < inner.hop_limit) set_hop_limit(packet, outer_hop_limit);
  return true;
}

std::vector<ByteVector> fragment_ipv4(Bytes packet, const InnerPacket& inner, std::size_t mtu) {
  const std::size_t header = inner.upper_offset;
  const Bytes payload = packet.subspan(header, inner.length - header);
  // Options that are not copied (RFC 791 section 3.1) stay in all of them: harmless, and rare.
  const std::size_t most = (mtu - header) / 8 * 8;
  assert(inner.may_fragment && mtu >= 68 && most > 0);
  const std::size_t count = (payload.size() + most - 1) / most;
  const std::size_t each = std::min(most, ((payload.size() + count - 1) / count + 7) / 8 * 8);
  const std::uint16_t field = load_u16(packet.data() + 6);
  std::vector<ByteVector> out;
  for (std::size_t at = 0; at < payload.size(); at += each) {
    const Bytes part = payload.subspan(at, std::min(each, payload.size() - at));
    ByteVector fragment{packet.begin(), packet.begin() + static_cast<std::ptrdiff_t>(header)};
    fragment.insert(fragment.end(), part.begin(), part.end());
    const bool is_last = at + part.size() == payload.size();
    const auto flags = static_cast<std::uint16_t>((field & 0xc000) | (is_last ? field & 0x2000 : 0x2000));
    store_u16(fragment.data() + 2, static_cast<std::uint16_t>(fragment.size()));
    store_u16(fragment.data() + 6, static_cast<std::uint16_t>(flags | ((field & 0x1fff) + at / 8)));
    store_u16(fragment.data() + 10, 0);
    store_u16(fragment.data() + 10, ipv4_header_sum(Bytes{fragment}.first(header)));
    out.push_back(std::move(fragment));
  }
  return out;
}

namespace {

bool may_answer(Bytes packet, const InnerPacket& inner) {
  if (!inner.source.is_routable_unicast() || !inner.destination.is_routable_unicast()) return false;
  if (!inner.is_first_fragment) return false;
  const std::uint8_t protocol = inner.source.is_ipv4() ? icmpv4::protocol : next_header::icmpv6;
  if (inner.protocol != protocol) return true;
  if (inner.upper_offset >= inner.length) return false;
  const std::uint8_t type = packet[inner.upper_offset];
  return inner.source.is_ipv4() ? !icmpv4::is_error(type) : !icmpv6::is_error(type);
}

ByteVector icmpv4_error(Bytes packet, std::uint8_t type, std::uint8_t code, std::uint16_t mtu, std::uint32_t from,
                        std::uint32_t to) {
  constexpr std::size_t most = 576, headers = 28;  // RFC 1812 section 4.3.2.3
  const Bytes quote = packet.first(std::min(packet.size(), most - headers));
  ByteVector out;
  ByteWriter w{out};
  w.u16(0x45c0);  // DSCP: internetwork control
  w.u16(static_cast<std::uint16_t>(headers + quote.size()));
  w.u32(0);
  w.u8(64);
  w.u8(icmpv4::protocol);
  w.u16(0);
  w.u32(from);
  w.u32(to);
  w.u8(type);
  w.u8(code);
  w.u32(0);
  w.u16(mtu);
  w.bytes(quote);
  store_u16(out.data() + 10, ipv4_header_sum(Bytes{out}.first(20)));
  store_u16(out.data() + 22, ipv4_header_sum(Bytes{out}.subspan(20)));
  return out;
}

}  // namespace

std::optional<ByteVector> error_about(Bytes packet, const InnerPacket& inner, InnerError error, std::size_t mtu,
                                      const IpAddress& own) {
  if (!may_answer(packet, inner)) return std::nullopt;
  const Bytes whole = packet.first(inner.length);
  struct Code {
    std::uint8_t type4, code4, type6, code6;
  };
  constexpr Code codes[] = {{icmpv4::unreachable, icmpv4::fragmentation_needed, icmpv6::packet_too_big, 0},
                            {icmpv4::time_exceeded, 0, icmpv6::time_exceeded, 0},
                            {icmpv4::unreachable, icmpv4::host_unreachable, icmpv6::destination_unreachable, 3},
                            {icmpv4::unreachable, icmpv4::prohibited, icmpv6::destination_unreachable, 1}};
  const Code& code = codes[static_cast<std::size_t>(error)];
  const std::size_t told = error == InnerError::too_big ? mtu : 0;
  if (inner.source.is_ipv4())
    return icmpv4_error(whole, code.type4, code.code4, static_cast<std::uint16_t>(told), own.ipv4(),
                        inner.source.ipv4());
  return build_packet(own.ipv6(), inner.source.ipv6(), next_header::icmpv6,
                      build_error(code.type6, code.code6, static_cast<std::uint32_t>(told), whole));
}

}  // namespace ilnp::lisp
