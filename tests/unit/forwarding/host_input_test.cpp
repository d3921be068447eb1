// SPDX-License-Identifier: Apache-2.0
// Wire -> identity: which entry a packet belongs to (RFC 6741 section 5, RFC 6744 section 3).
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

// --- Packets of a session
// ---------------------------------------------------------------------------------------------

TEST_F(HostInput, StrangersFromInsideTheSiteAreHeardOnlyBehindABorderRouter) {
  const Address inside{{0xfd5a17c09e210001}, peer_nid};
  const ByteVector first = PacketBuilder{inside, us_at_home}.nonce(peer_nonce).udp(7777, 40000, text("world")).build();
  EXPECT_TRUE(dropped_as(receive(first), DropReason::in_foreign_locator));
  tuning.accept_unique_local = true;
  EXPECT_EQ(receive(first).verdict.disposition, Disposition::to_identity);
}

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
