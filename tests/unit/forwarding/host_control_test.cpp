// SPDX-License-Identifier: Apache-2.0
// Locator Updates (RFC 6743), probes, and ICMPv6 errors about what we sent, true ones and forged ones.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

class HostControl : public HostTest {
 protected:
  std::vector<AdvertisedLocator> many(std::size_t n) {
    std::vector<AdvertisedLocator> list;
    for (std::uint64_t i = 0; i < n; ++i) list.push_back(at(Locator{0x2a00000000000000 + (i << 16)}));
    return list;
  }
  ByteVector raw_update(ByteVector message) const {
    return PacketBuilder{peer, us_at_home}.nonce(peer_nonce).payload(next_header::icmpv6, message).build();
  }
  bool obeyed(const Outcome& o) { return o.event(EventKind::peer_moved) != nullptr; }
};

// --- Obeying an update
// ------------------------------------------------------------------------------------------------

TEST_F(HostControl, UpdateMovesThePeerAndIsAcknowledgedWithItsOwnBody) {
  settle();
  const ByteVector lu = update({at(peer_away, 10), at(peer_home, 20, 10)});
  const Outcome o = receive(lu);
  EXPECT_EQ(o.verdict.disposition, Disposition::consumed);
  ASSERT_GE(o.actions.to_wire.size(), 1u);
  const ByteVector& reply = o.actions.to_wire[0].bytes;
  EXPECT_SAME_BYTES(
      reply, (PacketBuilder{us_at_home, peer_moved}
                  .nonce(our_nonce)
                  .payload(next_header::icmpv6,
                           encode_locator_update({LocatorUpdateOperation::acknowledgement, update_in(lu).locators}))
                  .build()));
  const HostEvent* moved = o.event(EventKind::peer_moved);
  ASSERT_NE(moved, nullptr);
  EXPECT_EQ(moved->old_locator, peer_home);
  EXPECT_EQ(moved->locator, peer_away);
  EXPECT_TRUE(o.actions.sessions_changed);
}

TEST_F(HostControl, RetransmissionIsAcknowledgedAgainAndNothingElse) {
  settle();
  const ByteVector lu = update({at(peer_away)});
  const ByteVector reply = receive(lu).actions.to_wire.at(0).bytes;
  now += milliseconds{200};
  const Outcome again = receive(lu);
  ASSERT_EQ(again.actions.to_wire.size(), 1u);
  EXPECT_SAME_BYTES(again.actions.to_wire[0].bytes, reply);
  EXPECT_FALSE(obeyed(again));
}

TEST_F(HostControl, ReplayOfAnOlderUpdateIsDropped) {
  settle();
  const ByteVector old = update({at(peer_away)});
  receive(old);
  now += seconds{1};
  EXPECT_TRUE(obeyed(receive(update({at(elsewhere)}))));
  now += seconds{1};
  EXPECT_TRUE(dropped_as(receive(old), DropReason::lu_replay));
  EXPECT_TRUE(entry()->remote.find(peer_away)->receive_only);
}

TEST_F(HostControl, UpdateWithoutOrWithAWrongNonceIsDropped) {
  settle();
  const ByteVector body = encode_locator_update({LocatorUpdateOperation::advertisement, {at(victim)}});
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{peer, us_at_home}.payload(next_header::icmpv6, body).build()),
                         DropReason::in_forged_icmp));
  EXPECT_TRUE(dropped_as(
      receive(PacketBuilder{peer, us_at_home}.nonce(counting(12)).payload(next_header::icmpv6, body).build()),
      DropReason::in_bad_nonce));
  ByteVector cut = peer_nonce;
  cut.resize(4);
  EXPECT_TRUE(dropped_as(receive(PacketBuilder{peer, us_at_home}.nonce(cut).payload(next_header::icmpv6, body).build()),
                         DropReason::in_bad_nonce));
  EXPECT_EQ(entry()->remote.find(victim), nullptr);
}

TEST_F(HostControl, UpdateForASessionThatDoesNotExistIsDropped) {
  host();
  EXPECT_TRUE(dropped_as(receive(update({at(peer_away)})), DropReason::in_stranger_control));
}

TEST_F(HostControl, UpdateBeforeTheSessionIsEstablishedIsDropped) {
  receive(their_udp());
  ASSERT_EQ(state(), PeerState::tentative_in);
  EXPECT_TRUE(dropped_as(receive(update_from(peer, {at(peer_away)})), DropReason::lu_not_established));
}

TEST_F(HostControl, MalformedUpdatesAreDroppedEachUnderItsReason) {
  settle();
  ByteVector none{icmpv6::locator_update, 0, 0, 0, 0, 1, 0, 0};
  EXPECT_TRUE(dropped_as(receive(raw_update(none)), DropReason::lu_malformed)) << "no locators";
  ByteVector good = encode_locator_update({LocatorUpdateOperation::advertisement, {at(peer_away)}});
  ByteVector lying = good;
  lying[4] = 2;
  EXPECT_TRUE(dropped_as(receive(raw_update(lying)), DropReason::lu_bad_length)) << "count above the length";
  ByteVector longer = good;
  longer.resize(longer.size() + 4);
  EXPECT_TRUE(dropped_as(receive(raw_update(longer)), DropReason::lu_bad_length)) << "16-octet entry";
  ByteVector operation = good;
  operation[5] = 3;
  EXPECT_TRUE(dropped_as(receive(raw_update(operation)), DropReason::lu_malformed)) << "operation";
  ByteVector code = good;
  code[1] = 1;
  EXPECT_TRUE(dropped_as(receive(raw_update(code)), DropReason::lu_malformed)) << "code";
  EXPECT_TRUE(dropped_as(receive(raw_update({icmpv6::locator_update, 0, 0, 0, 1})), DropReason::lu_bad_length))
      << "cut";
  EXPECT_TRUE(dropped_as(receive(raw_update({icmpv6::locator_update, 0})), DropReason::in_malformed)) << "stub";
  ByteVector damaged = raw_update(good);
  damaged.back() ^= 1;
  EXPECT_TRUE(dropped_as(receive(damaged), DropReason::lu_bad_checksum));
}

TEST_F(HostControl, UpdateWith255LocatorsIsObeyedWithinLimits) {
  settle();
  const Outcome o = receive(update(many(255)));
  EXPECT_TRUE(obeyed(o));
  EXPECT_LE(entry()->remote.all().size(), tuning.max_remote_locators);
  EXPECT_EQ(update_in(o.actions.to_wire.at(0).bytes).locators.size(), 255u) << "the acknowledgement repeats the body";
}

TEST_F(HostControl, LocatorsThatNoPeerCanHaveAreRefused) {
  settle();
  for (const Locator bad :
       {Locator{0xff0e000000000000}, Locator{0xfe80000000000000}, Locator{0xfd00000000000001}, home, Locator{0}}) {
    const ByteVector lu = update({at(bad)});
    const Outcome o = receive(lu);
    EXPECT_TRUE(dropped_as(o, DropReason::lu_no_usable_locator)) << std::hex << bad.bits;
    EXPECT_NE(o.event(EventKind::locator_update_refused), nullptr);
    EXPECT_TRUE(o.wire().empty());
    now += milliseconds{200};
    EXPECT_TRUE(dropped_as(receive(lu), DropReason::lu_no_usable_locator)) << "a retransmission is refused as well";
  }
  const Outcome mixed = receive(update({at(home), at(peer_away), at(Locator{0xfe80000000000000})}));
  EXPECT_TRUE(obeyed(mixed));
  EXPECT_EQ(entry()->remote.find(home), nullptr);
}

TEST_F(HostControl, OurOwnLocatorIsThePeersToOnlyWhenTheUpdateCameOverThatLink) {
  settle();
  const ByteVector lu = update_from({home, peer_nid}, {at(home)});
  EXPECT_TRUE(dropped_as(receive(lu, eth1), DropReason::lu_no_usable_locator));
  EXPECT_TRUE(obeyed(receive(lu, eth0)));
}

TEST_F(HostControl, OnePeersFloodOfUpdatesIsLimitedAndDoesNotStarveOthers) {
  tuning.lu_node_rate = 50;
  tuning.lu_node_burst = 50;
  settle();
  int dropped = 0;
  for (std::uint16_t i = 0; i < 500; ++i)
    dropped += receive(update({at(peer_away, i)})).verdict.reason == DropReason::lu_rate ? 1 : 0;
  EXPECT_EQ(dropped, 500 - static_cast<int>(tuning.lu_burst));
  // Another peer still has its share of the node's limit.
  Actions actions;
  const NodeId other{77};
  const auto identity = host().resolved(now, "other", our_nid, other, {{elsewhere, 10, seconds{60}}}, actions);
  send(PacketBuilder{our_identity, *identity}.udp(40000, 7777).build());
  const ByteVector nonce = counting(12);
  const Address there{elsewhere, other};
  receive(PacketBuilder{there, us_at_home}.nonce(nonce).udp(7777, 40000).build());
  const ByteVector body = encode_locator_update({LocatorUpdateOperation::advertisement, {at(peer_away)}});
  EXPECT_TRUE(
      obeyed(receive(PacketBuilder{there, us_at_home}.nonce(nonce).payload(next_header::icmpv6, body).build())));
}

TEST_F(HostControl, UpdateFromANewPlaceWithTheRightNonceRecoversALostPeer) {
  settle();
  receive(update({at(peer_away)}));
  send(our_udp());
  EXPECT_TRUE(obeyed(receive(update_from({elsewhere, peer_nid}, {at(elsewhere)}))));
  EXPECT_EQ(walk_of(send(our_udp()).packet).destination.locator, elsewhere);
}

// --- Telling the peers
// ------------------------------------------------------------------------------------------------

TEST_F(HostControl, AcknowledgementEndsTheRetransmissions) {
  settle();
  const Outcome moved = up(away, eth1, 5);
  const ByteVector lu = moved.actions.to_wire.at(0).bytes;
  EXPECT_EQ(nonce_in(lu), our_nonce);
  ASSERT_EQ(update_in(lu).locators.size(), 2u);
  EXPECT_EQ(update_in(lu).locators[0].locator, away);
  const Outcome acked = receive(answer(lu));
  EXPECT_EQ(acked.verdict.disposition, Disposition::consumed);
  ASSERT_NE(acked.event(EventKind::locator_update_acknowledged), nullptr);
  EXPECT_EQ(acked.event(EventKind::locator_update_acknowledged)->number, 1u);
  for (const ByteVector& packet : wait(seconds{30}).wire()) EXPECT_FALSE(is_locator_update(packet));
}

TEST_F(HostControl, UnansweredUpdateIsRepeatedOverEveryPairAndNamesAreAsked) {
  ASSERT_TRUE(resolve({{peer_home, 10, seconds{60}}, {peer_away, 20, seconds{60}}}));
  send(our_udp());
  receive(their_udp());
  our_nonce = nonce_in(send(our_udp()).packet);
  up(away, eth1, 5);
  std::set<Locator> sources, destinations;
  int updates = 0;
  const Outcome o = wait(seconds{20});
  for (const ByteVector& packet : o.wire()) {
    if (!is_locator_update(packet)) continue;
    ++updates;
    sources.insert(walk_of(packet).source.locator);
    destinations.insert(walk_of(packet).destination.locator);
  }
  EXPECT_GE(updates, 7);
  EXPECT_LE(updates, 10);
  EXPECT_EQ(sources, (std::set<Locator>{home, away}));
  EXPECT_EQ(destinations, (std::set<Locator>{peer_home, peer_away}));
  EXPECT_GE(o.actions.name_queries.size(), 1u);
  EXPECT_EQ(o.actions.name_queries.at(0).name, "peer.example.org");
}

TEST_F(HostControl, AcknowledgementsNeverAskedForAreDropped) {
  settle();
  EXPECT_TRUE(dropped_as(receive(update_from(peer, {at(peer_away)}, LocatorUpdateOperation::acknowledgement)),
                         DropReason::lu_unexpected_ack));
  const ByteVector lu = up(away, eth1, 5).actions.to_wire.at(0).bytes;
  receive(answer(lu));
  EXPECT_TRUE(dropped_as(receive(answer(lu)), DropReason::lu_unexpected_ack)) << "twice";
  EXPECT_EQ(entry()->remote.find(peer_away), nullptr) << "an acknowledgement moves nobody";
}

TEST_F(HostControl, AcknowledgementOfAnotherBodyMakesUsTellAgainWithAFreshBody) {
  settle();
  const ByteVector lu = up(away, eth1, 5).actions.to_wire.at(0).bytes;
  EXPECT_TRUE(dropped_as(receive(update_from(peer, {at(victim)}, LocatorUpdateOperation::acknowledgement)),
                         DropReason::lu_other_ack));
  const Outcome o = wait(milliseconds{1});
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  EXPECT_NE(update_in(o.actions.to_wire[0].bytes).locators, update_in(lu).locators);
  EXPECT_EQ(receive(answer(o.actions.to_wire[0].bytes)).verdict.disposition, Disposition::consumed);
}

TEST_F(HostControl, PeersThatAreNotSessionsAreNotTold) {
  ASSERT_TRUE(resolve());
  EXPECT_TRUE(up(away, eth1, 5).actions.to_wire.empty()) << "resolved";
  send(our_udp());
  EXPECT_TRUE(down(away, eth1).actions.to_wire.empty()) << "tentative";
  wait(tuning.try_timeout);
  ASSERT_EQ(state(), PeerState::fallback);
  EXPECT_TRUE(up(away, eth1, 5).actions.to_wire.empty()) << "fallback";
}

TEST_F(HostControl, PeerThatWasTentativeDuringAChangeIsToldWhenItIsEstablished) {
  ASSERT_TRUE(resolve());
  our_nonce = nonce_in(send(our_udp()).packet);
  up(away, eth1, 5);
  const Outcome o = receive(their_udp());
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  EXPECT_EQ(update_in(o.actions.to_wire[0].bytes).locators.front().locator, away);
}

TEST_F(HostControl, LifetimesAreRefreshedForSessionsInUse) {
  settle();
  const ByteVector lu = up(away, eth1, 5).actions.to_wire.at(0).bytes;
  receive(answer(lu));
  std::set<ByteVector> refreshed;
  for (int i = 0; i < 60; ++i) {
    for (const ByteVector& packet : wait(seconds{10}).wire()) {
      if (!is_locator_update(packet)) continue;
      // Retransmissions may differ in one lifetime: the peer must not take them for replays.
      LocatorUpdate first = update_in(packet);
      first.locators.front().lifetime = {};
      refreshed.insert(encode_locator_update(first));
      EXPECT_NE(update_in(packet).locators, update_in(lu).locators);
      receive(answer(packet));
    }
    send(our_udp());
    receive(their_udp());
  }
  EXPECT_GE(refreshed.size(), 1u);
  EXPECT_LE(refreshed.size(), 2u);
}

TEST_F(HostControl, SessionThatNobodyUsesIsNotKeptAliveByUpdatesAndProbes) {
  settle();
  const ByteVector lu = up(away, eth1, 5).actions.to_wire.at(0).bytes;
  receive(answer(lu));
  bool ended = false;
  for (int i = 0; i < 90 && !ended; ++i) {
    const Outcome o = wait(seconds{10});
    ended = o.event(EventKind::session_ended) != nullptr;
    for (const ByteVector& packet : o.wire()) receive(answer(packet));
    // The peer's own traffic of that kind.
    receive(update_from(peer, {at(peer_home, 10, static_cast<std::uint16_t>(600 - i))}));
    receive(from_peer().echo_request(probe_identifier, 1, counting(8)).build());
  }
  EXPECT_TRUE(ended);
}

TEST_F(HostControl, DeadPeerIsNotToldForEver) {
  settle();
  up(away, eth1, 5);
  const Outcome o = wait(seconds{3600});
  EXPECT_EQ(entry(), nullptr);
  EXPECT_NE(o.event(EventKind::session_ended), nullptr);
  EXPECT_EQ(host().next_deadline(), never);
}

// --- Probes
// -----------------------------------------------------------------------------------------------------------

TEST_F(HostControl, ProbeOfThePeerIsAnsweredFromThePlaceThatItAskedAbout) {
  settle();
  up(away, eth1, 20);
  const ByteVector probe =
      PacketBuilder{peer_moved, us_away}.nonce(peer_nonce).echo_request(probe_identifier, 7, counting(8)).build();
  const Outcome o = receive(probe, eth1);
  EXPECT_EQ(o.verdict.disposition, Disposition::consumed);
  ASSERT_EQ(o.actions.to_wire.size(), 1u);
  const ByteVector& reply = o.actions.to_wire[0].bytes;
  EXPECT_EQ(walk_of(reply).source, us_away);
  EXPECT_EQ(walk_of(reply).destination, peer_moved);
  EXPECT_EQ(nonce_in(reply), our_nonce);
  EXPECT_SAME_BYTES(upper_of(reply).subspan(4), upper_of(probe).subspan(4));
}

TEST_F(HostControl, ProbeToALocatorThatIsNotOursAnyMoreIsNotAnswered) {
  settle();
  up(away, eth1, 5);
  down(home);
  const Outcome o = receive(from_peer().echo_request(probe_identifier, 7, counting(8)).build());
  EXPECT_TRUE(dropped_as(o, DropReason::in_not_our_locator));
}

TEST_F(HostControl, OrdinaryPingIsTheKernelsBusiness) {
  settle();
  const Outcome o = receive(from_peer().echo_request(0x1111, 7, counting(8)).build());
  EXPECT_EQ(o.verdict.disposition, Disposition::to_identity);
  EXPECT_TRUE(checksum_is_good(o.packet));
}

TEST_F(HostControl, AnswersToProbesNeverSentAreDropped) {
  settle();
  const auto reply = [&](const Address& from) {
    ByteVector body;
    ByteWriter w{body};
    w.u16(probe_identifier);
    w.u16(1);
    w.bytes(counting(8));
    return PacketBuilder{from, us_at_home}.nonce(peer_nonce).icmpv6(icmpv6::echo_reply, 0, body).build();
  };
  EXPECT_TRUE(dropped_as(receive(reply(peer)), DropReason::probe_unexpected));
  receive(update({at(peer_away)}));
  EXPECT_TRUE(dropped_as(receive(reply(peer_moved)), DropReason::probe_unexpected)) << "wrong token";
  EXPECT_NE(entry()->remote.find(peer_away)->reach, Reach::reachable);
}

TEST_F(HostControl, DamagedProbesAreDropped) {
  settle();
  ByteVector probe = from_peer().echo_request(probe_identifier, 7, counting(8)).build();
  probe.back() ^= 1;
  EXPECT_TRUE(dropped_as(receive(probe), DropReason::in_bad_checksum));
}

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
