// SPDX-License-Identifier: Apache-2.0
// Reading the configuration again while the daemon runs. One with a mistake changes nothing.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <vector>

#include "io/settings/configuration.h"

namespace ilnp {

/// What a new configuration changes: at once, and only at the next start.
struct ReloadOutcome {
  std::vector<SettingChange> applied, needs_restart;
};

/// ilnp.reload/1
nlohmann::json reload_to_json(const ReloadOutcome& outcome);

class Reload {
 public:
  /// Reads and checks.
  using Read = std::function<Configured()>;
  /// Applies what is reloadable of a configuration that was found good.
  using Apply = std::function<void(const Configuration&)>;

  Reload(Configuration started, Read read, Apply apply)
      : started_{started}, accepted_{std::move(started)}, read_{std::move(read)}, apply_{std::move(apply)} {}

  /// An error names every mistake. Logs what came of it.
  Result<ReloadOutcome> operator()();

 private:
  Configuration started_, accepted_;
  Read read_;
  Apply apply_;
};

}  // namespace ilnp
