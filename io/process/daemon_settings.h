// SPDX-License-Identifier: Apache-2.0
// The options that every daemon has: its control socket, its files and its log.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/settings/configuration.h"
#include "io/telemetry/log.h"

namespace ilnp {

struct DaemonSettings {
  std::string control_socket, control_group;
  std::string state_directory;    ///< survives a reboot
  std::string runtime_directory;  ///< survives a restart of the daemon
  LogLevel log_level = LogLevel::info;
  LogFormat log_format = LogFormat::text;
};

/// What the table says otherwise for each program.
struct DaemonOptionTexts {
  std::string control_socket;     ///< default
  std::string state_directory;    ///< help
  std::string runtime_directory;  ///< help
};

/// A program's option table: its own options, then those of every daemon.
std::shared_ptr<const Schema> daemon_schema(std::string program, std::vector<SectionHelp> sections,
                                            std::vector<Option> options, const DaemonOptionTexts& texts);

/// Reads what these options say.
DaemonSettings daemon_settings(const Configuration& configuration);

}  // namespace ilnp
