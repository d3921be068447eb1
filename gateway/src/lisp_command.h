// SPDX-License-Identifier: Apache-2.0
// {"command":"lisp"}: what an operator, a hypervisor's hook or an orchestrator says about a mobile EID.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/lisp/mapping.h"

namespace ilnp {

class GatewayDaemon;

/// A request that was found well-formed.
struct LispStep {
  enum class Kind : std::uint8_t {
    arrive,   ///< it is here
    leave,    ///< it has stopped here: what comes for it waits
    stay,     ///< it did not leave after all
    prepare,  ///< it is about to come, or to go
    abort,    ///< it did not come after all
  };
  Kind kind = Kind::arrive;
  lisp::Eid eid;
  std::vector<lisp::RlocRecord> rlocs;  ///< arrive: instead of ours
};

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
