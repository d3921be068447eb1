// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/checksum.h"

#include "core/ipv6/header_walk.h"

namespace ilnp {

std::uint16_t ones_complement_sum(Bytes bytes, std::uint64_t initial) {
  // 32-bit steps into 64 bits: 2^16 * (2^32 - 1) stays far from overflow for any packet.
  std::uint64_t sum = fold(initial);
  const std::uint8_t* p = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; left -= 8, p += 8) sum += std::uint64_t{load_u32(p)} + load_u32(p + 4);
  for (; left >= 2; left -= 2, p += 2) sum += load_u16(p);
  if (left != 0) sum += static_cast<std::uint64_t>(*p) << 8;
  return fold(sum);
}

std::uint16_t pseudo_header_sum(const Address& source, const Address& destination, std::uint32_t length,
                                std::uint8_t next_header) {
  return fold(std::uint64_t{sum_of(source)} + sum_of(destination) + length + next_header);
}

std::uint16_t upper_layer_checksum(const Address& source, const Address& destination, std::uint8_t next_header,
                                   Bytes upper_layer) {
  const auto length = static_cast<std::uint32_t>(upper_layer.size());
  const auto pseudo = pseudo_header_sum(source, destination, length, next_header);
  const auto checksum = static_cast<std::uint16_t>(~ones_complement_sum(upper_layer, pseudo));
  const bool udp = next_header == next_header::udp || next_header == next_header::udp_lite;
  return udp && checksum == 0 ? std::uint16_t{0xffff} : checksum;
}

}  // namespace ilnp
