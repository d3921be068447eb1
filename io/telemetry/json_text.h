// SPDX-License-Identifier: Apache-2.0
// JSON from whoever could send it: bounded in octets and depth before anything looks at it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/base/result.h"

namespace ilnp {

enum class JsonProblem : std::uint8_t { too_long, too_deep, not_json };

struct JsonLimits {
  std::size_t octets;
  int depth;  ///< nested objects and arrays
};

/// A value of its own, because nlohmann::json would take a JsonProblem for a number.
struct ParsedJson {
  nlohmann::json value;
};

/// One JSON value in UTF-8, and nothing after it.
Result<ParsedJson, JsonProblem> parse_json(std::string_view text, JsonLimits limits);

}  // namespace ilnp
