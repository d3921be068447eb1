// SPDX-License-Identifier: Apache-2.0
// A node changes its locators while datagrams and streams flow (RFC 6740 section 3.3, RFC 6743).
#include "tests/sim/pair.h"

namespace ilnp::sim {
namespace {

constexpr Duration one_way = milliseconds{10};  // of the usual links

TEST(HardHandoff, ReceiverThatMovesLosesOneRoundTripOfDatagrams) {
  Pair p{1};
  UdpSender& sender = p.alice.send_every(milliseconds{1}, p.bob, 7000);
  p.world.advance(seconds{3});
  p.bob.kernel().udp(7000).forget_gap(p.world.now());
  p.bob.move_hard(p.d);
  p.world.advance(seconds{3});
  sender.stop();
  p.world.advance(seconds{1});
  const UdpReceived& r = p.bob.kernel().udp(7000);
  EXPECT_LE(r.longest_gap, 2 * one_way + milliseconds{5});
  EXPECT_LE(sender.sent - r.datagrams, 2u * 10 + 2);
  EXPECT_EQ(r.overtaken, 0u);
  EXPECT_TRUE(p.agree());
}

TEST(HardHandoff, SenderThatMovesLosesNothing) {
  Pair p{2};
  UdpSender& sender = p.alice.send_every(milliseconds{1}, p.bob, 7000);
  p.world.advance(seconds{3});
  p.bob.kernel().udp(7000).forget_gap(p.world.now());
  p.alice.move_hard(p.b);
  p.world.advance(seconds{3});
  sender.stop();
  p.world.advance(seconds{1});
  const UdpReceived& r = p.bob.kernel().udp(7000);
  EXPECT_EQ(r.datagrams, sender.sent);
  EXPECT_LE(r.longest_gap, milliseconds{2});
  EXPECT_TRUE(p.agree());
}

/// Packets wait for a locator and for its proof; what is sent meanwhile must not overtake them.
TEST(HardHandoff, NothingIsOutOfOrderOnPathsOfOneDelay) {
  for (const Duration delay : {milliseconds{5}, milliseconds{40}}) {
    Pair p{17, {}, {.delay = delay}};
    p.alice.send_every(milliseconds{1}, p.bob, 7000);
    p.world.advance(seconds{1});
    p.bob.send_every(milliseconds{1}, p.alice, 7001);
    p.world.advance(seconds{3});
    for (const Duration gap : {milliseconds{0}, milliseconds{30}, milliseconds{400}}) {
      p.bob.move_hard(p.d, gap);
      p.world.advance(seconds{3});
      p.alice.move_hard(p.b, gap);
      p.world.advance(seconds{3});
      p.bob.move_hard(p.c, gap);
      p.alice.move_hard(p.a, gap);
      p.world.advance(seconds{8});
      EXPECT_TRUE(p.agree());
    }
    for (const UdpReceived* r : {&p.bob.kernel().udp(7000), &p.alice.kernel().udp(7001)}) {
      EXPECT_GT(r->datagrams, 20'000u);
      EXPECT_EQ(r->overtaken, 0u) << "late by up to " << r->longest_overtaking.count() << " ns";
      EXPECT_EQ(r->duplicates, 0u);
    }
  }
}

/// RFC 6069: after a silence TCP does not wait for a timer that it has doubled again and again.
TEST(HardHandoff, StreamGoesOnAtOnceAfterALongSilence) {
  for (const bool sender_moves : {true, false})
    // Not long after a retransmission: the next one would be as far away as it can be.
    for (const Duration silence : {milliseconds{1700}, milliseconds{6500}, milliseconds{13'000}}) {
      Pair p{18};
      TcpStream& stream = p.connect();
      stream.write_every(p.world.now(), milliseconds{20}, 500);
      p.world.advance(seconds{3});
      Host& mover = sender_moves ? p.alice : p.bob;
      mover.move_hard(sender_moves ? p.b : p.d, silence);
      p.world.advance(silence);
      const TcpStream& receiver = *p.bob.kernel().accepted(80);
      const std::uint64_t before = receiver.received();
      EXPECT_TRUE(p.world.advance_until([&] { return receiver.received() > before; }, 3 * one_way))
          << "silent for " << silence / milliseconds{1} << " ms";
      EXPECT_EQ(receiver.wrong_octets(), 0u);
    }
}

TEST(HardHandoff, StreamsGoOnAfterAGap) {
  Pair p{3};
  TcpStream& stream = p.connect();
  TcpStream& server = *p.bob.kernel().accepted(80);
  server.write(p.world.now(), 20'000'000);
  stream.write(p.world.now(), 2'000'000);
  p.world.advance(seconds{2});
  ASSERT_GT(stream.received(), 0u);
  ASSERT_LT(stream.received(), 20'000'000u);
  stream.forget_gap(p.world.now());
  p.bob.move_hard(p.d, milliseconds{800});
  p.world.advance(seconds{5});
  EXPECT_LT(stream.longest_gap(), seconds{3});
  EXPECT_TRUE(p.agree());
  p.alice.move_hard(p.b, milliseconds{300});
  p.world.advance(seconds{120});
  EXPECT_EQ(stream.received(), 20'000'000u) << stream.failure();
  EXPECT_EQ(server.received(), 2'000'000u) << server.failure();
  EXPECT_EQ(stream.wrong_octets() + server.wrong_octets(), 0u);
  EXPECT_EQ(p.alice.kernel().bad_checksums() + p.bob.kernel().bad_checksums(), 0u);
  EXPECT_TRUE(p.agree());
}

TEST(SoftHandoff, LosesAndReordersNothing) {
  for (const Duration slow : {milliseconds{5}, milliseconds{45}}) {
    Pair p{4};
    p.c.up.delay = p.c.down.delay = slow;  // the old place is further away
    UdpSender& to_bob = p.alice.send_every(milliseconds{1}, p.bob, 7000);
    p.world.advance(seconds{1});
    UdpSender& to_alice = p.bob.send_every(milliseconds{1}, p.alice, 7001);
    p.world.advance(seconds{3});
    p.bob.move_soft(p.d, seconds{1});
    p.world.advance(seconds{4});
    to_bob.stop();
    to_alice.stop();
    p.world.advance(seconds{1});
    const UdpReceived& at_bob = p.bob.kernel().udp(7000);
    const UdpReceived& at_alice = p.alice.kernel().udp(7001);
    EXPECT_EQ(at_bob.datagrams, to_bob.sent);
    EXPECT_EQ(at_alice.datagrams, to_alice.sent);
    EXPECT_EQ(at_bob.duplicates + at_alice.duplicates, 0u);
    EXPECT_LE(at_bob.longest_overtaking, slow - milliseconds{5});
    EXPECT_LE(at_alice.longest_overtaking, slow - milliseconds{5});
    EXPECT_TRUE(p.agree());
  }
}

TEST(SoftHandoff, TwentyTimesThereAndBack) {
  Pair p{5};
  UdpSender& to_bob = p.alice.send_every(milliseconds{2}, p.bob, 7000);
  p.world.advance(seconds{1});
  UdpSender& to_alice = p.bob.send_every(milliseconds{2}, p.alice, 7001);
  TcpStream& stream = p.connect();
  p.bob.kernel().accepted(80)->write(p.world.now(), 30'000'000);
  p.world.advance(seconds{2});
  for (int i = 0; i < 20; ++i) {
    p.bob.move_soft(i % 2 == 0 ? p.d : p.c, milliseconds{500});
    p.world.advance(seconds{3});
    EXPECT_TRUE(p.agree()) << "after move " << i;
  }
  to_bob.stop();
  to_alice.stop();
  p.world.advance(seconds{1});
  EXPECT_EQ(p.bob.kernel().udp(7000).datagrams, to_bob.sent);
  EXPECT_EQ(p.alice.kernel().udp(7001).datagrams, to_alice.sent) << p.alice.summary() << p.bob.summary();
  EXPECT_GT(stream.received(), 1'000'000u);
  EXPECT_EQ(stream.wrong_octets(), 0u);
  EXPECT_EQ(stream.retransmissions(), 0u);
}

TEST(BothMove, AtTheSameMomentRecoverThroughNames) {
  Pair p{6};
  TcpStream& stream = p.connect();
  TcpStream& server = *p.bob.kernel().accepted(80);
  stream.write_every(p.world.now(), milliseconds{20}, 500);
  server.write_every(p.world.now(), milliseconds{20}, 500);
  p.world.advance(seconds{3});
  stream.forget_gap(p.world.now());
  p.alice.move_hard(p.b);
  p.bob.move_hard(p.d);
  EXPECT_TRUE(p.world.advance_until([&] { return p.agree().operator bool(); }, seconds{3}));
  p.world.advance(seconds{10});
  EXPECT_LT(stream.longest_gap(), seconds{5});
  stream.stop_writing();
  server.stop_writing();
  p.world.advance(seconds{10});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
  EXPECT_EQ(server.acknowledged(), server.written()) << server.failure();
  EXPECT_EQ(p.alice.kernel().wrong_octets() + p.bob.kernel().wrong_octets(), 0u);
  EXPECT_TRUE(p.agree());
}

/// The one that was called knows no name; the caller's is the only one that is published.
TEST(BothMove, CalledEndRecoversByTheReverseName) {
  Pair p{7};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{50}, 500);
  p.world.advance(seconds{3});
  p.bob.publishes = false;
  p.alice.move_hard(p.b);
  p.bob.move_hard(p.d);
  EXPECT_TRUE(p.world.advance_until([&] { return p.agree().operator bool(); }, seconds{10}));
  p.world.advance(seconds{10});
  EXPECT_TRUE(p.agree());
}

TEST(BothMove, OldAnswersOfTheNameDoNotMisleadForLong) {
  Pair p{8};
  p.names.publication_delay = seconds{4};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{50}, 500);
  p.world.advance(seconds{10});
  p.alice.move_hard(p.b);
  p.bob.move_hard(p.d);
  EXPECT_TRUE(p.world.advance_until([&] { return p.agree().operator bool(); }, seconds{15}));
  p.world.advance(seconds{10});
  EXPECT_TRUE(p.agree());
}

/// An application resolves the name again while the servers still tell the old locator.
TEST(Handoff, StaleNameDoesNotUndoALocatorUpdate) {
  Pair p{9};
  p.names.publication_delay = seconds{60};
  p.world.advance(seconds{61});
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{20}, 500);
  p.world.advance(seconds{2});
  p.bob.move_hard(p.d);
  p.world.advance(seconds{1});
  ASSERT_TRUE(p.agree());
  ASSERT_TRUE(p.alice.resolved("bob"));
  stream.forget_gap(p.world.now());
  p.bob.kernel().accepted(80)->forget_gap(p.world.now());
  p.world.advance(seconds{5});
  EXPECT_TRUE(p.agree());
  EXPECT_LT(p.bob.kernel().accepted(80)->longest_gap(), milliseconds{100});
}

TEST(Handoff, ToTheLinkOfThePeerAndAway) {
  Pair p{10};
  UdpSender& sender = p.alice.send_every(milliseconds{5}, p.bob, 7000);
  UdpSender& back = p.bob.send_every(milliseconds{5}, p.alice, 7001);
  TcpStream& stream = p.connect();
  stream.write(p.world.now(), 5'000'000);
  for (Site* place : {&p.a, &p.d, &p.a, &p.c}) {
    p.world.advance(seconds{2});
    p.bob.move_soft(*place, milliseconds{700});
    p.world.advance(seconds{3});
    EXPECT_TRUE(p.agree()) << "at " << place->name;
  }
  for (Site* place : {&p.a, &p.d}) {
    p.bob.move_hard(*place, milliseconds{50});
    p.world.advance(seconds{4});
    EXPECT_TRUE(p.agree()) << "at " << place->name;
  }
  sender.stop();
  back.stop();
  p.world.advance(seconds{60});
  EXPECT_EQ(stream.acknowledged(), 5'000'000u) << stream.failure();
  EXPECT_GE(p.bob.kernel().udp(7000).datagrams + 60, sender.sent);  // two hard moves
  EXPECT_GE(p.alice.kernel().udp(7001).datagrams + 60, back.sent);
}

TEST(Handoff, QuickReturnIsNotTakenForAReplay) {
  Pair p{11};
  UdpSender& sender = p.alice.send_every(milliseconds{5}, p.bob, 7000);
  p.world.advance(seconds{2});
  for (int i = 0; i < 40; ++i) {
    p.bob.move_hard(i % 2 == 0 ? p.d : p.c);
    p.world.advance(milliseconds{900});
    EXPECT_TRUE(p.agree()) << "after move " << i;
  }
  sender.stop();
  EXPECT_EQ(p.alice.drops(DropReason::lu_replay), 0u);
}

/// Lifetimes of ten seconds leave little room to make successive updates differ.
TEST(Handoff, QuickReturnWithShortLifetimes) {
  Tuning tuning;
  tuning.lu_lifetime = seconds{10};
  Pair p{12, tuning};
  UdpSender& sender = p.alice.send_every(milliseconds{5}, p.bob, 7000);
  p.world.advance(seconds{2});
  for (int i = 0; i < 40; ++i) {
    p.bob.move_hard(i % 2 == 0 ? p.d : p.c);
    p.world.advance(milliseconds{1500});
    EXPECT_TRUE(p.agree()) << "after move " << i;
  }
  sender.stop();
}

TEST(Flapping, TenTimesASecond) {
  Pair p{13};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{50}, 300);
  p.bob.kernel().accepted(80)->write_every(p.world.now(), milliseconds{50}, 300);
  for (int i = 0; i < 100; ++i) {
    p.bob.move_hard(i % 2 == 0 ? p.d : p.c);
    p.world.advance(milliseconds{100});
  }
  EXPECT_TRUE(p.world.advance_until([&] { return p.agree().operator bool(); }, seconds{2}));
  stream.stop_writing();
  p.bob.kernel().accepted(80)->stop_writing();
  p.world.advance(seconds{30});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
  EXPECT_TRUE(p.agree());
}

TEST(Flapping, LinkComesAndGoes) {
  Pair p{14};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{50}, 300);
  for (int i = 0; i < 100; ++i) {
    p.bob.detach(p.c);
    p.world.advance(milliseconds{50});
    p.bob.attach(p.c);
    p.world.advance(milliseconds{50});
  }
  stream.stop_writing();
  p.world.advance(seconds{30});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
  EXPECT_TRUE(p.agree());
}

/// A site that goes on forwarding after the move: what was in flight arrives too.
TEST(HardHandoff, OldSiteForwardsLatePackets) {
  Pair p{15};
  p.c.late = LatePackets::forward;
  UdpSender& sender = p.alice.send_every(milliseconds{1}, p.bob, 7000);
  p.world.advance(seconds{3});
  p.bob.move_hard(p.d);
  p.world.advance(seconds{3});
  sender.stop();
  p.world.advance(seconds{1});
  EXPECT_EQ(p.bob.kernel().udp(7000).datagrams, sender.sent);
}

TEST(HardHandoff, RouterOfTheOldSiteSaysUnreachable) {
  Pair p{16};
  p.a.late = p.c.late = p.d.late = LatePackets::unreachable;
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{10}, 500);
  p.world.advance(seconds{3});
  p.bob.move_hard(p.d, milliseconds{500});
  p.world.advance(seconds{4});
  EXPECT_TRUE(p.agree());
  for (const IcmpError& error : p.alice.kernel().errors())
    EXPECT_NE(error.from, p.c.router()) << "the transport hears of a locator";
  stream.stop_writing();
  p.world.advance(seconds{10});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
}

}  // namespace
}  // namespace ilnp::sim
