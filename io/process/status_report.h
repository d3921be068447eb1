// SPDX-License-Identifier: Apache-2.0
// What every daemon's ilnp.status/1 has.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/time.h"

namespace ilnp {

/// What is wrong, for the operator.
class StatusProblems {
 public:
  /// `severity`: "warning" or "error"; `next`: what to do.
  void add(std::string severity, std::string what, std::string cause, std::string next);

  const nlohmann::json& list() const { return list_; }
  /// "down" with an error, "degraded" with a warning, else "ok".
  const char* state() const;

 private:
  nlohmann::json list_ = nlohmann::json::array();
};

/// Figures of an answer have their unit in their name: round_trip_ms.
inline double milliseconds_of(Duration duration) { return std::chrono::duration<double, std::milli>(duration).count(); }

/// schema, version, pid, uptime_s, state and problems; the daemon adds the rest.
nlohmann::json begin_status(Duration uptime, const StatusProblems& problems);

}  // namespace ilnp
