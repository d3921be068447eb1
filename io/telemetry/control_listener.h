// SPDX-License-Identifier: Apache-2.0
// The socket file of the control server and who may use it. Inside io/telemetry only.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

#include "core/base/result.h"

namespace ilnp {

/// A listening, non-blocking Unix socket at `path`, mode 0660, given to `group`. A socket file that nobody listens to
/// is replaced; a live one is an error ("already running, pid N"), and so is anything that is not a socket.
Result<int> listen_at(const std::string& path, std::optional<gid_t> group);

Result<gid_t> find_group(const std::string& name);

/// Root, our own user, or a member of `group`.
bool may_control(int connection, std::optional<gid_t> group);

}  // namespace ilnp
