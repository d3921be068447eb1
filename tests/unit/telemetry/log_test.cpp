// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/log.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class Recorder final : public LogOutput {
 public:
  explicit Recorder(std::vector<std::string>& lines) : lines_{lines} {}
  void write(const Event& event, std::uint64_t suppressed) override {
    std::string line{event.name};
    for (const Field& field : event.fields) line += " " + std::string{field.name} + "=" + field.value.text();
    if (suppressed != 0) line += " suppressed=" + std::to_string(suppressed);
    lines_.push_back(line);
  }

 private:
  std::vector<std::string>& lines_;
};

class EventLogTest : public testing::Test {
 protected:
  EventLog make(LogLevel level, unsigned burst) {
    return {std::make_unique<Recorder>(lines_), level, burst, [this] { return now_; }};
  }
  static void say(EventLog& log, LogLevel level, std::string_view name, std::vector<Field> fields = {}) {
    log.log(level, name, fields);
  }

  std::vector<std::string> lines_;
  std::chrono::steady_clock::time_point now_{seconds{1000}};
};

TEST_F(EventLogTest, WritesEventsFromItsLevelUp) {
  EventLog log = make(LogLevel::warning, 5);
  say(log, LogLevel::info, "locator_added");
  say(log, LogLevel::warning, "gateway_lost", {{"interface", "eth0"}, {"after_ms", 400}});
  EXPECT_EQ(lines_, std::vector<std::string>{"gateway_lost interface=eth0 after_ms=400"});
  log.set_level(LogLevel::off);
  say(log, LogLevel::error, "socket_failed");
  EXPECT_EQ(lines_.size(), 1u);
}

TEST_F(EventLogTest, AFloodOfOneEventBecomesOneLineASecondWithACount) {
  EventLog log = make(LogLevel::info, 1);
  for (int i = 0; i < 1000; ++i) {  // 10 s of an event every 10 ms
    say(log, LogLevel::warning, "bad_nonce");
    now_ += milliseconds{10};
  }
  ASSERT_EQ(lines_.size(), 10u);
  EXPECT_EQ(lines_[0], "bad_nonce");
  for (std::size_t i = 1; i < lines_.size(); ++i) EXPECT_EQ(lines_[i], "bad_nonce suppressed=99");
}

TEST_F(EventLogTest, ABurstPassesAndThenHasToBeEarnedAgain) {
  EventLog log = make(LogLevel::info, 3);
  for (int i = 0; i < 5; ++i) say(log, LogLevel::info, "locator_added");
  EXPECT_EQ(lines_.size(), 3u);
  now_ += seconds{1};
  for (int i = 0; i < 5; ++i) say(log, LogLevel::info, "locator_added");
  EXPECT_EQ(lines_.size(), 4u);
  EXPECT_EQ(lines_.back(), "locator_added suppressed=2");
  now_ += seconds{60};
  for (int i = 0; i < 5; ++i) say(log, LogLevel::info, "locator_added");
  EXPECT_EQ(lines_.size(), 7u) << "three at most, however long the silence was";
}

TEST_F(EventLogTest, EventsDoNotSuppressEachOtherAndDebugIsNotLimited) {
  EventLog log = make(LogLevel::trace, 1);
  say(log, LogLevel::info, "a");
  say(log, LogLevel::info, "b");
  for (int i = 0; i < 10; ++i) say(log, LogLevel::debug, "c");
  EXPECT_EQ(lines_.size(), 12u);
}

TEST_F(EventLogTest, FlushReportsWhatNoLaterLineReported) {
  EventLog log = make(LogLevel::info, 1);
  for (int i = 0; i < 8; ++i) say(log, LogLevel::warning, "bad_nonce");
  log.flush();
  EXPECT_EQ(lines_.back(), "events_suppressed name=bad_nonce count=7");
  log.flush();
  EXPECT_EQ(lines_.size(), 2u);
  now_ += seconds{2};
  say(log, LogLevel::warning, "bad_nonce");
  EXPECT_EQ(lines_.back(), "bad_nonce") << "the count was reported once";
}

TEST_F(EventLogTest, WatchersSeeEveryEventFromInfoUpWhateverIsLogged) {
  EventLog log = make(LogLevel::error, 1);
  int seen = 0;
  log.watch([&](const Event& event) {
    EXPECT_EQ(event.name, "session_established");
    ++seen;
  });
  for (int i = 0; i < 20; ++i) say(log, LogLevel::info, "session_established");
  say(log, LogLevel::debug, "packet");
  EXPECT_EQ(seen, 20);
  EXPECT_TRUE(lines_.empty());
}

TEST(LogLevels, HaveNames) {
  for (LogLevel level :
       {LogLevel::trace, LogLevel::debug, LogLevel::info, LogLevel::warning, LogLevel::error, LogLevel::off}) {
    EXPECT_EQ(parse_log_level(to_string(level)), level);
  }
  EXPECT_EQ(parse_log_level("warn"), LogLevel::warning);
  EXPECT_EQ(parse_log_level("loud"), std::nullopt);
}

}  // namespace
}  // namespace ilnp
