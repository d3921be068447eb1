// SPDX-License-Identifier: Apache-2.0
// The proof that a peer is really where it may be sent to.
#include "tests/unit/ilnp/remote_locators_fixture.h"

namespace ilnp {
namespace {

constexpr Locator a{0x20010db8000a0001}, b{0x20010db8000b0001}, c{0x20010db8000c0001}, d{0x20010db8000d0001};

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

}  // namespace
}  // namespace ilnp
