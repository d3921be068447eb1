// SPDX-License-Identifier: Apache-2.0
// The packet that a LISP data packet carries, IPv4 or IPv6: what encapsulation looks at, and the two fields of its
// header that decapsulation changes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/ip_address.h"

namespace ilnp::lisp {

enum class InnerProblem : std::uint8_t {
  truncated,   ///< fewer octets than its header says
  not_ip,      ///< neither version 4 nor 6
  bad_header,  ///< IPv4 header length or checksum; IPv6 extension headers
};

/// All numbers in host order.
struct InnerPacket {
  IpAddress source, destination;
  std::uint8_t hop_limit = 0;
  std::uint8_t traffic_class = 0;  ///< DSCP and ECN
  std::uint8_t protocol = 0;       ///< above IP; of IPv6 behind its extension headers
  std::uint32_t flow_label = 0;    ///< IPv6
  std::size_t length = 0;          ///< octets, as its header says; more may follow
  std::size_t upper_offset = 0;    ///< octets in front of the upper layer
  bool is_fragment = false;
  bool is_first_fragment = true;
  bool may_fragment = false;                            ///< IPv4 without DF
  std::uint16_t source_port = 0, destination_port = 0;  ///< 0 where there are none, and in fragments

  std::uint8_t ecn() const { return traffic_class & 3; }
};

Result<InnerPacket, InnerProblem> parse_inner(Bytes packet);

/// Keep the IPv4 header checksum right. `packet` was parsed.
void set_hop_limit(MutableBytes packet, std::uint8_t hop_limit);
void set_traffic_class(MutableBytes packet, std::uint8_t traffic_class);

/// Where the flow's packets go, if several ways are equal, and with which source port (RFC 9300 section 5.3): by
/// addresses, protocol and ports, or the flow label where there are none. All fragments of a datagram take one way.
std::uint64_t flow_hash(const InnerPacket& packet, std::uint64_t seed);

/// Of a header that was parsed: the checksum over its own octets, which is 0 as it should be.
std::uint16_t ipv4_header_sum(Bytes header);

}  // namespace ilnp::lisp
