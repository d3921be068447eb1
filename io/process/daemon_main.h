// SPDX-License-Identifier: Apache-2.0
// The main() of a daemon: its command line, the check of its configuration, and the order of a start: log, everything
// that needs privileges, fewer privileges, ready.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "io/process/daemon_process.h"
#include "io/settings/configuration.h"

namespace ilnp {

struct DaemonProgram {
  std::string about;                       ///< in one line
  std::string configuration;               ///< default file: "/etc/ilnp/host.toml"
  bool configuration_is_optional = false;  ///< when that file is absent, and none was named: the defaults
  std::string on_hangup;                   ///< what SIGHUP does: "reads the log level again"
  std::shared_ptr<const Schema> schema;

  struct Flag {
    std::string name;  ///< "--no-dns"
    std::string help;
    bool* given = nullptr;
  };
  std::vector<Flag> flags{};

  /// What only the program can judge; then the others may be called.
  std::function<Result<void, std::vector<Problem>>(const Configuration&)> check;
  /// Takes back what a crashed daemon left in the kernel, and says what that was.
  std::function<Result<std::string>(const Configuration&)> clean_up;
  std::function<std::unique_ptr<DaemonProcess>(const Configuration&)> make;
};

/// Returns the exit code: 0 good, 2 failed, 3 usage or configuration.
int daemon_main(int argc, char** argv, const DaemonProgram& program);

}  // namespace ilnp
