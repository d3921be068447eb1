// SPDX-License-Identifier: Apache-2.0
// Locator Updates (RFC 6743): obeying those of peers, telling peers about ours.
#include "tests/unit/forwarding/host_control_fixture.h"

namespace ilnp::test {
namespace {

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

TEST_F(HostControl, InsideASiteUniqueLocalLocatorsAreObeyedButNeverAnIdentityPrefix) {
  tuning.accept_unique_local = true;
  const Locator inside{0xfd5a17c09e210001};
  settle();
  for (const Locator identities : {prefix, alias_prefix(prefix, 1)}) {
    EXPECT_TRUE(dropped_as(receive(update_from(peer, {at(identities)})), DropReason::lu_no_usable_locator));
    now += seconds{1};
  }
  EXPECT_TRUE(obeyed(receive(update_from({inside, peer_nid}, {at(inside), at(prefix)}))));
  EXPECT_NE(entry()->remote.find(inside), nullptr);
  EXPECT_EQ(entry()->remote.find(prefix), nullptr);
  EXPECT_FALSE(resolve({{prefix, 10, seconds{300}}}, "another.example.org"));
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

}  // namespace
}  // namespace ilnp::test
