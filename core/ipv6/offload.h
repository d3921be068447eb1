// SPDX-License-Identifier: Apache-2.0
// What a packet needs before it may go where nobody finishes it.
#pragma once

#include "core/ipv6/checksum.h"
#include "core/ipv6/packet.h"

namespace ilnp {

/// Writes the real checksum: fragments and tunnelled packets are not offloaded. The packet is no super-packet.
inline void complete_checksum(Packet& packet) {
  if (!packet.offload.partial_checksum) return;
  const std::size_t start = packet.offload.checksum_start, field = start + packet.offload.checksum_offset;
  if (field + 2 <= packet.size()) {
    const auto sum = static_cast<std::uint16_t>(~ones_complement_sum(packet.bytes().subspan(start)));
    store_u16(packet.data() + field, sum == 0 && packet.offload.checksum_offset == 6 ? std::uint16_t{0xffff} : sum);
  }
  packet.offload = {};
}

}  // namespace ilnp
