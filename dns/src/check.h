// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <iosfwd>

#include "dns/src/settings.h"

namespace ilnp {

ExitCode check(const CheckSettings& settings, std::ostream& out, std::ostream& problems);

}  // namespace ilnp
