// SPDX-License-Identifier: Apache-2.0
// {"command":"lisp"}: what an operator, a hypervisor's hook or an orchestrator says about a mobile EID.
#pragma once

#include <nlohmann/json.hpp>

#include "core/base/result.h"
#include "gateway/src/lisp_step.h"

namespace ilnp {

class GatewayDaemon;

/// Of the members "step", "eid" ("10.8.0.7", "[7]2001:db8::1") and "rlocs" ("ADDRESS" or "ADDRESS,PRIORITY,WEIGHT").
Result<LispStep> parse_lisp_step(const nlohmann::json& request);

class LispCommand {
 public:
  explicit LispCommand(GatewayDaemon& daemon) : d_{daemon} {}
  /// ilnp.lisp/1
  Result<nlohmann::json> run(const nlohmann::json& request) const;

 private:
  GatewayDaemon& d_;
};

}  // namespace ilnp
