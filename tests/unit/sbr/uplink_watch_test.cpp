// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/uplink_watch.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

class UplinkWatchTest : public ::testing::Test {
 protected:
  struct Sent {
    UplinkId id;
    std::uint16_t identifier, sequence;
  };
  void run(Duration length) {
    for (const TimePoint end = now + length; now < end; now += milliseconds{1}) watch.on_time(now);
  }

  std::vector<Sent> probes;
  std::vector<UplinkState> states{2, UplinkState::down};
  TimePoint now{seconds{1000}};
  UplinkWatch watch{{},
                    2,
                    0xffff,
                    [this](UplinkId id, std::uint16_t identifier, std::uint16_t sequence) {
                      probes.push_back({id, identifier, sequence});
                    },
                    [this](UplinkId id, UplinkState before, UplinkState after) {
                      EXPECT_EQ(states.at(id), before);
                      states.at(id) = after;
                    }};
};

TEST_F(UplinkWatchTest, ChangesOfStateAreToldOnceForTheUplinkConcerned) {
  EXPECT_EQ(watch.next_deadline(), never);
  watch.on_carrier(now, 1, true);
  EXPECT_EQ(states[1], UplinkState::suspect) << "of the first carrier: it may carry what there is";
  run(milliseconds{5});
  ASSERT_EQ(probes.size(), 1u);
  watch.on_answer(now, 1, 7, probes[0].sequence);
  EXPECT_EQ(states[1], UplinkState::suspect) << "another identifier is somebody else's";
  watch.on_answer(now, 1, probes[0].identifier, probes[0].sequence);
  EXPECT_EQ(states[1], UplinkState::up);
  EXPECT_EQ(states[0], UplinkState::down);
  watch.on_neighbour_failed(now, 1);
  EXPECT_EQ(states[1], UplinkState::down);
  watch.on_carrier(now, 1, false);
  watch.on_carrier(now, 1, true);
  EXPECT_EQ(states[1], UplinkState::down) << "not the first carrier: it has to prove itself";
}

TEST_F(UplinkWatchTest, TrafficFromOutsideIsAProof) {
  watch.on_carrier(now, 0, true);
  for (int i = 0; i < 50; ++i) {
    watch.on_traffic(0);
    run(milliseconds{20});
  }
  EXPECT_NE(states[0], UplinkState::down);
  run(milliseconds{400});
  EXPECT_EQ(states[0], UplinkState::down) << "nothing came any more";
  watch.on_traffic(0);
  EXPECT_EQ(states[0], UplinkState::down) << "the way out has to work as well";
}

TEST_F(UplinkWatchTest, UplinksHaveIdentifiersOfTheirOwn) {
  watch.on_carrier(now, 0, true);
  watch.on_carrier(now, 1, true);
  run(milliseconds{2});
  ASSERT_EQ(probes.size(), 2u);
  EXPECT_EQ(probes[0].identifier, 0xffff);
  EXPECT_EQ(probes[1].identifier, 0) << "it wraps";
}

}  // namespace
}  // namespace ilnp
