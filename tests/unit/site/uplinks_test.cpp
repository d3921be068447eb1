// SPDX-License-Identifier: Apache-2.0
// Which uplink a flow gets: preference, weight, state, policy; and that others do not move when one goes.
#include "core/site/uplinks.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"

namespace ilnp {
namespace {

class UplinksTest : public ::testing::Test {
 protected:
  UplinksTest() {
    for (UplinkId id = 0; id < 3; ++id) {
      uplinks[id].configured = true;
      uplinks[id].state = UplinkState::up;
    }
  }
  std::array<int, 3> shares(int flows = 30'000) const {
    test::FakeRandom random{3};
    std::array<int, 3> count{};
    for (int i = 0; i < flows; ++i) ++count.at(*uplinks.choose({}, random.u64()));
    return count;
  }
  Uplinks uplinks;
};

TEST_F(UplinksTest, EqualsShareByWeight) {
  uplinks[1].weight = 2;
  uplinks[2].weight = 3;
  const auto count = shares();
  EXPECT_NEAR(count[0], 5'000, 400);
  EXPECT_NEAR(count[1], 10'000, 400);
  EXPECT_NEAR(count[2], 15'000, 400);
}

TEST_F(UplinksTest, BestPreferenceTakesAll) {
  uplinks[2].preference = 5;
  EXPECT_EQ(shares(), (std::array{0, 0, 30'000}));
  uplinks[2].state = UplinkState::down;
  EXPECT_EQ(shares()[2], 0);
}

TEST_F(UplinksTest, OnlyTheFlowsOfAnUplinkThatGoesMove) {
  test::FakeRandom random{5};
  for (int i = 0; i < 10'000; ++i) {
    const std::uint64_t flow = random.u64();
    uplinks[1].state = UplinkState::up;
    const UplinkId before = *uplinks.choose({}, flow);
    uplinks[1].state = UplinkState::down;
    const UplinkId after = *uplinks.choose({}, flow);
    EXPECT_NE(after, 1);
    if (before != 1) {
      EXPECT_EQ(after, before);
    }
  }
}

TEST_F(UplinksTest, SuspectOnesGetNewFlowsOnlyWhenNothingElseIsUp) {
  uplinks[0].state = UplinkState::suspect;
  uplinks[1].state = UplinkState::suspect;
  EXPECT_EQ(shares()[2], 30'000);
  uplinks[2].state = UplinkState::down;
  EXPECT_GT(shares()[0], 0);
  uplinks[0].state = uplinks[1].state = UplinkState::down;
  EXPECT_EQ(uplinks.choose({}, 1), std::nullopt);
}

TEST_F(UplinksTest, PolicyNamesUplinksInOrder) {
  PolicyRule rule;
  rule.protocol = 17;
  rule.dscp = 46;
  rule.uplinks = {2, 1};
  uplinks.policy().push_back(rule);
  FlowProperties voice;
  voice.protocol = 17;
  voice.dscp = 46;
  for (std::uint64_t flow = 0; flow < 100; ++flow) EXPECT_EQ(uplinks.choose(voice, flow), 2);
  uplinks[2].state = UplinkState::suspect;
  EXPECT_EQ(uplinks.choose(voice, 1), 1);
  uplinks[1].state = UplinkState::down;
  EXPECT_EQ(uplinks.choose(voice, 1), 0) << "one that is up before one that is suspect";
  uplinks.policy().front().strict = true;
  EXPECT_EQ(uplinks.choose(voice, 1), 2);
  EXPECT_FALSE(uplinks.allows(voice, 0));
  EXPECT_TRUE(uplinks.allows(FlowProperties{}, 0)) << "another protocol";
}

TEST_F(UplinksTest, PolicyMatchesEveryField) {
  const FlowProperties flow{{{0xfd5a'17c0'9e21'0001}, {7}}, {{0x2001'0db8'00c0'0001}, {9}}, 6, 40000, 443, 10};
  PolicyRule rule;
  EXPECT_TRUE(rule.matches(flow));
  const auto with = [&](auto set) {
    PolicyRule r;
    set(r);
    return r.matches(flow);
  };
  EXPECT_TRUE(with([](PolicyRule& r) { r.inside = {{0xfd5a'17c0'9e21'0000}, 48}; }));
  EXPECT_FALSE(with([](PolicyRule& r) { r.inside = {{0xfd5a'17c0'9e22'0000}, 48}; }));
  EXPECT_TRUE(with([](PolicyRule& r) { r.outside = {{0x2001'0db8'00c0'0000}, 48}; }));
  EXPECT_FALSE(with([](PolicyRule& r) { r.outside = {{0x2001'0db8'00c1'0000}, 48}; }));
  EXPECT_TRUE(with([](PolicyRule& r) { r.inside_nid = NodeId{7}; }));
  EXPECT_FALSE(with([](PolicyRule& r) { r.inside_nid = NodeId{8}; }));
  EXPECT_TRUE(with([](PolicyRule& r) { r.outside_nid = NodeId{9}; }));
  EXPECT_FALSE(with([](PolicyRule& r) { r.outside_nid = NodeId{8}; }));
  EXPECT_FALSE(with([](PolicyRule& r) { r.protocol = 17; }));
  EXPECT_FALSE(with([](PolicyRule& r) { r.dscp = 46; }));
  EXPECT_TRUE(with([](PolicyRule& r) { r.outside_port = 443; }));
  EXPECT_FALSE(with([](PolicyRule& r) { r.outside_port = 80; }));
}

}  // namespace
}  // namespace ilnp
