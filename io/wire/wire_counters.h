// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "io/sockets/wire_port.h"
#include "io/telemetry/counters.h"

namespace ilnp {

/// Registers what all packet sockets of a daemon have counted, as component "wire".
void add_wire_counters(CounterRegistry& registry, std::function<WirePort::Counters()> read);

}  // namespace ilnp
