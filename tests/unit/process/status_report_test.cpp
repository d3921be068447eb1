// SPDX-License-Identifier: Apache-2.0
#include "io/process/status_report.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

TEST(StatusReport, StateIsThatOfTheWorstProblem) {
  StatusProblems problems;
  EXPECT_STREQ(problems.state(), "ok");
  problems.add("warning", "an uplink is down", "no carrier", "look");
  EXPECT_STREQ(problems.state(), "degraded");
  problems.add("error", "no uplink works", "all of them are down", "look");
  problems.add("warning", "another one", "no carrier", "look");
  EXPECT_STREQ(problems.state(), "down");
}

TEST(StatusReport, BeginsWithWhatEveryDaemonSays) {
  StatusProblems problems;
  problems.add("warning", "an uplink is down", "no carrier", "ip link");
  const auto status = begin_status(milliseconds{1500}, problems);
  EXPECT_EQ(status["schema"], "ilnp.status/1");
  EXPECT_EQ(status["uptime_s"], 1.5);
  EXPECT_EQ(status["state"], "degraded");
  ASSERT_EQ(status["problems"].size(), 1u);
  EXPECT_EQ(status["problems"][0]["what"], "an uplink is down");
  EXPECT_EQ(status["problems"][0]["next"], "ip link");
}

}  // namespace
}  // namespace ilnp
