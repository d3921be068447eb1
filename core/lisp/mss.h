// SPDX-License-Identifier: Apache-2.0
// For paths that swallow large packets and say nothing: both ends of a TCP session are told by its first segments how
// large the others may be (the Maximum Segment Size option, RFC 9293 section 3.7.1), so that they fit into the tunnel.
#pragma once

#include <cstddef>

#include "core/base/bytes.h"
#include "core/lisp/inner_packet.h"

namespace ilnp::lisp {

/// Octets of payload in a packet of `mtu` octets, without options.
constexpr std::size_t segment_in(Family family, std::size_t mtu) {
  const std::size_t headers = family == Family::ipv4 ? 40 : 60;
  return mtu > headers ? mtu - headers : 0;
}

/// A segment that opens a session announces no more than `most` octets; its checksum stays right. Any other packet
/// stays as it is. `leaves_checksum`: a device is to finish the checksum.
void clamp_mss(MutableBytes packet, const InnerPacket& inner, std::size_t most, bool leaves_checksum);

}  // namespace ilnp::lisp
