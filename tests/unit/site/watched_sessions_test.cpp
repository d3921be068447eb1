// SPDX-License-Identifier: Apache-2.0
// What passes teaches the nonces of a session; what strangers send does not.
#include "core/site/watched_sessions.h"

#include <gtest/gtest.h>

#include <random>
#include <set>
#include <stdexcept>
#include <vector>

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

/// What for_each_of() finds is what the whole table has of that node.
void expect_sessions_of_each(WatchedSessions& sessions, std::uint64_t nodes) {
  for (std::uint64_t node = 0; node <= nodes; ++node) {
    std::set<const WatchedSession*> all, found;
    sessions.for_each([&](const WatchedSession& s) {
      if (s.key.inside == NodeId{node}) all.insert(&s);
    });
    sessions.for_each_of({node}, [&](const WatchedSession& s) {
      if (!found.insert(&s).second) throw std::logic_error{"found twice"};  // and perhaps for ever
    });
    EXPECT_EQ(found, all) << "node " << node;
  }
}

TEST_F(Watched, SessionsOfANodeAreFoundWhateverLeaves) {
  std::vector<WatchedSession> memory(64);
  constexpr std::uint64_t nodes = 9;  // and 0: who is nobody
  {
    WatchedSessions kept{7, memory};
    std::mt19937_64 random{1};
    for (int n = 0; n < 2000; ++n) {
      const SessionKey some{{1 + random() % nodes}, {1 + random() % 200}};
      if (n % 3 == 0)
        kept.received(now + milliseconds{n}, some, theirs);
      else
        kept.sent(now + milliseconds{n}, some, home, there, ours);
      if (WatchedSession* s = kept.find(some); s != nullptr && n % 7 == 0) kept.erase(*s);
      if (n % 100 == 0) expect_sessions_of_each(kept, nodes);
    }
    EXPECT_GT(kept.displaced(), 500u);
    expect_sessions_of_each(kept, nodes);
  }
  WatchedSessions again{7, memory};
  EXPECT_EQ(again.size(), 64u);
  expect_sessions_of_each(again, nodes);
}

}  // namespace
}  // namespace ilnp
