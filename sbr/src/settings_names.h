// SPDX-License-Identifier: Apache-2.0
// The part of the settings that says by what names the site is known to others.
#pragma once

#include "sbr/src/settings.h"

namespace ilnp {

/// [[publish]]. `settings` has the inside locators already.
void read_publish(const Configuration& configuration, SbrSettings& settings, std::vector<Problem>& problems);

/// [[site_mapping]], and the relays of [[site_link]]. `settings` has the links and the mappings.
void read_other_sites(const Configuration& configuration, SbrSettings& settings, std::vector<Problem>& problems);

Mapping mapping_mode(const std::string& text);

}  // namespace ilnp
