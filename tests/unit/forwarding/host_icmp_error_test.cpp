// SPDX-License-Identifier: Apache-2.0
// ICMPv6 errors about what we sent, true ones and forged ones: peers without ILNP (RFC 6744 section 4), paths, MTU.
#include "tests/unit/forwarding/host_control_fixture.h"

namespace ilnp::test {
namespace {

// --- Capability (RFC 6744 section 4)
// ----------------------------------------------------------------------------------

class ParameterProblem : public HostControl {
 protected:
  ByteVector first;
  void open() {
    ASSERT_TRUE(resolve());
    first = send(from_us().tcp(40000, 80, 1000, 0, syn).build()).packet;
  }
  ByteVector problem(const ByteVector& about, std::uint32_t pointer = 42, std::uint8_t code = 2) const {
    return error_about(about, icmpv6::parameter_problem, code, pointer, peer);
  }
};

TEST_F(ParameterProblem, PeerWithoutIlnpMakesUsFallBackAndTheFirstPacketIsRepeatedPlain) {
  open();
  const Outcome o = receive(problem(first));
  EXPECT_EQ(o.verdict.disposition, Disposition::consumed);
  EXPECT_EQ(state(), PeerState::fallback);
  ASSERT_NE(o.event(EventKind::session_fallback), nullptr);
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  EXPECT_SAME_BYTES(o.actions.to_wire[0].bytes, (PacketBuilder{us_at_home, peer}.tcp(40000, 80, 1000, 0, syn).build()));
}

TEST_F(ParameterProblem, OldChecksumIsMendedInThePlainRepetition) {
  tuning.checksum_mode = ChecksumMode::rfc6741;
  open();
  const Outcome o = receive(problem(first));
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  EXPECT_TRUE(checksum_is_good(o.actions.to_wire[0].bytes));
}

TEST_F(ParameterProblem, PeerIsRememberedAsNotIlnpForAWhile) {
  open();
  receive(problem(first));
  wait(seconds{500});
  ASSERT_EQ(entry(), nullptr);
  EXPECT_FALSE(resolve());
  wait(tuning.not_ilnp_cache);
  EXPECT_TRUE(resolve());
}

TEST_F(ParameterProblem, ForgeriesAreDropped) {
  open();
  ByteVector guessed = first;
  guessed[44] ^= 1;  // the nonce
  EXPECT_TRUE(dropped_as(receive(problem(guessed)), DropReason::error_bad_nonce));
  EXPECT_TRUE(dropped_as(receive(problem(first, 40)), DropReason::error_parameter_problem)) << "pointer";
  EXPECT_TRUE(dropped_as(receive(problem(first, 43)), DropReason::error_parameter_problem)) << "pointer";
  const ByteVector plain = PacketBuilder{us_at_home, peer}.tcp(40000, 80, 1000, 0, syn).build();
  EXPECT_EQ(receive(problem(plain)).verdict.disposition, Disposition::dropped) << "no nonce";
  ByteVector damaged = problem(first);
  damaged.back() ^= 1;
  EXPECT_TRUE(dropped_as(receive(damaged), DropReason::in_bad_checksum));
  ByteVector other_peer = first;
  other_peer[39] ^= 1;
  EXPECT_EQ(receive(problem(other_peer)).verdict.disposition, Disposition::dropped);
  EXPECT_EQ(state(), PeerState::tentative_out);
}

TEST_F(ParameterProblem, EstablishedSessionNeverFallsBack) {
  establish();
  const ByteVector sent = send(our_udp()).packet;
  ASSERT_TRUE(has_nonce(sent));
  EXPECT_TRUE(dropped_as(receive(problem(sent)), DropReason::in_forged_icmp)) << "in the peer's name without its nonce";
  EXPECT_TRUE(
      dropped_as(receive(error_about(sent, icmpv6::parameter_problem, 2, 42)), DropReason::error_parameter_problem));
  EXPECT_EQ(state(), PeerState::established);
}

TEST_F(ParameterProblem, PolicyRefuseDoesNotFallBack) {
  tuning.fallback = FallbackPolicy::refuse;
  open();
  receive(problem(first));
  EXPECT_EQ(state(), PeerState::tentative_out);
  wait(tuning.try_timeout + seconds{1});
  EXPECT_EQ(state(), PeerState::tentative_out);
}

// --- Errors about our packets
// -----------------------------------------------------------------------------------------

TEST_F(HostControl, PacketTooBigReachesTheKernelInItsTermsAndShrinksThePath) {
  establish();
  const ByteVector sent = send(from_us().udp(40000, 7777, counting(1400)).build()).packet;
  const Outcome o = receive(error_about(sent, icmpv6::packet_too_big, 0, 1400));
  ASSERT_EQ(o.actions.to_identity.size(), 1u);
  const ByteVector& error = o.actions.to_identity[0].bytes;
  EXPECT_EQ(load_u32(upper_of(error).data() + 4), 1400u - 16);
  const auto quoted = parse_quoted(error, walk_of(error));
  ASSERT_TRUE(quoted.has_value());
  EXPECT_EQ(quoted.value().walk.source, our_identity);
  EXPECT_EQ(quoted.value().walk.destination, peer_identity);
  EXPECT_TRUE(dropped_as(send(from_us().udp(40000, 7777, counting(1340)).build()), DropReason::out_too_big));
  EXPECT_EQ(send(from_us().udp(40000, 7777, counting(1384 - 48)).build()).verdict.disposition, Disposition::to_wire);
}

TEST_F(HostControl, PacketTooBigBelowTheMinimumOrAboveTheLinkIsDropped) {
  settle();
  const ByteVector sent = send(our_udp()).packet;
  for (const std::uint32_t mtu : {0u, 68u, 1279u, 1500u, 9000u, 0xffffffffu})
    EXPECT_TRUE(dropped_as(receive(error_about(sent, icmpv6::packet_too_big, 0, mtu)), DropReason::error_bad_mtu))
        << mtu;
  EXPECT_EQ(receive(error_about(sent, icmpv6::packet_too_big, 0, 1280)).actions.to_identity.size(), 1u);
}

TEST_F(HostControl, PacketTooBigThatAnybodyCouldForgeIsTheKernelsToJudge) {
  settle();
  const ByteVector big = from_us().udp(40000, 7777, counting(1400)).build();
  const Outcome o = receive(error_about(send(big).packet, icmpv6::packet_too_big, 0, 1280));
  ASSERT_EQ(o.actions.to_identity.size(), 1u);
  const Outcome next = send(big);
  EXPECT_EQ(next.verdict.disposition, Disposition::to_wire) << "the path is what it was";
  ASSERT_TRUE(has_nonce(next.packet)) << "the next error can be proved";
  receive(error_about(next.packet, icmpv6::packet_too_big, 0, 1400));
  EXPECT_TRUE(dropped_as(send(big), DropReason::out_too_big));
  now += tuning.nonce_after_change + milliseconds{1};
  receive(their_udp());
  EXPECT_FALSE(has_nonce(send(our_udp()).packet));
}

TEST_F(HostControl, PacketTooBigAboutAnotherLocatorIsJudgedByThatOnesPath) {
  establish();
  const ByteVector before = send(our_udp()).packet;
  receive(error_about(before, icmpv6::packet_too_big, 0, 1300));
  receive(answer(receive(update({at(peer_away, 5), at(peer_home, 10)})).actions.to_wire.at(1).bytes));
  const ByteVector after_move = send(our_udp()).packet;
  EXPECT_TRUE(dropped_as(receive(error_about(before, icmpv6::packet_too_big, 0, 1400)), DropReason::error_bad_mtu));
  EXPECT_EQ(receive(error_about(after_move, icmpv6::packet_too_big, 0, 1400)).verdict.disposition,
            Disposition::consumed);
}

TEST_F(HostControl, ErrorsAboutPacketsNeverSentAreDropped) {
  settle();
  const ByteVector sent = send(our_udp()).packet;
  const auto about = [&](const Address& source, const Address& destination) {
    return PacketBuilder{{{0x20010db800fe0000}, {1}}, us_at_home}
        .payload(next_header::icmpv6, build_error(icmpv6::packet_too_big, 0, 1300,
                                                  PacketBuilder{source, destination}.udp(40000, 7777).build()))
        .build();
  };
  EXPECT_TRUE(dropped_as(receive(about({home, NodeId{1}}, peer)), DropReason::error_not_ours)) << "another source";
  EXPECT_TRUE(dropped_as(receive(about({elsewhere, our_nid}, peer)), DropReason::error_not_ours)) << "from elsewhere";
  EXPECT_TRUE(dropped_as(receive(about(us_at_home, peer_moved)), DropReason::error_not_ours)) << "to elsewhere";
  ByteVector wrong = PacketBuilder{us_at_home, peer}.nonce(counting(12)).udp(40000, 7777).build();
  EXPECT_TRUE(dropped_as(receive(error_about(wrong, icmpv6::packet_too_big, 0, 1300)), DropReason::error_bad_nonce));
  ByteVector cut = sent;
  cut.resize(30);
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{{{0x20010db800fe0000}, {1}}, us_at_home}
                                     .payload(next_header::icmpv6, build_error(icmpv6::packet_too_big, 0, 1300, cut))
                                     .build()),
                         DropReason::error_unreadable));
}

TEST_F(HostControl, ErrorBeforeAnythingWasSentIsDropped) {
  ASSERT_TRUE(resolve());
  const ByteVector never_sent = PacketBuilder{us_at_home, peer}.udp(40000, 7777).build();
  EXPECT_TRUE(
      dropped_as(receive(error_about(never_sent, icmpv6::packet_too_big, 0, 1300)), DropReason::error_not_ours));
}

TEST_F(HostControl, ErrorAboutPlainPacketsOfOurKernelIsItsOwn) {
  const ByteVector plain = PacketBuilder{us_at_home, {elsewhere, NodeId{3}}}.udp(1, 2).build();
  const ByteVector error = error_about(plain, icmpv6::packet_too_big, 0, 1300);
  const Outcome o = receive(error);
  EXPECT_EQ(o.verdict.disposition, Disposition::to_kernel);
  EXPECT_SAME_BYTES(o.packet, error);
}

TEST_F(HostControl, ErrorInThePeersNameNeedsItsNonce) {
  settle();
  const ByteVector sent = send(our_udp()).packet;
  EXPECT_TRUE(
      dropped_as(receive(error_about(sent, icmpv6::destination_unreachable, 4, 0, peer)), DropReason::in_forged_icmp));
  const Outcome o = receive(
      from_peer().payload(next_header::icmpv6, build_error(icmpv6::destination_unreachable, 4, 0, sent)).build());
  ASSERT_EQ(o.actions.to_identity.size(), 1u);
  EXPECT_EQ(walk_of(o.actions.to_identity[0].bytes).source, peer_identity);
}

/// The first thing that a peer says may be that nobody listens there.
TEST_F(HostControl, ErrorThatQuotesOurNonceIsAFirstAnswer) {
  ASSERT_TRUE(resolve());
  const ByteVector sent = send(our_udp()).packet;
  constexpr std::uint8_t port_unreachable = 4;
  const auto error = [&](const ByteVector& quote) {
    return from_peer()
        .payload(next_header::icmpv6, build_error(icmpv6::destination_unreachable, port_unreachable, 0, quote))
        .build();
  };
  const ByteVector guess = PacketBuilder{us_at_home, peer}.nonce(counting(12)).udp(40000, 7777, text("hello")).build();
  EXPECT_TRUE(dropped_as(receive(error(guess)), DropReason::in_stranger_control));
  const ByteVector plain = PacketBuilder{us_at_home, peer}.udp(40000, 7777, text("hello")).build();
  EXPECT_TRUE(dropped_as(receive(error(plain)), DropReason::in_stranger_control));
  ASSERT_EQ(state(), PeerState::tentative_out);

  const Outcome o = receive(error(sent));
  EXPECT_EQ(state(), PeerState::established);
  ASSERT_EQ(o.identity().size(), 1u);
  EXPECT_EQ(walk_of(o.identity()[0]).source, peer_identity);
  EXPECT_EQ(icmp_type_of(o.identity()[0]), icmpv6::destination_unreachable);
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
}

TEST_F(HostControl, PortUnreachableReachesTheKernelFromARouterToo) {
  settle();
  const ByteVector sent = send(our_udp()).packet;
  EXPECT_EQ(receive(error_about(sent, icmpv6::destination_unreachable, 4, 0)).actions.to_identity.size(), 1u);
}

TEST_F(HostControl, UnreachableThatQuotesOurNonceMovesTheSessionToAnotherLocator) {
  settle();
  receive(update({at(peer_home, 10), at(peer_away, 20)}));
  const ByteVector sent = send(our_udp()).packet;
  ASSERT_EQ(walk_of(sent).destination, peer);
  ASSERT_FALSE(has_nonce(sent));
  const ByteVector with_nonce = PacketBuilder{us_at_home, peer}.nonce(our_nonce).udp(40000, 7777).build();
  EXPECT_TRUE(dropped_as(receive(error_about(with_nonce, icmpv6::destination_unreachable, 0, 0)),
                         DropReason::error_suppressed));
  EXPECT_EQ(entry()->remote.find(peer_home)->reach, Reach::failed);
  EXPECT_EQ(walk_of(send(our_udp()).packet).destination, peer_moved);
}

TEST_F(HostControl, UnreachableThatAnybodyCouldForgeDoesNotFailALocator) {
  settle();
  const ByteVector probe = receive(update({at(peer_home, 10), at(peer_away, 20)})).actions.to_wire.at(1).bytes;
  receive(answer(probe));
  const ByteVector sent = send(our_udp()).packet;
  ASSERT_FALSE(has_nonce(sent));
  EXPECT_TRUE(
      dropped_as(receive(error_about(sent, icmpv6::destination_unreachable, 0, 0)), DropReason::error_suppressed));
  EXPECT_NE(entry()->remote.find(peer_home)->reach, Reach::failed);
  const Outcome asked = wait(milliseconds{150});
  bool answered = false;
  for (const ByteVector& packet : asked.wire())
    if (is_probe_request(packet) && walk_of(packet).destination == peer) {
      receive(answer(packet));
      answered = true;
    }
  EXPECT_TRUE(answered);
  EXPECT_EQ(walk_of(send(our_udp()).packet).destination, peer) << "the forgery did not last";
}

TEST_F(HostControl, UnreachableFirstLocatorOfANewPeerMakesTheNextOneTried) {
  ASSERT_TRUE(resolve({{peer_home, 10, seconds{60}}, {peer_away, 20, seconds{60}}}));
  const ByteVector sent = send(our_udp()).packet;
  EXPECT_TRUE(
      dropped_as(receive(error_about(sent, icmpv6::destination_unreachable, 0, 0)), DropReason::error_suppressed));
  EXPECT_EQ(walk_of(send(our_udp()).packet).destination, peer_moved);
  // The last one is the transport's to hear about.
  const ByteVector second = send(our_udp()).packet;
  EXPECT_EQ(receive(error_about(second, icmpv6::destination_unreachable, 0, 0)).actions.to_identity.size(), 1u);
}

TEST_F(HostControl, TimeExceededReachesTheKernel) {
  settle();
  const ByteVector sent = send(our_udp()).packet;
  const Outcome o = receive(error_about(sent, icmpv6::time_exceeded, 0, 0));
  ASSERT_EQ(o.actions.to_identity.size(), 1u);
  EXPECT_EQ(walk_of(o.actions.to_identity[0].bytes).source.locator, (Locator{0x20010db800fe0000})) << "traceroute";
}

}  // namespace
}  // namespace ilnp::test
