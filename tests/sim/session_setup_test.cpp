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

}  // namespace
}  // namespace ilnp::sim
