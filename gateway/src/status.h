// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "core/lisp/eid_presence.h"

namespace ilnp {

class GatewayDaemon;

/// Control socket and counters.
void register_status(GatewayDaemon& daemon);

/// As events and answers of the control socket have it.
const char* name_of(lisp::EidPresence::State state);

}  // namespace ilnp
