// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/move_check.h"

#include <gtest/gtest.h>

#include <set>

namespace ilnp {
namespace {

constexpr Locator here{0x20010db800a10000}, there{0x20010db800a20000}, third{0x20010db800a30000};
constexpr Address router{Locator{0xfe80000000000000}, NodeId{1}};
constexpr Address other_router{Locator{0xfe80000000000000}, NodeId{2}};

class MoveCheckTest : public testing::Test {
 protected:
  using enum MoveCheck::Sign;

  /// A router that has been here for long, with a prefix.
  MoveCheckTest() {
    first_heard(router, here);
    now_ += seconds{60};
  }

  /// What the kernel says of the first advertisement.
  void first_heard(const Address& r, Locator prefix) {
    check_.on_router(now_, r);
    check_.on_prefix(now_, prefix, true);
  }
  void advertises(const Address& r, std::vector<Locator> prefixes) {
    check_.on_router_advertisement(now_, r, prefixes);
    for (const Locator p : prefixes) check_.on_prefix(now_, p, true);
  }
  void begin(MoveCheck::Sign sign) {
    check_.begin(now_, sign);
    steps();
  }
  MoveCheck::Steps steps() { return check_.on_time(now_); }
  /// Goes on for that long; what was to be done meanwhile.
  struct Done {
    std::vector<Duration> solicited, probed;
    std::set<Address> silent;
  };
  Done go_on(Duration how_long) {
    Done done;
    const TimePoint begin = now_, end = now_ + how_long;
    for (int i = 0; check_.next_deadline() <= end; ++i) {
      EXPECT_LT(i, 100) << "it does not come to an end";
      if (i >= 100) break;
      now_ = std::max(now_, check_.next_deadline());
      const MoveCheck::Steps s = steps();
      if (s.solicit) done.solicited.push_back(now_ - begin);
      if (!s.probe.empty()) done.probed.push_back(now_ - begin);
      done.silent.insert(s.silent.begin(), s.silent.end());
    }
    now_ = end;
    return done;
  }

  TimePoint now_{seconds{1000}};
  MoveCheck check_;
};

TEST_F(MoveCheckTest, SignAsksAtOnceAndTakesNothingAway) {
  EXPECT_TRUE(check_.begin(now_, strong));
  const MoveCheck::Steps s = steps();
  EXPECT_TRUE(s.solicit);
  EXPECT_EQ(s.probe, std::vector{router});
  const Done done = go_on(seconds{20});
  EXPECT_FALSE(check_.has_left(here) || check_.is_left_behind(router));
  EXPECT_TRUE(done.silent.empty()) << "nobody else is there";
  EXPECT_EQ(check_.next_deadline(), never);
}

TEST_F(MoveCheckTest, RoutersAreAskedAgainFastUntilOneAdvertises) {
  begin(strong);
  EXPECT_EQ(go_on(milliseconds{120}).solicited,
            (std::vector<Duration>{milliseconds{20}, milliseconds{50}, milliseconds{100}}));
  check_.on_answer(now_, router);
  EXPECT_EQ(go_on(milliseconds{100}).solicited.size(), 1u) << "that it is there does not say what its prefixes are";
  advertises(router, {here});
  EXPECT_TRUE(go_on(seconds{20}).solicited.empty());
}

TEST_F(MoveCheckTest, AfterAWeakSignAnyAnswerIsEnough) {
  begin(weak);
  check_.on_answer(now_, router);
  const Done done = go_on(seconds{20});
  EXPECT_TRUE(done.solicited.empty());
  EXPECT_TRUE(done.probed.empty());
}

TEST_F(MoveCheckTest, OtherRouterMeansThatTheOldPrefixWasLeft) {
  begin(strong);
  first_heard(other_router, there);
  EXPECT_TRUE(check_.has_left(here));
  EXPECT_FALSE(check_.has_left(there));
  EXPECT_TRUE(check_.is_left_behind(router));
  EXPECT_FALSE(check_.is_left_behind(other_router));
  EXPECT_EQ(go_on(MoveCheck::verdict).silent, std::set{router});
  EXPECT_TRUE(go_on(seconds{20}).silent.empty()) << "told once";
}

TEST_F(MoveCheckTest, SameRouterWithAnotherPrefixMeansThatTheOldOneWasLeft) {
  begin(strong);
  check_.on_answer(now_, router);
  advertises(router, {there});
  EXPECT_TRUE(check_.has_left(here));
  EXPECT_FALSE(check_.is_left_behind(router));
  advertises(router, {here});
  EXPECT_FALSE(check_.has_left(here)) << "it has both";
}

TEST_F(MoveCheckTest, KernelMayTellOfThePrefixBeforeTheAdvertisementIsHeard) {
  begin(strong);
  check_.on_answer(now_, router);
  check_.on_prefix(now_, there, true);
  EXPECT_FALSE(check_.has_left(here)) << "by whom, is not known yet";
  check_.on_router_advertisement(now_, router, std::vector{there});
  EXPECT_TRUE(check_.has_left(here));
}

TEST_F(MoveCheckTest, OtherMachineWithTheSameAddressIsAnotherRouter) {
  check_.on_other_mac(now_, router);
  EXPECT_TRUE(steps().solicit);
  EXPECT_FALSE(check_.has_left(here)) << "by itself it proves nothing";
  check_.on_prefix(now_, there, true);
  EXPECT_TRUE(check_.has_left(here));
}

TEST_F(MoveCheckTest, SamePrefixFromAnotherRouterStays) {
  begin(strong);
  first_heard(other_router, here);
  EXPECT_FALSE(check_.has_left(here));
  EXPECT_TRUE(check_.is_left_behind(router));
  EXPECT_EQ(go_on(seconds{1}).silent, std::set{router});
}

TEST_F(MoveCheckTest, SecondRouterThatAnswersKeepsItsPrefix) {
  first_heard(other_router, there);
  now_ += seconds{60};
  begin(strong);
  advertises(router, {here, third});  // it has got one more meanwhile
  EXPECT_TRUE(check_.has_left(there)) << "its router has not answered yet";
  check_.on_answer(now_, other_router);
  EXPECT_FALSE(check_.has_left(there));
  EXPECT_TRUE(go_on(seconds{20}).silent.empty());
  EXPECT_FALSE(check_.has_left(there) || check_.has_left(here));
}

TEST_F(MoveCheckTest, AfterAWeakSignRoutersHaveTimeToAnswer) {
  first_heard(other_router, there);
  now_ += seconds{60};
  begin(weak);
  advertises(router, {here, third});
  EXPECT_FALSE(check_.has_left(there));
  go_on(MoveCheck::verdict - milliseconds{1});
  EXPECT_FALSE(check_.has_left(there));
  EXPECT_EQ(go_on(milliseconds{1}).silent, std::set{other_router});
  EXPECT_TRUE(check_.has_left(there));
  check_.on_answer(now_, other_router);
  EXPECT_FALSE(check_.has_left(there)) << "late, and yet";
}

TEST_F(MoveCheckTest, StrongSignDoesNotWaitWhenAWeakOneCameBefore) {
  begin(weak);
  first_heard(other_router, there);
  EXPECT_FALSE(check_.has_left(here));
  EXPECT_TRUE(check_.begin(now_, strong));
  EXPECT_TRUE(check_.has_left(here));
  EXPECT_FALSE(check_.begin(now_, strong)) << "the same move";
}

TEST_F(MoveCheckTest, AdvertisementThatCameJustBeforeTheSignIsEvidence) {
  first_heard(other_router, there);
  now_ += milliseconds{100};
  EXPECT_FALSE(check_.has_left(here)) << "without a sign a second router is a second router";
  begin(strong);
  EXPECT_TRUE(check_.has_left(here));
  EXPECT_FALSE(check_.has_left(there));
}

TEST_F(MoveCheckTest, RouterThatCameLongBeforeTheSignIsNoEvidence) {
  first_heard(other_router, there);
  now_ += MoveCheck::look_back + seconds{1};
  begin(strong);
  advertises(other_router, {there});
  EXPECT_FALSE(check_.has_left(here) || check_.is_left_behind(router));
}

TEST_F(MoveCheckTest, BackAgainAfterASecond) {
  begin(strong);
  first_heard(other_router, there);
  check_.on_router_gone(router);
  now_ += MoveCheck::same_move;
  begin(strong);
  EXPECT_FALSE(check_.has_left(there));
  first_heard(router, here);
  EXPECT_TRUE(check_.has_left(there));
  EXPECT_FALSE(check_.has_left(here));
}

TEST_F(MoveCheckTest, ThereAndBackBetweenRoutersThatLookAlike) {
  for (int i = 0; i < 3; ++i) {
    for (const auto& [from, to] : {std::pair{here, there}, std::pair{there, here}}) {
      begin(weak);
      check_.on_answer(now_, router);
      advertises(router, {to});
      EXPECT_TRUE(check_.has_left(from));
      EXPECT_FALSE(check_.has_left(to));
      now_ += MoveCheck::look_back + seconds{1};
    }
  }
}

TEST_F(MoveCheckTest, PrefixThatWasLeftWaitsForTheKernel) {
  begin(strong);
  first_heard(other_router, there);
  now_ += seconds{2};
  check_.on_router_advertisement(now_, router, std::vector{here});
  EXPECT_TRUE(check_.has_left(here)) << "nothing would know how to reach the router yet";
  check_.on_prefix(now_, here, true);
  EXPECT_FALSE(check_.has_left(here));
}

TEST_F(MoveCheckTest, WhatWasLeftDoesNotComeBackByAnAnswerInAnotherPlace) {
  begin(strong);
  first_heard(other_router, there);
  check_.on_router_gone(router);
  now_ += seconds{60};
  begin(strong);
  check_.on_answer(now_, other_router);
  check_.on_prefix(now_, third, true);
  EXPECT_FALSE(check_.has_left(there));
  EXPECT_TRUE(check_.has_left(here));
}

TEST_F(MoveCheckTest, HintDecidesBetweenPrefixesThatWereBothKnown) {
  advertises(router, {here, there});
  now_ += seconds{60};
  begin(strong);
  check_.on_answer(now_, router);
  check_.expect(now_, {there, third});
  EXPECT_FALSE(check_.has_left(here)) << "nobody has advertised one of them here";
  check_.on_prefix(now_, there, true);
  EXPECT_TRUE(check_.has_left(here));
  EXPECT_FALSE(check_.has_left(there));
  check_.on_prefix(now_, here, true);
  EXPECT_FALSE(check_.has_left(here)) << "who advertises it knows better";
}

TEST_F(MoveCheckTest, HintIsOfOneMove) {
  advertises(router, {here, there});
  begin(strong);
  check_.expect(now_, {there});
  now_ += seconds{60};
  begin(strong);
  check_.on_prefix(now_, there, true);
  EXPECT_FALSE(check_.has_left(here));
}

TEST_F(MoveCheckTest, HintThatIsWrongTakesNothing) {
  begin(strong);
  check_.expect(now_, {third});
  advertises(router, {here});
  go_on(seconds{20});
  EXPECT_FALSE(check_.has_left(here));
}

TEST_F(MoveCheckTest, RoutersAndPrefixesAreBounded) {
  for (std::uint64_t i = 0; i < 1000; ++i) first_heard({Locator{0xfe80000000000000}, NodeId{i + 7}}, Locator{i + 7});
  ASSERT_TRUE(check_.begin(now_, strong));
  EXPECT_EQ(steps().probe.size(), MoveCheck::max_probed);
  EXPECT_LE(go_on(seconds{1}).silent.size(), MoveCheck::max_routers);
}

}  // namespace
}  // namespace ilnp
