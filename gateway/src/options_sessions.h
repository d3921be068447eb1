// SPDX-License-Identifier: Apache-2.0
// Parts of the option table: nodes that are reached by ILNP sessions, and IPv4 EIDs; the group.
#pragma once

#include <vector>

#include "io/settings/schema.h"

namespace ilnp {

std::vector<SectionHelp> session_sections();
std::vector<Option> session_options();

// settings_group.cpp
SectionHelp group_section();
std::vector<Option> group_options();

}  // namespace ilnp
