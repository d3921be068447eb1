// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/json_text.h"

namespace ilnp {

using nlohmann::json;

namespace {

/// Brackets that are open at once, not counting those in strings. Of text that is no JSON it may be any number.
bool is_nested_deeper(std::string_view text, int limit) {
  int depth = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      in_string = c != '"';
    } else if (c == '"') {
      in_string = true;
    } else if (c == '{' || c == '[') {
      if (++depth > limit) return true;
    } else if (c == '}' || c == ']') {
      --depth;
    }
  }
  return false;
}

}  // namespace

Result<ParsedJson, JsonProblem> parse_json(std::string_view text, JsonLimits limits) {
  if (text.size() > limits.octets) return JsonProblem::too_long;
  if (is_nested_deeper(text, limits.depth)) return JsonProblem::too_deep;
  json value = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (value.is_discarded()) return JsonProblem::not_json;
  return ParsedJson{std::move(value)};
}

}  // namespace ilnp
