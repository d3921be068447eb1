// SPDX-License-Identifier: Apache-2.0
// The `nft` program, which runs as a child and changes the packet filter in one transaction.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace ilnp {

Result<std::string> run_nft(std::vector<std::string> arguments, const std::string& input);
/// The program exists and may change rules here; says what is missing otherwise.
Result<void> check_nft();
/// Whether an interface name can stand in a script.
bool nft_can_quote(const std::string& name);
/// Packets of each named counter of a table.
Result<std::map<std::string, std::uint64_t>> nft_counters(const std::string& family, const std::string& table);

}  // namespace ilnp
