// SPDX-License-Identifier: Apache-2.0
// `ilnpctl guest moved`: a hypervisor tells ilnp-host in a guest that it was moved, by the Unix socket of a
// virtio-serial port (docs/operations/guest.md).
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "ctl/commands.h"

namespace ilnp {

struct GuestOptions {
  std::vector<std::string> locators;
  std::string mac;
};

/// `options` outlives the parsing.
void add_guest(CLI::App& app, ControlInvocation& invocation, GuestOptions& options);

/// Sends invocation.more to the socket and waits for the guest's answer.
ExitCode tell_guest(const ControlInvocation& invocation, std::ostream& out, std::ostream& problems);

}  // namespace ilnp
