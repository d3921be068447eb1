// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/control.h"

#include "io/telemetry/log_outputs.h"

namespace ilnp {

using nlohmann::json;

Result<ControlRequest> parse_control_request(std::string_view line) {
  if (line.size() > max_control_request) return error("the request is longer than 65536 octets");
  bool too_deep = false;
  const auto bounded = [&too_deep](int depth, json::parse_event_t, json&) {
    too_deep = too_deep || depth > max_control_depth;
    return !too_deep;
  };
  json body = json::parse(line, bounded, /*allow_exceptions=*/false);
  if (too_deep) return error("the request is nested too deeply");
  if (body.is_discarded()) return error("the request is not JSON");
  if (!body.is_object()) return error("the request is not a JSON object");
  const auto command = body.find("command");
  if (command == body.end() || !command->is_string()) return error("the request has no \"command\"");
  std::string name = command->get<std::string>();
  return ControlRequest{std::move(name), std::move(body)};
}

json control_error(std::string_view code, std::string_view message) {
  return {{"schema", "ilnp.error/1"}, {"code", code}, {"error", message}};
}

json event_to_json(const Event& event) {
  json out{{"schema", "ilnp.event/1"},
           {"time", timestamp(event.time)},
           {"level", to_string(event.level)},
           {"event", event.name}};
  for (const Field& field : event.fields) {
    std::visit([&](const auto& value) { out[std::string{field.name}] = value; }, field.value.variant());
  }
  return out;
}

}  // namespace ilnp
