// SPDX-License-Identifier: Apache-2.0
// The option table of a daemon that has one option of its own.
#pragma once

#include "io/process/daemon_settings.h"

namespace ilnp::test {

inline std::shared_ptr<const Schema> sample_daemon() {
  return daemon_schema("ilnp-sample", {{"work", "What it does."}},
                       {{.key = "work.hands", .type = OptionType::integer, .help = "Hands.", .fallback = "2"}},
                       {.control_socket = "/run/ilnp/sample.sock",
                        .state_directory = "Holds nothing.",
                        .runtime_directory = "Holds nothing either."});
}

inline Configured sample_configuration(const std::string& text) {
  return read_configuration(sample_daemon(), {{"sample.toml", text}});
}

}  // namespace ilnp::test
