// SPDX-License-Identifier: Apache-2.0
// Locators that go away altogether, uplinks that fail with and without saying so, sessions that idle (RFC 6741
// section 5, RFC 6743 section 3).
#include "tests/sim/pair.h"

namespace ilnp::sim {
namespace {

TEST(Detached, PacketsAreHeldAndReleased) {
  Pair p{40};
  UdpSender& sender = p.alice.send_every(milliseconds{20}, p.bob, 7000);
  p.world.advance(seconds{2});
  p.alice.detach(p.a);
  p.world.advance(seconds{1});
  p.alice.attach(p.b);
  p.world.advance(seconds{2});
  sender.stop();
  p.world.advance(seconds{1});
  const UdpReceived& r = p.bob.kernel().udp(7000);
  EXPECT_EQ(r.datagrams, sender.sent);
  EXPECT_EQ(r.duplicates, 0u);
  EXPECT_EQ(r.overtaken, 0u) << "held packets left after newer ones";
  EXPECT_EQ(p.alice.drops(DropReason::out_held_too_long) + p.alice.drops(DropReason::out_held_too_many), 0u);
}

TEST(Detached, HeldPacketsExpireAndAreCounted) {
  Pair p{41};
  UdpSender& sender = p.alice.send_every(milliseconds{50}, p.bob, 7000);
  p.world.advance(seconds{2});
  p.alice.detach(p.a);
  p.world.advance(seconds{10});
  p.alice.attach(p.a);
  p.world.advance(seconds{2});
  sender.stop();
  p.world.advance(seconds{1});
  const UdpReceived& r = p.bob.kernel().udp(7000);
  const std::uint64_t lost = sender.sent - r.datagrams;
  EXPECT_EQ(p.alice.drops(DropReason::out_held_too_long), lost);
  EXPECT_NEAR(static_cast<double>(lost), 8 * 20, 4);  // all but the last two seconds of ten
}

TEST(Detached, MorePacketsThanMayBeHeld) {
  Pair p{42};
  UdpSender& sender = p.alice.send_every(std::chrono::microseconds{200}, p.bob, 7000);
  p.world.advance(seconds{2});
  p.alice.detach(p.a);
  p.world.advance(seconds{1});
  p.alice.attach(p.b);
  p.world.advance(seconds{2});
  sender.stop();
  p.world.advance(seconds{1});
  const std::uint64_t lost = sender.sent - p.bob.kernel().udp(7000).datagrams;
  EXPECT_EQ(p.alice.drops(DropReason::out_held_too_many), lost);
  EXPECT_NEAR(static_cast<double>(lost), 5000 - 2048, 2);
}

TEST(Detached, ForAMinuteWithAStream) {
  Pair p{43};
  TcpStream& stream = p.connect();
  TcpStream& server = *p.bob.kernel().accepted(80);
  stream.write_every(p.world.now(), milliseconds{100}, 300);
  server.write_every(p.world.now(), milliseconds{100}, 300);
  p.world.advance(seconds{5});
  p.bob.move_hard(p.d, seconds{60});
  p.world.advance(seconds{130});
  stream.stop_writing();
  server.stop_writing();
  p.world.advance(seconds{60});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
  EXPECT_EQ(server.acknowledged(), server.written()) << server.failure();
  EXPECT_TRUE(p.agree());
}

/// What the transport's backoff decides is not our delay: both ends know each other a moment after the attachment.
TEST(Detached, BothForAMinute) {
  Pair p{44};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{100}, 300);
  p.world.advance(seconds{5});
  p.alice.move_hard(p.b, seconds{60});
  p.bob.move_hard(p.d, seconds{55});
  p.world.advance(seconds{60});
  EXPECT_TRUE(p.world.advance_until([&] { return p.agree().operator bool(); }, seconds{35}));
  p.world.advance(seconds{150});
  stream.stop_writing();
  p.world.advance(seconds{120});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
}

TEST(Multihomed, PreferredLocatorIsUsedAndReplaced) {
  Pair p{45};
  p.bob.attach(p.d, 20);
  p.world.advance(seconds{1});
  UdpSender& sender = p.alice.send_every(milliseconds{2}, p.bob, 7000);
  p.world.advance(seconds{2});
  EXPECT_TRUE(p.agree());
  p.bob.detach(p.c);  // with carrier lost: the other one takes over at once
  p.world.advance(seconds{2});
  EXPECT_TRUE(p.agree());
  EXPECT_LE(p.bob.kernel().udp(7000).longest_gap, milliseconds{30});
  p.bob.attach(p.c, 10);
  p.world.advance(seconds{3});
  EXPECT_TRUE(p.agree()) << "the preferred one is back";
  p.bob.attach(p.b, 5);
  p.world.advance(seconds{3});
  EXPECT_TRUE(p.agree());
  sender.stop();
  p.world.advance(seconds{1});
  EXPECT_LE(sender.sent - p.bob.kernel().udp(7000).datagrams, 12u);
}

struct Failure {
  const char* name;
  bool up, down;  ///< which direction of bob's preferred uplink dies, silently
  bool from_alice, from_bob;
};

class SilentFailure : public ::testing::TestWithParam<Failure> {};

TEST_P(SilentFailure, OtherUplinkTakesOver) {
  const Failure& failure = GetParam();
  Pair p{46};
  p.bob.attach(p.d, 20);
  p.world.advance(seconds{1});
  TcpStream& stream = p.connect();
  TcpStream& server = *p.bob.kernel().accepted(80);
  if (failure.from_alice) stream.write_every(p.world.now(), milliseconds{50}, 300);
  if (failure.from_bob) server.write_every(p.world.now(), milliseconds{50}, 300);
  p.world.advance(seconds{5});
  ASSERT_TRUE(p.agree());
  stream.forget_gap(p.world.now());
  server.forget_gap(p.world.now());
  p.c.dead_up = failure.up;
  p.c.dead_down = failure.down;
  p.world.advance(seconds{120});
  stream.stop_writing();
  server.stop_writing();
  p.world.advance(seconds{60});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure() << p.alice.summary() << p.bob.summary();
  EXPECT_EQ(server.acknowledged(), server.written()) << server.failure();
  if (failure.from_alice) {
    EXPECT_LT(server.longest_gap(), seconds{35});
  }
  if (failure.from_bob) {
    EXPECT_LT(stream.longest_gap(), seconds{35});
  }
}

INSTANTIATE_TEST_SUITE_P(Uplink, SilentFailure,
                         ::testing::Values(Failure{"dead_up_client_sends", true, true, true, false},
                                           Failure{"dead_server_sends", true, true, false, true},
                                           Failure{"dead_both_send", true, true, true, true},
                                           Failure{"outgoing_only_client_sends", true, false, true, false},
                                           Failure{"outgoing_only_server_sends", true, false, false, true},
                                           Failure{"incoming_only_client_sends", false, true, true, false},
                                           Failure{"incoming_only_server_sends", false, true, false, true}),
                         [](const auto& instance) { return std::string{instance.param.name}; });

TEST(Multihomed, RouterReportsTheFailedUplink) {
  Pair p{47};
  p.bob.attach(p.d, 20);
  p.c.late = LatePackets::unreachable;
  p.world.advance(seconds{1});
  TcpStream& stream = p.connect();
  TcpStream& server = *p.bob.kernel().accepted(80);
  stream.write_every(p.world.now(), milliseconds{20}, 300);
  p.world.advance(seconds{3});
  server.forget_gap(p.world.now());
  p.world.lose = [&](const Node& from, Bytes packet) {  // bob does not notice; his packets from there are lost
    return &from == &p.bob && Address::load(packet.data() + 8).locator == p.c.locator;
  };
  p.world.hold_up = {};
  p.c.dead_down = false;
  // The router of c answers for bob, as if the last hop were gone.
  p.c.path_mtu = usual_mtu;
  p.bob.detach(p.c);
  p.world.advance(seconds{3});
  EXPECT_LT(server.longest_gap(), seconds{1});
  EXPECT_TRUE(p.agree());
}

TEST(Idle, PinnedSessionIsKeptForTwoHours) {
  Pair p{48};
  TcpStream& stream = p.connect();
  stream.write(p.world.now(), 1000);
  p.world.advance(std::chrono::hours{2});
  ASSERT_NE(p.alice.session(p.bob), nullptr);
  ASSERT_NE(p.bob.session(p.alice), nullptr);
  p.bob.move_hard(p.d);
  p.world.advance(seconds{2});
  stream.write(p.world.now(), 1000);
  p.world.advance(seconds{2});
  EXPECT_EQ(stream.acknowledged(), 2000u) << stream.failure();
  EXPECT_TRUE(p.agree());
}

TEST(Idle, UnpinnedSessionEnds) {
  Pair p{49};
  UdpSender& sender = p.alice.send_every(milliseconds{100}, p.bob, 7000);
  p.world.advance(seconds{5});
  sender.stop();
  const Tuning& t = p.alice.tuning();
  p.world.advance(t.idle - seconds{10});
  EXPECT_NE(p.alice.session(p.bob), nullptr);
  p.world.advance(t.flow_check * 2 + t.closing + seconds{60});
  EXPECT_EQ(p.alice.session(p.bob), nullptr);
  EXPECT_EQ(p.bob.session(p.alice), nullptr);
  EXPECT_EQ(p.alice.forwarder().ilcc().size(), 0u);
  EXPECT_EQ(p.bob.forwarder().ilcc().size(), 0u);
  const auto quiet = p.world.transmitted();
  p.world.advance(seconds{600});
  EXPECT_EQ(p.world.transmitted(), quiet);
}

/// The peer is gone for good; probes and updates must not keep the entry alive.
TEST(Idle, SessionWithADeadPeerEnds) {
  Pair p{50};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{100}, 300);
  p.world.advance(seconds{5});
  p.bob.detach(p.c);
  p.world.advance(seconds{20});
  p.alice.move_soft(p.b);  // its update is never acknowledged
  stream.stop_writing();
  stream.fail("application gave up");
  p.world.advance(seconds{2400});
  EXPECT_EQ(p.alice.forwarder().ilcc().size(), 0u) << p.alice.summary();
}

TEST(Idle, SpeaksAgainWhileClosing) {
  Pair p{51};
  p.alice.answers_flow_checks = p.bob.answers_flow_checks = false;
  TcpStream& stream = p.connect();
  stream.write(p.world.now(), 1000);
  const Tuning& t = p.alice.tuning();
  p.world.advance(t.idle + t.flow_check + seconds{30});
  ASSERT_NE(p.alice.session(p.bob), nullptr);
  EXPECT_EQ(p.alice.session(p.bob)->state, PeerState::closing);
  stream.write(p.world.now(), 1000);
  p.world.advance(seconds{5});
  EXPECT_EQ(stream.acknowledged(), 2000u) << stream.failure();
  ASSERT_NE(p.alice.session(p.bob), nullptr);
  EXPECT_EQ(p.alice.session(p.bob)->state, PeerState::established);
}

}  // namespace
}  // namespace ilnp::sim
