// SPDX-License-Identifier: Apache-2.0
// How sessions begin (RFC 6744 section 2 and 3, RFC 6741 section 5).
#include "tests/sim/pair.h"

namespace ilnp::sim {
namespace {

TEST(SessionSetup, TcpCarriesEveryOctetBothWays) {
  Pair p{1};
  TcpStream& stream = p.connect();
  TcpStream& server = *p.bob.kernel().accepted(80);
  stream.write(p.world.now(), 300'000);
  server.write(p.world.now(), 500'000);
  p.world.advance(seconds{10});
  EXPECT_EQ(server.received(), 300'000u);
  EXPECT_EQ(stream.received(), 500'000u);
  EXPECT_EQ(stream.wrong_octets() + server.wrong_octets(), 0u);
  EXPECT_EQ(p.alice.kernel().bad_checksums() + p.bob.kernel().bad_checksums(), 0u);
  ASSERT_NE(p.alice.session(p.bob), nullptr);
  EXPECT_EQ(p.alice.session(p.bob)->state, PeerState::established);
  ASSERT_NE(p.bob.session(p.alice), nullptr);
  EXPECT_EQ(p.bob.session(p.alice)->identity, p.alice.identity());
  EXPECT_TRUE(p.agree());
}

TEST(SessionSetup, HandshakeTakesOneRoundTrip) {
  Pair p{2};
  const TimePoint start = p.world.now();
  p.bob.kernel().listen_tcp(80);
  TcpStream& stream = p.alice.connect(p.bob, 80);
  EXPECT_TRUE(p.world.advance_until([&] { return stream.is_established(); }, seconds{1}));
  EXPECT_LE(stream.connected_at() - start, p.names.lookup_delay + milliseconds{20});
}

TEST(SessionSetup, UdpWithoutAnswersBecomesASession) {
  Pair p{3};
  UdpSender& sender = p.alice.send_every(milliseconds{10}, p.bob, 7000);
  p.world.advance(seconds{2});
  EXPECT_NE(p.alice.session(p.bob), nullptr);
  EXPECT_NE(p.bob.session(p.alice), nullptr);
  sender.stop();
  p.world.advance(seconds{1});
  EXPECT_EQ(p.bob.kernel().udp(7000).datagrams, sender.sent);
}

TEST(SessionSetup, EchoRequestIsAnswered) {
  Pair p{4};
  const auto bob = p.alice.resolved("bob");
  ASSERT_TRUE(bob);
  for (int i = 0; i < 5; ++i) {
    p.alice.kernel().ping(p.alice.identity(), *bob);
    p.world.advance(seconds{1});
  }
  EXPECT_EQ(p.alice.kernel().echo_replies(), 5);
}

TEST(SessionSetup, BothStartAtTheSameMoment) {
  Pair p{5};
  p.alice.kernel().listen_tcp(80);
  p.bob.kernel().listen_tcp(80);
  const auto bob = p.alice.resolved("bob");
  const auto alice = p.bob.resolved("alice");
  ASSERT_TRUE(bob && alice);
  TcpStream& one = p.alice.kernel().connect(p.alice.identity(), *bob, 80);
  TcpStream& other = p.bob.kernel().connect(p.bob.identity(), *alice, 80);
  one.write(p.world.now(), 10'000);
  other.write(p.world.now(), 10'000);
  p.world.advance(seconds{20});
  EXPECT_EQ(one.acknowledged(), 10'000u) << one.failure();
  EXPECT_EQ(other.acknowledged(), 10'000u) << other.failure();
}

TEST(SessionSetup, ProbesOfBothEndsComeToAnEnd) {
  Pair p{6};
  UdpSender& sender = p.alice.send_every(milliseconds{10}, p.bob, 7000);
  p.world.advance(seconds{2});
  sender.stop();
  EXPECT_LT(p.world.transmitted(), sender.sent + 20) << "the ends keep asking each other";
  EXPECT_EQ(p.alice.forwarder().ilcc().size(), 1u);
  EXPECT_EQ(p.bob.forwarder().ilcc().size(), 1u);
}

/// The peer is resolved here as well, but calls first.
TEST(SessionSetup, PeerThatWasResolvedCallsFirst) {
  Pair p{7};
  const auto alice_there = p.bob.resolved("alice");
  ASSERT_TRUE(alice_there);
  TcpStream& stream = p.connect();
  EXPECT_EQ(p.bob.session(p.alice)->identity, *alice_there);
  p.alice.kernel().listen_tcp(81);
  TcpStream& back = p.bob.kernel().connect(p.bob.identity(), *alice_there, 81);
  back.write(p.world.now(), 50'000);
  stream.write(p.world.now(), 50'000);
  p.world.advance(seconds{10});
  EXPECT_EQ(stream.acknowledged(), 50'000u) << stream.failure();
  EXPECT_EQ(back.acknowledged(), 50'000u) << back.failure();
}

/// The name lists a locator that is gone before one that works.
TEST(SessionSetup, FirstLocatorOfTheNameIsDead) {
  Pair p{8};
  p.bob.kernel().listen_tcp(80);
  p.names.publish("bob", {p.bob.nid(), {{p.d.locator, 5, seconds{0}}, {p.c.locator, 10, seconds{0}}}});
  TcpStream& stream = p.alice.connect(p.bob, 80);
  EXPECT_TRUE(p.world.advance_until([&] { return stream.is_established(); }, seconds{20})) << stream.failure();
  p.world.advance(milliseconds{100});
  EXPECT_TRUE(p.agree());
}

TEST(SessionSetup, HandshakeSurvivesLoss) {
  int sessions = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    Tuning tuning;
    tuning.fallback = FallbackPolicy::refuse;
    Link lossy;
    lossy.loss = 0.1;
    Pair p{1000 + seed, tuning, lossy};
    p.bob.kernel().listen_tcp(80);
    TcpStream& stream = p.alice.connect(p.bob, 80);
    stream.write(p.world.now(), 20'000);
    p.world.advance(seconds{120});
    EXPECT_EQ(stream.acknowledged(), 20'000u)
        << stream.failure() << " seed " << seed << p.alice.summary() << p.bob.summary();
    sessions += p.alice.session(p.bob) != nullptr ? 1 : 0;
  }
  EXPECT_EQ(sessions, 40);
}

}  // namespace
}  // namespace ilnp::sim
