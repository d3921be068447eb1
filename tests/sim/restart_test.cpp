// SPDX-License-Identifier: Apache-2.0
// A daemon restarts while the kernels' connections go on; and two nodes that own the same NID (RFC 6741 section 5).
#include "tests/sim/pair.h"

namespace ilnp::sim {
namespace {

struct Flows {
  const char* name;
  bool from_alice, from_bob;  ///< who sends, on a connection that alice opened
};

class Restart : public ::testing::TestWithParam<Flows> {
 protected:
  static void run(bool bob_restarts, bool keeps_state, NoncePolicy policy, Duration limit) {
    Tuning tuning;
    tuning.nonce_policy = policy;
    Pair p{30, tuning};
    TcpStream& stream = p.connect();
    TcpStream& server = *p.bob.kernel().accepted(80);
    if (GetParam().from_alice) stream.write_every(p.world.now(), milliseconds{20}, 400);
    if (GetParam().from_bob) server.write_every(p.world.now(), milliseconds{20}, 400);
    p.world.advance(seconds{5});
    stream.forget_gap(p.world.now());
    server.forget_gap(p.world.now());
    Host& host = bob_restarts ? p.bob : p.alice;
    host.restart(keeps_state);
    p.world.advance(seconds{20});
    stream.stop_writing();
    server.stop_writing();
    p.world.advance(seconds{20});
    EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
    EXPECT_EQ(server.acknowledged(), server.written()) << server.failure();
    EXPECT_EQ(stream.wrong_octets() + server.wrong_octets(), 0u);
    if (GetParam().from_bob) {
      EXPECT_LE(stream.longest_gap(), limit);
    }
    if (GetParam().from_alice) {
      EXPECT_LE(server.longest_gap(), limit);
    }
    EXPECT_TRUE(p.agree());
    const Address& there = p.alice.session(p.bob)->identity;
    EXPECT_EQ(there, p.bob.identity());
    EXPECT_EQ(p.bob.session(p.alice)->identity, p.alice.identity());
    // And the new pair of nonces carries a move.
    p.bob.move_hard(p.d);
    p.world.advance(seconds{3});
    EXPECT_TRUE(p.agree());
  }
};

TEST_P(Restart, OfTheServerWithItsState) { run(true, true, NoncePolicy::adaptive, milliseconds{60}); }
TEST_P(Restart, OfTheClientWithItsState) { run(false, true, NoncePolicy::adaptive, milliseconds{60}); }
TEST_P(Restart, OfTheServerWithoutState) { run(true, false, NoncePolicy::adaptive, seconds{8}); }
TEST_P(Restart, OfTheClientWithoutState) { run(false, false, NoncePolicy::adaptive, seconds{8}); }
TEST_P(Restart, OfTheServerWithoutStateNonceAlways) { run(true, false, NoncePolicy::always, seconds{4}); }
TEST_P(Restart, OfTheClientWithoutStateNonceAlways) { run(false, false, NoncePolicy::always, seconds{4}); }

INSTANTIATE_TEST_SUITE_P(Flows, Restart,
                         ::testing::Values(Flows{"up", true, false}, Flows{"down", false, true},
                                           Flows{"both", true, true}),
                         [](const auto& instance) { return std::string{instance.param.name}; });

TEST(RestartDatagrams, GoOnAfterTheStateIsLost) {
  for (const bool bob_restarts : {true, false}) {
    Pair p{31};
    UdpSender& to_bob = p.alice.send_every(milliseconds{20}, p.bob, 7000);
    p.world.advance(seconds{1});
    UdpSender& to_alice = p.bob.send_every(milliseconds{20}, p.alice, 7001);
    p.world.advance(seconds{5});
    (bob_restarts ? p.bob : p.alice).restart(false);
    p.world.advance(seconds{10});
    // Some datagrams reach the kernel of the one that knows no session as plain IPv6, from another address.
    UdpReceived& at_bob = p.bob.kernel().udp(7000, p.alice.identity());
    UdpReceived& at_alice = p.alice.kernel().udp(7001, p.bob.identity());
    EXPECT_LE(at_bob.longest_gap, seconds{4});
    EXPECT_LE(at_alice.longest_gap, seconds{4});
    const auto before_bob = at_bob.datagrams, before_alice = at_alice.datagrams;
    p.world.advance(seconds{10});
    EXPECT_GE(at_bob.datagrams, before_bob + 499);
    EXPECT_GE(at_alice.datagrams, before_alice + 499);
    to_bob.stop();
    to_alice.stop();
  }
}

/// The restarted daemon's first updates look like those of the first run, less than a minute later.
TEST(RestartWithState, UpdatesAreNotTakenForReplays) {
  Pair p{32};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{50}, 300);
  for (int i = 0; i < 4; ++i) {
    p.bob.move_hard(i % 2 == 0 ? p.d : p.c);
    p.world.advance(seconds{1});
  }
  p.bob.restart(true);
  for (int i = 0; i < 4; ++i) {
    p.bob.move_hard(i % 2 == 0 ? p.d : p.c);
    p.world.advance(seconds{1});
    EXPECT_TRUE(p.agree()) << "after move " << i;
  }
  EXPECT_EQ(p.alice.drops(DropReason::lu_replay), 0u);
  EXPECT_EQ(p.alice.count(EventKind::peer_restarted), 0);
}

TEST(RestartWithState, OldUpdatesStayReplays) {
  Pair p{33};
  p.connect();
  ByteVector recorded;
  p.world.on_transmit = [&](const Node& from, Bytes packet) {
    if (&from == &p.bob && recorded.empty() && packet.size() > 80) {
      const WalkOutcome outcome = walk_headers(packet);
      if (outcome.walk.upper_protocol == next_header::icmpv6 && packet[outcome.walk.upper_offset] == 156)
        recorded.assign(packet.begin(), packet.end());
    }
  };
  p.bob.attach(p.b, 20);
  p.bob.attach(p.d, 30);
  p.world.advance(seconds{1});
  p.bob.detach(p.b);
  p.world.advance(seconds{1});
  ASSERT_FALSE(recorded.empty());
  p.alice.restart(true);
  p.world.advance(seconds{1});
  auto& mallory = p.world.add<Attacker>("mallory", p.b, NodeId{0xbad});
  mallory.send(recorded);
  p.world.advance(seconds{1});
  EXPECT_EQ(p.alice.drops(DropReason::lu_replay), 1u);
}

/// While it was down, the host moved.
TEST(RestartWithState, AtAnotherPlace) {
  Pair p{34};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{50}, 300);
  p.world.advance(seconds{2});
  const ByteVector state = p.bob.saved_state();
  p.bob.restart(true);
  p.bob.move_hard(p.d);
  p.world.advance(seconds{2});
  EXPECT_TRUE(p.agree());
  stream.stop_writing();
  p.world.advance(seconds{5});
  EXPECT_EQ(stream.acknowledged(), stream.written());
  EXPECT_EQ(p.alice.count(EventKind::peer_restarted), 0);
}

// --- Two nodes with one NID

struct Twins {
  Twins() : p{35}, twin{p.world.add<Host>("twin", p.names, Tuning{}, p.bob.nid())} {
    twin.attach(p.d);
    p.world.advance(seconds{1});
  }
  Pair p;
  Host& twin;
};

TEST(SameNid, TwoServersAreToldApart) {
  Twins t;
  Pair& p = t.p;
  p.bob.kernel().listen_tcp(80);
  t.twin.kernel().listen_tcp(81);
  TcpStream& to_bob = p.alice.connect(p.bob, 80);
  TcpStream& to_twin = p.alice.connect(t.twin, 81);
  EXPECT_NE(to_bob.ends().remote, to_twin.ends().remote);
  p.world.advance(seconds{3});
  to_bob.write(p.world.now(), 100'000);
  to_twin.write(p.world.now(), 100'000);
  p.world.advance(seconds{5});
  EXPECT_EQ(to_bob.acknowledged(), 100'000u) << to_bob.failure();
  EXPECT_EQ(to_twin.acknowledged(), 100'000u) << to_twin.failure();
  t.twin.move_hard(p.b);
  p.world.advance(seconds{2});
  to_bob.write(p.world.now(), 100'000);
  to_twin.write(p.world.now(), 100'000);
  p.world.advance(seconds{5});
  EXPECT_EQ(to_bob.acknowledged(), 200'000u) << to_bob.failure();
  EXPECT_EQ(to_twin.acknowledged(), 200'000u) << to_twin.failure();
  EXPECT_EQ(p.alice.kernel().wrong_octets(), 0u);
}

TEST(SameNid, TwoClientsAreToldApart) {
  Twins t;
  Pair& p = t.p;
  p.alice.kernel().listen_tcp(80);
  TcpStream& of_bob = p.bob.connect(p.alice, 80);
  TcpStream& of_twin = t.twin.connect(p.alice, 80);
  p.world.advance(seconds{3});
  of_bob.write(p.world.now(), 60'000);
  of_twin.write(p.world.now(), 70'000);
  p.world.advance(seconds{5});
  p.bob.move_soft(p.b);
  of_bob.write(p.world.now(), 60'000);
  of_twin.write(p.world.now(), 70'000);
  p.world.advance(seconds{5});
  EXPECT_EQ(of_bob.acknowledged(), 120'000u) << of_bob.failure();
  EXPECT_EQ(of_twin.acknowledged(), 140'000u) << of_twin.failure();
  EXPECT_EQ(p.alice.kernel().all_accepted(80).size(), 2u);
  EXPECT_EQ(p.alice.kernel().wrong_octets(), 0u);
}

}  // namespace
}  // namespace ilnp::sim
