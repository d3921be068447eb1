// SPDX-License-Identifier: Apache-2.0
// ICMPv6 messages (RFC 4443) that the stack reads or makes itself.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/ipv6/address.h"

namespace ilnp {

namespace icmpv6 {
inline constexpr std::uint8_t destination_unreachable = 1, packet_too_big = 2, time_exceeded = 3, parameter_problem = 4,
                              echo_request = 128, echo_reply = 129, router_solicitation = 133,
                              router_advertisement = 134, neighbour_solicitation = 135, neighbour_advertisement = 136,
                              redirect = 137, locator_update = 156;
inline constexpr std::uint8_t unrecognised_option = 2;  ///< Parameter Problem code
constexpr bool is_error(std::uint8_t type) { return type < 128; }
constexpr bool is_neighbour_discovery(std::uint8_t type) { return type >= 133 && type <= 137; }
}  // namespace icmpv6

/// A whole IPv6 packet with one upper-layer packet: fixed header and payload, checksum filled in when the protocol has
/// one. `extension` (may be empty) is a finished extension header whose first octet is already upper_protocol.
ByteVector build_packet(const Address& source, const Address& destination, std::uint8_t upper_protocol,
                        Bytes upper_layer, Bytes extension = {}, std::uint8_t hop_limit = 64);

/// An ICMPv6 error message body (type, code, checksum 0, 32-bit parameter, quote cut so that a packet with
/// `overhead` octets before it fits the minimum MTU; RFC 4443 section 2.4).
ByteVector build_error(std::uint8_t type, std::uint8_t code, std::uint32_t parameter, Bytes quoted,
                       std::size_t overhead = 40);

}  // namespace ilnp
