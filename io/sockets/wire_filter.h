// SPDX-License-Identifier: Apache-2.0
// The socket filter (classic BPF) of a WirePort, as a program: pure, so that it can be judged without a socket.
#pragma once

#include <linux/filter.h>

#include <span>
#include <vector>

#include "core/ipv6/address.h"

namespace ilnp {

/// Accepts whole: frames to this host without a VLAN tag (VLAN 0 is none) that hold an IPv6 packet, not link-local, not
/// neighbour discovery, with one of `nids` in the lower 64 bits of its destination. Refuses everything else.
std::vector<sock_filter> wire_filter(std::span<const NodeId> nids);

}  // namespace ilnp
