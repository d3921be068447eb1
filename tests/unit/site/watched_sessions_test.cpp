// SPDX-License-Identifier: Apache-2.0
// What passes teaches the nonces of a session; what strangers send does not.
#include "core/site/watched_sessions.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::hex;

class Watched : public ::testing::Test {
 protected:
  const SessionKey key{{0x5c1a97d304be6f21}, {0x02144ffffe20ee64}};
  const Locator home{0xfd5a'17c0'9e21'0001};
  const Locator there{0x2001'0db8'00c0'0001}, elsewhere{0x2001'0db8'00c1'0001};
  const ByteVector ours = hex("41d0c7729e1835fb0a66284c"), theirs = hex("1d9a6b3c"), other = hex("1d9a6b3d");
  WatchedSessions sessions{7, 64};
  TimePoint now{seconds{100}};
};

TEST_F(Watched, NodeThatBeginsTeachesItsNonceAndTheFirstAnswerTheOther) {
  const WatchedSession* s = sessions.sent(now, key, home, there, ours);
  ASSERT_NE(s, nullptr);
  EXPECT_TRUE(s->nonce.matches(ours));
  EXPECT_EQ(s->correspondent, there);
  EXPECT_FALSE(s->inbound.is_set());
  sessions.received(now, key, theirs);
  sessions.received(now, key, other);
  EXPECT_TRUE(s->inbound.matches(theirs)) << "who comes later could be anybody";
}

TEST_F(Watched, CorrespondentThatBeginsIsTheLastOneBeforeTheAnswer) {
  sessions.received(now, key, other);
  sessions.received(now, key, theirs);
  const WatchedSession* s = sessions.sent(now, key, home, there, ours);
  sessions.received(now, key, other);
  EXPECT_TRUE(s->inbound.matches(theirs));
}

TEST_F(Watched, AnotherNonceOfTheNodeIsAnotherSession) {
  WatchedSession* s = sessions.sent(now, key, home, there, ours);
  sessions.received(now, key, theirs);
  s->told = 5;
  sessions.sent(now, key, home, elsewhere, ours);
  EXPECT_EQ(s->told, 5u);
  EXPECT_EQ(s->correspondent, elsewhere) << "the node knows where it sends to";
  sessions.sent(now, key, home, there, hex("41d0c7729e1835fb0a66284d"));
  EXPECT_EQ(s->told, 0u);
  EXPECT_FALSE(s->inbound.is_set());
  EXPECT_EQ(sessions.size(), 1u);
}

TEST_F(Watched, NoncesOfOtherLengthsAreNotKept) {
  EXPECT_EQ(sessions.sent(now, key, home, there, test::counting(5)), nullptr);
  EXPECT_EQ(sessions.received(now, key, test::counting(64)), nullptr);
  EXPECT_EQ(sessions.size(), 0u);
}

TEST_F(Watched, StrangersNeitherKeepASessionAliveNorTakeItsPlace) {
  const WatchedSession* s = sessions.sent(now, key, home, there, ours);
  sessions.received(now, key, theirs);
  sessions.received(now + seconds{9}, key, other);
  EXPECT_EQ(s->last_seen, now);
  sessions.received(now + seconds{9}, key, theirs);
  EXPECT_EQ(s->last_seen, now + seconds{9});
  for (std::uint64_t n = 0; n < 1'000'000; ++n) sessions.received(now + seconds{10}, {{n % 99}, {n}}, other);
  EXPECT_EQ(sessions.find(key), s);
  EXPECT_LE(sessions.size(), 64u);
}

}  // namespace
}  // namespace ilnp
