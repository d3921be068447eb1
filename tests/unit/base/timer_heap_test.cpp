// SPDX-License-Identifier: Apache-2.0
#include "core/base/timer_heap.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/support/fakes.h"

namespace ilnp {
namespace {

TimePoint at(int ms) { return TimePoint{milliseconds{ms}}; }

TEST(TimerHeap, EmptyOneHasNothingDue) {
  TimerHeap heap;
  EXPECT_TRUE(heap.empty());
  EXPECT_EQ(heap.next(), never);
  heap.remove(7);
  EXPECT_TRUE(heap.empty());
}

TEST(TimerHeap, SettingATimerAgainMovesIt) {
  TimerHeap heap;
  heap.set(1, at(10));
  heap.set(2, at(20));
  heap.set(1, at(30));
  EXPECT_EQ(heap.size(), 2u);
  EXPECT_EQ(heap.earliest(), 2u);
  heap.set(1, at(5));
  EXPECT_EQ(heap.earliest(), 1u);
  EXPECT_EQ(heap.next(), at(5));
}

TEST(TimerHeap, AgreesWithASortedMap) {
  test::FakeRandom random{3};
  TimerHeap heap;
  std::map<TimerHeap::Id, TimePoint> model;
  for (int step = 0; step < 20'000; ++step) {
    const auto id = static_cast<TimerHeap::Id>(random.below(200));
    if (random.one_in(3)) {
      heap.remove(id);
      model.erase(id);
    } else {
      const TimePoint when = at(static_cast<int>(random.below(1000)));
      heap.set(id, when);
      model[id] = when;
    }
    ASSERT_EQ(heap.size(), model.size());
    TimePoint first = never;
    for (const auto& [i, when] : model) first = std::min(first, when);
    ASSERT_EQ(heap.next(), first);
    if (!model.empty()) {
      ASSERT_EQ(model.at(heap.earliest()), first);
    }
  }
}

}  // namespace
}  // namespace ilnp
