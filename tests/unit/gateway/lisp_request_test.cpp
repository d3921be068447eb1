// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/lisp_request.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

using nlohmann::json;

std::string refusal(const json& request) {
  const auto step = parse_lisp_step(request);
  return step ? "" : step.error().message;
}

TEST(LispStep, EidsOfBothFamiliesAndOfInstances) {
  const auto eid = [](const char* text) {
    return lisp::to_string(lisp::EidPrefix::host(parse_lisp_step({{"step", "leave"}, {"eid", text}}).value().eid));
  };
  EXPECT_EQ(eid("10.8.0.7"), "10.8.0.7/32");
  EXPECT_EQ(eid("2001:db8::7"), "2001:db8::7/128");
  EXPECT_EQ(eid("[7]10.8.0.7"), "[7]10.8.0.7/32");
  EXPECT_EQ(eid("[7]2001:db8::7/128"), "[7]2001:db8::7/128");
  for (const char* bad : {"", "10.8.0.0/16", "x", "[7]", "[16777216]10.8.0.7", "10.8.0.7/33"})
    EXPECT_NE(refusal({{"step", "leave"}, {"eid", bad}}), "") << bad;
}

TEST(LispStep, ArrivalsMayNameTheirRlocs) {
  const auto step =
      parse_lisp_step({{"step", "arrive"}, {"eid", "10.8.0.7"}, {"rlocs", {"2001:db8:a2::1,3,50", "192.0.2.1"}}});
  ASSERT_TRUE(step) << step.error().message;
  ASSERT_EQ(step.value().rlocs.size(), 2u);
  EXPECT_EQ(lisp::to_string(step.value().rlocs[0].address), "192.0.2.1") << "sorted";
  EXPECT_EQ(step.value().rlocs[1].priority, 3);
  EXPECT_EQ(step.value().rlocs[1].weight, 50);
  for (const json& bad : {json{"192.0.2.1,3"}, json{"192.0.2.1,256,1"}, json{"::1"}, json{7}, json("192.0.2.1"),
                          json{"192.0.2.1,,1"}, json(std::vector<std::string>(33, "192.0.2.1"))})
    EXPECT_NE(refusal({{"step", "arrive"}, {"eid", "10.8.0.7"}, {"rlocs", bad}}), "") << bad;
  EXPECT_NE(refusal({{"step", "leave"}, {"eid", "10.8.0.7"}, {"rlocs", {"192.0.2.1"}}}), "");
}

TEST(LispStep, OnlyTheFiveSteps) {
  for (const char* name : {"arrive", "leave", "stay", "prepare", "abort"})
    EXPECT_EQ(refusal({{"step", name}, {"eid", "10.8.0.7"}}), "");
  for (const json& bad : {json("go"), json(7), json(nullptr)})
    EXPECT_NE(refusal({{"step", bad}, {"eid", "10.8.0.7"}}), "") << bad;
  EXPECT_NE(refusal(json::object()), "");
}

}  // namespace
}  // namespace ilnp
