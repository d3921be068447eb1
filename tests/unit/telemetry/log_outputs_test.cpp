// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/log_outputs.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>

namespace ilnp {
namespace {

const std::chrono::system_clock::time_point moment{std::chrono::microseconds{1795244462003004}};

Event event_with(std::span<const Field> fields) { return {LogLevel::warning, "gateway_lost", fields, moment}; }

TEST(LogOutputs, TextIsOneLineWhateverAValueHolds) {
  const std::array<Field, 5> fields{Field{"interface", "eth0"}, Field{"count", 3u}, Field{"empty", ""},
                                    Field{"name", "x\nfake event=1 \"q\""}, Field{"up", true}};
  EXPECT_EQ(format_text(event_with(fields), 7),
            "2026-11-21T07:01:02.003004Z warning gateway_lost interface=eth0 count=3 empty=\"\" "
            "name=\"x\\nfake event=1 \\\"q\\\"\" up=true suppressed=7");
}

TEST(LogOutputs, JsonKeepsTypesAndSurvivesBadUtf8) {
  const std::array<Field, 4> fields{Field{"big", std::uint64_t{18446744073709551615u}}, Field{"negative", -5},
                                    Field{"ratio", 0.5}, Field{"name", "\xff\xfe"}};
  const auto line = nlohmann::json::parse(format_json(event_with(fields)));
  EXPECT_EQ(line["event"], "gateway_lost");
  EXPECT_EQ(line["level"], "warning");
  EXPECT_EQ(line["time"], "2026-11-21T07:01:02.003004Z");
  EXPECT_EQ(line["big"], 18446744073709551615u);
  EXPECT_EQ(line["negative"], -5);
  EXPECT_EQ(line["ratio"], 0.5);
  EXPECT_FALSE(line.contains("suppressed"));
}

TEST(LogOutputs, JournalGetsOneFieldPerField) {
  const std::array<Field, 2> fields{Field{"interface", "eth0"}, Field{"after_ms", 400}};
  EXPECT_EQ(journal_fields(event_with(fields), 2, "ilnp-host"),
            (std::vector<std::string>{"MESSAGE=gateway_lost interface=eth0 after_ms=400 suppressed=2", "PRIORITY=4",
                                      "SYSLOG_IDENTIFIER=ilnp-host", "ILNP_EVENT=gateway_lost", "ILNP_INTERFACE=eth0",
                                      "ILNP_AFTER_MS=400", "ILNP_SUPPRESSED=2"}));
}

TEST(LogOutputs, TheJournalIsRecognisedByItsStream) {
  struct stat status {};
  ASSERT_EQ(fstat(STDERR_FILENO, &status), 0);
  const std::string own = std::to_string(status.st_dev) + ":" + std::to_string(status.st_ino);
  EXPECT_TRUE(is_journal_stream(STDERR_FILENO, own.c_str()));
  EXPECT_FALSE(is_journal_stream(STDERR_FILENO, (own + "1").c_str()));
  EXPECT_FALSE(is_journal_stream(STDERR_FILENO, nullptr));
  EXPECT_FALSE(is_journal_stream(-1, own.c_str()));
}

TEST(LogOutputs, StandardErrorGetsWholeLines) {
  testing::internal::CaptureStderr();
  {
    const auto output = make_log_output({.target = LogTarget::standard_error, .format = LogFormat::json});
    output->write(event_with({}), 0);
    output->write(event_with({}), 4);
  }
  const std::string text = testing::internal::GetCapturedStderr();
  ASSERT_EQ(std::count(text.begin(), text.end(), '\n'), 2) << text;
  EXPECT_EQ(nlohmann::json::parse(text.substr(text.find('\n')))["suppressed"], 4);
}

TEST(LogOutputs, ALogThatCannotBeWrittenDoesNotStopTheProgram) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  const int saved = dup(STDERR_FILENO);
  ASSERT_EQ(dup2(full, STDERR_FILENO), STDERR_FILENO);
  make_log_output({.target = LogTarget::standard_error})->write(event_with({}), 0);
  dup2(saved, STDERR_FILENO);
  close(saved);
  close(full);
  SUCCEED();
}

}  // namespace
}  // namespace ilnp
