// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/child_process.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

using namespace std::chrono_literals;

TEST(ChildProcess, TextInTextOut) {
  const std::string input(200'000, 'x');
  const auto done = run_program({"/bin/cat"}, input);
  ASSERT_TRUE(done) << done.error().message;
  EXPECT_EQ(done.value().exit_status, 0);
  EXPECT_EQ(done.value().output, input);
}

TEST(ChildProcess, ErrorsAndExitStatusAreApart) {
  const auto done = run_program({"/bin/sh", "-c", "echo good; echo bad >&2; exit 3"}, "");
  ASSERT_TRUE(done);
  EXPECT_EQ(done.value().exit_status, 3);
  EXPECT_EQ(done.value().output, "good\n");
  EXPECT_EQ(done.value().errors, "bad\n");
}

TEST(ChildProcess, AMissingProgramIsAnError) {
  const auto done = run_program({"/nonexistent/program"}, "");
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("/nonexistent/program"), std::string::npos);
}

TEST(ChildProcess, OneThatHangsIsStopped) {
  const auto done = run_program({"/bin/sleep", "600"}, "", 50ms);
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("did not end in time"), std::string::npos);
}

TEST(ChildProcess, ASignalIsSeen) {
  const auto done = run_program({"/bin/sh", "-c", "kill -9 $$"}, "");
  ASSERT_TRUE(done);
  EXPECT_EQ(done.value().exit_status, 128 + 9);
}

}  // namespace
}  // namespace ilnp
