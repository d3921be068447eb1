// SPDX-License-Identifier: Apache-2.0
// Packets that wait for a locator or for a name: bounded in number, octets and time, and never overtaken.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

class HostHeldPackets : public HostTest {};

// --- Waiting for a locator
// --------------------------------------------------------------------------------------------

TEST_F(HostHeldPackets, DetachedHostHoldsPacketsAndSendsThemInOrderFromTheNewPlace) {
  settle();
  EXPECT_NE(down(home).event(EventKind::detached), nullptr);
  for (const char* payload : {"1", "2", "3"}) EXPECT_EQ(send(our_udp(payload)).verdict.disposition, Disposition::held);
  const Outcome attached = up(away);
  EXPECT_NE(attached.event(EventKind::attached), nullptr);
  ASSERT_EQ(attached.actions.to_wire.size(), 4u);
  EXPECT_TRUE(is_locator_update(attached.actions.to_wire[0].bytes)) << "before anything else";
  for (std::size_t i = 1; i < 4; ++i) {
    EXPECT_EQ(attached.actions.to_wire[i].bytes.back(), '0' + i);
    EXPECT_EQ(walk_of(attached.actions.to_wire[i].bytes).source, us_away);
    EXPECT_TRUE(has_nonce(attached.actions.to_wire[i].bytes));
  }
  EXPECT_EQ(host().held_octets(), 0u);
}

TEST_F(HostHeldPackets, PacketsBehindHeldOnesLeaveAfterThemAsSoonAsAllMayGo) {
  settle();
  receive(update({at(peer_away)}));
  for (int i = 0; i < tuning.unverified_packets; ++i) send(our_udp());
  for (const char* payload : {"1", "2", "3"}) EXPECT_EQ(send(our_udp(payload)).verdict.disposition, Disposition::held);
  // What comes from there is credit for as many packets again.
  receive(PacketBuilder{peer_moved, us_at_home}.nonce(peer_nonce).udp(7777, 40000).build());
  const Outcome next = send(our_udp("4"));
  EXPECT_EQ(next.verdict.disposition, Disposition::held);
  ASSERT_EQ(next.actions.to_wire.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(next.actions.to_wire[i].bytes.back(), '1' + i);
  receive(PacketBuilder{peer_moved, us_at_home}.nonce(peer_nonce).udp(7777, 40000).build());
  const Outcome last = send(our_udp("5"));
  ASSERT_EQ(last.actions.to_wire.size(), 2u);
  EXPECT_EQ(last.actions.to_wire[0].bytes.back(), '4');
  EXPECT_EQ(last.actions.to_wire[1].bytes.back(), '5');
  EXPECT_EQ(host().held_octets(), 0u);
  EXPECT_TRUE(last.drops.empty());
}

TEST_F(HostHeldPackets, HeldPacketsExpire) {
  settle();
  down(home);
  send(our_udp());
  send(our_udp());
  const Outcome o = wait(tuning.hold_time);
  ASSERT_EQ(o.drops.size(), 1u);
  EXPECT_EQ(o.drops[0], (std::pair{DropReason::out_held_too_long, std::uint64_t{2}}));
  EXPECT_EQ(host().held_octets(), 0u);
  EXPECT_TRUE(up(away).actions.to_wire.size() == 1u) << "the update only";
}

TEST_F(HostHeldPackets, PacketThatIsHeldAgainKeepsItsTime) {
  settle();
  receive(update({at(peer_away)}));
  ByteVector big = from_us().tcp(1, 2, 3, 4, ack, counting(20000)).build();
  const TimePoint sent = now;
  send(big, tcp_super(1400));
  while (now - sent < tuning.hold_time - milliseconds{100}) {
    wait(milliseconds{100});
    receive(PacketBuilder{peer, us_at_home}.nonce(peer_nonce).udp(7777, 40000).build());
  }
  EXPECT_GT(host().held_octets(), 0u);
  wait(milliseconds{200});
  EXPECT_EQ(host().held_octets(), 0u);
  EXPECT_GE(host().drops(DropReason::out_held_too_long), 1u);
}

TEST_F(HostHeldPackets, OldestOfTooManyHeldPacketsGoes) {
  tuning.hold_packets = 2;
  settle();
  down(home);
  send(our_udp("1"));
  send(our_udp("2"));
  const Outcome third = send(our_udp("3"));
  EXPECT_EQ(third.verdict.disposition, Disposition::held);
  ASSERT_EQ(third.drops.size(), 1u);
  EXPECT_EQ(third.drops[0].first, DropReason::out_held_too_many);
  const Outcome attached = up(away);
  ASSERT_EQ(attached.actions.to_wire.size(), 3u);
  EXPECT_EQ(attached.actions.to_wire[1].bytes.back(), '2');
}

TEST_F(HostHeldPackets, HeldOctetsOfAllPeersAreBounded) {
  tuning.hold_octets = 1000;
  settle();
  down(home);
  EXPECT_EQ(send(from_us().udp(1, 2, counting(500)).build()).verdict.disposition, Disposition::held);
  EXPECT_TRUE(dropped_as(send(from_us().udp(1, 2, counting(500)).build()), DropReason::out_held_too_many));
}

TEST_F(HostHeldPackets, FirstPacketOfADetachedHostOutlivesTheAgeOfItsName) {
  start_detached();
  ASSERT_TRUE(resolve());
  wait(seconds{15});  // longer than a tentative entry lives
  EXPECT_EQ(send(our_udp()).verdict.disposition, Disposition::held);
  wait(milliseconds{500});
  const Outcome attached = up(home);
  ASSERT_EQ(attached.actions.to_wire.size(), 1u);
  EXPECT_EQ(walk_of(attached.actions.to_wire[0].bytes).destination, peer);
}

// --- Waiting for a name
// -----------------------------------------------------------------------------------------------

TEST_F(HostHeldPackets, UnknownIdentityIsAskedForOnceAndItsPacketsWait) {
  const Outcome first = send(our_udp("1"));
  EXPECT_EQ(first.verdict.disposition, Disposition::held);
  ASSERT_EQ(first.actions.name_queries.size(), 1u);
  EXPECT_EQ(first.actions.name_queries[0].identity, peer_identity);
  EXPECT_TRUE(first.actions.name_queries[0].name.empty());
  EXPECT_TRUE(send(our_udp("2")).actions.name_queries.empty());
  Outcome answered;
  ASSERT_EQ(resolve({{peer_home, 10, seconds{60}}}, "found.example.org", &answered), peer_identity);
  ASSERT_EQ(answered.actions.to_wire.size(), 2u);
  EXPECT_EQ(answered.actions.to_wire[0].bytes.back(), '1');
  EXPECT_EQ(answered.actions.to_wire[1].bytes.back(), '2');
  EXPECT_EQ(host().held_octets(), 0u);
}

TEST_F(HostHeldPackets, IdentityThatNobodyKnowsIsUnreachableAtOnce) {
  send(our_udp());
  Outcome o;
  Actions actions;
  host().not_resolved(now, peer_identity, actions);
  ASSERT_EQ(actions.to_identity.size(), 1u);
  const ByteVector& error = actions.to_identity[0].bytes;
  EXPECT_EQ(icmp_type_of(error), icmpv6::destination_unreachable);
  EXPECT_EQ(walk_of(error).destination, our_identity);
  EXPECT_TRUE(checksum_is_good(error));
  EXPECT_EQ(host().drops(DropReason::out_unknown_peer), 1u);
  EXPECT_EQ(host().held_octets(), 0u);
}

TEST_F(HostHeldPackets, UnknownIdentityWithoutAnAnswerIsDroppedAndAskedForAgain) {
  send(our_udp());
  const Outcome o = wait(tuning.hold_time);
  ASSERT_EQ(o.drops.size(), 1u);
  EXPECT_EQ(o.drops[0].first, DropReason::out_unknown_peer);
  EXPECT_EQ(send(our_udp()).actions.name_queries.size(), 1u);
}

TEST_F(HostHeldPackets, OneUnknownIdentityDoesNotTakeTheRoomOfTheOthers) {
  int held = 0;
  for (int i = 0; i < 1000; ++i) held += send(our_udp()).verdict.disposition == Disposition::held ? 1 : 0;
  EXPECT_LE(held, 32);
  EXPECT_GE(held, 1);
  EXPECT_EQ(send(PacketBuilder{our_identity, {prefix, NodeId{9}}}.udp(1, 2).build()).verdict.disposition,
            Disposition::held);
}

}  // namespace
}  // namespace ilnp::test
