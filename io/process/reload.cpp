// SPDX-License-Identifier: Apache-2.0
#include "io/process/reload.h"

#include "io/telemetry/log.h"

namespace ilnp {
namespace {

Error refused(const std::vector<Problem>& problems) {
  std::string text = to_string(problems);
  log_event(LogLevel::error, "reload_refused", {{"problems", text}});
  return error(std::move(text));
}

nlohmann::json listed(const std::vector<SettingChange>& changes) {
  nlohmann::json out = nlohmann::json::array();
  for (const SettingChange& c : changes) out.push_back({{"key", c.key}, {"before", c.before}, {"after", c.after}});
  return out;
}

}  // namespace

nlohmann::json reload_to_json(const ReloadOutcome& outcome) {
  return {{"schema", "ilnp.reload/1"},
          {"applied", listed(outcome.applied)},
          {"needs_restart", listed(outcome.needs_restart)}};
}

Result<ReloadOutcome> Reload::operator()() {
  const Configured fresh = read_();
  if (!fresh) return refused(fresh.error());
  apply_(fresh.value());
  ReloadOutcome outcome;
  for (SettingChange& change : diff(accepted_, fresh.value()))
    if (change.reloadable) outcome.applied.push_back(std::move(change));
  for (SettingChange& change : diff(started_, fresh.value()))
    if (!change.reloadable) outcome.needs_restart.push_back(std::move(change));
  accepted_ = fresh.value();
  log_event(LogLevel::info, "reloaded",
            {{"applied", outcome.applied.size()}, {"needs_restart", outcome.needs_restart.size()}});
  return outcome;
}

}  // namespace ilnp
