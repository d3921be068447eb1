// SPDX-License-Identifier: Apache-2.0
// session.bind_ip_only: plain IPv6 on the wire, the identity address at our sockets.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

const Address plain{{0x20010db800770001}, {0x99}};

class IpOnly : public HostTest {
 protected:
  void SetUp() override { host().bind_ip_only({53}); }

  PacketBuilder to_plain() const { return {our_identity, plain}; }
  PacketBuilder from_plain(const Address& to) const { return {plain, to}; }
  Address source_of(const Outcome& o) const { return walk_of(o.wire().at(0)).source; }
  /// Our kernel sends a segment of a connection; from which of our addresses it leaves.
  Address we_send(std::uint16_t local_port = 40000, std::uint16_t remote_port = 80) {
    return source_of(send(to_plain().tcp(local_port, remote_port, 1, 2, ack, text("octets")).build()));
  }
};

TEST_F(IpOnly, LeavesAsPlainIpv6FromOurIlvWithTheChecksumOfThatPacket) {
  const Outcome tcp = send(to_plain().tcp(40000, 80, 1, 0, syn).build());
  EXPECT_EQ(tcp.verdict.disposition, Disposition::to_wire);
  EXPECT_SAME_BYTES(tcp.packet, (PacketBuilder{us_at_home, plain}.tcp(40000, 80, 1, 0, syn).build()));
  EXPECT_SAME_BYTES(tcp.packet, hex("6000 0000 0014 0640 2001 0db8 000a 0001 5c1a 97d3 04be 6f21 2001 0db8 0077 0001"
                                    "0000 0000 0000 0099 9c40 0050 0000 0001 0000 0000 5002 fd20 51d5 0000"));
  const Outcome udp = send(to_plain().udp(40000, 7777, text("hello")).build());
  EXPECT_SAME_BYTES(udp.packet, (PacketBuilder{us_at_home, plain}.udp(40000, 7777, text("hello")).build()));
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(IpOnly, AnswersAndWhatPeersBeginComeToTheIdentityAddress) {
  we_send();
  const Outcome answer = receive(from_plain(us_at_home).tcp(80, 40000, 5, 2, ack, text("answer")).build());
  EXPECT_EQ(answer.verdict.disposition, Disposition::to_identity);
  EXPECT_SAME_BYTES(answer.packet,
                    (PacketBuilder{plain, our_identity}.tcp(80, 40000, 5, 2, ack, text("answer")).build()));
  const Outcome begun = receive(from_plain(us_at_home).udp(5000, 9, text("x")).build());
  EXPECT_SAME_BYTES(begun.packet, (PacketBuilder{plain, our_identity}.udp(5000, 9, text("x")).build()));
  EXPECT_EQ(host().ip_only_flows(), 2u);
}

TEST_F(IpOnly, SuperPacketsStayWhole) {
  ByteVector big = to_plain().tcp(40000, 80, 1, 2, ack, counting(6000)).build();
  store_u16(big.data() + 56, pseudo_header_sum(our_identity, plain, 6020, next_header::tcp));
  const Outcome o = send(big, tcp_super(1440));
  ASSERT_EQ(o.verdict.disposition, Disposition::to_wire);
  EXPECT_EQ(load_u16(o.packet.data() + 56), pseudo_header_sum(us_at_home, plain, 6020, next_header::tcp));
  EXPECT_TRUE(dropped_as(send(big, tcp_super(1441)), DropReason::out_too_big));
}

TEST_F(IpOnly, FlowStaysWithItsLocatorAsLongAsThatIsUsable) {
  EXPECT_EQ(we_send(), us_at_home);
  up(away, eth1, 5);  // better
  EXPECT_EQ(we_send(), us_at_home);
  EXPECT_EQ(we_send(40001), us_away);
  down(home);
  EXPECT_EQ(we_send(), us_away);
  up(home);
  EXPECT_EQ(we_send(), us_away);
}

TEST_F(IpOnly, BehindABorderRouterTheNewestPlaceCountsAlthoughTheOldOneSeemsUsable) {
  tuning.accept_unique_local = true;
  const Address inside_1{{0xfd5a17c09e210001}, our_nid}, inside_2{{0xfd5b000000020007}, our_nid};
  down(home);
  up(inside_1.locator, eth0);
  EXPECT_EQ(we_send(), inside_1);
  now += seconds{1};
  up(inside_2.locator, eth0);
  EXPECT_EQ(we_send(), inside_2);
  now += seconds{1};
  up(home, eth1);  // a way around the border router: not for this flow
  EXPECT_EQ(we_send(), inside_2);
  EXPECT_EQ(we_send(40001), us_at_home);
}

TEST_F(IpOnly, WhoBeganByAnotherLocatorIsAnsweredFromThere) {
  up(away, eth1, 20);
  receive(from_plain(us_away).tcp(50000, 22, 1, 0, syn).build(), eth1);
  EXPECT_EQ(we_send(22, 50000), us_away);
  // Nobody can draw it elsewhere by a packet in that name.
  receive(from_plain(us_at_home).tcp(50000, 22, 2, 0, ack).build());
  EXPECT_EQ(we_send(22, 50000), us_away);
  down(away, eth1);
  EXPECT_EQ(we_send(22, 50000), us_at_home);
}

TEST_F(IpOnly, PingIsAFlowByItsIdentifier) {
  up(away, eth1, 20);
  const auto echo = [](std::uint8_t type) {
    ByteVector message = hex("0000 0000 4242 0001 0102 0304");
    message[0] = type;
    return message;
  };
  receive(from_plain(us_away).payload(next_header::icmpv6, echo(icmpv6::echo_request)).build(), eth1);
  const Outcome reply = send(to_plain().payload(next_header::icmpv6, echo(icmpv6::echo_reply)).build());
  EXPECT_SAME_BYTES(reply.packet,
                    (PacketBuilder{us_away, plain}.payload(next_header::icmpv6, echo(icmpv6::echo_reply)).build()));
}

TEST_F(IpOnly, ErrorsAboutOurPacketsComeInTheKernelsWords) {
  const ByteVector mine = to_plain().udp(40000, 7777, counting(100)).build();
  const ByteVector sent = send(mine).packet;
  for (const auto& [type, parameter] : {std::pair{icmpv6::packet_too_big, 1400u}, {icmpv6::time_exceeded, 0u}}) {
    const Outcome o = receive(error_about(sent, type, 0, parameter));
    ASSERT_EQ(o.actions.to_identity.size(), 1u);
    const Address router{{0x20010db800fe0000}, {1}};
    EXPECT_SAME_BYTES(o.actions.to_identity[0].bytes,
                      (PacketBuilder{router, our_identity}
                           .payload(next_header::icmpv6, build_error(type, 0, parameter, mine))
                           .build()));
  }
  // From the correspondent itself, too: it has no nonce to show.
  const Outcome refused = receive(error_about(sent, icmpv6::destination_unreachable, 4, 0, plain));
  ASSERT_EQ(refused.actions.to_identity.size(), 1u);
  EXPECT_EQ(walk_of(refused.actions.to_identity[0].bytes).source, plain);
  // A former locator's are ours for a while; what is about any other address of this machine is for the kernel.
  down(home);
  up(away, eth1);
  EXPECT_EQ(receive(error_about(sent, icmpv6::time_exceeded, 0, 0)).actions.to_identity.size(), 1u);
  ByteVector foreign = PacketBuilder{{victim, our_nid}, plain}.udp(1, 2, text("x")).build();
  EXPECT_EQ(receive(error_about(foreign, icmpv6::time_exceeded, 0, 0)).verdict.disposition, Disposition::to_kernel);
}

TEST_F(IpOnly, ErrorsOfOurKernelQuoteWhatThePeerSent) {
  up(away, eth1, 20);
  const ByteVector theirs = from_plain(us_away).udp(5000, 9, counting(64)).build();
  const ByteVector delivered = receive(theirs, eth1).packet;
  const auto refusal = [&](const Address& from, const Address& to, const ByteVector& quoted) {
    return PacketBuilder{from, to}
        .payload(next_header::icmpv6, build_error(icmpv6::destination_unreachable, 4, 0, quoted))
        .build();
  };
  const Outcome o = send(refusal(our_identity, plain, delivered));
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  EXPECT_SAME_BYTES(o.actions.to_wire[0].bytes, refusal(us_away, plain, theirs));
  // What quotes something else would show an identity address, or nonsense.
  EXPECT_TRUE(dropped_as(send(refusal(our_identity, {victim, {7}}, delivered)), DropReason::out_unusable_quote));
  EXPECT_TRUE(dropped_as(send(refusal(our_identity, plain, our_udp())), DropReason::out_unusable_quote));
}

TEST_F(IpOnly, TooLargeForTheLinkIsToldTheKernelOrCut) {
  const Outcome told = send(to_plain().udp(1, 2, counting(1453)).build());
  EXPECT_EQ(told.verdict.reason, DropReason::out_too_big);
  EXPECT_EQ(load_u32(upper_of(told.actions.to_identity.at(0).bytes).data() + 4), 1500u);

  // A datagram that the kernel cut for the route leaves in fragments of ours: all by one locator.
  const ByteVector whole = to_plain().udp(1, 2, counting(3000)).build();
  const auto pieces = fragment_packet(whole, walk_of(whole), 1280, 77);
  Outcome last;
  for (const ByteVector& piece : pieces) last = send(piece);
  ASSERT_EQ(last.actions.to_wire.size(), pieces.size());
  Reassembler at_peer;
  Reassembler::Outcome joined;
  for (const OutPacket& piece : last.actions.to_wire) {
    EXPECT_LE(piece.bytes.size(), 1280u) << "the kernel knows the path";
    joined = at_peer.on_fragment(now, piece.bytes, walk_of(piece.bytes));
  }
  EXPECT_SAME_BYTES(joined.packet, (PacketBuilder{us_at_home, plain}.udp(1, 2, counting(3000)).build()));
}

TEST_F(IpOnly, FragmentsOfPeersComeWhole) {
  const ByteVector theirs = from_plain(us_at_home).udp(5000, 9, counting(3000)).build();
  Outcome last;
  for (const ByteVector& piece : fragment_packet(theirs, walk_of(theirs), 1280, 5)) last = receive(piece);
  ASSERT_EQ(last.actions.to_identity.size(), 1u);
  EXPECT_SAME_BYTES(last.actions.to_identity[0].bytes,
                    (PacketBuilder{plain, our_identity}.udp(5000, 9, counting(3000)).build()));
}

TEST_F(IpOnly, BetweenTwoPlacesPacketsWaitAndThenTheKernelIsTold) {
  we_send();
  down(home);
  EXPECT_EQ(send(to_plain().tcp(40000, 80, 1, 2, ack, text("1")).build()).verdict.disposition, Disposition::held);
  EXPECT_EQ(send(to_plain().tcp(40000, 80, 2, 2, ack, text("2")).build()).verdict.disposition, Disposition::held);
  now += milliseconds{100};
  const Outcome o = up(away, eth1);
  ASSERT_EQ(o.actions.to_wire.size(), 2u);
  for (const OutPacket& p : o.actions.to_wire) EXPECT_EQ(walk_of(p.bytes).source, us_away);
  EXPECT_EQ(load_u32(upper_of(o.actions.to_wire[0].bytes).data() + 4), 1u) << "in order";

  down(away, eth1);
  EXPECT_EQ(send(to_plain().tcp(40000, 80, 3, 2, ack).build()).verdict.disposition, Disposition::held);
  const Outcome expired = wait(tuning.hold_time);
  EXPECT_EQ(expired.drops, (std::vector{std::pair{DropReason::out_held_too_long, std::uint64_t{1}}}));
  const ByteVector packet = to_plain().tcp(40000, 80, 3, 2, ack).build();
  const Outcome refused = send(packet);
  EXPECT_TRUE(dropped_as(refused, DropReason::out_no_locator));
  EXPECT_SAME_BYTES(refused.actions.to_identity.at(0).bytes,
                    (PacketBuilder{plain, our_identity}
                         .payload(next_header::icmpv6, build_error(icmpv6::destination_unreachable, 0, 0, packet))
                         .build()));
  EXPECT_EQ(host().held_octets(), 0u);
}

TEST_F(IpOnly, NobodyWaitsOnANodeThatWasNeverAnywhere) {
  start_detached();
  forwarder.reset();
  host().bind_ip_only({});
  EXPECT_TRUE(dropped_as(send(to_plain().tcp(1, 2, 3, 4, syn).build()), DropReason::out_no_locator));
}

TEST_F(IpOnly, SessionsAreNotWeakened) {
  settle();
  // By address, a peer with a session is not called: its shim would take the packets for the session's.
  const Outcome refused = send(PacketBuilder{our_identity, peer}.tcp(1, 2, 3, 4, syn).build());
  EXPECT_TRUE(dropped_as(refused, DropReason::out_ilnp_peer));
  EXPECT_EQ(refused.actions.to_identity.size(), 1u);
  // What has neither nonce nor a known locator is not the peer's, and not a stranger's either.
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{{elsewhere, peer_nid}, us_at_home}.udp(1, 2, text("x")).build()),
                         DropReason::in_foreign_locator));
  EXPECT_EQ(
      receive(PacketBuilder{peer, us_at_home}.nonce(counting(12)).udp(1, 2, text("x")).build()).verdict.disposition,
      Disposition::held);
  EXPECT_TRUE(dropped_as(
      receive(PacketBuilder{peer, us_at_home}.payload(next_header::icmpv6, hex("8000 0000 0000 0000")).build()),
      DropReason::in_forged_icmp));
  EXPECT_EQ(receive(PacketBuilder{peer, us_at_home}.udp(7777, 40000, text("world")).build()).packet,
            (PacketBuilder{peer_identity, our_identity}.udp(7777, 40000, text("world")).build()));
}

TEST_F(IpOnly, PlainFlowThatWasThereBeforeASessionGoesOn) {
  const auto call = [&] { return send(PacketBuilder{our_identity, peer}.tcp(4711, 80, 3, 4, ack, text("?")).build()); };
  EXPECT_EQ(call().verdict.disposition, Disposition::to_wire);
  settle();
  EXPECT_EQ(call().verdict.disposition, Disposition::to_wire);
  EXPECT_EQ(receive(PacketBuilder{peer, us_at_home}.tcp(80, 4711, 4, 4, ack, text("!")).build()).packet,
            (PacketBuilder{peer, our_identity}.tcp(80, 4711, 4, 4, ack, text("!")).build()));
}

TEST_F(IpOnly, NameServersAreTheKernelsUnlessTheSocketIsBoundToTheIdentity) {
  const ByteVector answer = from_plain(us_at_home).udp(53, 40000, text("answer")).build();
  const Outcome kernels = receive(answer);
  EXPECT_EQ(kernels.verdict.disposition, Disposition::to_kernel);
  EXPECT_SAME_BYTES(kernels.packet, answer);
  const ByteVector asked = PacketBuilder{us_at_home, plain}.udp(40000, 53, text("?")).build();
  EXPECT_EQ(receive(error_about(asked, icmpv6::destination_unreachable, 4, 0)).verdict.disposition,
            Disposition::to_kernel);
  send(to_plain().udp(40000, 53, text("?")).build());
  EXPECT_EQ(receive(answer).verdict.disposition, Disposition::to_identity);
}

TEST_F(IpOnly, AddressThatIsTheSameEverywhereIsTheKernels) {
  const ByteVector packet = from_plain({victim, our_nid}).udp(1, 2, text("x")).build();
  const Outcome o = receive(packet);
  EXPECT_EQ(o.verdict.disposition, Disposition::to_kernel);
  EXPECT_SAME_BYTES(o.packet, packet);
  EXPECT_EQ(host().ip_only_flows(), 0u);
}

TEST_F(IpOnly, StrangersDoNotPushOutAnsweredFlows) {
  up(away, eth1, 20);
  receive(from_plain(us_away).tcp(50000, 22, 1, 0, syn).build(), eth1);
  EXPECT_EQ(we_send(22, 50000), us_away);
  for (std::uint32_t i = 0; i < 4 * IpOnlyFlows::capacity; ++i)
    receive(PacketBuilder{{{0x2a00'0000'0000'0000u + i}, {i}}, us_at_home}.udp(1, 2, text("x")).build());
  EXPECT_LE(host().ip_only_flows(), IpOnlyFlows::capacity);
  EXPECT_EQ(we_send(22, 50000), us_away);
}

TEST_F(HostInput, WithoutTheOptionPlainIpv6IsTheKernels) {
  const ByteVector packet = PacketBuilder{plain, us_at_home}.udp(1, 2, text("x")).build();
  EXPECT_EQ(receive(packet).verdict.disposition, Disposition::to_kernel);
  EXPECT_TRUE(dropped_as(send(PacketBuilder{our_identity, plain}.udp(1, 2, text("x")).build()),
                         DropReason::out_foreign_destination));
}

}  // namespace
}  // namespace ilnp::test
