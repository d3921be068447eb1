// SPDX-License-Identifier: Apache-2.0
// The one function that changes the addresses of a packet, and the transport checksum with them.
#pragma once

#include "core/ilnp/checksum_mode.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/packet.h"

namespace ilnp {

/// Writes the new addresses and applies `change` to the transport checksum, complete or partial. Leaves the checksum of
/// protocols without one, and of fragments after the first, alone. False when the upper-layer header is too short to
/// hold its checksum: then nothing was changed.
bool rewrite_addresses(Packet& packet, const HeaderWalk& walk, const AddressPair& addresses, SumChange change);

/// Whether the transport checksum is right for the given pseudo-header addresses sum: a complete one is computed, a
/// partial one compared. True for protocols without one.
bool checksum_verifies(const Packet& packet, const HeaderWalk& walk, ChecksumMode mode);

}  // namespace ilnp
