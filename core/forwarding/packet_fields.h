// SPDX-License-Identifier: Apache-2.0
// Upper-layer fields that several parts of the forwarder look at.
#pragma once

#include <algorithm>

#include "core/base/bytes.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/packet.h"

namespace ilnp {

inline constexpr std::size_t hop_limit_offset = 7;

inline constexpr std::uint8_t tcp_syn = 0x02, tcp_rst = 0x04, tcp_ack = 0x10;

struct TcpFields {
  bool valid = false;
  std::uint8_t flags = 0;
  std::uint32_t acknowledgement = 0;
  bool is_reset() const { return valid && (flags & tcp_rst) != 0; }
};

inline TcpFields tcp_of(const Packet& packet, const HeaderWalk& walk) {
  if (walk.upper_protocol != next_header::tcp || walk.upper_length < 20) return {};
  const std::uint8_t* upper = packet.data() + walk.upper_offset;
  return {true, upper[13], load_u32(upper + 8)};
}

inline std::uint8_t icmp_type(const Packet& packet, const HeaderWalk& walk) {
  return walk.upper_length == 0 ? std::uint8_t{0} : packet.data()[walk.upper_offset];
}

inline Bytes nonce_of(const Packet& packet, const HeaderWalk& walk) {
  return packet.bytes().subspan(walk.nonce_offset, walk.nonce_length);
}

/// Octets of one packet as it will be on the wire without the nonce: a super-packet counts as one of its segments.
inline std::size_t unit_size(const Packet& packet, const HeaderWalk& walk) {
  if (packet.offload.segmentation == Offload::Segmentation::none) return packet.size();
  std::size_t transport = 8;
  if (walk.upper_protocol == next_header::tcp && walk.upper_length >= 20)
    transport = static_cast<std::size_t>(packet.data()[walk.upper_offset + 12] >> 4) * 4;
  return std::min(packet.size(), walk.upper_offset + transport + packet.offload.segment_size);
}

}  // namespace ilnp
