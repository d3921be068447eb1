// SPDX-License-Identifier: Apache-2.0
// Which address bits TCP and UDP checksums cover: the one rule that RFC 6741 section 4.2 and the 2026 draft on ILNP
// checksums state differently, in one place. ICMPv6 always covers whole addresses (RFC 6741 section 4.3).
#pragma once

#include <cstdint>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"

namespace ilnp {

enum class ChecksumMode : std::uint8_t {
  ipv6,     ///< whole addresses as they are on the wire: every middlebox verifies it
  rfc6741,  ///< locators count as zero: a locator change leaves the checksum alone
};

struct AddressPair {
  Address source;
  Address destination;
  bool operator==(const AddressPair&) const = default;
};

/// What the pseudo-header adds to the transport checksum of a packet on the wire.
constexpr std::uint16_t wire_sum(ChecksumMode mode, std::uint8_t protocol, const AddressPair& wire) {
  if (mode == ChecksumMode::rfc6741 && protocol != next_header::icmpv6)
    return fold(std::uint64_t{sum_of(wire.source.nid)} + sum_of(wire.destination.nid));
  return fold(std::uint64_t{sum_of(wire.source)} + sum_of(wire.destination));
}

/// The change from the checksum that the kernel made over identity addresses to the one on the wire.
constexpr SumChange to_wire_checksum(ChecksumMode mode, std::uint8_t protocol, const AddressPair& identity,
                                     const AddressPair& wire) {
  return {fold(std::uint64_t{sum_of(identity.source)} + sum_of(identity.destination)), wire_sum(mode, protocol, wire)};
}

/// And back.
constexpr SumChange to_identity_checksum(ChecksumMode mode, std::uint8_t protocol, const AddressPair& identity,
                                         const AddressPair& wire) {
  const SumChange there = to_wire_checksum(mode, protocol, identity, wire);
  return {there.added, there.removed};
}

/// The change when a router gives a packet on the wire other addresses.
constexpr SumChange readdressed_checksum(ChecksumMode mode, std::uint8_t protocol, const AddressPair& before,
                                         const AddressPair& after) {
  return {wire_sum(mode, protocol, before), wire_sum(mode, protocol, after)};
}

}  // namespace ilnp
