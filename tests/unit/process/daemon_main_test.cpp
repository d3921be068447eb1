// SPDX-License-Identifier: Apache-2.0
// What a daemon's command line leads to, short of running it.
#include "io/process/daemon_main.h"

#include <gtest/gtest.h>

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/process/sample_daemon.h"

namespace ilnp {
namespace {

class DaemonMain : public ::testing::Test {
 protected:
  DaemonMain() { std::filesystem::create_directories(directory); }
  ~DaemonMain() override { std::filesystem::remove_all(directory); }

  std::string write(const std::string& text) {
    const std::string file = directory / "sample.toml";
    std::ofstream{file} << text;
    return file;
  }

  int run(std::vector<std::string> arguments) {
    std::vector<char*> argv{const_cast<char*>("ilnp-sample")};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = daemon_main(static_cast<int>(argv.size()), argv.data(), program);
    out = ::testing::internal::GetCapturedStdout();
    err = ::testing::internal::GetCapturedStderr();
    return code;
  }

  const std::filesystem::path directory =
      std::filesystem::path{::testing::TempDir()} / ("daemon_main" + std::to_string(::getpid()));
  bool flag = false;
  std::vector<std::int64_t> cleaned;  ///< work.hands of the clean-ups
  std::string out, err;
  DaemonProgram program{.about = "A sample",
                        .configuration = directory / "absent.toml",
                        .on_hangup = "reads the log level again",
                        .schema = test::sample_daemon(),
                        .flags = {{"--gently", "Without haste", &flag}},
                        .check = [](const Configuration& c) -> Result<void, std::vector<Problem>> {
                          const Section& work = c.section("work");
                          if (work.integer("hands") == 7)
                            return std::vector<Problem>{{work.place("hands"), "work.hands", "odd"}};
                          return ok();
                        },
                        .clean_up = [this](const Configuration& c) -> Result<std::string> {
                          cleaned.push_back(c.section("work").integer("hands"));
                          if (cleaned.back() == 0) return error("no hands");
                          return "everything";
                        },
                        .make = [](const Configuration&) { return std::unique_ptr<DaemonProcess>{}; }};
};

TEST_F(DaemonMain, CheckPrintsEveryMistakeAlsoThoseThatOnlyTheProgramSees) {
  const std::string file = write("work.hands = 3\n");
  EXPECT_EQ(run({"--check", "-c", file}), 0);
  EXPECT_EQ(out, file + ": good\n");
  write("work.hands = 7\n");
  EXPECT_EQ(run({"--check", "-c", file}), 3);
  EXPECT_EQ(err, file + ":1:14: work.hands: odd\n");
  EXPECT_EQ(run({"cleanup", "-c", file}), 3);
  write("work.feet = 2\nlog.level = \"loud\"\n");
  EXPECT_EQ(run({"--check", "-c", file}), 3);
  EXPECT_NE(err.find("work.feet"), std::string::npos) << err;
  EXPECT_NE(err.find("log.level"), std::string::npos) << err;
  EXPECT_TRUE(cleaned.empty());
}

TEST_F(DaemonMain, DefaultFileMayBeAbsentWhereTheProgramSaysSo) {
  EXPECT_EQ(run({"--check"}), 3);
  program.configuration_is_optional = true;
  EXPECT_EQ(run({"--check"}), 0);
  EXPECT_EQ(run({"--check", "-c", program.configuration}), 3) << "it was named";
}

TEST_F(DaemonMain, CleanUpSaysWhatItTookBackOrWhyItCouldNot) {
  const std::string file = write("work.hands = 3\n");
  EXPECT_EQ(run({"cleanup", "--config", file}), 0);
  EXPECT_EQ(out, "removed: everything\n");
  write("work.hands = 0\n");
  EXPECT_EQ(run({"--config", file, "cleanup"}), 2);
  EXPECT_EQ(err, "ilnp-sample: no hands\n");
  EXPECT_EQ(cleaned, (std::vector<std::int64_t>{3, 0}));
}

TEST_F(DaemonMain, KnowsItsFlagsAndRefusesOthers) {
  const std::string file = write("");
  EXPECT_EQ(run({"--check", "--gently", "-c", file}), 0);
  EXPECT_TRUE(flag);
  EXPECT_EQ(run({"--roughly"}), 3);
  EXPECT_EQ(run({"--version"}), 0);
  EXPECT_EQ(out.rfind("ilnp-sample ", 0), 0u) << out;
}

TEST_F(DaemonMain, HelpReferenceAndExampleShowTheOptions) {
  for (const char* how : {"--help", "--print-reference", "--print-example"}) {
    EXPECT_EQ(run({how}), 0);
    EXPECT_NE(out.find("hands"), std::string::npos) << how;
    EXPECT_NE(out.find("/run/ilnp/sample.sock"), std::string::npos) << how;
  }
}

}  // namespace
}  // namespace ilnp
