// SPDX-License-Identifier: Apache-2.0
// One value of an option: from text, into text, and whether the option takes it.
#pragma once

#include <string_view>

#include "core/base/result.h"
#include "io/settings/configuration.h"

namespace ilnp {

/// Parses a value as an operator writes it (without quotes) and checks range, choices and length.
/// The error says what is wrong with it, without the key.
Result<SettingValue> parse_value(const Option& option, std::string_view text);

/// The checks alone, for values that TOML has already typed.
Result<SettingValue> check_value(const Option& option, SettingValue value);

/// The items of a list option's fallback.
std::vector<std::string> split_list(std::string_view text);

/// "string, integer, ..." as an operator would say.
std::string_view type_name(OptionType type);

}  // namespace ilnp
