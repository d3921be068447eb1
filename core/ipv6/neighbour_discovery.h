// SPDX-License-Identifier: Apache-2.0
// Neighbour Discovery messages (RFC 4861) that a mobile host or a border router has to read or make itself: router
// advertisements for locators and gateways, neighbour messages for duplicate address detection, for nodes that have
// moved away and for nodes that arrive. Codec only. The parser makes the checks of RFC 4861 sections 6.1.2, 7.1.1
// and 7.1.2 except the ICMPv6 checksum, which the caller (or the kernel) has verified.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "core/ipv6/address.h"
#include "core/ipv6/mac_address.h"

namespace ilnp {

inline constexpr std::size_t max_advertised_prefixes = 32;
inline constexpr std::size_t max_neighbour_discovery_options = 64;

inline constexpr Address all_nodes{{0xff02'0000'0000'0000}, {1}};
inline constexpr Address all_routers{{0xff02'0000'0000'0000}, {2}};
constexpr Address solicited_node(const Address& target) {
  return {{0xff02'0000'0000'0000}, {0x0000'0001'ff00'0000 | (target.nid.bits & 0xff'ffff)}};
}

/// RFC 4191 section 2.1; the reserved value is read as medium.
enum class RouterPreference : std::uint8_t { low, medium, high };

inline constexpr std::uint32_t infinite_lifetime = 0xffff'ffff;

/// Prefix Information option (RFC 4861 section 4.6.2). Bits of the prefix beyond its length are cleared.
struct PrefixInformation {
  Address prefix;
  std::uint8_t length = 0;  ///< bits, 0..128
  bool on_link = false;
  bool autonomous = false;
  std::uint32_t valid_lifetime = 0;      ///< seconds; infinite_lifetime = for ever
  std::uint32_t preferred_lifetime = 0;  ///< seconds, never above valid_lifetime
  bool operator==(const PrefixInformation&) const = default;
};

struct RouterAdvertisement {
  Address router;  ///< link-local source
  std::uint8_t hop_limit = 0;
  bool managed = false, other = false;
  RouterPreference preference = RouterPreference::medium;
  std::uint16_t router_lifetime = 0;  ///< seconds; 0 = not a default router
  std::uint32_t mtu = 0;              ///< MTU option; 0 = none
  std::optional<MacAddress> link_layer;
  std::vector<PrefixInformation> prefixes;  ///< at most max_advertised_prefixes
  std::uint16_t prefixes_left_out = 0;      ///< options beyond max_advertised_prefixes
};

struct RouterSolicitation {
  Address source;  ///< unspecified: it has no address yet
  std::optional<MacAddress> link_layer;
};

using DadNonce = std::array<std::uint8_t, 6>;  ///< RFC 7527 section 4.1

struct NeighbourSolicitation {
  Address source;  ///< unspecified: a duplicate address probe
  Address target;
  std::optional<MacAddress> link_layer;
  std::optional<DadNonce> nonce;  ///< only of the usual length
};

struct NeighbourAdvertisement {
  Address source;
  Address target;
  bool from_router = false, solicited = false, override_cached = false;
  std::optional<MacAddress> link_layer;
};

using NeighbourMessage =
    std::variant<RouterAdvertisement, NeighbourSolicitation, NeighbourAdvertisement, RouterSolicitation>;

enum class NeighbourMessageError : std::uint8_t {
  truncated,         ///< shorter than its fixed part, or an option runs past the end
  not_relevant,      ///< another ICMPv6 type
  bad_hop_limit,     ///< not 255: came through a router
  bad_code,          ///< not 0
  bad_source,        ///< an advertisement that is not from a link-local address, or the like
  bad_target,        ///< multicast target
  bad_destination,   ///< a probe not sent to the solicited-node group, a solicited answer to a group
  empty_option,      ///< an option of length 0
  too_many_options,  ///< more than max_neighbour_discovery_options
  bad_checksum,
};

/// `message` starts at the ICMPv6 type octet.
Result<NeighbourMessage, NeighbourMessageError> parse_neighbour_message(const Address& source,
                                                                        const Address& destination,
                                                                        std::uint8_t hop_limit, Bytes message);

struct NeighbourPacket {
  NeighbourMessage message;
  Address destination;
};
/// The same of a whole IPv6 packet that nobody has looked at: its checksum is verified as well. Extension headers are
/// not_relevant.
Result<NeighbourPacket, NeighbourMessageError> parse_neighbour_packet(Bytes packet);

/// The ICMPv6 message only (checksum zero): Router Solicitation, with the source link-layer option when given (it must
/// not be given when the source will be unspecified, RFC 4861 section 4.1).
ByteVector encode_router_solicitation(const std::optional<MacAddress>& link_layer);

/// A whole IPv6 packet from `source` (link-local or unspecified) to all routers.
ByteVector build_router_solicitation(const Address& source, const MacAddress& link_layer);

/// A whole IPv6 packet, the Neighbour Solicitation of RFC 4862 section 5.4.2 with a nonce (RFC 7527 section 4.2).
ByteVector build_duplicate_address_probe(const Address& target, const DadNonce& nonce);

/// A whole IPv6 packet to all nodes: the unsolicited Neighbour Advertisement of RFC 4861 section 7.2.6. A router that
/// waits for an answer (its questions may have got lost before the link was up) learns it now and not at its next
/// question. `override_cached` is false while the address is optimistic (RFC 4429 section 3.3).
ByteVector build_unsolicited_advertisement(const Address& target, const MacAddress& own_mac, bool override_cached);

/// A whole IPv6 packet (RFC 4861 section 4.4), from message.source.
ByteVector build_neighbour_advertisement(const NeighbourAdvertisement& message, const Address& destination);

/// The ICMPv6 message only (checksum zero): Neighbour Solicitation (RFC 4861 section 4.3) to the solicited-node group.
ByteVector encode_neighbour_solicitation(const Address& target, const MacAddress& own_mac);

/// The same as a whole IPv6 packet. `source` is not unspecified.
ByteVector build_neighbour_solicitation(const Address& source, const Address& target, const MacAddress& own_mac);

/// A whole IPv6 packet from message.router (RFC 4861 section 4.2). At most max_advertised_prefixes.
ByteVector build_router_advertisement(const RouterAdvertisement& message, const Address& destination);

}  // namespace ilnp
