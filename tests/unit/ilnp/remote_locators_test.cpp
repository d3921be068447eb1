// SPDX-License-Identifier: Apache-2.0
// Where a peer may be sent to: sets from names, packets and updates, their lifetimes (RFC 6741 section 5), and the
// proof that the peer is really there.
#include "core/ilnp/remote_locators.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/support/matchers.h"

namespace ilnp {

inline void PrintTo(Reach r, std::ostream* out) { *out << name_of(r); }
inline void PrintTo(Validity v, std::ostream* out) { *out << name_of(v); }

namespace {

constexpr Locator a{0x20010db8000a0001}, b{0x20010db8000b0001}, c{0x20010db8000c0001}, d{0x20010db8000d0001};

class RemoteLocatorsTest : public ::testing::Test {
 protected:
  Tuning tuning;
  test::FakeRandom random{1};
  TimePoint now{seconds{100}};
  RemoteLocators set;

  static AdvertisedLocator advertised(Locator l, std::uint16_t preference = 10, std::uint16_t lifetime = 600) {
    return {l, preference, std::chrono::duration<std::uint16_t>{lifetime}};
  }
  void reachable(Locator l, std::uint16_t preference = 10) {
    set.replace(now, listed(l, preference), tuning);
    set.mark_reachable(l);
  }
  /// The present advertised set and this one.
  std::vector<AdvertisedLocator> listed(Locator l, std::uint16_t preference) {
    std::vector<AdvertisedLocator> all;
    for (const RemoteLocator& k : set.all())
      if (!k.receive_only && k.locator != l) all.push_back(advertised(k.locator, k.preference));
    all.push_back(advertised(l, preference));
    return all;
  }
  Locator best(std::size_t octets = 100, bool trust = false) {
    const RemoteLocator* l = set.best(octets, trust);
    return l == nullptr ? Locator{} : l->locator;
  }
  std::vector<ProbeRequest> probes() {
    std::vector<ProbeRequest> out;
    set.collect_probes(now, tuning, random, out);
    return out;
  }
  /// Lets probes go unanswered until nothing is due for a while.
  void exhaust_probes() {
    for (int i = 0; i < 10; ++i) {
      now += seconds{2};
      probes();
    }
  }
  bool is_known(Locator l) { return set.find(l) != nullptr; }
};

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

// --- Probes

TEST_F(RemoteLocatorsTest, ProbesGoToWhatIsNotKnownToBeReachableThePreferredFirst) {
  reachable(a);
  set.replace(now, {advertised(a, 10), advertised(b, 20), advertised(c, 30)}, tuning);
  set.start_probes(now);
  EXPECT_TRUE(set.verification_pending());
  std::vector<ProbeRequest> first = probes();
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(first[0].locator, b);
  now = set.next_deadline();
  std::vector<ProbeRequest> second = probes();
  ASSERT_EQ(second.size(), 1u);
  EXPECT_EQ(second[0].locator, c);
  EXPECT_NE(first[0].token, second[0].token);
}

TEST_F(RemoteLocatorsTest, ProbesAreRepeatedWithDoublingPauses) {
  set.learn_initial(a, tuning);
  set.start_probes(now);
  const auto first = probes();
  ASSERT_EQ(first.size(), 1u);
  for (int n = 1; n < tuning.probe_tries; ++n) {
    const TimePoint due = set.next_deadline();
    EXPECT_EQ(due - now, tuning.probe_spacing * (1 << (n - 1)));
    now = due;
    const auto again = probes();
    ASSERT_EQ(again.size(), 1u);
    EXPECT_EQ(again[0].token, first[0].token);
    EXPECT_EQ(again[0].sequence, first[0].sequence + n);
  }
  now = set.next_deadline();
  EXPECT_TRUE(probes().empty());
  EXPECT_FALSE(set.verification_pending());
}

TEST_F(RemoteLocatorsTest, AnswerToAnyProbeOfTheRoundProves) {
  set.learn_initial(a, tuning);
  set.start_probes(now);
  const auto first = probes();
  now = set.next_deadline();
  const auto second = probes();
  EXPECT_TRUE(set.answers_probe(a, first[0].sequence, first[0].token));
  EXPECT_TRUE(set.answers_probe(a, second[0].sequence, second[0].token));
  EXPECT_EQ(set.find(a)->reach, Reach::probing) << "asking is not proving";
  EXPECT_TRUE(set.on_probe_reply(a, first[0].sequence, first[0].token));
  EXPECT_EQ(set.find(a)->reach, Reach::reachable);
  EXPECT_FALSE(set.on_probe_reply(a, second[0].sequence, second[0].token)) << "nothing is outstanding any more";
}

TEST_F(RemoteLocatorsTest, WrongAnswersProveNothing) {
  set.learn_initial(a, tuning);
  EXPECT_FALSE(set.on_probe_reply(a, 0, std::array<std::uint8_t, 8>{})) << "never asked";
  set.replace(now, {advertised(a), advertised(b)}, tuning);
  set.start_probes(now);
  const auto probe = probes();
  ASSERT_GE(probe.size(), 1u);
  auto token = probe[0].token;
  EXPECT_FALSE(set.on_probe_reply(d, probe[0].sequence, token)) << "unknown locator";
  EXPECT_FALSE(set.on_probe_reply(b, probe[0].sequence, token)) << "another locator's token";
  EXPECT_FALSE(set.on_probe_reply(a, static_cast<std::uint16_t>(probe[0].sequence + 1), token)) << "not sent yet";
  EXPECT_FALSE(set.on_probe_reply(a, static_cast<std::uint16_t>(probe[0].sequence - 1), token)) << "an earlier round";
  token[7] ^= 1;
  EXPECT_FALSE(set.on_probe_reply(a, probe[0].sequence, token)) << "wrong token";
  EXPECT_FALSE(set.on_probe_reply(a, probe[0].sequence, Bytes{token}.first(7))) << "short token";
  EXPECT_NE(set.find(a)->reach, Reach::reachable);
}

TEST_F(RemoteLocatorsTest, UnansweredProbesFailALocatorThatHasAnAlternative) {
  reachable(a);
  set.replace(now, {advertised(b, 5), advertised(a, 10)}, tuning);
  set.start_probes(now);
  exhaust_probes();
  EXPECT_EQ(set.find(b)->reach, Reach::failed);
  EXPECT_EQ(best(), a);
  EXPECT_TRUE(set.has_alternative(b));
  EXPECT_FALSE(set.has_alternative(a));
}

TEST_F(RemoteLocatorsTest, TheOnlyLocatorIsNotGivenUp) {
  set.replace(now, {advertised(a)}, tuning);
  for (int i = 0; i < 3; ++i) set.charge(a, 10);
  EXPECT_EQ(best(), Locator{});
  set.start_probes(now);
  exhaust_probes();
  EXPECT_EQ(set.find(a)->reach, Reach::unverified);
  EXPECT_EQ(best(), a);
  EXPECT_TRUE(set.has_usable());
}

TEST_F(RemoteLocatorsTest, SilenceProbesTheReachableAndTheFailedToo) {
  reachable(a);
  reachable(b, 20);
  set.mark_failed(now, b, tuning);
  set.probe_all(now);
  EXPECT_EQ(probes().size(), 2u);
  EXPECT_EQ(set.find(a)->reach, Reach::reachable) << "until it fails";
  EXPECT_EQ(set.find(b)->reach, Reach::probing);
  exhaust_probes();
  EXPECT_TRUE(set.has_usable());
}

TEST_F(RemoteLocatorsTest, HearingFromAFailedLocatorAsksAgain) {
  reachable(a);
  reachable(b, 20);
  set.mark_failed(now, a, tuning);
  set.note_received(now, a, 100, tuning);
  EXPECT_EQ(set.find(a)->reach, Reach::unverified);
  EXPECT_EQ(set.next_deadline(), now);
  ASSERT_EQ(probes().size(), 1u);
}

TEST_F(RemoteLocatorsTest, DoubtMovesToAnotherReachableLocatorUntilAProbeIsAnswered) {
  reachable(a);
  EXPECT_TRUE(set.doubt(now, a));
  EXPECT_EQ(best(), a) << "nothing else is reachable";
  EXPECT_EQ(set.find(a)->reach, Reach::reachable);
  const auto lonely = probes();
  ASSERT_EQ(lonely.size(), 1u);
  set.on_probe_reply(a, lonely[0].sequence, lonely[0].token);

  reachable(b, 20);
  EXPECT_TRUE(set.doubt(now, a));
  EXPECT_EQ(best(), b);
  const auto probe = probes();
  ASSERT_EQ(probe.size(), 1u);
  EXPECT_TRUE(set.on_probe_reply(a, probe[0].sequence, probe[0].token));
  EXPECT_EQ(best(), a);
  EXPECT_FALSE(set.doubt(now, d));
}

TEST_F(RemoteLocatorsTest, SingleProbeIsNotStartedTwiceNorWhereNothingMayBeSent) {
  set.replace(now, {advertised(a), advertised(b)}, tuning);
  set.start_probe(now, a);
  EXPECT_EQ(probes().size(), 1u);
  set.start_probe(now, a);
  EXPECT_TRUE(probes().empty());
  set.replace(now, {advertised(b)}, tuning);
  set.start_probe(now, a);
  set.start_probe(now, d);
  EXPECT_TRUE(probes().empty());
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
