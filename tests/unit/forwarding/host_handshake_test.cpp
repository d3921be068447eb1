// SPDX-License-Identifier: Apache-2.0
// Wire -> identity: the first packets of a peer, whoever begins (RFC 6744 sections 3 and 4), and what strangers can not
// do.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

// --- Responder (RFC 6744 section 3)
// -----------------------------------------------------------------------------------

TEST_F(HostInput, FirstUdpPacketOfAStrangerIsDeliveredAndItsPlaceProbed) {
  const Outcome o = receive(their_udp());
  EXPECT_EQ(o.verdict.disposition, Disposition::to_identity);
  ASSERT_EQ(state(), PeerState::tentative_in);
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  const ByteVector& probe = o.actions.to_wire[0].bytes;
  EXPECT_TRUE(is_probe_request(probe));
  EXPECT_EQ(walk_of(probe).destination, peer);
  EXPECT_EQ(nonce_in(probe).size(), Nonce::long_length);
  EXPECT_NE(nonce_in(probe), peer_nonce);
  const Outcome reply = receive(answer(probe));
  EXPECT_EQ(reply.verdict.disposition, Disposition::consumed);
  EXPECT_EQ(state(), PeerState::established);
  EXPECT_NE(reply.event(EventKind::session_established), nullptr);
}

TEST_F(HostInput, TcpHandshakeConfirmsAStranger) {
  EXPECT_EQ(receive(from_peer().tcp(40000, 80, 100, 0, syn).build()).verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(state(), PeerState::tentative_in);
  send(from_us().tcp(80, 40000, 5000, 101, syn | ack).build());
  EXPECT_TRUE(dropped_as(receive(from_peer().tcp(40000, 80, 101, 5002, ack).build()), DropReason::in_unconfirmed));
  EXPECT_EQ(state(), PeerState::tentative_in);
  EXPECT_EQ(receive(from_peer().tcp(40000, 80, 101, 5001, ack).build()).verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(state(), PeerState::established);
}

TEST_F(HostInput, SegmentOfAStrangerWaitsAndIsNeverAnsweredWithMoreThanAProbe) {
  const Outcome o = receive(from_peer().tcp(40000, 80, 101, 5001, ack, text("data")).build());
  EXPECT_EQ(o.verdict.disposition, Disposition::held);
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  EXPECT_TRUE(is_probe_request(o.actions.to_wire[0].bytes));
  EXPECT_TRUE(dropped_as(receive(from_peer().tcp(40001, 80, 101, 5001, rst).build()), DropReason::in_unconfirmed));
}

TEST_F(HostInput, ResetOfAStrangerLeavesNothingBehind) {
  EXPECT_TRUE(dropped_as(receive(from_peer().tcp(40000, 80, 101, 5001, rst).build()), DropReason::in_stranger_segment));
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(HostInput, ControlMessagesOfAStrangerAreDropped) {
  EXPECT_TRUE(dropped_as(receive(update({at(peer_away)})), DropReason::in_stranger_control));
  EXPECT_TRUE(dropped_as(receive(from_peer().icmpv6(icmpv6::echo_reply, 0, ByteVector(12)).build()),
                         DropReason::in_stranger_control));
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(HostInput, NonceOfASizeThatCannotBeStoredMakesNoEntry) {
  for (const std::size_t size : {5u, 8u, 16u, 64u})
    EXPECT_TRUE(dropped_as(receive(PacketBuilder{peer, us_at_home}.nonce(counting(size)).udp(7777, 40000).build()),
                           DropReason::in_nonce_size));
  EXPECT_EQ(host().ilcc().size(), 0u);
  EXPECT_EQ(receive(PacketBuilder{peer, us_at_home}.nonce(counting(4)).udp(7777, 40000).build()).verdict.disposition,
            Disposition::to_identity);
}

TEST_F(HostInput, StrangersOfOneSiteGetTheirShareOnly) {
  tuning.max_tentative_per_site = 3;
  for (std::uint64_t i = 0; i < 3; ++i)
    receive(PacketBuilder{{peer_home, NodeId{100 + i}}, us_at_home}.nonce(peer_nonce).udp(7777, 40000).build());
  EXPECT_TRUE(dropped_as(
      receive(PacketBuilder{{peer_home, NodeId{200}}, us_at_home}.nonce(peer_nonce).udp(7777, 40000).build()),
      DropReason::in_tentative_full));
  EXPECT_EQ(receive(PacketBuilder{{Locator{0x2a00000000000001}, NodeId{201}}, us_at_home}
                        .nonce(peer_nonce)
                        .udp(7777, 40000)
                        .build())
                .verdict.disposition,
            Disposition::to_identity);
}

TEST_F(HostInput, StrangersPushOutStrangersButNeverASession) {
  tuning.max_tentative = 8;
  establish();
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Address stranger{{0x2a00000000000001 + (i << 16)}, NodeId{1000 + i}};
    EXPECT_EQ(
        receive(PacketBuilder{stranger, us_at_home}.nonce(peer_nonce).udp(7777, 40000).build()).verdict.disposition,
        Disposition::to_identity);
  }
  EXPECT_EQ(host().ilcc().count(PeerState::tentative_in), 8u);
  EXPECT_EQ(state(), PeerState::established);
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
}

TEST_F(HostInput, StrangerThatIsPushedOutTakesItsHeldPacketsAlong) {
  tuning.max_tentative = 1;
  receive(their_udp());
  for (int i = 0; i < 10; ++i) send(our_udp());  // more than an unverified place may get
  EXPECT_GT(host().held_octets(), 0u);
  receive(PacketBuilder{{Locator{0x2a00000000000001}, NodeId{201}}, us_at_home}.nonce(peer_nonce).udp(1, 2).build());
  EXPECT_EQ(host().held_octets(), 0u);
}

TEST_F(HostInput, PlainPacketsOfAPeerInWhoseNameAStrangerCameAreStillPlain) {
  receive(their_udp());  // anybody can write this
  ASSERT_EQ(state(), PeerState::tentative_in);
  EXPECT_EQ(receive(PacketBuilder{peer, us_at_home}.tcp(5000, 22, 1, 1, ack).build()).verdict.disposition,
            Disposition::to_kernel);
}

TEST_F(HostInput, PlainPacketOfAFlowThatIsNotConfirmedYetWaitsForTheNonce) {
  receive(their_udp());
  send(our_udp());
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{peer, us_at_home}.udp(7777, 40000, text("plain")).build()),
                         DropReason::in_unconfirmed));
}

// --- Initiator (RFC 6744 section 4)
// -----------------------------------------------------------------------------------

TEST_F(HostInput, ReplyWithNonceToOurFlowEstablishes) {
  ASSERT_TRUE(resolve());
  send(our_udp());
  EXPECT_EQ(state(), PeerState::tentative_out);
  const Outcome o = receive(their_udp());
  EXPECT_EQ(o.verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(state(), PeerState::established);
  EXPECT_TRUE(entry()->nonce_received.matches(peer_nonce));
}

TEST_F(HostInput, ReplyToAnotherFlowOrFromElsewhereDoesNotEstablish) {
  ASSERT_TRUE(resolve());
  send(our_udp());
  receive(from_peer().udp(7777, 40001, text("other port")).build());
  EXPECT_EQ(state(), PeerState::tentative_out);
  receive(PacketBuilder{{elsewhere, peer_nid}, us_at_home}.nonce(peer_nonce).udp(7777, 40000, text("x")).build());
  EXPECT_EQ(state(), PeerState::tentative_out);
}

TEST_F(HostInput, SynAckMustAcknowledgeOurSequenceNumber) {
  ASSERT_TRUE(resolve());
  send(from_us().tcp(40000, 80, 1000, 0, syn).build());
  EXPECT_EQ(receive(from_peer().tcp(80, 40000, 7, 1000, syn | ack).build()).verdict.disposition, Disposition::held);
  EXPECT_EQ(state(), PeerState::tentative_out);
  receive(PacketBuilder{peer, us_at_home}.nonce(counting(12)).tcp(80, 40000, 7, 1001, syn | ack).build());
  EXPECT_EQ(state(), PeerState::established);
}

TEST_F(HostInput, SynAckMayAcknowledgeDataOfAFastOpen) {
  ASSERT_TRUE(resolve());
  send(from_us().tcp(40000, 80, 1000, 0, syn, text("GET /")).build());
  receive(from_peer().tcp(80, 40000, 7, 1006, syn | ack).build());
  EXPECT_EQ(state(), PeerState::established);
}

TEST_F(HostInput, ProbeOfAResponderThatComesBeforeItsReplyIsAnsweredAndTheReplyStillFindsItsWay) {
  ASSERT_TRUE(resolve());
  const Outcome sent = send(our_udp());
  ByteVector message;
  ByteWriter w{message};
  w.u16(probe_identifier);
  w.u16(1);
  w.bytes(counting(8));
  const Outcome probed = receive(from_peer().icmpv6(icmpv6::echo_request, 0, message).build());
  EXPECT_EQ(probed.verdict.disposition, Disposition::consumed);
  ASSERT_EQ(probed.actions.to_wire.size(), 2u);
  EXPECT_EQ(icmp_type_of(probed.actions.to_wire[0].bytes), icmpv6::echo_reply);
  EXPECT_EQ(nonce_in(probed.actions.to_wire[0].bytes), nonce_in(sent.packet)) << "the nonce that the responder knows";
  EXPECT_EQ(state(), PeerState::tentative_out) << "a first nonce proves nothing";
  EXPECT_EQ(host().ilcc().size(), 1u);

  const Outcome reply = receive(their_udp());
  ASSERT_EQ(reply.verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(walk_of(reply.packet).source, peer_identity);
  EXPECT_EQ(state(), PeerState::established);
}

TEST_F(HostInput, OneWaySenderIsEstablishedByItsOwnProbe) {
  ASSERT_TRUE(resolve());
  send(our_udp());
  const Outcome probed = receive(from_peer().echo_request(probe_identifier, 1, counting(8)).build());
  ASSERT_EQ(probed.actions.to_wire.size(), 2u);
  const ByteVector& ours = probed.actions.to_wire[1].bytes;
  ASSERT_TRUE(is_probe_request(ours));
  const Outcome o = receive(answer(ours));
  EXPECT_EQ(o.verdict.disposition, Disposition::consumed);
  EXPECT_EQ(state(), PeerState::established);
  EXPECT_TRUE(entry()->nonce_received.matches(peer_nonce));
}

TEST_F(HostInput, PlainReplyFallsBack) {
  ASSERT_TRUE(resolve());
  send(our_udp());
  const Outcome o = receive(PacketBuilder{peer, us_at_home}.udp(7777, 40000, text("plain")).build());
  ASSERT_EQ(o.verdict.disposition, Disposition::to_identity);
  EXPECT_SAME_BYTES(o.packet, (PacketBuilder{peer_identity, our_identity}.udp(7777, 40000, text("plain")).build()));
  EXPECT_EQ(state(), PeerState::fallback);
  const Outcome next = send(our_udp());
  EXPECT_FALSE(has_nonce(next.packet));
  EXPECT_TRUE(checksum_is_good(next.packet));
}

TEST_F(HostInput, FallbackIsTakenBackByALateReplyWithNonce) {
  ASSERT_TRUE(resolve());
  send(our_udp());
  wait(tuning.try_timeout);
  EXPECT_EQ(state(), PeerState::fallback);
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(state(), PeerState::established);
}

}  // namespace
}  // namespace ilnp::test
