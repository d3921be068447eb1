// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/clock_watch.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

constexpr Duration tick = milliseconds{20};

class ClockWatchTest : public testing::Test {
 protected:
  ClockWatchTest() { clock_.on_tick(now_); }

  /// The next tick comes that late.
  std::optional<Duration> late_by(Duration late) {
    now_ = clock_.next_tick() + late;
    return clock_.on_tick(now_);
  }
  /// Ticks in time for that long.
  void calm(Duration how_long) {
    for (const TimePoint end = now_ + how_long; now_ < end;) ASSERT_FALSE(late_by(Duration::zero()));
  }

  TimePoint now_{seconds{1000}};
  ClockWatch clock_{tick};
};

TEST_F(ClockWatchTest, TimerInTimeOrALittleLateIsNoSign) {
  calm(seconds{1});
  EXPECT_FALSE(late_by(ClockWatch::too_late - milliseconds{1}));
  EXPECT_EQ(clock_.counters().jumps, 0u);
}

TEST_F(ClockWatchTest, LateTimerIsASignOnce) {
  EXPECT_EQ(late_by(milliseconds{90}), milliseconds{90});
  EXPECT_FALSE(late_by(Duration::zero()));
  EXPECT_EQ(clock_.counters().jumps, 1u);
}

TEST_F(ClockWatchTest, MachineIsLateUntilTheTick) {
  const TimePoint late = clock_.next_tick() + ClockWatch::too_late;
  EXPECT_FALSE(clock_.is_late(late - milliseconds{1}));
  EXPECT_TRUE(clock_.is_late(late));
  clock_.on_tick(late);
  EXPECT_FALSE(clock_.is_late(late));
}

TEST_F(ClockWatchTest, ClockThatNobodyLooksAtIsNeverLate) {
  ClockWatch off{Duration::zero()};
  off.on_tick(now_);
  EXPECT_FALSE(off.is_late(now_ + seconds{3600}));
}

TEST_F(ClockWatchTest, NextTickIsCountedFromTheLateOne) {
  late_by(seconds{3600});
  EXPECT_EQ(clock_.next_tick(), now_ + tick);
}

TEST_F(ClockWatchTest, MachineThatIsAlwaysLateGivesFewSigns) {
  for (int i = 0; i < 600; ++i) late_by(milliseconds{80});  // for a minute
  const auto most = ClockWatch::most_at_once + seconds{60} / ClockWatch::one_more_each;
  EXPECT_GE(clock_.counters().jumps, ClockWatch::most_at_once);
  EXPECT_LE(clock_.counters().jumps, static_cast<std::uint64_t>(most));
  EXPECT_EQ(clock_.counters().jumps + clock_.counters().suppressed, 600u);
}

TEST_F(ClockWatchTest, AfterACalmTimeSignsCountAgain) {
  for (int i = 0; i < 100; ++i) late_by(milliseconds{60});
  EXPECT_FALSE(late_by(milliseconds{60}));
  calm(ClockWatch::one_more_each + tick);
  EXPECT_TRUE(late_by(milliseconds{60}));
  EXPECT_FALSE(late_by(milliseconds{60}));
}

TEST_F(ClockWatchTest, CalmTimeSavesUpNoMoreThanTheMost) {
  calm(10 * ClockWatch::one_more_each);
  for (int i = 0; i < 20; ++i) late_by(milliseconds{60});
  EXPECT_EQ(clock_.counters().jumps, ClockWatch::most_at_once);
}

TEST_F(ClockWatchTest, ClockThatIsSetAgainAndAgainGivesFewSigns) {
  unsigned signs = 0;
  for (int i = 0; i < 100; ++i) signs += clock_.on_clock_set(now_) ? 1 : 0;
  EXPECT_EQ(signs, ClockWatch::most_at_once);
}

TEST_F(ClockWatchTest, MachineThatIsAlwaysLateStillHearsThatItsClockWasSet) {
  for (int i = 0; i < 100; ++i) late_by(milliseconds{60});
  EXPECT_TRUE(clock_.on_clock_set(now_));
}

TEST_F(ClockWatchTest, WithoutATickNothingIsAwaited) {
  ClockWatch none{Duration::zero()};
  EXPECT_FALSE(none.on_tick(now_));
  EXPECT_EQ(none.next_tick(), never);
  EXPECT_FALSE(none.on_tick(now_ + seconds{3600}));
  EXPECT_TRUE(none.on_clock_set(now_));
}

}  // namespace
}  // namespace ilnp
