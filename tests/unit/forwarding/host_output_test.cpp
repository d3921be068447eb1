// SPDX-License-Identifier: Apache-2.0
// Identity -> wire: which locators, which checksum, which packets carry the nonce (RFC 6744 section 2), and what is
// too big.
#include "core/ipv6/checksum.h"
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

class HostOutput : public HostTest {};

// --- What leaves
// ------------------------------------------------------------------------------------------------------

TEST_F(HostOutput, FirstPacketIsWhatAnotherImplementationWouldBuild) {
  ASSERT_TRUE(resolve());
  const Outcome o = send(our_udp("hello"));
  ASSERT_EQ(o.verdict.disposition, Disposition::to_wire);
  const ByteVector nonce = nonce_in(o.packet);
  EXPECT_EQ(nonce.size(), Nonce::long_length);
  EXPECT_SAME_BYTES(o.packet, (PacketBuilder{us_at_home, peer}.nonce(nonce).udp(40000, 7777, text("hello")).build()));
  EXPECT_EQ(state(), PeerState::tentative_out);
}

TEST_F(HostOutput, ShortNoncesAndTheOldChecksumAreSelectable) {
  tuning.nonce_length = 4;
  tuning.checksum_mode = ChecksumMode::rfc6741;
  ASSERT_TRUE(resolve());
  const Outcome o = send(our_udp("hello"));
  EXPECT_SAME_BYTES(o.packet, (PacketBuilder{us_at_home, peer}
                                   .nonce(nonce_in(o.packet))
                                   .checksum(ChecksumMode::rfc6741)
                                   .udp(40000, 7777, text("hello"))
                                   .build()));
  EXPECT_EQ(nonce_in(o.packet).size(), 4u);
}

TEST_F(HostOutput, EveryPeerGetsANonceOfItsOwn) {
  ASSERT_TRUE(resolve());
  const ByteVector first = nonce_in(send(our_udp()).packet);
  Actions actions;
  const auto other = host().resolved(now, "other", our_nid, NodeId{99}, {{elsewhere, 10, seconds{60}}}, actions);
  ASSERT_TRUE(other);
  const Outcome o = send(PacketBuilder{our_identity, *other}.udp(1, 2).build());
  EXPECT_NE(nonce_in(o.packet), first);
}

TEST_F(HostOutput, NothingButUnicastBetweenIdentitiesLeaves) {
  ASSERT_TRUE(resolve());
  const Address global{peer_home, peer_nid}, link_local{{0xfe80000000000000}, our_nid};
  EXPECT_TRUE(
      dropped_as(send(PacketBuilder{our_identity, global}.udp(1, 2).build()), DropReason::out_foreign_destination));
  EXPECT_TRUE(
      dropped_as(send(PacketBuilder{us_at_home, peer_identity}.udp(1, 2).build()), DropReason::out_foreign_source));
  EXPECT_TRUE(dropped_as(send(PacketBuilder{{prefix, NodeId{5}}, peer_identity}.udp(1, 2).build()),
                         DropReason::out_foreign_source));
  EXPECT_TRUE(
      dropped_as(send(PacketBuilder{link_local, peer_identity}.udp(1, 2).build()), DropReason::out_not_unicast));
  EXPECT_TRUE(dropped_as(send(PacketBuilder{our_identity, link_local}.udp(1, 2).build()), DropReason::out_not_unicast));
  EXPECT_TRUE(dropped_as(send(PacketBuilder{our_identity, {{0xff02000000000000}, NodeId{1}}}.udp(1, 2).build()),
                         DropReason::out_not_unicast));
  EXPECT_TRUE(dropped_as(send(PacketBuilder{{}, peer_identity}.udp(1, 2).build()), DropReason::out_not_unicast));
}

TEST_F(HostOutput, MalformedPacketsAndForeignNoncesAreDropped) {
  ASSERT_TRUE(resolve());
  EXPECT_TRUE(dropped_as(send(from_us().nonce(counting(12)).udp(1, 2).build()), DropReason::out_malformed));
  EXPECT_TRUE(dropped_as(send(from_us().payload(next_header::tcp, counting(10)).build()), DropReason::out_malformed));
  ByteVector cut = our_udp();
  cut.pop_back();
  EXPECT_TRUE(dropped_as(send(cut), DropReason::out_malformed));
}

TEST_F(HostOutput, SuperPacketKeepsItsOffload) {
  settle();
  ByteVector big = from_us().tcp(1, 2, 3, 4, ack, counting(20000)).build();
  store_u16(big.data() + 40 + 16, pseudo_header_sum(our_identity, peer_identity, 20020, next_header::tcp));
  const Outcome o = send(big, tcp_super(1400));
  ASSERT_EQ(o.verdict.disposition, Disposition::to_wire);
  EXPECT_FALSE(has_nonce(o.packet));
  EXPECT_EQ(load_u16(o.packet.data() + 56), pseudo_header_sum(us_at_home, peer, 20020, next_header::tcp));
}

// --- Which packets carry the nonce
// ------------------------------------------------------------------------------------

TEST_F(HostOutput, NonceIsInTheFirstPacketsAndThenNotAnyMore) {
  establish();
  for (int i = 0; i < tuning.nonce_initial_packets; ++i) EXPECT_TRUE(has_nonce(send(our_udp()).packet)) << i;
  EXPECT_FALSE(has_nonce(send(our_udp()).packet));
}

TEST_F(HostOutput, PolicyAlwaysMeansAlways) {
  tuning.nonce_policy = NoncePolicy::always;
  settle();
  for (int i = 0; i < 20; ++i) EXPECT_EQ(nonce_in(send(our_udp()).packet), our_nonce);
}

TEST_F(HostOutput, NonceIsInEveryIcmpv6Message) {
  settle();
  EXPECT_TRUE(has_nonce(send(from_us().echo_request(1, 1).build()).packet));
}

TEST_F(HostOutput, NonceComesBackAfterSilence) {
  settle();
  EXPECT_FALSE(has_nonce(send(our_udp()).packet));
  now += tuning.nonce_after_silence + milliseconds{1};
  EXPECT_TRUE(has_nonce(send(our_udp()).packet));
  receive(their_udp());
  EXPECT_FALSE(has_nonce(send(our_udp()).packet));
}

TEST_F(HostOutput, NonceIsThereWhileAnUpdateIsOutstandingAndAWhileAfterAMove) {
  settle();
  const Outcome moved = up(away, eth1, 5);
  ASSERT_EQ(moved.actions.to_wire.size(), 1u);
  EXPECT_TRUE(has_nonce(send(our_udp()).packet));
  receive(answer(moved.actions.to_wire[0].bytes));
  EXPECT_TRUE(has_nonce(send(our_udp()).packet));
  now += tuning.nonce_after_change;
  receive(PacketBuilder{peer, us_away}.udp(7777, 40000, text("there")).build());
  EXPECT_FALSE(has_nonce(send(our_udp()).packet));
}

TEST_F(HostOutput, FallbackNeverCarriesTheNonce) {
  ASSERT_TRUE(resolve());
  send(our_udp());
  wait(tuning.try_timeout);
  ASSERT_EQ(state(), PeerState::fallback);
  EXPECT_FALSE(has_nonce(send(our_udp()).packet));
  EXPECT_FALSE(has_nonce(send(from_us().echo_request(1, 1).build()).packet));
}

// --- Which locators
// ---------------------------------------------------------------------------------------------------

TEST_F(HostOutput, PreferredLocatorsOfBothSidesAreUsed) {
  up(away, eth1, 5);
  ASSERT_TRUE(resolve({{peer_home, 20, seconds{60}}, {peer_away, 10, seconds{60}}}));
  const HeaderWalk walk = walk_of(send(our_udp()).packet);
  EXPECT_EQ(walk.source, us_away);
  EXPECT_EQ(walk.destination, peer_moved);
}

TEST_F(HostOutput, PeerOnOneOfOurLinksIsReachedFromThere) {
  up(peer_home, eth1, 100);
  ASSERT_TRUE(resolve());
  EXPECT_EQ(walk_of(send(our_udp()).packet).source.locator, peer_home);
}

TEST_F(HostOutput, SoftHandoffGoesOnFromTheOldLocatorUntilThePeerKnowsTheNewOne) {
  settle();
  const Outcome moved = up(away, eth1, 5);
  const ByteVector lu = moved.actions.to_wire.at(0).bytes;
  EXPECT_EQ(walk_of(lu).source, us_away) << "the update comes from the new one";
  EXPECT_EQ(walk_of(send(our_udp()).packet).source, us_at_home);
  receive(answer(lu));
  EXPECT_EQ(walk_of(send(our_udp()).packet).source, us_away);
}

TEST_F(HostOutput, SoftHandoffDoesNotWaitForeverForThePeer) {
  settle();
  up(away, eth1, 5);
  wait(tuning.soft_overlap_min);
  EXPECT_EQ(walk_of(send(our_udp()).packet).source, us_away);
}

TEST_F(HostOutput, HardHandoffUsesTheNewLocatorAtOnce) {
  settle();
  down(home);
  up(away);
  EXPECT_EQ(walk_of(send(our_udp()).packet).source, us_away);
}

TEST_F(HostOutput, NewLocatorOfAPeerGetsAFewPacketsThenTheRestWaitsForTheProbe) {
  settle();
  const Outcome lu = receive(update({at(peer_away)}));
  ASSERT_EQ(lu.actions.to_wire.size(), 3u);  // acknowledged to where it came from and to where the peer was
  const ByteVector probe = lu.actions.to_wire[2].bytes;
  ASSERT_TRUE(is_probe_request(probe));
  EXPECT_EQ(walk_of(probe).destination, peer_moved);
  for (int i = 0; i < tuning.unverified_packets; ++i)
    EXPECT_EQ(walk_of(send(our_udp()).packet).destination, peer_moved);
  EXPECT_EQ(send(our_udp("four")).verdict.disposition, Disposition::held);
  EXPECT_EQ(send(our_udp("five")).verdict.disposition, Disposition::held);
  const Outcome proved = receive(answer(probe));
  ASSERT_EQ(proved.actions.to_wire.size(), 2u);
  EXPECT_EQ(walk_of(proved.actions.to_wire[0].bytes).destination, peer_moved);
  EXPECT_EQ(Bytes{proved.actions.to_wire[0].bytes}.last(4)[0], 'f');
  EXPECT_EQ(host().held_octets(), 0u);
  EXPECT_EQ(send(our_udp()).verdict.disposition, Disposition::to_wire);
}

TEST_F(HostOutput, NoMoreOctetsThanTheCreditGoToAnUnprovedLocator) {
  settle();
  receive(update({at(peer_away)}));
  ByteVector big = from_us().tcp(1, 2, 3, 4, ack, counting(20000)).build();
  EXPECT_EQ(send(our_udp()).verdict.disposition, Disposition::to_wire);
  EXPECT_EQ(send(big, tcp_super(1400)).verdict.disposition, Disposition::held);
  EXPECT_EQ(send(our_udp()).verdict.disposition, Disposition::held) << "a later packet does not overtake";
}

// --- Size
// -------------------------------------------------------------------------------------------------------------

TEST_F(HostOutput, PacketThatLeavesNoRoomForTheNonceIsTooBig) {
  settle();
  const ByteVector fits = from_us().udp(1, 2, counting(1500 - 16 - 48)).build();
  EXPECT_EQ(send(fits).verdict.disposition, Disposition::to_wire);
  const ByteVector big = from_us().udp(1, 2, counting(1500 - 16 - 47)).build();
  const Outcome o = send(big);
  EXPECT_TRUE(dropped_as(o, DropReason::out_too_big));
  ASSERT_EQ(o.actions.to_identity.size(), 1u);
  const ByteVector& error = o.actions.to_identity[0].bytes;
  EXPECT_EQ(icmp_type_of(error), icmpv6::packet_too_big);
  EXPECT_EQ(load_u32(upper_of(error).data() + 4), 1484u);
  EXPECT_EQ(walk_of(error).destination, our_identity);
  EXPECT_TRUE(checksum_is_good(error));
}

TEST_F(HostOutput, OnALinkOfTheMinimumMtuPacketsWithNonceAreFragmented) {
  start_detached();
  OwnLocator narrow = own(home);
  narrow.mtu = 1280;
  Actions actions;
  host().locator_up(now, narrow, actions);
  ASSERT_TRUE(resolve());
  const ByteVector big = from_us().udp(40000, 7777, counting(1280 - 48)).build();
  const Outcome o = send(big);
  EXPECT_EQ(o.verdict.disposition, Disposition::consumed);
  ASSERT_EQ(o.actions.to_wire.size(), 2u);
  Reassembler reassembler;
  for (const ByteVector& piece : o.wire()) EXPECT_LE(piece.size(), 1280u);
  reassembler.on_fragment(now, o.wire()[0], walk_of(o.wire()[0]));
  const auto whole = reassembler.on_fragment(now, o.wire()[1], walk_of(o.wire()[1]));
  ASSERT_EQ(whole.kind, Reassembler::Outcome::Kind::complete);
  EXPECT_SAME_BYTES(
      whole.packet,
      (PacketBuilder{us_at_home, peer}.nonce(nonce_in(whole.packet)).udp(40000, 7777, counting(1232)).build()));
}

TEST_F(HostOutput, FragmentsOfTheKernelAreReassembledGetTheirNonceAndAreCutAgain) {
  ASSERT_TRUE(resolve());
  const ByteVector whole = our_udp(std::string(2000, 'x'));
  std::vector<ByteVector> wire;
  for (const ByteVector& piece : fragment_packet(whole, walk_of(whole), 1400, 5))
    for (ByteVector& packet : send(piece).wire()) wire.push_back(std::move(packet));
  ASSERT_EQ(wire.size(), 2u);
  Reassembler reassembler;
  reassembler.on_fragment(now, wire[0], walk_of(wire[0]));
  const auto again = reassembler.on_fragment(now, wire[1], walk_of(wire[1]));
  ASSERT_EQ(again.kind, Reassembler::Outcome::Kind::complete);
  EXPECT_SAME_BYTES(again.packet, (PacketBuilder{us_at_home, peer}
                                       .nonce(nonce_in(again.packet))
                                       .udp(40000, 7777, text(std::string(2000, 'x')))
                                       .build()));
}

TEST_F(HostOutput, FragmentIdentificationsCannotBeForeseen) {
  settle();
  Offload offload;
  offload.may_fragment = true;
  std::vector<std::uint32_t> identifications;
  for (int i = 0; i < 100; ++i) {
    const Outcome o = send(our_udp(std::string(2000, 'x')), offload);
    ASSERT_EQ(o.actions.to_wire.size(), 2u);
    for (const OutPacket& piece : o.actions.to_wire)
      identifications.push_back(load_u32(piece.bytes.data() + walk_of(piece.bytes).fragment_header + 4));
    ASSERT_EQ(identifications.back(), identifications[identifications.size() - 2]) << "one datagram, one value";
    identifications.pop_back();
  }
  std::set<std::uint32_t> differences, values{identifications.begin(), identifications.end()};
  for (std::size_t i = 1; i < identifications.size(); ++i)
    differences.insert(identifications[i] - identifications[i - 1]);
  EXPECT_EQ(values.size(), 100u);
  EXPECT_EQ(differences.size(), 99u) << "no step that tells the next one";
}

TEST_F(HostOutput, OverlappingFragmentsOfTheKernelAreDropped) {
  ASSERT_TRUE(resolve());
  const ByteVector whole = our_udp(std::string(1300, 'x'));
  std::vector<ByteVector> pieces = fragment_packet(whole, walk_of(whole), 1280, 5);
  ASSERT_EQ(pieces.size(), 2u);
  send(pieces[0]);
  store_u16(pieces[1].data() + 42, static_cast<std::uint16_t>(load_u16(pieces[1].data() + 42) - 8));
  EXPECT_TRUE(dropped_as(send(pieces[1]), DropReason::out_reassembly));
}

// --- Our kernel's errors
// ----------------------------------------------------------------------------------------------

TEST_F(HostOutput, ErrorOfOurKernelReachesThePeerInItsOwnTermsWithNonce) {
  settle();
  const ByteVector got = receive(PacketBuilder{peer, us_at_home}.udp(7777, 40000, text("x")).build()).packet;
  const ByteVector error =
      from_us().payload(next_header::icmpv6, build_error(icmpv6::destination_unreachable, 4, 0, got)).build();
  const Outcome o = send(error);
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  const ByteVector& out = o.actions.to_wire[0].bytes;
  EXPECT_EQ(nonce_in(out), our_nonce);
  EXPECT_EQ(walk_of(out).source, us_at_home);
  EXPECT_EQ(walk_of(out).destination, peer);
  EXPECT_TRUE(checksum_is_good(out));
  const auto quoted = parse_quoted(out, walk_of(out));
  ASSERT_TRUE(quoted.has_value());
  EXPECT_EQ(quoted.value().walk.source, peer);
  EXPECT_EQ(quoted.value().walk.destination, us_at_home);
}

TEST_F(HostOutput, ErrorOfOurKernelWithoutAReadableQuoteIsDropped) {
  settle();
  EXPECT_TRUE(dropped_as(send(from_us().icmpv6(icmpv6::destination_unreachable, 4, counting(20)).build()),
                         DropReason::out_unusable_quote));
}

}  // namespace
}  // namespace ilnp::test
