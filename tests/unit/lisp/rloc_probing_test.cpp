// SPDX-License-Identifier: Apache-2.0
// RLOCs that die, return, are slow, lose packets.
#include "core/lisp/rloc_probing.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "tests/support/fakes.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {
namespace {

class RlocProbingTest : public ::testing::Test {
 protected:
  void SetUp() override { probing.set_own_rlocs({ip("2001:db8:c1::1")}); }

  static MapReply reply_to(const MapRequest& probe) {
    MapReply reply;
    reply.is_probe = true;
    reply.nonce = probe.nonce;
    reply.records = {mapping("10.0.0.0/8", {rloc("2001:db8:a1::1")})};
    reply.records[0].eid = probe.records.at(0).eid;
    return reply;
  }
  /// Time passes; the RLOCs are in use unless said otherwise, and answer when `answers` says so.
  void run(Duration length, bool in_use = true) {
    for (const TimePoint end = now + length; now < end; now += milliseconds{10}) {
      if (in_use && (now - begin) % seconds{5} == Duration{})
        for (const IpAddress& each : used) probing.want(now, each, eid_prefix("2001:db8:e1d::/64"));
      while (!on_the_way.empty() && on_the_way.begin()->first <= now) {
        probing.on_reply(now, on_the_way.begin()->second, actions);
        on_the_way.erase(on_the_way.begin());
      }
      if (probing.next_deadline() > now) continue;
      ProbingActions due;
      probing.on_time(now, due);
      for (const auto& probe : due.probes) {
        times.push_back(now);
        if (answers(probe.to)) on_the_way.emplace(now + round_trip, reply_to(probe.message));
      }
      actions.probes.insert(actions.probes.end(), due.probes.begin(), due.probes.end());
      actions.changes.insert(actions.changes.end(), due.changes.begin(), due.changes.end());
    }
  }
  bool is_down() const { return probing.down().contains(a1); }

  const TimePoint begin{seconds{1000}};
  TimePoint now = begin;
  test::FakeRandom random{4};
  ItrDrops drops;
  ProbingTuning tuning;
  std::optional<RlocProbing> made{std::in_place, tuning, random, drops};
  RlocProbing& probing = *made;
  ProbingActions actions;
  const IpAddress a1 = ip("2001:db8:a1::1");
  std::vector<IpAddress> used{a1};
  std::function<bool(const IpAddress&)> answers = [](const IpAddress&) { return true; };
  Duration round_trip = milliseconds{40};
  std::multimap<TimePoint, MapReply> on_the_way;
  std::vector<TimePoint> times;
};

TEST_F(RlocProbingTest, ProbeSaysWhatItIs) {
  run(seconds{5});
  ASSERT_EQ(actions.probes.size(), 1u);
  const auto& [to, message] = actions.probes[0];
  EXPECT_EQ(to, a1);
  EXPECT_TRUE(message.is_probe);
  EXPECT_FALSE(message.source);
  EXPECT_EQ(message.itr_rlocs, std::vector{ip("2001:db8:c1::1")});
  EXPECT_EQ(message.records, std::vector{MapRequest::Record{eid_prefix("2001:db8:e1d::/64")}});
}

TEST_F(RlocProbingTest, EveryThirtySecondsGiveOrTakeAQuarter) {
  run(seconds{3600});
  EXPECT_NEAR(static_cast<double>(times.size()), 120, 10);
  std::map<Duration, int> pauses;
  for (std::size_t i = 1; i < times.size(); ++i) {
    const Duration pause = times[i] - times[i - 1];
    EXPECT_GE(pause, milliseconds{22'500});
    EXPECT_LE(pause, milliseconds{37'600});
    ++pauses[pause];
  }
  EXPECT_GT(pauses.size(), 50u);
  EXPECT_TRUE(actions.changes.empty());
}

TEST_F(RlocProbingTest, DownAfterTwoRepetitionsInFiveSecondsEach) {
  answers = [](const IpAddress&) { return false; };
  run(seconds{5});
  ASSERT_EQ(times.size(), 1u);
  run(times[0] + seconds{15} - now);
  EXPECT_FALSE(is_down());
  run(milliseconds{20});
  EXPECT_TRUE(is_down());
  ASSERT_EQ(times.size(), 3u);
  EXPECT_EQ(times[1] - times[0], seconds{5});
  EXPECT_EQ(times[2] - times[1], seconds{5});
  ASSERT_EQ(actions.changes.size(), 1u);
  EXPECT_FALSE(actions.changes[0].is_up);
}

TEST_F(RlocProbingTest, DownIsProbedWithThePeriodAndOneAnswerIsEnough) {
  answers = [](const IpAddress&) { return false; };
  run(seconds{20});
  ASSERT_TRUE(is_down());
  run(seconds{300});
  EXPECT_NEAR(static_cast<double>(times.size()), 3 + 10, 2);
  answers = [](const IpAddress&) { return true; };
  run(seconds{38});
  EXPECT_FALSE(is_down());
  ASSERT_EQ(actions.changes.size(), 2u);
  EXPECT_TRUE(actions.changes[1].is_up);
}

TEST_F(RlocProbingTest, OneLostProbeOrTwoChangeNothing) {
  int n = 0;
  answers = [&n](const IpAddress&) { return ++n % 3 == 0; };
  run(seconds{600});
  EXPECT_TRUE(actions.changes.empty());
  const RlocStatistics s = *probing.statistics(a1);
  EXPECT_EQ(s.answered + s.lost, 16);
  EXPECT_NEAR(s.lost, 11, 1);
}

TEST_F(RlocProbingTest, RoundTrips) {
  run(seconds{60});
  round_trip = milliseconds{100};
  run(seconds{60});
  const RlocStatistics s = *probing.statistics(a1);
  EXPECT_EQ(s.last, milliseconds{100});
  EXPECT_EQ(s.min, milliseconds{40});
  EXPECT_GT(s.mean, s.min);
  EXPECT_LT(s.mean, s.last);
  EXPECT_GT(s.jitter, milliseconds{2}) << "one change of 60 ms is 60/16 at first";
  EXPECT_LE(s.jitter, microseconds{3750});
  EXPECT_EQ(s.lost, 0);
  run(seconds{1200});
  EXPECT_EQ(probing.statistics(a1)->min, milliseconds{100}) << "of the last sixteen";
  EXPECT_FALSE(probing.statistics(ip("2001:db8:a2::1")));
}

TEST_F(RlocProbingTest, FastProfile) {
  tuning.period = seconds{1};
  made.emplace(tuning, random, drops);
  run(seconds{60});
  EXPECT_NEAR(static_cast<double>(times.size()), 58, 8);
  answers = [](const IpAddress&) { return false; };
  run(seconds{5});
  EXPECT_TRUE(is_down());
}

TEST_F(RlocProbingTest, WhatIsNotUsedIsForgotten) {
  run(seconds{60});
  EXPECT_EQ(probing.size(), 1u);
  run(seconds{120}, false);
  EXPECT_EQ(probing.size(), 0u);
  EXPECT_EQ(probing.next_deadline(), never);
  const std::size_t probes = times.size();
  run(seconds{120}, false);
  EXPECT_EQ(times.size(), probes);
}

TEST_F(RlocProbingTest, DoubtAsksAtOnceButOnceASecond) {
  run(seconds{10});
  const std::size_t probes = times.size();
  for (int i = 0; i < 1000; ++i) probing.doubt(now, a1);
  run(milliseconds{20});
  EXPECT_EQ(times.size(), probes + 1);
  run(milliseconds{100});
  for (int i = 0; i < 100; ++i) {
    probing.doubt(now, a1);
    run(milliseconds{10});
  }
  EXPECT_LE(times.size(), probes + 3);
  EXPECT_FALSE(is_down()) << "it answers: the hint was wrong";
  answers = [](const IpAddress&) { return false; };
  run(seconds{2});
  probing.doubt(now, a1);
  run(seconds{16});
  EXPECT_TRUE(is_down());
  probing.doubt(now, ip("2001:db8:a7::1"));  // not ours to ask
}

TEST_F(RlocProbingTest, DoubtDoesNotHastenTheEnd) {
  answers = [](const IpAddress&) { return false; };
  run(seconds{5});
  ASSERT_EQ(times.size(), 1u);
  while (now < times[0] + milliseconds{14'900}) {
    probing.doubt(now, a1);
    run(milliseconds{10});
  }
  EXPECT_FALSE(is_down()) << "errors can be forged";
}

TEST_F(RlocProbingTest, AnswersThatAreNotBelieved) {
  answers = [](const IpAddress&) { return false; };
  run(seconds{5});
  const MapReply good = reply_to(actions.probes[0].message);
  MapReply bad = good;
  bad.nonce ^= 1;
  probing.on_reply(now, bad, actions);
  bad = good;
  bad.is_probe = false;
  probing.on_reply(now, bad, actions);
  EXPECT_EQ(drops.of(ItrDrop::probe_reply_unknown_nonce), 2u);
  bad = good;
  bad.records[0].is_authoritative = false;
  probing.on_reply(now, bad, actions);
  EXPECT_EQ(drops.of(ItrDrop::probe_reply_not_authoritative), 1u);
  bad = good;
  bad.records[0].eid = eid_prefix("2001:db8:99::/64");
  probing.on_reply(now, bad, actions);
  bad.records.clear();
  probing.on_reply(now, bad, actions);
  EXPECT_EQ(drops.of(ItrDrop::probe_reply_other_eid), 2u);
  EXPECT_EQ(probing.statistics(a1)->answered, 0);
  probing.on_reply(now, good, actions);
  EXPECT_EQ(probing.statistics(a1)->answered, 1);
  probing.on_reply(now, good, actions);
  EXPECT_EQ(drops.of(ItrDrop::probe_reply_unknown_nonce), 3u) << "once";
}

TEST_F(RlocProbingTest, AnswerIsAboutThePrefixThatWasAskedFor) {
  answers = [](const IpAddress&) { return false; };
  run(seconds{5});
  probing.want(now, a1, eid_prefix("10.0.0.0/8"));  // in use for another prefix since
  probing.on_reply(now, reply_to(actions.probes[0].message), actions);
  EXPECT_EQ(probing.statistics(a1)->answered, 1);
}

TEST_F(RlocProbingTest, LateAnswerToTheFirstTryCounts) {
  round_trip = seconds{7};
  run(seconds{100});
  EXPECT_FALSE(is_down());
  EXPECT_EQ(probing.statistics(a1)->last, seconds{7});
}

TEST_F(RlocProbingTest, TableIsBounded) {
  for (std::uint32_t i = 0; i < 10'100; ++i)
    probing.want(now, IpAddress::v4(0x0b00'0000 + i), eid_prefix("10.0.0.0/8"));
  EXPECT_EQ(probing.size(), 10'000u);
  EXPECT_EQ(drops.of(ItrDrop::probe_table_full), 100u);
}

TEST_F(RlocProbingTest, WatchedRlocsAreProbedEachSecondForAsLongAsItWasSaid) {
  run(seconds{60});
  const auto probes_in = [&](Duration length) {
    const std::size_t before = times.size();
    run(length, false);
    return times.size() - before;
  };
  probing.watch(now, a1, eid_prefix("2001:db8:e1d::7/128"), now + seconds{60});
  const std::size_t often = probes_in(seconds{60});
  EXPECT_GE(often, 45u);
  EXPECT_LE(often, 81u);
  EXPECT_LE(probes_in(seconds{30}), 3u);
  probing.watch(now, a1, eid_prefix("2001:db8:e1d::7/128"), now + seconds{60});
  run(seconds{2}, false);
  answers = [](const IpAddress&) { return false; };
  run(seconds{6}, false);
  EXPECT_TRUE(is_down()) << "and the end of one is seen soon";
}

}  // namespace
}  // namespace ilnp::lisp
