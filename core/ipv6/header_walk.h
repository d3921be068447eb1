// SPDX-License-Identifier: Apache-2.0
// Walks an IPv6 packet from the fixed header to the upper layer (RFC 8200 section 4), bounded and closed: a header
// that is not on the allow-list, a length that lies, or a chain that is too long is an error, never a guess.
#pragma once

#include <cstdint>

#include "core/base/bytes.h"
#include "core/ipv6/address.h"

namespace ilnp {

inline constexpr std::size_t ipv6_header_length = 40;
inline constexpr std::size_t minimum_mtu = 1280;  ///< RFC 8200 section 5

namespace next_header {
inline constexpr std::uint8_t hop_by_hop = 0, tcp = 6, udp = 17, routing = 43, fragment = 44, esp = 50,
                              authentication = 51, icmpv6 = 58, none = 59, destination_options = 60, dccp = 33,
                              sctp = 132, udp_lite = 136, mobility = 135, hip = 139, shim6 = 140;
}

enum class ParseError : std::uint8_t {
  truncated,             ///< fewer octets than a header or length field says
  not_ipv6,              ///< version is not 6
  length_mismatch,       ///< payload length disagrees with what arrived
  bad_extension_header,  ///< an extension header runs past the packet or is malformed
  header_not_allowed,    ///< an extension header that is not on the allow-list, or one out of place: Hop-by-Hop not
                         ///< first, a second Fragment header, Routing type 0 or with segments left, a Nonce before it
  too_many_headers,      ///< more than max_extension_headers, or more than max_options in them
  bad_option,            ///< an option runs past its header; a Nonce option of other than 4..64 octets or in Hop-by-Hop
  two_nonces,            ///< RFC 6744 section 3: more than one Nonce option
};

inline constexpr int max_extension_headers = 8;
inline constexpr int max_options = 32;

/// The ILNPv6 Nonce destination option (RFC 6744 section 2), and the lengths that are compared on receipt.
inline constexpr std::uint8_t nonce_option_type = 0x8b;
inline constexpr std::uint8_t min_nonce_length = 4, max_nonce_length = 64;

/// Where things are. All offsets count from the first octet of the IPv6 header.
struct HeaderWalk {
  Address source;
  Address destination;
  std::uint8_t hop_limit = 0;

  std::uint8_t upper_protocol = 0;  ///< first next-header value that is not an extension header walked through
  std::uint16_t upper_offset = 0;   ///< of the upper-layer header
  std::uint32_t upper_length = 0;   ///< octets from upper_offset to the end of the packet
  std::uint16_t upper_pointer = 0;  ///< of the next-header octet that names the upper layer

  bool is_fragment = false;            ///< a Fragment header with offset or more-fragments set (atomic ones are not)
  std::uint16_t fragment_header = 0;   ///< offset of the Fragment header, atomic ones too; 0 = none
  std::uint16_t fragment_pointer = 0;  ///< of the next-header octet that names the Fragment header
  std::uint16_t fragment_offset = 0;   ///< octets; the upper layer is only readable when 0
  bool more_fragments = false;
  std::uint32_t fragment_id = 0;

  // The Nonce option (RFC 6744), when nonce_length != 0.
  std::uint16_t nonce_offset = 0;  ///< of the nonce value
  std::uint8_t nonce_length = 0;   ///< octets of the nonce value
  std::uint16_t nonce_option = 0;  ///< offset of the option type octet
  std::uint16_t nonce_header = 0;  ///< offset of the Destination Options header that holds it
  std::uint16_t nonce_header_length = 0;
  std::uint16_t nonce_header_pointer = 0;  ///< of the next-header octet that names that header
  bool nonce_alone = false;                ///< that header holds nothing but the nonce and padding: it can be stripped

  bool has_nonce() const { return nonce_length != 0; }
  /// The upper-layer header is in this packet (not in an earlier fragment).
  bool has_upper_layer() const { return fragment_offset == 0; }
};

struct WalkOutcome {
  HeaderWalk walk;  ///< when not ok, only the addresses and the hop limit, and those not after truncated and not_ipv6
  bool ok = false;
  ParseError error = ParseError::truncated;
  std::uint16_t error_offset = 0;  ///< the octet that a Parameter Problem would point at
};

/// Allow-list: Hop-by-Hop (first only), Destination Options, Routing (at its last hop), Fragment, Authentication. ESP,
/// No-Next-Header and every upper protocol end the walk; so does a fragment that is not the first. What unknown options
/// ask for is left to the kernel.
/// The packet must be exactly as long as its header says: link-layer padding is cut off before. With `quoted`, the
/// packet may be cut short as in an ICMPv6 error: lengths may promise more than is there, but nothing beyond `packet`
/// is looked at and upper_length is what is present.
WalkOutcome walk_headers(Bytes packet, bool quoted = false);

/// The upper-layer header begins with a source and a destination port.
constexpr bool has_ports(std::uint8_t protocol) {
  return protocol == next_header::tcp || protocol == next_header::udp || protocol == next_header::udp_lite ||
         protocol == next_header::dccp || protocol == next_header::sctp;
}

/// Offset of the checksum field within the upper-layer header, or -1 for protocols without one that covers addresses.
constexpr int checksum_field_offset(std::uint8_t protocol) {
  switch (protocol) {
    case next_header::tcp:
      return 16;
    case next_header::udp:
      return 6;
    case next_header::udp_lite:
      return 6;
    case next_header::dccp:
      return 6;
    case next_header::icmpv6:
      return 2;
    default:
      return -1;
  }
}

}  // namespace ilnp
