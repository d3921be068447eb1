// SPDX-License-Identifier: Apache-2.0
// What ilnpctl does, apart from reading its arguments.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>
#include <vector>

namespace ilnp {

/// Exit codes: an interface, documented in docs/operations/control-socket.md.
enum class ExitCode : int { ok = 0, degraded = 1, down = 2, usage = 3 };

struct ControlInvocation {
  std::string command;  ///< of the control socket: "status", "sessions", "locators", "counters", "monitor", "reload",
                        ///< "migrate", "moves", "uplinks", "nodes", "flows", "lisp", "map_cache", "registrations",
                        ///< "clients", "rlocs", "eids", "lisp_sessions", "group"; "guest" is no daemon's
  nlohmann::json more = nlohmann::json::object();  ///< further members of the request
  std::string socket = "/run/ilnp/host.sock";
  bool json = false;
  bool watch = false;
  std::chrono::milliseconds interval{2000};
  unsigned long count = 0;  ///< with watch or monitor: end after that many; 0 = go on
  bool colour = false;
  bool clear_screen = false;  ///< with watch
  bool all_counters = false;
  std::string filter{};
};

ExitCode run(const ControlInvocation& invocation, std::ostream& out, std::ostream& problems);

/// Reads the arguments (without the program's name) and runs; --help and mistakes too.
int control_main(std::vector<std::string> arguments, bool out_is_terminal, std::ostream& out, std::ostream& problems);

}  // namespace ilnp
