// SPDX-License-Identifier: Apache-2.0
// Numbers of ICMP for IPv4 (RFC 792, RFC 1122 section 3.2.2) that the stack reads or writes itself.
#pragma once

#include <cstdint>

namespace ilnp::lisp::icmpv4 {

inline constexpr std::uint8_t protocol = 1;  ///< in the IPv4 header

inline constexpr std::uint8_t echo_reply = 0, unreachable = 3, source_quench = 4, redirect = 5, echo_request = 8,
                              time_exceeded = 11, parameter_problem = 12;
/// Codes of Destination Unreachable.
inline constexpr std::uint8_t host_unreachable = 1, protocol_unreachable = 2, port_unreachable = 3,
                              fragmentation_needed = 4, host_prohibited = 10, prohibited = 13;

constexpr bool is_error(std::uint8_t type) {
  return type == unreachable || type == source_quench || type == redirect || type == time_exceeded ||
         type == parameter_problem;
}

}  // namespace ilnp::lisp::icmpv4
