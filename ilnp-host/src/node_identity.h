// SPDX-License-Identifier: Apache-2.0
// The Node Identifier of this host: minted once, kept in a file that only root reads.
#pragma once

#include "core/base/crypto.h"
#include "core/base/result.h"
#include "core/ipv6/address.h"
#include "ilnp-host/src/settings.h"

namespace ilnp {

/// RFC 5453 and the IANA registry: interface identifiers that no node may take.
bool is_reserved_nid(NodeId nid);

/// Random, with the group and universal bits zero (RFC 7136), never a reserved one.
NodeId mint_nid(Random& random);

/// The NID that the settings ask for; with mode "persistent" reads or makes `state.directory`/nid (mode 0600).
Result<NodeId> node_identity(const HostSettings& settings, Random& random);

}  // namespace ilnp
