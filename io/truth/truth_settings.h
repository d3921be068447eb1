// SPDX-License-Identifier: Apache-2.0
// The section [truth] of every program that opens the store: its rows of the option table, and what they say.
#pragma once

#include <string>
#include <vector>

#include "io/settings/configuration.h"
#include "io/truth/open_store.h"

namespace ilnp {

/// `copy`: name of the file in state.directory with what is known of etcd. Programs of one machine that share the
/// directory need one each, while the SQLite store, truth.db, is the same for all of them.
std::vector<Option> truth_option_rows(const std::string& copy = "truth.db");

/// Mistakes are added to `problems`. The sites are the caller's.
TruthOptions read_truth(const Configuration& configuration, std::vector<Problem>& problems,
                        const std::string& copy = "truth.db");

}  // namespace ilnp
