// SPDX-License-Identifier: Apache-2.0
// The part of the settings that says by what names the site is known to others.
#pragma once

#include "sbr/src/settings.h"

namespace ilnp {

/// [[publish]]. `settings` has the inside locators already.
void read_publish(const Configuration& configuration, SbrSettings& settings, std::vector<Problem>& problems);

}  // namespace ilnp
