// SPDX-License-Identifier: Apache-2.0
// What the control socket answers (docs/operations/control-socket.md).
#pragma once

namespace ilnp {

class Daemon;

/// Registers the commands and counters of a started daemon.
void register_status(Daemon& daemon);

}  // namespace ilnp
