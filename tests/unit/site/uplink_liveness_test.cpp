// SPDX-License-Identifier: Apache-2.0
// Uplinks that die, lose packets, are slow, flap: what is believed when.
#include "core/site/uplink_liveness.h"

#include <gtest/gtest.h>

#include <functional>
#include <map>

#include "tests/support/fakes.h"

namespace ilnp {
namespace {

/// An uplink with a round trip; `carries` says whether a packet that is sent now comes back.
class LivenessTest : public ::testing::Test {
 protected:
  void SetUp() override { liveness.on_carrier(now, true); }

  /// Runs in steps of a millisecond.
  void run(Duration length) {
    for (const TimePoint end = now + length; now < end; now += milliseconds{1}) {
      while (!answers.empty() && answers.begin()->first <= now) {
        liveness.on_answer(now, answers.begin()->second);
        answers.erase(answers.begin());
      }
      if (const auto probe = liveness.on_time(now)) {
        ++probes;
        if (carries()) answers.emplace(now + round_trip, *probe);
      }
      if (liveness.state() != last) {
        last = liveness.state();
        ++changes;
      }
    }
  }
  /// How long until it is in that state; an hour when never.
  Duration until(UplinkState state) {
    const TimePoint begin = now;
    while (liveness.state() != state && now - begin < seconds{3600}) run(milliseconds{1});
    return now - begin;
  }

  LivenessTuning tuning;
  UplinkLiveness liveness{tuning};
  TimePoint now{seconds{1000}};
  Duration round_trip = milliseconds{5};
  std::function<bool()> carries = [] { return true; };
  std::multimap<TimePoint, std::uint16_t> answers;
  UplinkState last = UplinkState::down;
  int changes = 0, probes = 0;
};

TEST_F(LivenessTest, ComesUpAfterASecondOfAnswers) {
  EXPECT_NEAR(static_cast<double>(until(UplinkState::up).count()), 905e6, 10e6);
  EXPECT_EQ(liveness.round_trip(), milliseconds{5});
  EXPECT_EQ(liveness.failures(), 0u);
}

TEST_F(LivenessTest, AtTheStartItCarriesWhatThereIs) {
  liveness = UplinkLiveness{{}};
  liveness.begin(now, true);
  EXPECT_EQ(liveness.state(), UplinkState::suspect);
  EXPECT_LE(until(UplinkState::up), milliseconds{20});
  carries = [] { return false; };
  liveness = UplinkLiveness{{}};
  liveness.begin(now, true);
  EXPECT_LE(until(UplinkState::down), milliseconds{300}) << "nobody answers";
  liveness = UplinkLiveness{{}};
  liveness.begin(now, false);
  EXPECT_EQ(liveness.state(), UplinkState::down) << "without a carrier";
}

TEST_F(LivenessTest, DeadUplinkIsDownWithinThreeIntervals) {
  for (int offset = 0; offset < 100; offset += 7) {
    carries = [] { return true; };
    until(UplinkState::up);
    run(seconds{2} + milliseconds{offset});
    carries = [] { return false; };
    answers.clear();
    EXPECT_LE(until(UplinkState::down), 3 * tuning.interval + milliseconds{2}) << offset;
  }
}

TEST_F(LivenessTest, SuspectUplinkIsProbedFaster) {
  until(UplinkState::up);
  carries = [] { return false; };
  until(UplinkState::suspect);
  probes = 0;
  until(UplinkState::down);
  EXPECT_GE(probes, 4);
}

TEST_F(LivenessTest, LossOfSomeProbesChangesNothing) {
  test::FakeRandom random{4};
  until(UplinkState::up);
  carries = [&] { return !random.one_in(20); };
  run(seconds{600});
  EXPECT_EQ(liveness.state() == UplinkState::down, false);
  EXPECT_EQ(liveness.failures(), 0u);
}

TEST_F(LivenessTest, TrafficIsProofEnough) {
  until(UplinkState::up);
  carries = [] { return false; };  // somebody filters Echo
  for (int i = 0; i < 1000; ++i) {
    liveness.on_proof();
    run(milliseconds{50});
    ASSERT_EQ(liveness.state(), UplinkState::up);
  }
}

TEST_F(LivenessTest, TrafficAloneDoesNotBringItBack) {
  carries = [] { return false; };
  for (int i = 0; i < 100; ++i) {
    liveness.on_proof();
    run(milliseconds{50});
  }
  EXPECT_EQ(liveness.state(), UplinkState::down);
}

TEST_F(LivenessTest, LongPathIsNotADeadOne) {
  test::FakeRandom random{8};
  carries = [&] {
    round_trip = milliseconds{200 + static_cast<int>(random.below(300))};
    return !random.one_in(10);
  };
  until(UplinkState::up);
  const auto failures = liveness.failures();
  run(seconds{60});
  EXPECT_EQ(liveness.failures(), failures);
  EXPECT_EQ(liveness.state(), UplinkState::up);
}

TEST_F(LivenessTest, CarrierAndNeighbourCountAtOnce) {
  until(UplinkState::up);
  liveness.on_carrier(now, false);
  EXPECT_EQ(liveness.state(), UplinkState::down);
  EXPECT_EQ(liveness.next_deadline(), never);
  liveness.on_carrier(now, true);
  until(UplinkState::up);
  liveness.on_neighbour_failed(now);
  EXPECT_EQ(liveness.state(), UplinkState::down);
}

TEST_F(LivenessTest, FlappingUplinkStaysDown) {
  until(UplinkState::up);
  run(seconds{120});
  changes = 0;
  carries = [this] { return now.time_since_epoch() / milliseconds{50} % 2 == 0; };
  for (int i = 0; i < 600; ++i) {  // ten times a second for a minute
    liveness.on_carrier(now, i % 2 == 0);
    run(milliseconds{100});
  }
  EXPECT_LE(changes, 4);
  carries = [] { return true; };
  liveness.on_carrier(now, true);
  EXPECT_LE(until(UplinkState::up), tuning.longest_return + seconds{1});
}

TEST_F(LivenessTest, EveryFailureWithinAMinuteDoublesTheWait) {
  until(UplinkState::up);
  run(seconds{120});
  Duration wait{};
  for (int i = 0; i < 6; ++i) {
    liveness.on_neighbour_failed(now);
    const Duration next = until(UplinkState::up);
    EXPECT_GE(next + milliseconds{150}, std::min<Duration>(2 * wait, tuning.longest_return)) << i;
    wait = i == 0 ? Duration{} : next;
  }
  EXPECT_GT(wait, seconds{10});
  run(seconds{61});
  liveness.on_neighbour_failed(now);
  EXPECT_LE(until(UplinkState::up), seconds{2}) << "forgiven";
}

TEST_F(LivenessTest, AnswersThatNobodyAskedForAreIgnored) {
  carries = [] { return false; };
  run(milliseconds{500});
  for (int i = 0; i < 1000; ++i) liveness.on_answer(now, static_cast<std::uint16_t>(5000 + i));
  for (int i = 0; i < 200; ++i) {
    liveness.on_answer(now, 0);  // one probe, one answer
    run(milliseconds{10});
  }
  EXPECT_EQ(liveness.state(), UplinkState::down);
}

}  // namespace
}  // namespace ilnp
