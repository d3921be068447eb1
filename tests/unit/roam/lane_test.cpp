// SPDX-License-Identifier: Apache-2.0
#include "examples/roam/wire/lane.h"

#include <gtest/gtest.h>

#include <vector>

namespace ilnp::wire {
namespace {

constexpr TimePoint start{seconds{100}};

ByteVector frame(std::uint8_t number, std::size_t octets = 100) { return ByteVector(octets, number); }

/// Everything that comes out up to `until`, each with the time it came.
std::vector<std::pair<TimePoint, int>> drain(Lane& lane, TimePoint until) {
  std::vector<std::pair<TimePoint, int>> out;
  while (lane.next_deadline() <= until) {
    const TimePoint due = lane.next_deadline();
    const std::optional<ByteVector> next = lane.take_due(due);
    if (!next) break;
    out.emplace_back(due, next->front());
  }
  return out;
}

TEST(Lane, FrameLeavesExactlyOneDelayAfterItCame) {
  Lane lane{Shape{.delay = milliseconds{10}}, 1};
  lane.offer(start, frame(7), 100);
  EXPECT_FALSE(lane.take_due(start + milliseconds{10} - Duration{1}));
  EXPECT_EQ(lane.next_deadline(), start + milliseconds{10});
  const std::optional<ByteVector> out = lane.take_due(start + milliseconds{10});
  ASSERT_TRUE(out);
  EXPECT_EQ(*out, frame(7));
  EXPECT_EQ(lane.next_deadline(), never);
}

TEST(Lane, FrameThatLossTakesComesBack) {
  Lane sure{Shape{.loss = 1}, 1}, never_up{Shape{.up = false}, 1}, whole{Shape{}, 1};
  EXPECT_EQ(sure.offer(start, frame(7), 100), frame(7));
  EXPECT_EQ(sure.counters().lost, 1u);
  EXPECT_FALSE(never_up.offer(start, frame(7), 100));
  EXPECT_FALSE(whole.offer(start, frame(7), 100));
}

TEST(Lane, RateSpacesFramesByTheirSize) {
  Lane lane{Shape{.delay = milliseconds{1}, .rate = 8'000'000}, 1};  // one octet per microsecond
  lane.offer(start, frame(1), 1000);
  lane.offer(start, frame(2), 500);
  const auto out = drain(lane, start + seconds{1});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].first, start + milliseconds{1} + microseconds{1000});
  EXPECT_EQ(out[1].first, start + milliseconds{1} + microseconds{1500});
}

TEST(Lane, QueueDropsFromTheTailWhenItIsFull) {
  Lane lane{Shape{.rate = 8'000'000, .queue_octets = 2500}, 1};
  for (std::uint8_t n = 0; n < 10; ++n) lane.offer(start, frame(n), 1000);
  // The first is on the line, two more wait, the fourth finds 3000 octets ahead of it.
  EXPECT_EQ(lane.counters().overflowed, 7u);
  const auto out = drain(lane, start + seconds{1});
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out.back().second, 2);
}

TEST(Lane, ShorterDelayDoesNotOvertakeWhatIsUnderWay) {
  Lane lane{Shape{.delay = milliseconds{80}}, 1};
  lane.offer(start, frame(1), 100);
  lane.shape().delay = milliseconds{10};
  lane.offer(start + milliseconds{1}, frame(2), 100);
  const auto out = drain(lane, start + seconds{1});
  ASSERT_EQ(out.size(), 2u);
  EXPECT_EQ(out[0].second, 1);
  EXPECT_EQ(out[1].second, 2);
}

TEST(Lane, ReorderedFrameIsOvertakenByThoseWithinItsHold) {
  Lane lane{Shape{.delay = milliseconds{10}, .reorder = 1, .reorder_hold = milliseconds{5}}, 1};
  lane.offer(start, frame(1), 100);
  lane.shape().reorder = 0;
  lane.offer(start + milliseconds{4}, frame(2), 100);
  lane.offer(start + milliseconds{6}, frame(3), 100);
  const auto out = drain(lane, start + seconds{1});
  ASSERT_EQ(out.size(), 3u);
  EXPECT_EQ(out[0].second, 2);
  EXPECT_EQ(out[1].second, 1);
  EXPECT_EQ(out[2].second, 3);
  EXPECT_EQ(lane.counters().reordered, 1u);
}

TEST(Lane, LossIsTheAskedShareAndTheSameForTheSameSeed) {
  const auto survivors = [](std::uint64_t seed) {
    Lane lane{Shape{.loss = 0.1}, seed};
    for (int n = 0; n < 20000; ++n) lane.offer(start + microseconds{n}, frame(static_cast<std::uint8_t>(n)), 100);
    std::vector<int> out;
    for (const auto& [time, number] : drain(lane, start + seconds{1})) out.push_back(number);
    return out;
  };
  const std::vector<int> first = survivors(5);
  EXPECT_NEAR(static_cast<double>(first.size()), 18000, 250);
  EXPECT_EQ(first, survivors(5));
  EXPECT_NE(first, survivors(6));
}

TEST(Lane, LineThatIsDownLetsNothingInButDeliversWhatIsUnderWay) {
  Lane lane{Shape{.delay = milliseconds{10}}, 1};
  lane.offer(start, frame(1), 100);
  lane.shape().up = false;
  lane.offer(start, frame(2), 100);
  EXPECT_EQ(drain(lane, start + seconds{1}).size(), 1u);
  EXPECT_EQ(lane.counters().down, 1u);
}

TEST(Lane, WorstLatenessIsKept) {
  Lane lane{Shape{.delay = milliseconds{10}}, 1};
  lane.offer(start, frame(1), 100);
  lane.offer(start, frame(2), 100);
  EXPECT_TRUE(lane.take_due(start + milliseconds{13}));
  EXPECT_TRUE(lane.take_due(start + milliseconds{11}));
  EXPECT_EQ(lane.counters().latest, milliseconds{3});
}

TEST(Lane, MemoryInFlightIsBounded) {
  Lane lane{Shape{.delay = seconds{10}}, 1};
  const std::size_t large = 60000, enough = Lane::memory_limit / large + 10;
  for (std::size_t n = 0; n < enough; ++n) lane.offer(start, frame(0, large), large);
  EXPECT_GE(lane.counters().memory, 9u);
  EXPECT_LE(drain(lane, start + seconds{20}).size() * large, Lane::memory_limit);
}

}  // namespace
}  // namespace ilnp::wire
