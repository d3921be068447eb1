// SPDX-License-Identifier: Apache-2.0
// Where a peer may be sent to: sets from names, packets and updates, and their lifetimes (RFC 6741 section 5).
#include "tests/unit/ilnp/remote_locators_fixture.h"

namespace ilnp {
namespace {

constexpr Locator a{0x20010db8000a0001}, b{0x20010db8000b0001}, c{0x20010db8000c0001}, d{0x20010db8000d0001};

// --- Names

TEST_F(RemoteLocatorsTest, NamesGiveLocatorsInOrderOfPreference) {
  set.learn_from_dns(b, 20, never, tuning);
  set.learn_from_dns(a, 10, never, tuning);
  set.learn_from_dns(c, 30, never, tuning);
  ASSERT_EQ(set.all().size(), 3u);
  EXPECT_EQ(set.all()[0].locator, a);
  EXPECT_EQ(set.all()[1].locator, b);
  EXPECT_EQ(set.all()[2].locator, c);
  EXPECT_EQ(best(100, true), a);
}

TEST_F(RemoteLocatorsTest, NameAgainRefreshesTheLifetime) {
  set.learn_from_dns(a, 10, now + seconds{10}, tuning);
  set.learn_from_dns(a, 10, now + seconds{50}, tuning);
  EXPECT_EQ(set.all().size(), 1u);
  EXPECT_EQ(set.find(a)->expires, now + seconds{50});
}

TEST_F(RemoteLocatorsTest, NameDoesNotShortenWhatAnUpdateSaid) {
  set.replace(now, {advertised(a, 10, 600)}, tuning);
  set.learn_from_dns(a, 10, now + seconds{5}, tuning);
  EXPECT_EQ(set.find(a)->expires, now + seconds{600});
}

TEST_F(RemoteLocatorsTest, NameThatListsAFailedOrWithdrawnLocatorGivesItAnotherTryOnly) {
  reachable(a);
  reachable(b, 20);
  set.mark_failed(now, a, tuning);
  set.learn_from_dns(a, 10, never, tuning);
  EXPECT_EQ(set.find(a)->reach, Reach::unverified);
  set.mark_reachable(a);
  set.replace(now, {advertised(b, 20)}, tuning);  // the peer left a
  set.learn_from_dns(a, 10, never, tuning);       // an old answer
  EXPECT_EQ(set.find(a)->reach, Reach::unverified);
  EXPECT_EQ(best(), b);
}

TEST_F(RemoteLocatorsTest, NamesCannotFillTheSet) {
  for (std::uint64_t i = 0; i < 1000; ++i)
    set.learn_from_dns(Locator{0x2a00000000000000 + (i << 16)}, 10, never, tuning);
  EXPECT_EQ(set.all().size(), tuning.max_remote_locators);
}

TEST_F(RemoteLocatorsTest, SessionKeepsItsNamedLocators) {
  set.learn_from_dns(a, 10, now + seconds{1}, tuning);
  set.replace(now, {advertised(b)}, tuning);
  set.learn_from_dns(c, 10, now + seconds{1}, tuning);
  set.keep_for_session();
  EXPECT_EQ(set.find(c)->expires, never);
  EXPECT_NE(set.find(b)->expires, never) << "an update's lifetime counts";
}

// --- Packets

TEST_F(RemoteLocatorsTest, CandidateGetsNothingBeforeItIsProved) {
  reachable(a);
  EXPECT_TRUE(set.learn_from_packet(now, b, tuning));
  EXPECT_EQ(best(), a);
  set.mark_failed(now, a, tuning);
  EXPECT_EQ(best(), Locator{});
  set.mark_reachable(b);
  EXPECT_EQ(best(), b);
}

TEST_F(RemoteLocatorsTest, CandidatesAreFew) {
  for (std::uint64_t i = 0; i < 10; ++i)
    EXPECT_EQ(set.learn_from_packet(now, Locator{0x2a00000000000000 + (i << 16)}, tuning), i < tuning.max_unverified);
  EXPECT_EQ(set.all().size(), tuning.max_unverified);
}

TEST_F(RemoteLocatorsTest, CandidateLivesAsLongAsItIsHeard) {
  set.learn_from_packet(now, b, tuning);
  now += tuning.candidate_lifetime - seconds{1};
  set.note_received(now, b, 100, tuning);
  now += seconds{5};
  set.on_time(now, tuning);
  EXPECT_TRUE(is_known(b));
  EXPECT_EQ(set.find(b)->credit, 0) << "and earns nothing";
  EXPECT_EQ(set.find(b)->packets_left, 0);
  now += tuning.candidate_lifetime;
  EXPECT_TRUE(set.on_time(now, tuning));
  EXPECT_FALSE(is_known(b));
}

TEST_F(RemoteLocatorsTest, PlaceOfAStrangersFirstPacketMayBeAnsweredWithinItsLimits) {
  set.learn_initial(a, tuning);
  EXPECT_EQ(set.find(a)->expires, never);
  for (int i = 0; i < tuning.unverified_packets; ++i) {
    ASSERT_EQ(best(100), a);
    set.charge(a, 100);
  }
  EXPECT_EQ(best(100), Locator{});
  set.note_received(now, a, 100, tuning);
  EXPECT_EQ(best(100), a);
}

TEST_F(RemoteLocatorsTest, OctetsAreLimitedToWhatCameAndALittle) {
  set.learn_initial(a, tuning);
  EXPECT_EQ(best(tuning.unverified_credit + 1), Locator{});
  EXPECT_EQ(best(tuning.unverified_credit), a);
  set.note_received(now, a, 1000, tuning);
  EXPECT_EQ(best(tuning.unverified_credit + 3000), a);
  EXPECT_EQ(best(tuning.unverified_credit + 3001), Locator{});
  set.charge(a, 5000);
  EXPECT_EQ(best(tuning.unverified_credit + 3000 - 5000), a);
  EXPECT_EQ(best(tuning.unverified_credit + 3000 - 4999), Locator{});
}

TEST_F(RemoteLocatorsTest, ReachableOneIsNotCharged) {
  reachable(a);
  for (int i = 0; i < 100; ++i) set.charge(a, 65535);
  EXPECT_EQ(best(65535), a);
}

// --- Updates (RFC 6743 section 3)

TEST_F(RemoteLocatorsTest, UpdateReplacesTheSet) {
  reachable(a);
  EXPECT_TRUE(set.replace(now, {advertised(b, 10), advertised(c, 20)}, tuning));
  EXPECT_TRUE(set.find(a)->receive_only);
  EXPECT_EQ(best(), b);
  EXPECT_EQ(set.find(b)->reach, Reach::unverified);
  now += tuning.soft_overlap_max;
  set.on_time(now, tuning);
  EXPECT_FALSE(is_known(a));
}

TEST_F(RemoteLocatorsTest, SameUpdateAgainChangesNothingButLifetimes) {
  reachable(a);
  now += seconds{100};
  EXPECT_FALSE(set.replace(now, {advertised(a, 10, 600)}, tuning));
  EXPECT_EQ(set.find(a)->expires, now + seconds{600});
  EXPECT_EQ(set.find(a)->reach, Reach::reachable);
}

TEST_F(RemoteLocatorsTest, NewPreferenceReordersAndKeepsWhatIsKnown) {
  reachable(a, 10);
  reachable(b, 20);
  set.set_path_mtu(now, b, 1400, tuning);
  EXPECT_TRUE(set.replace(now, {advertised(a, 30), advertised(b, 20)}, tuning));
  EXPECT_EQ(best(), b);
  EXPECT_EQ(set.find(b)->path_mtu, 1400);
  EXPECT_EQ(set.find(a)->reach, Reach::reachable);
  EXPECT_EQ(set.all().size(), 2u);
}

TEST_F(RemoteLocatorsTest, QuickReturnFindsTheLocatorReachableStill) {
  reachable(a);
  set.replace(now, {advertised(b)}, tuning);
  now += seconds{5};
  EXPECT_TRUE(set.replace(now, {advertised(a)}, tuning));
  EXPECT_EQ(best(), a);
  EXPECT_EQ(set.find(a)->reach, Reach::reachable);
  EXPECT_TRUE(set.find(b)->receive_only);
}

TEST_F(RemoteLocatorsTest, UpdateThatListsAFailedLocatorGivesItAnotherTry) {
  reachable(a);
  reachable(b, 20);
  set.mark_failed(now, a, tuning);
  EXPECT_TRUE(set.replace(now, {advertised(a)}, tuning));
  EXPECT_EQ(set.find(a)->reach, Reach::unverified);
  EXPECT_EQ(best(), a);
  set.mark_failed(now, a, tuning);
  set.replace(now, {advertised(a, 77)}, tuning);  // with another preference as well
  EXPECT_EQ(set.find(a)->reach, Reach::unverified);
}

TEST_F(RemoteLocatorsTest, WithdrawnLocatorsDoNotPileUp) {
  for (std::uint64_t i = 0; i < 50; ++i) {
    std::vector<AdvertisedLocator> list;
    for (std::uint64_t k = 0; k < tuning.lu_max_accepted_locators; ++k)
      list.push_back(advertised(Locator{0x2a00000000000000 + (i << 32) + (k << 16)}));
    set.replace(now, list, tuning);
    now += milliseconds{100};
    ASSERT_LE(set.all().size(), tuning.lu_max_accepted_locators + tuning.max_withdrawn);
  }
}

TEST_F(RemoteLocatorsTest, OfTheWithdrawnTheOnesHeardLastAreKept) {
  tuning.max_withdrawn = 1;
  reachable(a);
  reachable(b);
  set.note_received(now + seconds{1}, a, 1, tuning);
  set.note_received(now, b, 1, tuning);
  set.replace(now, {advertised(c)}, tuning);
  EXPECT_TRUE(is_known(a));
  EXPECT_FALSE(is_known(b));
}

// --- Lifetimes (RFC 6741 section 5.2)

TEST_F(RemoteLocatorsTest, EndedLifetimeWithAReplacementAges) {
  set.replace(now, {advertised(a, 10, 10), advertised(b, 20, 600)}, tuning);
  now += seconds{10};
  EXPECT_TRUE(set.on_time(now, tuning));
  EXPECT_EQ(set.find(a)->validity, Validity::aged);
  EXPECT_TRUE(set.find(a)->receive_only);
  EXPECT_EQ(best(), b);
  now += tuning.soft_overlap_max;
  set.on_time(now, tuning);
  EXPECT_FALSE(is_known(a));
}

TEST_F(RemoteLocatorsTest, EndedLifetimeWithoutReplacementExpiresAndIsUsedOn) {
  set.replace(now, {advertised(a, 10, 10)}, tuning);
  set.mark_reachable(a);
  now += seconds{10};
  EXPECT_TRUE(set.on_time(now, tuning));
  EXPECT_EQ(set.find(a)->validity, Validity::expired);
  EXPECT_EQ(best(), a);
  EXPECT_EQ(set.next_deadline(), never);
  now += seconds{100'000};
  EXPECT_FALSE(set.on_time(now, tuning));
  EXPECT_EQ(best(), a);
  set.replace(now, {advertised(a, 10, 10)}, tuning);
  EXPECT_EQ(set.find(a)->validity, Validity::active);
}

TEST_F(RemoteLocatorsTest, FailedLocatorIsTriedAgainLater) {
  reachable(a);
  reachable(b, 20);
  EXPECT_TRUE(set.mark_failed(now, a, tuning));
  EXPECT_FALSE(set.mark_failed(now, a, tuning)) << "already";
  EXPECT_FALSE(set.mark_failed(now, d, tuning)) << "unknown";
  EXPECT_EQ(best(), b);
  EXPECT_EQ(set.next_deadline(), now + tuning.failed_retry);
  now += tuning.failed_retry;
  EXPECT_TRUE(set.on_time(now, tuning));
  EXPECT_EQ(set.find(a)->reach, Reach::unverified);
}

TEST_F(RemoteLocatorsTest, WithdrawnFailedLocatorAsksForNoTime) {
  reachable(a);
  set.replace(now, {advertised(a), advertised(b)}, tuning);
  set.mark_failed(now, a, tuning);
  now += tuning.failed_retry - seconds{1};
  set.replace(now, {advertised(b)}, tuning);
  now += seconds{2};
  set.on_time(now, tuning);
  EXPECT_GT(set.next_deadline(), now);
}

TEST_F(RemoteLocatorsTest, PathMtuIsForgottenAfterAWhile) {
  reachable(a);
  set.set_path_mtu(now, a, 1400, tuning);
  set.set_path_mtu(now, d, 1400, tuning);  // unknown: nothing
  now += tuning.path_mtu_memory;
  set.replace(now, {advertised(a)}, tuning);
  EXPECT_TRUE(set.on_time(now, tuning));
  EXPECT_EQ(set.find(a)->path_mtu, 0);
}

TEST_F(RemoteLocatorsTest, NamesAreTrustedForTheFirstPacketsOnly) {
  set.learn_from_dns(a, 10, never, tuning);
  for (int i = 0; i < 10; ++i) set.charge(a, 1000);
  EXPECT_EQ(best(100, true), a);
  EXPECT_EQ(best(100, false), Locator{});
}

TEST_F(RemoteLocatorsTest, ReachableOneIsBetterThanAPreferredUnverifiedOne) {
  reachable(b, 50);
  set.replace(now, {advertised(a, 1), advertised(b, 50)}, tuning);
  EXPECT_EQ(best(), b);
  set.mark_reachable(a);
  EXPECT_EQ(best(), a);
}

TEST_F(RemoteLocatorsTest, UpdatesGoToALocatorWhoseLimitsAreUsedUp) {
  reachable(a);
  set.replace(now, {advertised(b)}, tuning);  // the peer moved
  for (int n = 0; n < tuning.unverified_packets; ++n) set.charge(b, 100);
  ASSERT_EQ(best(), Locator{});
  const RemoteLocator* told = set.best_for_update();
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->locator, b);
}

TEST_F(RemoteLocatorsTest, UpdatesDoNotGoToWithdrawnLocators) {
  set.learn_from_packet(now, a, tuning);
  set.replace(now, {advertised(b)}, tuning);
  set.replace(now, {advertised(c)}, tuning);
  const RemoteLocator* told = set.best_for_update();
  ASSERT_NE(told, nullptr);
  EXPECT_EQ(told->locator, c);
}

TEST_F(RemoteLocatorsTest, RestoredLocatorsAreKnown) {
  RemoteLocator saved;
  saved.locator = a;
  saved.reach = Reach::reachable;
  set.restore(saved);
  EXPECT_EQ(best(), a);
}

}  // namespace
}  // namespace ilnp
