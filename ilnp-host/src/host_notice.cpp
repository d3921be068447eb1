// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/host_notice.h"

#include "core/ilnp/text.h"
#include "io/telemetry/json_text.h"

namespace ilnp {

namespace {

using nlohmann::json;

constexpr const char* schema = "ilnp.host-channel/1";
constexpr int max_depth = 4;

const std::string* text_of(const json& value) { return value.get_ptr<const std::string*>(); }

bool says(const json& body, const char* member, std::string_view wanted) {
  const auto found = body.find(member);
  const std::string* text = found == body.end() ? nullptr : text_of(*found);
  return text != nullptr && *text == wanted;
}

Result<std::vector<Locator>> read_locators(const json& list) {
  std::vector<Locator> out;
  if (!list.is_array() || list.size() > max_noticed_locators) return error("\"locators\": not a list of at most 16");
  for (const json& item : list) {
    const std::string* text = text_of(item);
    const auto locator = text == nullptr ? std::nullopt : parse_locator(*text);
    if (!locator) return error("\"locators\": not a locator (2001-0db8-00a1-0000)");
    out.push_back(*locator);
  }
  return out;
}

}  // namespace

Result<HostNotice> parse_host_notice(std::string_view line) {
  const auto parsed = parse_json(line, {max_host_line, max_depth});
  if (!parsed) return error("not JSON, too long or too deep");
  const json& body = parsed.value().value;
  if (!body.is_object()) return error("not an object");
  if (!says(body, "schema", schema)) return error("\"schema\": not ilnp.host-channel/1");
  if (!says(body, "event", "moved")) return error("\"event\": unknown");
  HostNotice out;
  if (const auto found = body.find("locators"); found != body.end()) {
    auto locators = read_locators(*found);
    if (!locators) return locators.error();
    out.locators = std::move(locators.value());
  }
  if (const auto found = body.find("mac"); found != body.end()) {
    const std::string* text = text_of(*found);
    out.mac = text == nullptr ? std::nullopt : parse_mac(*text);
    if (!out.mac) return error("\"mac\": not a link-layer address (52:54:00:00:00:01)");
  }
  if (const auto found = body.find("id"); found != body.end()) {
    if (!found->is_number_unsigned()) return error("\"id\": not a number");
    out.id = found->get<std::uint64_t>();
  }
  return out;
}

json heard_notice(const HostNotice& notice, bool moved) {
  json out{{"schema", schema}, {"event", "heard"}, {"host_moved", moved}};
  if (notice.id) out["id"] = *notice.id;
  return out;
}

json refused_notice(std::string_view reason) { return {{"schema", schema}, {"event", "error"}, {"error", reason}}; }

}  // namespace ilnp
