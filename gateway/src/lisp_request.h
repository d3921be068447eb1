// SPDX-License-Identifier: Apache-2.0
// {"command":"lisp"} as it is written.
#pragma once

#include <nlohmann/json.hpp>

#include "core/base/result.h"
#include "gateway/src/lisp_step.h"

namespace ilnp {

/// Of the members "step", "eid" ("10.8.0.7", "[7]2001:db8::1") and "rlocs" ("ADDRESS" or "ADDRESS,PRIORITY,WEIGHT").
Result<LispStep> parse_lisp_step(const nlohmann::json& request);
/// As requests say it.
const char* name_of(LispStep::Kind kind);

}  // namespace ilnp
