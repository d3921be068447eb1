// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/json_text.h"

namespace ilnp {

using nlohmann::json;

Result<ParsedJson, JsonProblem> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.octets) return JsonProblem::too_long;
  bool too_deep = false;
  const auto bounded = [&](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > limits.depth;
    return !too_deep;
  };
  json value = json::parse(text, bounded, /*allow_exceptions=*/false);
  if (too_deep) return JsonProblem::too_deep;
  if (value.is_discarded()) return JsonProblem::not_json;
  return ParsedJson{std::move(value)};
}

}  // namespace ilnp
