// SPDX-License-Identifier: Apache-2.0
// The socket filters (classic BPF) of a WirePort, as programs: pure, so that they can be judged without a socket.
#pragma once

#include <linux/filter.h>

#include <span>
#include <vector>

#include "core/ipv6/address.h"
#include "core/ipv6/prefix.h"

namespace ilnp {

// As many as these need a net.core.optmem_max of 128 KiB, the default since Linux 6.7. Before, it was 20 KiB: enough
// for 130 NIDs or 80 addresses, because a socket whose filter is replaced has both for a moment.
inline constexpr std::size_t max_own_nids = 256;
inline constexpr std::size_t max_own_addresses = 256;
inline constexpr std::size_t max_kernel_prefixes = 16;

/// A host's. Precondition: nids.size() <= max_own_nids. With no NID nothing is received. IngressFilter drops exactly
/// the same set. Accepts whole: frames to this host without a VLAN tag (VLAN 0 is none) that hold a whole IPv6 header,
/// with one of `nids` in the lower 64 bits of its destination, not to a link-local address, not neighbour discovery.
/// Refuses everything else.
std::vector<sock_filter> wire_filter(std::span<const NodeId> nids);

/// A router's. Precondition: own.size() <= max_own_addresses. Accepts whole: frames to this host without a VLAN tag
/// that hold a whole header of an IPv6 packet which the kernel would have to forward: not from or to a link-local
/// address, not to a group, not to one of the machine's `own` addresses; and which the kernel shall not forward: not to
/// an address in one of `kernels`. RouterFilter drops exactly the same set and, in it, neighbour discovery, which is
/// never accepted here. Precondition: kernels.size() <= max_kernel_prefixes.
std::vector<sock_filter> router_wire_filter(std::span<const Address> own, std::span<const Prefix> kernels);

}  // namespace ilnp
