// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/control.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

std::string refusal(std::string_view line) {
  const auto request = parse_control_request(line);
  return request ? "accepted" : request.error().message;
}

TEST(ControlRequest, IsAnObjectWithACommand) {
  const auto request = parse_control_request(R"({"command":"status","verbose":true})");
  ASSERT_TRUE(request);
  EXPECT_EQ(request.value().command, "status");
  EXPECT_EQ(request.value().body["verbose"], true);
}

TEST(ControlRequest, AnythingElseIsRefusedWithTheReason) {
  EXPECT_EQ(refusal(""), "the request is not JSON");
  EXPECT_EQ(refusal("status"), "the request is not JSON");
  EXPECT_EQ(refusal(R"({"command":"status")"), "the request is not JSON");
  EXPECT_EQ(refusal(R"({"command":"status"} {})"), "the request is not JSON");
  EXPECT_EQ(refusal("{\"command\":\"\xff\"}"), "the request is not JSON");
  EXPECT_EQ(refusal(R"(["status"])"), "the request is not a JSON object");
  EXPECT_EQ(refusal(R"({"cmd":"status"})"), "the request has no \"command\"");
  EXPECT_EQ(refusal(R"({"command":1})"), "the request has no \"command\"");
}

TEST(ControlRequest, SizeAndDepthAreBounded) {
  const auto nested = [](int depth) {
    const auto n = static_cast<std::size_t>(depth);
    return R"({"command":"x","a":)" + std::string(n, '[') + std::string(n, ']') + "}";
  };
  EXPECT_EQ(refusal(nested(max_control_depth - 1)), "accepted");
  EXPECT_EQ(refusal(nested(max_control_depth + 1)), "the request is nested too deeply");
  EXPECT_EQ(refusal(nested(30000)), "the request is nested too deeply");
  const std::string start = R"({"command":"x","a":")", end = "\"}";
  const std::size_t room = max_control_request - start.size() - end.size();
  EXPECT_EQ(refusal(start + std::string(room, 'x') + end), "accepted");
  EXPECT_EQ(refusal(start + std::string(room + 1, 'x') + end), "the request is longer than 65536 octets");
}

}  // namespace
}  // namespace ilnp
