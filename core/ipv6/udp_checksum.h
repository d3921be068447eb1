// SPDX-License-Identifier: Apache-2.0
// Over IPv6 a UDP datagram has a checksum (RFC 8200 section 8.1). Over IPv4 and in tunnels it may come without one.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"

namespace ilnp {

enum class UdpChecksum : std::uint8_t {
  present,    ///< it was, or is now
  malformed,  ///< the header or its length lies; nothing was changed
  in_pieces,  ///< it is missing, and the rest of the datagram with what it would be computed from
};

/// `udp` begins with the header; `addresses` is the ones' complement sum of both, of either family.
UdpChecksum fill_udp_checksum(MutableBytes udp, bool is_fragment, std::uint16_t addresses);

}  // namespace ilnp
