// SPDX-License-Identifier: Apache-2.0
// The section [truth] of every program that opens the store: its rows of the option table, and what they say.
#pragma once

#include <vector>

#include "io/settings/configuration.h"
#include "io/truth/open_store.h"

namespace ilnp {

std::vector<Option> truth_option_rows();

/// Mistakes are added to `problems`. The sites are the caller's.
TruthOptions read_truth(const Configuration& configuration, std::vector<Problem>& problems);

}  // namespace ilnp
