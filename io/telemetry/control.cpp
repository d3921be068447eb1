// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/control.h"

#include "io/telemetry/json_text.h"
#include "io/telemetry/log_outputs.h"

namespace ilnp {

using nlohmann::json;

namespace {

const char* explain(JsonProblem problem) {
  switch (problem) {
    case JsonProblem::too_long:
      return "the request is longer than 65536 octets";
    case JsonProblem::too_deep:
      return "the request is nested too deeply";
    case JsonProblem::not_json:
      break;
  }
  return "the request is not JSON";
}

}  // namespace

Result<ControlRequest> parse_control_request(std::string_view line) {
  auto parsed = parse_json(line, {max_control_request, max_control_depth});
  if (!parsed) return error(explain(parsed.error()));
  json& body = parsed.value().value;
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
