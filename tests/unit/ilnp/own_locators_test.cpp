// SPDX-License-Identifier: Apache-2.0
// Our own locators: which is preferred, what a handoff is, what peers are told (RFC 6740 section 3.3, RFC 6743).
#include "core/ilnp/own_locators.h"

#include <gtest/gtest.h>

#include <set>

#include "core/ilnp/lu_receiver.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"

namespace ilnp {
namespace {

constexpr Locator a{0x20010db8000a0001}, b{0x20010db8000b0001}, c{0x20010db8000c0001};

class OwnLocatorsTest : public ::testing::Test {
 protected:
  Tuning tuning;
  TimePoint now{seconds{100}};
  OwnLocators own{tuning};

  static OwnLocator one(Locator l, std::uint32_t interface = 1, std::uint16_t preference = 10) {
    OwnLocator o;
    o.locator = l;
    o.interface = interface;
    o.preference = preference;
    return o;
  }
  Locator best() { return own.best() == nullptr ? Locator{} : own.best()->locator; }
  Locator previous() { return own.previous(now) == nullptr ? Locator{} : own.previous(now)->locator; }
};

TEST_F(OwnLocatorsTest, WithoutAnyThereIsNothingToTell) {
  EXPECT_EQ(own.state(now), HandoffState::detached);
  EXPECT_EQ(own.best(), nullptr);
  EXPECT_EQ(own.advertisement(now), nullptr);
  EXPECT_EQ(own.next_deadline(), never);
}

TEST_F(OwnLocatorsTest, LowerPreferenceNumberWins) {
  own.up(now, one(a, 1, 20));
  own.up(now, one(b, 2, 10));
  EXPECT_EQ(best(), b);
  own.up(now, one(c, 3, 15));
  EXPECT_EQ(best(), b);
}

TEST_F(OwnLocatorsTest, AmongEqualsTheNewestWins) {
  own.up(now, one(a));
  now += seconds{1};
  own.up(now, one(b, 2));
  EXPECT_EQ(best(), b);
}

TEST_F(OwnLocatorsTest, DeprecatedOneIsTheLastChoice) {
  OwnLocator old = one(a, 1, 1);
  old.deprecated = true;
  own.up(now, old);
  own.up(now, one(b, 2, 100));
  EXPECT_EQ(best(), b);
}

TEST_F(OwnLocatorsTest, FirstOneIsAHardHandoffWithoutOverlap) {
  const auto change = own.up(now, one(a));
  EXPECT_TRUE(change.set_changed);
  EXPECT_EQ(own.state(now), HandoffState::stable);
  EXPECT_EQ(previous(), Locator{});
}

TEST_F(OwnLocatorsTest, BetterOneBesideTheOldIsAnOverlap) {
  own.up(now, one(a));
  now += seconds{10};
  own.up(now, one(b, 2));
  EXPECT_EQ(own.state(now), HandoffState::overlap);
  EXPECT_EQ(previous(), a);
  now += tuning.soft_overlap_min;
  EXPECT_EQ(own.state(now), HandoffState::stable);
  EXPECT_EQ(previous(), Locator{});
}

TEST_F(OwnLocatorsTest, WorseOneBesideTheOldIsNoHandoff) {
  own.up(now, one(a, 1, 10));
  own.up(now, one(b, 2, 20));
  EXPECT_EQ(own.state(now), HandoffState::stable);
  EXPECT_EQ(best(), a);
}

TEST_F(OwnLocatorsTest, OldOneThatGoesDuringTheOverlapIsNotUsed) {
  own.up(now, one(a));
  own.up(now, one(b, 2, 5));
  own.down(now, a, 1);
  EXPECT_EQ(previous(), Locator{});
  EXPECT_EQ(best(), b);
}

TEST_F(OwnLocatorsTest, LosingThePreferredOneIsUrgent) {
  own.up(now, one(a, 1, 10));
  own.up(now, one(b, 2, 20));
  const auto worse = own.down(now, b, 2);
  EXPECT_TRUE(worse.set_changed);
  EXPECT_FALSE(worse.urgent);
  own.up(now, one(b, 2, 20));
  const auto best_lost = own.down(now, a, 1);
  EXPECT_TRUE(best_lost.urgent);
  EXPECT_EQ(best(), b);
  const auto unknown = own.down(now, a, 1);
  EXPECT_FALSE(unknown.set_changed);
}

TEST_F(OwnLocatorsTest, SameLocatorOnTwoInterfacesIsToldOnceAndLostWithTheSecond) {
  own.up(now, one(a, 1));
  own.up(now, one(a, 2));
  EXPECT_EQ(own.advertisement(now)->size(), 1u);
  EXPECT_FALSE(own.down(now, a, 2).urgent) << "it is still there";
  EXPECT_NE(own.find(a), nullptr);
  EXPECT_TRUE(own.down(now, a, 1).urgent);
  EXPECT_EQ(own.find(a), nullptr);
}

TEST_F(OwnLocatorsTest, FormerOnesAreRemembered) {
  own.up(now, one(a));
  EXPECT_TRUE(own.is_or_was_ours(now, a));
  own.down(now, a, 1);
  EXPECT_EQ(own.find(a), nullptr);
  EXPECT_TRUE(own.is_or_was_ours(now + tuning.own_locator_memory - seconds{1}, a));
  EXPECT_FALSE(own.is_or_was_ours(now + tuning.own_locator_memory, a));
  EXPECT_FALSE(own.is_or_was_ours(now, b));
}

TEST_F(OwnLocatorsTest, RefreshedLifetimeIsNoNews) {
  OwnLocator l = one(a);
  l.valid_until = now + seconds{300};
  EXPECT_TRUE(own.up(now, l).set_changed);
  l.valid_until = now + seconds{900};
  EXPECT_FALSE(own.up(now, l).set_changed) << "longer";
  l.valid_until = now + seconds{300} - milliseconds{900};
  now += seconds{1};
  own.up(now, l);
  l.valid_until -= milliseconds{900};
  EXPECT_FALSE(own.up(now, l).set_changed) << "rounding";
  l.valid_until = now + seconds{30};
  EXPECT_TRUE(own.up(now, l).set_changed) << "much shorter than what we said";
}

TEST_F(OwnLocatorsTest, ChangeOfPreferenceOrMtuIsNews) {
  own.up(now, one(a));
  OwnLocator l = one(a, 1, 20);
  EXPECT_TRUE(own.up(now, l).set_changed);
  l.mtu = 1400;
  EXPECT_TRUE(own.up(now, l).set_changed);
  EXPECT_FALSE(own.up(now, l).set_changed);
}

TEST_F(OwnLocatorsTest, EveryChangeCounts) {
  const auto before = own.generation();
  own.up(now, one(a));
  own.up(now, one(b, 2));
  own.down(now, a, 1);
  EXPECT_EQ(own.generation(), before + 3);
}

TEST_F(OwnLocatorsTest, LifetimeThatEndsTakesTheLocatorAway) {
  OwnLocator l = one(a);
  l.valid_until = now + seconds{30};
  own.up(now, l);
  own.up(now, one(b, 2, 20));
  EXPECT_EQ(own.next_deadline(), now + seconds{30});
  now += seconds{30};
  const auto change = own.on_time(now);
  EXPECT_TRUE(change.set_changed);
  EXPECT_TRUE(change.urgent);
  EXPECT_EQ(best(), b);
}

TEST_F(OwnLocatorsTest, AdvertisementRanksAndBoundsLifetimes) {
  OwnLocator shortened = one(b, 2, 20);
  shortened.valid_until = now + seconds{100};
  own.up(now, one(a, 1, 10));
  own.up(now, shortened);
  const Advertisement set = own.advertisement(now);
  ASSERT_EQ(set->size(), 2u);
  EXPECT_EQ((*set)[0].locator, a);
  EXPECT_LT((*set)[0].preference, (*set)[1].preference);
  EXPECT_LE((*set)[0].lifetime.count(), tuning.lu_lifetime.count());
  EXPECT_GE((*set)[0].lifetime.count(), tuning.lu_lifetime.count() / 2);
  EXPECT_LE((*set)[1].lifetime.count(), 100);
  EXPECT_GE((*set)[1].lifetime.count(), 50);
}

TEST_F(OwnLocatorsTest, DeprecatedOnesAreTheLastChoiceOfPeersToo) {
  OwnLocator old = one(a);
  old.deprecated = true;
  own.up(now, old);
  own.up(now, one(b, 2));
  const Advertisement set = own.advertisement(now);
  EXPECT_EQ((*set)[1].locator, a);
  EXPECT_GE((*set)[1].preference, 1000);
}

TEST_F(OwnLocatorsTest, OnlyGlobalUnicastIsAdvertisedAndNotMoreThanTheLimit) {
  own.up(now, one(Locator{0xfd00000000000001}, 1, 1));
  EXPECT_EQ(own.advertisement(now), nullptr);
  for (std::uint64_t i = 0; i < 20; ++i) own.up(now, one(Locator{0x20010db800000000 + (i << 16)}, 2));
  EXPECT_EQ(own.advertisement(now)->size(), tuning.lu_max_sent_locators);
  for (const AdvertisedLocator& l : *own.advertisement(now)) EXPECT_TRUE(is_global_unicast(l.locator));
}

TEST_F(OwnLocatorsTest, BehindABorderRouterUniqueLocalOnesAreAdvertisedForItToRewrite) {
  tuning.accept_unique_local = true;
  const Locator inside{0xfd5a17c09e210001}, link_local{0xfe80000000000000};
  own.up(now, one(inside, 1, 1));
  own.up(now, one(link_local, 1, 2));
  ASSERT_EQ(own.advertisement(now)->size(), 1u);
  EXPECT_EQ(own.advertisement(now)->front().locator, inside);
}

TEST_F(OwnLocatorsTest, AdvertisementIsSharedUntilSomethingChanges) {
  own.up(now, one(a));
  const Advertisement first = own.advertisement(now);
  EXPECT_EQ(own.advertisement(now + seconds{10}), first);
  own.renew();
  EXPECT_NE(*own.advertisement(now), *first);
}

/// A peer that remembers as LuMemory does must find every one of them fresh, whatever happens here.
TEST_F(OwnLocatorsTest, NoAdvertisementRepeatsWhatAPeerRemembers) {
  tuning.lu_digest_memory = seconds{3600};
  test::FakeRandom random{5};
  test::FakeHasher hasher;
  LuMemory peer{tuning};
  for (int i = 0; i < 2000; ++i) {
    // Flapping between two, with router lifetimes that come and go.
    OwnLocator l = one(random.one_in(2) ? a : b);
    l.valid_until = now + seconds{500 + random.below(200)};
    if (random.one_in(2))
      own.up(now, l);
    else
      own.down(now, l.locator, 1);
    own.renew();
    now += milliseconds{50};
    const Advertisement set = own.advertisement(now);
    if (set == nullptr) continue;
    const auto digest = LuMemory::digest({LocatorUpdateOperation::advertisement, *set}, hasher);
    ASSERT_EQ(peer.judge(now, digest, tuning), LuMemory::Verdict::fresh) << i;
    peer.remember(now, digest);
  }
}

TEST_F(OwnLocatorsTest, RestartedDaemonGoesOnWhereItWas) {
  own.up(now, one(a));
  std::set<std::uint16_t> told;
  for (int i = 0; i < 10; ++i) {
    own.renew();
    told.insert((*own.advertisement(now))[0].lifetime.count());
  }
  OwnLocators again{tuning};
  again.restore_variation(own.variation());
  again.up(now, one(a));
  EXPECT_FALSE(told.contains((*again.advertisement(now))[0].lifetime.count()));
}

}  // namespace
}  // namespace ilnp
