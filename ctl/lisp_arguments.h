// SPDX-License-Identifier: Apache-2.0
// `ilnpctl lisp ...`: what a gateway shows, and what it is told about mobile EIDs.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "ctl/commands.h"

namespace ilnp {

struct LispOptions {
  std::string eid;
  std::vector<std::string> rlocs;
};

/// Both outlive the parsing. The tables that can be shown again and again, for the caller's --watch.
std::vector<CLI::App*> add_lisp(CLI::App& app, ControlInvocation& invocation, LispOptions& options);

/// Answered by a gateway.
bool is_lisp_command(const std::string& command);

}  // namespace ilnp
