// SPDX-License-Identifier: Apache-2.0
// What the control socket shows of sessions with ILNP nodes and of IPv4 EIDs, and their counters.
#pragma once

#include <nlohmann/json.hpp>

#include "gateway/src/rows.h"

namespace ilnp {

class GatewayDaemon;

class SessionStatus {
 public:
  explicit SessionStatus(GatewayDaemon& daemon) : d_{daemon} {}

  /// null: there are no ILNP nodes here.
  nlohmann::json summary() const;
  nlohmann::json rows() const;
  void register_counters() const;

 private:
  GatewayDaemon& d_;
};

}  // namespace ilnp
