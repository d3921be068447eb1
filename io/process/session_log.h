// SPDX-License-Identifier: Apache-2.0
// Events of the node engine in the log, the same from every daemon that runs it.
#pragma once

#include "core/ilnp/reasons.h"

namespace ilnp {

void log_session(const HostEvent& event);

}  // namespace ilnp
