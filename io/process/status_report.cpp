// SPDX-License-Identifier: Apache-2.0
#include "io/process/status_report.h"

#include <unistd.h>

#include <algorithm>

namespace ilnp {

void StatusProblems::add(std::string severity, std::string what, std::string cause, std::string next) {
  list_.push_back({{"severity", std::move(severity)},
                   {"what", std::move(what)},
                   {"cause", std::move(cause)},
                   {"next", std::move(next)}});
}

const char* StatusProblems::state() const {
  const auto is_error = [](const nlohmann::json& problem) { return problem["severity"] == "error"; };
  if (std::any_of(list_.begin(), list_.end(), is_error)) return "down";
  return list_.empty() ? "ok" : "degraded";
}

nlohmann::json begin_status(Duration uptime, const StatusProblems& problems) {
  return {{"schema", "ilnp.status/1"}, {"version", ILNP_VERSION},
          {"pid", ::getpid()},         {"uptime_s", std::chrono::duration<double>(uptime).count()},
          {"state", problems.state()}, {"problems", problems.list()}};
}

}  // namespace ilnp
