// SPDX-License-Identifier: Apache-2.0
// {"command":"lisp"}: what an operator, a hypervisor's hook or an orchestrator says about a mobile EID.
#pragma once

#include <nlohmann/json.hpp>

#include "core/base/result.h"
#include "gateway/src/lisp_request.h"

namespace ilnp {

class GatewayDaemon;

class LispCommand {
 public:
  explicit LispCommand(GatewayDaemon& daemon) : d_{daemon} {}
  /// ilnp.lisp/1
  Result<nlohmann::json> run(const nlohmann::json& request) const;

 private:
  GatewayDaemon& d_;
};

}  // namespace ilnp
