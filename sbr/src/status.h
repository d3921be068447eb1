// SPDX-License-Identifier: Apache-2.0
// What the control socket answers (docs/operations/ilnp-sbr.md).
#pragma once

namespace ilnp {

class Daemon;

/// Registers the commands and counters of a started daemon.
void register_status(Daemon& daemon);

}  // namespace ilnp
