// SPDX-License-Identifier: Apache-2.0
// The part of the option table about nodes that are reached by ILNP sessions, and about IPv4 EIDs.
#pragma once

#include <vector>

#include "io/settings/schema.h"

namespace ilnp {

std::vector<SectionHelp> session_sections();
std::vector<Option> session_options();

}  // namespace ilnp
