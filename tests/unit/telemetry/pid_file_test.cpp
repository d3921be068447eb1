// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/pid_file.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>

namespace ilnp {
namespace {

class PidFileTest : public testing::Test {
 protected:
  PidFileTest() {
    std::string pattern = testing::TempDir() + "pid-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    path_ = directory_ / "host.pid";
  }
  ~PidFileTest() override { std::filesystem::remove_all(directory_); }
  std::string content() {
    std::string text;
    std::ifstream{path_} >> text;
    return text;
  }
  std::filesystem::path directory_, path_;
};

TEST_F(PidFileTest, HoldsOurPidAndGoesAway) {
  {
    const auto file = PidFile::acquire(path_);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(content(), std::to_string(getpid()));
  }
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(PidFileTest, ASecondInstanceIsToldWhoRuns) {
  const auto first = PidFile::acquire(path_);
  ASSERT_TRUE(first);
  const auto second = PidFile::acquire(path_);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().message, "already running, pid " + std::to_string(getpid()));
  EXPECT_EQ(content(), std::to_string(getpid())) << "the refused one leaves the file alone";
}

TEST_F(PidFileTest, AFileOfADeadProcessDoesNotBlock) {
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    auto file = PidFile::acquire(path_);
    std::_Exit(file ? 0 : 1);  // no destructor: the file stays
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(status, 0);
  ASSERT_EQ(content(), std::to_string(child));
  const auto file = PidFile::acquire(path_);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(content(), std::to_string(getpid()));
}

TEST_F(PidFileTest, IsNeverOpenedThroughALinkOrWithoutItsDirectory) {
  std::filesystem::create_symlink(directory_ / "elsewhere", path_);
  EXPECT_FALSE(PidFile::acquire(path_));
  EXPECT_FALSE(std::filesystem::exists(directory_ / "elsewhere"));
  EXPECT_FALSE(PidFile::acquire(directory_ / "missing" / "host.pid"));
}

}  // namespace
}  // namespace ilnp
