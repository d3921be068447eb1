// SPDX-License-Identifier: Apache-2.0
// Any octets as a request on the control socket: refused with a reason, or an object with a command that can be sent.
#include "io/telemetry/control.h"

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

namespace {

int depth_of(const nlohmann::json& value) {
  int deepest = 0;
  if (!value.is_structured()) return 0;
  for (const auto& item : value) deepest = std::max(deepest, depth_of(item));
  return deepest + 1;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line{data, data + size};
  const auto request = parse_control_request(line);
  if (!request) {
    FUZZ_REQUIRE(!request.error().message.empty());
    return 0;
  }
  FUZZ_REQUIRE(request.value().body.is_object() && request.value().body.at("command") == request.value().command);
  FUZZ_REQUIRE(depth_of(request.value().body) <= max_control_depth + 1);
  const auto again = parse_control_request(request.value().body.dump());
  FUZZ_REQUIRE(again && again.value().body == request.value().body);
  return 0;
}
