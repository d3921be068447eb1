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

}  // namespace
}  // namespace ilnp::sim
