// SPDX-License-Identifier: Apache-2.0
// Links that swallow large packets, lose some, die, mend: which size is believed in when.
#include "core/site/link_mtu.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

namespace ilnp {
namespace {

class LinkMtuTest : public ::testing::Test {
 protected:
  void SetUp() override { link.begin(now, 1500); }

  /// Runs in steps of a millisecond.
  void run(Duration length) {
    for (const TimePoint end = now + length; now < end; now += milliseconds{1}) {
      for (; !answers.empty() && answers.begin()->first <= now; answers.erase(answers.begin()))
        link.on_answer(now, answers.begin()->second);
      for (const LinkMtu::Probe& probe : link.on_time(now)) {
        ++probes;
        largest = std::max(largest, probe.octets);
        if (carries(probe.octets)) answers.emplace(now + round_trip, probe.sequence);
      }
    }
  }
  void takes(std::size_t octets) {
    carries = [octets](std::size_t probe) { return probe <= octets; };
  }

  LinkMtu link{LinkMtuTuning{}};
  TimePoint now{seconds{1000}};
  Duration round_trip = milliseconds{5};
  std::function<bool(std::size_t)> carries = [](std::size_t) { return true; };
  std::multimap<TimePoint, std::uint16_t> answers;
  std::size_t largest = 0;
  int probes = 0;
};

TEST_F(LinkMtuTest, TheInterfaceIsBelievedAndConfirmedOnceASecond) {
  EXPECT_EQ(link.mtu(), 1500u);
  run(seconds{60});
  EXPECT_EQ(link.mtu(), 1500u);
  EXPECT_EQ(link.black_holes(), 0u);
  EXPECT_NEAR(probes, 120, 2);
  EXPECT_EQ(largest, 1500u);
}

TEST_F(LinkMtuTest, ABlackHoleFromTheStartIsPassedInASecondAndAHalf) {
  takes(1400);
  run(milliseconds{350});
  EXPECT_EQ(link.black_holes(), 1u);
  EXPECT_LE(link.mtu(), 1400u);
  run(milliseconds{1150});
  EXPECT_GT(link.mtu(), 1400u - 8);
  EXPECT_LE(link.mtu(), 1400u);
  probes = 0;
  run(seconds{30});
  EXPECT_NEAR(probes, 60, 2) << "the search has an end";
  EXPECT_EQ(link.black_holes(), 1u);
}

TEST_F(LinkMtuTest, OneThatAppearsIsSeenWithinASecondAndAThird) {
  run(seconds{10});
  takes(1300);
  run(milliseconds{1350});
  EXPECT_LE(link.mtu(), 1300u);
  run(seconds{3});
  EXPECT_GT(link.mtu(), 1300u - 8);
}

TEST_F(LinkMtuTest, OneThatGrowsIsSeenAgain) {
  takes(1400);
  run(seconds{10});
  takes(1330);
  run(seconds{5});
  EXPECT_LE(link.mtu(), 1330u);
  EXPECT_GT(link.mtu(), 1330u - 8);
  EXPECT_EQ(link.black_holes(), 2u);
}

TEST_F(LinkMtuTest, WhatIsMendedIsUsedAgainWithinAMinute) {
  takes(1400);
  run(seconds{10});
  takes(1500);
  run(seconds{62});
  EXPECT_EQ(link.mtu(), 1500u);
  takes(1450);
  run(seconds{5});
  takes(1476);
  run(seconds{62});
  EXPECT_GT(link.mtu(), 1476u - 8) << "and what is mended in part, in part";
  EXPECT_LE(link.mtu(), 1476u);
}

TEST_F(LinkMtuTest, WithoutAnyAnswerNothingIsConcluded) {
  carries = [](std::size_t) { return false; };
  run(seconds{60});
  EXPECT_EQ(link.mtu(), 1500u);
  EXPECT_EQ(link.black_holes(), 0u);
}

TEST_F(LinkMtuTest, LostProbesAreNoBlackHole) {
  int n = 0;
  carries = [&](std::size_t octets) { return octets == LinkMtu::base || ++n % 3 == 0; };
  run(seconds{60});
  EXPECT_EQ(link.mtu(), 1500u);
  EXPECT_EQ(link.black_holes(), 0u);
}

TEST_F(LinkMtuTest, ALongWayIsWaitedFor) {
  round_trip = milliseconds{700};
  run(seconds{20});
  EXPECT_EQ(link.mtu(), 1500u);
  EXPECT_EQ(link.black_holes(), 0u);
  takes(1400);
  run(seconds{60});
  EXPECT_LE(link.mtu(), 1400u);
  EXPECT_GT(link.mtu(), 1400u - 8);
}

TEST_F(LinkMtuTest, OnlyTheSmallestPasses) {
  takes(1280);
  run(seconds{10});
  EXPECT_EQ(link.mtu(), 1280u);
  EXPECT_EQ(link.black_holes(), 1u);
}

TEST_F(LinkMtuTest, LargeFramesAreFoundToo) {
  link.begin(now, 9000);
  takes(8192);
  run(seconds{6});
  EXPECT_LE(link.mtu(), 8192u);
  EXPECT_GT(link.mtu(), 8192u - 8);
}

TEST_F(LinkMtuTest, AnotherInterfaceMtuBeginsAnewAndTheSameDoesNot) {
  takes(1400);
  run(seconds{10});
  const std::size_t found = link.mtu();
  link.begin(now, 1500);
  EXPECT_EQ(link.mtu(), found);
  link.begin(now, 1450);
  EXPECT_EQ(link.mtu(), 1450u);
  link.end();
  EXPECT_EQ(link.next_deadline(), never);
  link.begin(now, 1280);
  EXPECT_EQ(link.next_deadline(), never) << "there is nothing to find out";
  EXPECT_EQ(link.mtu(), 1280u);
}

}  // namespace
}  // namespace ilnp
