// SPDX-License-Identifier: Apache-2.0
// Routing messages of the kernel as events. Pure.
#pragma once

#include <linux/netlink.h>

#include "core/base/result.h"
#include "io/netlink/network_events.h"

#include <vector>

namespace ilnp {

enum class MessageError : std::uint8_t { malformed };

/// The events in one message: none when it is about something else (IPv4, other tables, our own routes...), several
/// for a route with several gateways. The message lies whole in memory (nlmsg_len octets).
Result<std::vector<NetworkEvent>, MessageError> parse_message(const nlmsghdr& message);

}  // namespace ilnp
