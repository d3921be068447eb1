// SPDX-License-Identifier: Apache-2.0
// Wire -> identity: which entry a packet belongs to (RFC 6741 section 5, RFC 6744 section 3), and what strangers can
// not do.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

class HostInput : public HostTest {};

// --- Packets of a session
// ---------------------------------------------------------------------------------------------

TEST_F(HostInput, PacketOfASessionReachesTheKernelBetweenIdentityAddressesWithoutItsNonce) {
  establish();
  const Outcome o = receive(their_udp("data"));
  ASSERT_EQ(o.verdict.disposition, Disposition::to_identity);
  EXPECT_SAME_BYTES(o.packet, (PacketBuilder{peer_identity, our_identity}.udp(7777, 40000, text("data")).build()));
}

TEST_F(HostInput, PacketOfASessionWithoutNonceFromAKnownLocatorIsDelivered) {
  establish();
  const Outcome o = receive(PacketBuilder{peer, us_at_home}.udp(7777, 40000, text("bulk")).build());
  ASSERT_EQ(o.verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(walk_of(o.packet).source, peer_identity);
  EXPECT_TRUE(checksum_is_good(o.packet));
}

TEST_F(HostInput, PacketOfASessionWithoutNonceFromAnUnknownLocatorIsDropped) {
  establish();
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{{elsewhere, peer_nid}, us_at_home}.udp(7777, 40000, text("x")).build()),
                         DropReason::in_foreign_locator));
}

TEST_F(HostInput, UnknownLocatorWithTheRightNonceIsDeliveredButNothingGoesThere) {
  establish();
  const Outcome o =
      receive(PacketBuilder{peer_moved, us_at_home}.nonce(peer_nonce).udp(7777, 40000, text("x")).build());
  EXPECT_EQ(o.verdict.disposition, Disposition::to_identity);
  const RemoteLocator* candidate = entry()->remote.find(peer_away);
  ASSERT_NE(candidate, nullptr);
  EXPECT_EQ(candidate->reach, Reach::unverified);
  EXPECT_EQ(walk_of(send(our_udp()).packet).destination, peer);
}

TEST_F(HostInput, RightNonceFromALocatorThatCannotBeRoutedIsDropped) {
  establish();
  for (const Locator bad : {Locator{0xfd00000000000001}, Locator{0x0064ff9b00000000}, Locator{0xff0e000000000000}})
    EXPECT_TRUE(dropped_as(
        receive(PacketBuilder{{bad, peer_nid}, us_at_home}.nonce(peer_nonce).udp(7777, 40000, text("x")).build()),
        DropReason::in_foreign_locator));
}

TEST_F(HostInput, LatePacketToAFormerLocatorIsAcceptedForAWhileOnly) {
  establish();
  up(away);
  down(home);
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
  wait(tuning.own_locator_memory);
  EXPECT_TRUE(dropped_as(receive(their_udp()), DropReason::in_not_our_locator));
}

// --- What is not ILNP
// -------------------------------------------------------------------------------------------------

TEST_F(HostInput, PlainIpv6ToOneOfOurLocatorsGoesToTheKernelUntouched) {
  const ByteVector plain = PacketBuilder{peer, us_at_home}.udp(53, 5353, text("x")).build();
  const Outcome o = receive(plain);
  EXPECT_EQ(o.verdict.disposition, Disposition::to_kernel);
  EXPECT_SAME_BYTES(o.packet, plain);
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(HostInput, PacketsForOtherNodeIdentifiersAreNotOurs) {
  const Address other{home, NodeId{0x1234}};
  EXPECT_EQ(receive(PacketBuilder{peer, other}.nonce(peer_nonce).udp(1, 2).build()).verdict.disposition,
            Disposition::to_kernel);
  // Not even when we would refuse them: it is the kernel that answers with Parameter Problem.
  EXPECT_EQ(
      receive(PacketBuilder{peer, other}.nonce(peer_nonce).nonce(peer_nonce).udp(1, 2).build()).verdict.disposition,
      Disposition::to_kernel);
}

TEST_F(HostInput, MulticastAndLinkLocalAreTheKernelsBusiness) {
  const Address link_local{{0xfe80000000000000}, peer_nid};
  const Address group{{0xff02000000000000}, our_nid};
  EXPECT_EQ(receive(PacketBuilder{link_local, us_at_home}.udp(1, 2).build()).verdict.disposition,
            Disposition::to_kernel);
  EXPECT_EQ(receive(PacketBuilder{peer, group}.udp(1, 2).build()).verdict.disposition, Disposition::to_kernel);
}

TEST_F(HostInput, NeighbourDiscoveryBetweenIlnpAddressesReachesTheKernelDuringASession) {
  establish();
  for (const std::uint8_t type : {icmpv6::neighbour_solicitation, icmpv6::neighbour_advertisement})
    EXPECT_EQ(receive(PacketBuilder{peer, us_at_home}.hop_limit(255).icmpv6(type, 0, ByteVector(20)).build())
                  .verdict.disposition,
              Disposition::to_kernel);
}

TEST_F(HostInput, IdentityAddressesFromTheWireAreDropped) {
  establish();
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{peer_identity, us_at_home}.nonce(peer_nonce).udp(7777, 40000).build()),
                         DropReason::in_foreign_locator));
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{peer, our_identity}.nonce(peer_nonce).udp(7777, 40000).build()),
                         DropReason::in_foreign_locator));
}

// --- Malformed
// --------------------------------------------------------------------------------------------------------

TEST_F(HostInput, TwoNoncesAreDroppedAndTold) {
  establish();
  const Outcome o =
      receive(PacketBuilder{peer, us_at_home}.nonce(peer_nonce).nonce(peer_nonce).udp(7777, 40000).build());
  EXPECT_TRUE(dropped_as(o, DropReason::in_two_nonces));
  ASSERT_NE(o.event(EventKind::two_nonces), nullptr);
  EXPECT_EQ(o.event(EventKind::two_nonces)->remote_nid, peer_nid);
}

TEST_F(HostInput, EveryTruncationOfAPacketIsDropped) {
  establish();
  const ByteVector whole = their_udp("a longer payload");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const Outcome o = receive({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)});
    EXPECT_TRUE(dropped_as(o, DropReason::in_malformed)) << length;
  }
}

TEST_F(HostInput, EveryTruncationWithAnHonestPayloadLengthIsDroppedOrHarmless) {
  establish();
  const ByteVector whole = from_peer().tcp(7777, 40000, 1, 1, ack, text("payload")).build();
  for (std::size_t length = ipv6_header_length; length < whole.size(); ++length) {
    ByteVector cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)};
    store_u16(cut.data() + 4, static_cast<std::uint16_t>(length - ipv6_header_length));
    const Outcome o = receive(cut);
    const bool has_checksum = length >= ipv6_header_length + 16 + 18;
    if (!has_checksum) {
      EXPECT_TRUE(dropped_as(o, DropReason::in_malformed)) << length;
    } else {
      EXPECT_EQ(o.verdict.disposition, Disposition::to_identity) << length;  // the kernel verifies
    }
  }
}

TEST_F(HostInput, LyingLengthsInEveryHeaderAreDropped) {
  establish();
  const ByteVector good = their_udp();
  const auto lie = [&](std::size_t offset, std::uint8_t value) {
    ByteVector bad = good;
    bad[offset] = value;
    return bad;
  };
  EXPECT_TRUE(dropped_as(receive(lie(4, 0xff)), DropReason::in_malformed)) << "payload length";
  EXPECT_TRUE(dropped_as(receive(lie(5, 1)), DropReason::in_malformed)) << "payload length, short";
  EXPECT_TRUE(dropped_as(receive(lie(41, 0xff)), DropReason::in_malformed)) << "header extension length";
  EXPECT_TRUE(dropped_as(receive(lie(43, 0xff)), DropReason::in_malformed)) << "option length";
  EXPECT_TRUE(dropped_as(receive(lie(43, 3)), DropReason::in_malformed)) << "nonce too short";
  EXPECT_TRUE(dropped_as(receive(lie(6, next_header::mobility)), DropReason::in_malformed)) << "header not allowed";
}

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

// --- Checksums
// --------------------------------------------------------------------------------------------------------

TEST_F(HostInput, FirstPacketTellsWhichChecksumThePeerUses) {
  ASSERT_TRUE(resolve());
  send(our_udp());
  const Outcome o = receive(PacketBuilder{peer, us_at_home}
                                .nonce(peer_nonce)
                                .checksum(ChecksumMode::rfc6741)
                                .udp(7777, 40000, text("old style"))
                                .build());
  ASSERT_EQ(o.verdict.disposition, Disposition::to_identity);
  EXPECT_TRUE(checksum_is_good(o.packet));
  EXPECT_EQ(entry()->checksum, ChecksumMode::rfc6741);
  EXPECT_TRUE(checksum_is_good(send(our_udp()).packet, ChecksumMode::rfc6741));
}

TEST_F(HostInput, FirstPacketWithoutAnyRightChecksumIsDropped) {
  ByteVector bad = their_udp();
  bad.back() ^= 0x55;
  EXPECT_TRUE(dropped_as(receive(bad), DropReason::in_bad_checksum));
}

TEST_F(HostInput, UdpWithoutChecksumStaysWithoutOne) {
  establish();
  ByteVector none = their_udp();
  store_u16(none.data() + walk_of(none).upper_offset + 6, 0);
  const Outcome o = receive(none);
  ASSERT_EQ(o.verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(load_u16(o.packet.data() + 46), 0);
}

// --- Fragments
// --------------------------------------------------------------------------------------------------------

TEST_F(HostInput, FragmentsAreReassembledBeforeTheNonceIsLookedAt) {
  establish();
  const ByteVector whole = from_peer().udp(7777, 40000, counting(2000)).build();
  const std::vector<ByteVector> pieces = fragment_packet(whole, walk_of(whole), 1280, 99);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(receive(pieces[1]).verdict.disposition, Disposition::consumed);
  const Outcome o = receive(pieces[0]);
  EXPECT_EQ(o.verdict.disposition, Disposition::consumed);
  ASSERT_EQ(o.actions.to_identity.size(), 1u);
  EXPECT_SAME_BYTES(o.actions.to_identity[0].bytes,
                    (PacketBuilder{peer_identity, our_identity}.udp(7777, 40000, counting(2000)).build()));
}

TEST_F(HostInput, OverlappingFragmentsAreDropped) {
  establish();
  const ByteVector whole = from_peer().udp(7777, 40000, counting(2000)).build();
  const std::vector<ByteVector> pieces = fragment_packet(whole, walk_of(whole), 1280, 99);
  receive(pieces[0]);
  ByteVector overlap = pieces[1];
  store_u16(overlap.data() + 42, static_cast<std::uint16_t>(load_u16(overlap.data() + 42) - 8));
  EXPECT_TRUE(dropped_as(receive(overlap), DropReason::in_reassembly));
  EXPECT_TRUE(dropped_as(receive(pieces[1]), DropReason::in_reassembly)) << "the datagram is condemned";
  EXPECT_EQ(host().reassembler().drops(FragmentDrop::overlap), 1u);
}

}  // namespace
}  // namespace ilnp::test
