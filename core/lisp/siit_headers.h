// SPDX-License-Identifier: Apache-2.0
// What the IP headers of both families say, read from one and written as the other (RFC 7915 sections 4.1 and 5.1), and
// what that does to the upper layer. Whole packets and those that ICMP errors quote.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/ip_address.h"
#include "core/lisp/siit_reasons.h"

namespace ilnp::lisp {

inline constexpr std::size_t ipv4_header_octets = 20, ipv6_fragment_octets = 8, ipv4_least_mtu = 68;

struct IpPair {
  IpAddress source, destination;
};
/// Ones' complement sum of both.
std::uint16_t sum_of(const IpPair& pair);

struct SiitHeader {
  IpPair addresses;
  std::uint8_t traffic_class = 0;
  std::uint8_t hop_limit = 0;
  std::uint8_t protocol = 0;     ///< of the upper layer, in the number of this family (ICMP)
  std::size_t upper_offset = 0;  ///< octets in front of the upper layer
  std::size_t upper_length = 0;  ///< octets that the header promises; of a quote fewer may be there
  bool may_fragment = true;      ///< not IPv4 with DF
  bool fragment_fields = false;  ///< the datagram is in pieces, or its identification counts
  std::uint16_t fragment = 0;    ///< where this piece begins, in units of 8 octets
  bool more_fragments = false;
  std::uint32_t identification = 0;

  bool is_ipv4() const { return addresses.source.is_ipv4(); }
  bool is_fragment() const { return fragment != 0 || more_fragments; }
  bool is_icmp() const;
};

/// With `quoted` the packet may be cut short, and the IPv4 header checksum does not count. Otherwise it is exactly as
/// long as it says. What cannot be said in the other family is an error; IPv4 options and IPv6 extension headers are
/// left behind.
Result<SiitHeader, SiitDrop> read_ipv4_header(Bytes packet, bool quoted);
Result<SiitHeader, SiitDrop> read_ipv6_header(Bytes packet, bool quoted);

/// Octets of what write_ipv6_header() writes.
constexpr std::size_t ipv6_octets_for(const SiitHeader& header) {
  return 40 + (header.fragment_fields ? ipv6_fragment_octets : 0);
}
/// `from` is of IPv4. `out` has room.
void write_ipv6_header(std::uint8_t* out, const SiitHeader& from, const IpPair& to);
/// `from` is of IPv6. Without fragment fields there, `identification` is used, and DF set when it is 0. Precondition:
/// it fits.
void write_ipv4_header(std::uint8_t* out, const SiitHeader& from, const IpPair& to, std::uint16_t identification);

/// Changes the beginning of the upper layer to what it is behind the header of `to`: the checksum, and the type of
/// ICMP echoes. ICMP errors are not for here (icmp_type). `partial`: the checksum field holds the pseudo-header sum;
/// not of ICMP. `quoted`: what is not there is not needed.
SiitDrop translate_upper(MutableBytes upper, const SiitHeader& from, const IpPair& to, bool partial, bool quoted);

}  // namespace ilnp::lisp
