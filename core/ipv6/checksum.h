// SPDX-License-Identifier: Apache-2.0
// The Internet checksum (RFC 1071) and its incremental update (RFC 1624, equation 3). Every checksum change in the
// project goes through adjust(): a missing end-around carry is wrong only once in some 8000 packets, so there is one
// function and one test for it.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/ipv6/address.h"

namespace ilnp {

/// Ones' complement sum of 16-bit words, folded; not complemented.
constexpr std::uint16_t fold(std::uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<std::uint16_t>(sum);
}

/// Sum of the octets as big-endian words; an odd last octet is padded with zero.
std::uint16_t ones_complement_sum(Bytes bytes, std::uint64_t initial = 0);

constexpr std::uint16_t sum_of(std::uint64_t bits) {
  return fold((bits >> 48) + (bits >> 32 & 0xffff) + (bits >> 16 & 0xffff) + (bits & 0xffff));
}
constexpr std::uint16_t sum_of(Locator l) { return sum_of(l.bits); }
constexpr std::uint16_t sum_of(NodeId n) { return sum_of(n.bits); }
constexpr std::uint16_t sum_of(const Address& a) { return fold(std::uint64_t{sum_of(a.locator)} + sum_of(a.nid)); }

/// What a rewrite does to a sum: `removed` words leave it, `added` words join it.
struct SumChange {
  std::uint16_t removed = 0;
  std::uint16_t added = 0;

  constexpr SumChange then(SumChange next) const {
    return {fold(std::uint64_t{removed} + next.removed), fold(std::uint64_t{added} + next.added)};
  }
  constexpr bool operator==(const SumChange&) const = default;
};

/// RFC 1624 equation 3 on a complete (complemented) checksum: HC' = ~(~HC + ~m + m').
constexpr std::uint16_t adjust(std::uint16_t checksum, SumChange change) {
  if (change.removed == change.added) return checksum;  // 0xffff would become 0, which is the same sum
  return static_cast<std::uint16_t>(~fold(std::uint64_t{static_cast<std::uint16_t>(~checksum)} +
                                          static_cast<std::uint16_t>(~change.removed) + change.added));
}

/// The same on a partial checksum, whose field holds the folded pseudo-header sum itself.
constexpr std::uint16_t adjust_partial(std::uint16_t sum, SumChange change) {
  return static_cast<std::uint16_t>(~adjust(static_cast<std::uint16_t>(~sum), change));
}

/// adjust() on the checksum field of an upper-layer header. UDP's rules hold: 0 on the wire says "none" and stays
/// (RFC 6935), a computed 0 is written as 0xffff.
inline void adjust_field(std::uint8_t* field, std::uint8_t protocol, SumChange change) {
  const bool udp = protocol == 17 || protocol == 136;  // UDP, UDP-Lite
  const std::uint16_t before = load_u16(field);
  if (udp && before == 0) return;
  const std::uint16_t after = adjust(before, change);
  store_u16(field, udp && after == 0 ? std::uint16_t{0xffff} : after);
}

/// Sum of the IPv6 pseudo-header (RFC 8200 section 8.1); `length` is that of the upper-layer packet.
std::uint16_t pseudo_header_sum(const Address& source, const Address& destination, std::uint32_t length,
                                std::uint8_t next_header);

/// The complete checksum of an upper-layer packet whose checksum field is zero; a UDP result of 0 becomes 0xffff.
std::uint16_t upper_layer_checksum(const Address& source, const Address& destination, std::uint8_t next_header,
                                   Bytes upper_layer);

}  // namespace ilnp
