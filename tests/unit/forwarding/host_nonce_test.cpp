// SPDX-License-Identifier: Apache-2.0
// Wire -> identity: nonces that are wrong, and new ones of peers that restarted.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

// --- Nonces that are wrong
// --------------------------------------------------------------------------------------------

TEST_F(HostInput, WrongNoncesAreCountedLimitedAndQuarantined) {
  establish();
  const auto guess = [&](std::uint8_t n) {
    return receive(PacketBuilder{peer, us_at_home}
                       .nonce(ByteVector(12, n))
                       .icmpv6(icmpv6::locator_update, 0, ByteVector(16))
                       .build());
  };
  for (int i = 0; i < tuning.bad_nonces_per_second; ++i)
    EXPECT_TRUE(dropped_as(guess(static_cast<std::uint8_t>(i)), DropReason::in_bad_nonce));
  const Outcome ninth = guess(100);
  EXPECT_TRUE(dropped_as(ninth, DropReason::in_quarantined));
  EXPECT_NE(ninth.event(EventKind::bad_nonces), nullptr);
  const Outcome tenth = guess(101);
  EXPECT_TRUE(dropped_as(tenth, DropReason::in_quarantined));
  EXPECT_EQ(tenth.event(EventKind::bad_nonces), nullptr) << "told once, not per packet";
  // Who knows the nonce is not disturbed.
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(receive(update({at(peer_away)})).verdict.disposition, Disposition::consumed);
  wait(seconds{2});
  EXPECT_TRUE(dropped_as(guess(102), DropReason::in_bad_nonce));
}

TEST_F(HostInput, QuarantineHoldsUpLocatorUpdatesOnlyWhenTheNonceIsShort) {
  ASSERT_TRUE(resolve());
  send(our_udp());
  const ByteVector small = hex("1d9a6b3c");
  receive(PacketBuilder{peer, us_at_home}.nonce(small).udp(7777, 40000, text("x")).build());
  ASSERT_EQ(state(), PeerState::established);
  for (int i = 0; i <= tuning.bad_nonces_per_second; ++i)
    receive(PacketBuilder{peer, us_at_home}.nonce(ByteVector(4, 9)).icmpv6(icmpv6::locator_update, 0, {}).build());
  LocatorUpdate body{LocatorUpdateOperation::advertisement, {at(peer_away)}};
  const ByteVector lu =
      PacketBuilder{peer, us_at_home}.nonce(small).payload(next_header::icmpv6, encode_locator_update(body)).build();
  EXPECT_TRUE(dropped_as(receive(lu), DropReason::in_quarantined));
  wait(tuning.quarantine);
  EXPECT_EQ(receive(lu).verdict.disposition, Disposition::consumed);
}

// --- Restart, and one NID twice
// ---------------------------------------------------------------------------------------

TEST_F(HostInput, NewNonceFromAKnownPlaceIsAskedBeforeAnythingIsDelivered) {
  establish();
  const ByteVector fresh = counting(12);
  const Outcome o = receive(PacketBuilder{peer, us_at_home}.nonce(fresh).tcp(5000, 80, 1, 0, syn).build());
  ASSERT_EQ(o.verdict.disposition, Disposition::held);
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  EXPECT_TRUE(is_probe_request(o.actions.to_wire[0].bytes));
  EXPECT_TRUE(entry()->nonce_received.matches(peer_nonce)) << "never overwritten";
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
}

TEST_F(HostInput, RestartedPeerThatProvesItselfTakesOverTheSession) {
  establish();
  now += seconds{1};
  const ByteVector fresh = counting(12);
  const Outcome o = receive(PacketBuilder{peer, us_at_home}.nonce(fresh).tcp(7777, 40000, 9, 9, ack).build());
  EXPECT_EQ(o.verdict.disposition, Disposition::held);
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  const ByteVector& probe = o.actions.to_wire[0].bytes;
  EXPECT_EQ(nonce_in(probe), our_nonce) << "the one that the peer knew before";
  const HeaderWalk walk = walk_of(probe);
  ByteVector reply{upper_of(probe).begin(), upper_of(probe).end()};
  reply[0] = icmpv6::echo_reply;
  const Outcome proved =
      receive(PacketBuilder{walk.destination, walk.source}.nonce(fresh).payload(next_header::icmpv6, reply).build());
  EXPECT_NE(proved.event(EventKind::peer_restarted), nullptr);
  EXPECT_EQ(host().ilcc().size(), 1u);
  ASSERT_EQ(proved.actions.to_identity.size(), 1u) << "what was kept";
  EXPECT_EQ(walk_of(proved.actions.to_identity[0].bytes).source, peer_identity);
  const Outcome data = receive(PacketBuilder{peer, us_at_home}.nonce(fresh).tcp(7777, 40000, 9, 9, ack).build());
  ASSERT_EQ(data.verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(walk_of(data.packet).source, peer_identity) << "the application's address";
  EXPECT_EQ(nonce_in(send(our_udp()).packet), our_nonce);
}

/// One node at one place: what comes late under the nonce before does not keep the old entry.
TEST_F(HostInput, LatePacketOfTheOldSessionDoesNotStopTheSuccessor) {
  establish();
  now += seconds{1};
  const ByteVector fresh = counting(12);
  const Outcome o = receive(PacketBuilder{peer, us_at_home}.nonce(fresh).tcp(7777, 40000, 9, 9, ack).build());
  const ByteVector probe = o.actions.to_wire.at(0).bytes;
  now += milliseconds{1};
  receive(their_udp());
  ByteVector reply{upper_of(probe).begin(), upper_of(probe).end()};
  reply[0] = icmpv6::echo_reply;
  const HeaderWalk walk = walk_of(probe);
  const Outcome proved =
      receive(PacketBuilder{walk.destination, walk.source}.nonce(fresh).payload(next_header::icmpv6, reply).build());
  EXPECT_NE(proved.event(EventKind::peer_restarted), nullptr);
  EXPECT_EQ(host().ilcc().size(), 1u);
}

TEST_F(HostInput, NonceOfASessionIsNotShownToSomebodyElsewhere) {
  establish();
  const ByteVector forged = counting(12);
  // In the peer's name, then from a place of the attacker's own.
  receive(PacketBuilder{peer, us_at_home}.nonce(forged).udp(1, 2, text("x")).build());
  const Outcome o = receive(PacketBuilder{{elsewhere, peer_nid}, us_at_home}
                                .nonce(forged)
                                .echo_request(probe_identifier, 1, counting(8))
                                .build());
  const Outcome later = wait(seconds{8});
  int seen = 0;
  for (const auto& packets : {o.wire(), later.wire()})
    for (const ByteVector& packet : packets) {
      if (walk_of(packet).destination.locator != elsewhere) continue;
      ++seen;
      EXPECT_NE(nonce_in(packet), our_nonce);
    }
  EXPECT_GT(seen, 0);
}

TEST_F(HostInput, HandshakeProvesOnlyThePlaceThatTheSynAckWentTo) {
  // The attacker opens from its own place, and acknowledges in the name of a victim.
  receive(PacketBuilder{{elsewhere, peer_nid}, us_at_home}.nonce(peer_nonce).tcp(40000, 80, 100, 0, syn).build());
  send(from_us().tcp(80, 40000, 5000, 101, syn | ack).build());
  receive(PacketBuilder{{victim, peer_nid}, us_at_home}.nonce(peer_nonce).tcp(40000, 80, 101, 5001, ack).build());
  ASSERT_NE(entry(), nullptr);
  const RemoteLocator* at_victim = entry()->remote.find(victim);
  EXPECT_TRUE(at_victim == nullptr || at_victim->reach != Reach::reachable);
  for (int i = 0; i < 20; ++i)
    for (const ByteVector& packet : send(our_udp()).wire()) {
      if (is_probe_request(packet)) continue;
      EXPECT_NE(walk_of(packet).destination.locator, victim);
    }
}

TEST_F(HostInput, SynAckThatWentElsewhereDoesNotConfirmANewPlace) {
  // Two SYNs: the answer to the first went to the victim's place, the acknowledgement is guessed after a move.
  receive(PacketBuilder{{victim, peer_nid}, us_at_home}.nonce(peer_nonce).tcp(40000, 80, 100, 0, syn).build());
  send(from_us().tcp(80, 40000, 5000, 101, syn | ack).build());
  receive(PacketBuilder{{elsewhere, peer_nid}, us_at_home}.nonce(peer_nonce).tcp(40000, 80, 100, 0, syn).build());
  EXPECT_TRUE(dropped_as(
      receive(
          PacketBuilder{{elsewhere, peer_nid}, us_at_home}.nonce(peer_nonce).tcp(40000, 80, 101, 5001, ack).build()),
      DropReason::in_unconfirmed));
}

}  // namespace
}  // namespace ilnp::test
