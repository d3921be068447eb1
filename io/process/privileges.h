// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/base/result.h"

namespace ilnp {

/// Keeps what a running daemon needs (CAP_NET_ADMIN: addresses, routes, filter; CAP_NET_RAW: packet sockets on links
/// that come later) and gives up every other capability for good, for children as well.
Result<void> drop_privileges();

}  // namespace ilnp
