// SPDX-License-Identifier: Apache-2.0
// How our reachability probes look: ICMPv6 Echo with an identifier and a length of their own.
#pragma once

#include "core/ilnp/tuning.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "core/ipv6/packet.h"

namespace ilnp {

inline constexpr std::size_t probe_header = 8;

/// A probe, or the answer to one, as its ICMPv6 message.
struct ProbeMessage {
  bool is_probe = false;
  std::uint8_t type = 0;  ///< Echo Request or Echo Reply
  std::uint16_t sequence = 0;
  Bytes token;
};

inline ProbeMessage probe_of(const Packet& packet, const HeaderWalk& walk) {
  if (walk.upper_protocol != next_header::icmpv6 || walk.upper_length != probe_header + probe_payload) return {};
  const Bytes message = packet.bytes().subspan(walk.upper_offset, walk.upper_length);
  const bool is_echo = message[0] == icmpv6::echo_request || message[0] == icmpv6::echo_reply;
  if (!is_echo || load_u16(message.data() + 4) != probe_identifier) return {};
  return {true, message[0], load_u16(message.data() + 6), message.subspan(probe_header)};
}

}  // namespace ilnp
