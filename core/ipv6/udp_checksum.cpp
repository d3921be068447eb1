// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/udp_checksum.h"

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"

namespace ilnp {

UdpChecksum fill_udp_checksum(MutableBytes udp, bool is_fragment, std::uint16_t addresses) {
  constexpr std::size_t least = 8, length_at = 4, checksum_at = 6;
  if (udp.size() < least) return UdpChecksum::malformed;
  if (load_u16(udp.data() + checksum_at) != 0) return UdpChecksum::present;
  if (is_fragment) return UdpChecksum::in_pieces;
  const std::size_t length = load_u16(udp.data() + length_at);
  if (length < least || length > udp.size()) return UdpChecksum::malformed;
  const std::uint64_t pseudo = std::uint64_t{addresses} + length + next_header::udp;
  const auto sum = static_cast<std::uint16_t>(~ones_complement_sum(udp.first(length), pseudo));
  store_u16(udp.data() + checksum_at, sum == 0 ? std::uint16_t{0xffff} : sum);
  return UdpChecksum::present;
}

}  // namespace ilnp
