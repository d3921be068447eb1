// SPDX-License-Identifier: Apache-2.0
// Which peers the kernel has open sockets to (NETLINK_SOCK_DIAG): an idle session with an open TCP or connected UDP
// socket is not over.
#pragma once

#include <set>
#include <utility>

#include "core/base/result.h"
#include "core/ipv6/address.h"

namespace ilnp {

/// (local, remote) address of every connected IPv6 TCP and UDP socket whose local address is in the prefix (/64).
/// TCP sockets in TIME-WAIT are over for our purpose.
using SocketPairs = std::set<std::pair<Address, Address>>;
Result<SocketPairs> connected_sockets(Locator local_prefix);

}  // namespace ilnp
