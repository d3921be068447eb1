// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/lisp_request.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>

namespace ilnp {
namespace {

using nlohmann::json;

constexpr std::array step_names{"arrive", "leave", "stay", "prepare", "abort"};
constexpr std::size_t most_rlocs = 32;

std::optional<lisp::Eid> parse_eid(std::string text) {
  if (text.find('/') == std::string::npos) text += text.find(':') == std::string::npos ? "/32" : "/128";
  const auto prefix = lisp::parse_eid_prefix(text);
  if (!prefix || !prefix->prefix.is_host()) return std::nullopt;
  return lisp::Eid{prefix->instance, prefix->prefix.address};
}

bool parse_octet(std::string_view text, std::uint8_t& out) {
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), out);
  return problem == std::errc{} && end == text.data() + text.size();
}

std::optional<lisp::RlocRecord> parse_rloc(std::string_view text) {
  lisp::RlocRecord out;
  out.is_local = true;
  const std::size_t first = text.find(',');
  const auto address = lisp::parse_ip_address(text.substr(0, first));
  if (!address || !address->is_routable_unicast()) return std::nullopt;
  out.address = *address;
  if (first == std::string_view::npos) return out;
  const std::string_view numbers = text.substr(first + 1);
  const std::size_t second = numbers.find(',');
  if (second == std::string_view::npos || !parse_octet(numbers.substr(0, second), out.priority) ||
      !parse_octet(numbers.substr(second + 1), out.weight))
    return std::nullopt;
  return out;
}

std::string text_at(const json& request, const char* name) {
  const auto found = request.find(name);
  return found != request.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

}  // namespace

const char* name_of(LispStep::Kind kind) { return step_names.at(static_cast<std::size_t>(kind)); }

Result<LispStep> parse_lisp_step(const json& request) {
  LispStep out;
  const std::string step = text_at(request, "step");
  const auto known = std::find(step_names.begin(), step_names.end(), step);
  if (known == step_names.end()) return error("step: must be arrive, leave, stay, prepare or abort");
  out.kind = static_cast<LispStep::Kind>(known - step_names.begin());
  const auto eid = parse_eid(text_at(request, "eid"));
  if (!eid) return error("eid: must be an address, or [instance]address");
  out.eid = *eid;
  const json rlocs = request.value("rlocs", json::array());
  if (!rlocs.is_array() || rlocs.size() > most_rlocs) return error("rlocs: must be a list of at most 32");
  for (const json& text : rlocs) {
    const auto rloc = text.is_string() ? parse_rloc(text.get<std::string>()) : std::nullopt;
    if (!rloc) return error("rlocs: must be ADDRESS or ADDRESS,PRIORITY,WEIGHT");
    out.rlocs.push_back(*rloc);
  }
  if (!out.rlocs.empty() && out.kind != LispStep::Kind::arrive) return error("rlocs: only with arrive");
  std::sort(out.rlocs.begin(), out.rlocs.end(), [](const auto& a, const auto& b) { return a.address < b.address; });
  return out;
}

}  // namespace ilnp
