// SPDX-License-Identifier: Apache-2.0
// Sessions over time: states and their timers (RFC 6741 section 5), silence, names, idleness.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

class HostSessions : public HostTest {
 protected:
  std::size_t count(PeerState s) { return host().ilcc().count(s); }
  void answer_flow_checks(const Outcome& o, bool open) {
    for (const CorrespondentId id : o.actions.flow_checks) host().set_pinned(now, id, open);
  }
};

// --- resolved
// ---------------------------------------------------------------------------------------------------------

TEST_F(HostSessions, NameGivesTheIdentityAddress) {
  EXPECT_EQ(resolve(), peer_identity);
  EXPECT_EQ(count(PeerState::resolved), 1u);
  EXPECT_EQ(resolve(), peer_identity) << "again";
  EXPECT_EQ(host().ilcc().size(), 1u);
}

TEST_F(HostSessions, NameWithoutLocatorsOrOurOwnNidGivesNothing) {
  EXPECT_FALSE(resolve({}));
  Actions actions;
  EXPECT_FALSE(host().resolved(now, "me", our_nid, our_nid, {{peer_home, 10, seconds{60}}}, actions));
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(HostSessions, ResolvedNameThatNobodyUsesIsFreedWhenItsAnswerEnds) {
  resolve({{peer_home, 10, seconds{90}}});
  wait(seconds{89});
  EXPECT_EQ(host().ilcc().size(), 1u);
  wait(seconds{1});
  EXPECT_EQ(host().ilcc().size(), 0u);
  EXPECT_EQ(host().next_deadline(), never);
}

TEST_F(HostSessions, AnswerWithTtlZeroStaysLongEnoughForItsTransaction) {
  resolve({{peer_home, 10, seconds{0}}});
  wait(tuning.resolved_minimum - seconds{1});
  EXPECT_EQ(send(our_udp()).verdict.disposition, Disposition::to_wire);
}

TEST_F(HostSessions, FullCacheGivesNothing) {
  tuning.max_entries = 1;
  EXPECT_TRUE(resolve());
  Actions actions;
  EXPECT_FALSE(host().resolved(now, "other", our_nid, NodeId{9}, {{elsewhere, 10, seconds{60}}}, actions));
  EXPECT_EQ(host().drops(DropReason::out_cache_full), 1u);
}

TEST_F(HostSessions, TwoPeersWithOneNidGetIdentitiesOfTheirOwn) {
  const auto first = resolve();
  Actions actions;
  const auto second = host().resolved(now, "other", our_nid, peer_nid, {{elsewhere, 10, seconds{60}}}, actions);
  ASSERT_TRUE(second);
  EXPECT_NE(*first, *second);
  EXPECT_EQ(walk_of(send(our_udp()).packet).destination.locator, peer_home);
  const Outcome o = send(PacketBuilder{our_identity, *second}.udp(40000, 7777, text("x")).build());
  EXPECT_EQ(walk_of(o.packet).destination.locator, elsewhere);
  // Each answers from its own place.
  EXPECT_EQ(walk_of(receive(their_udp()).packet).source, *first);
  const ByteVector reply =
      PacketBuilder{{elsewhere, peer_nid}, us_at_home}.nonce(counting(12)).udp(7777, 40000).build();
  EXPECT_EQ(walk_of(receive(reply).packet).source, *second);
}

TEST_F(HostSessions, SecondNameOfAPeerFindsItsEntry) {
  resolve();
  EXPECT_EQ(resolve({{peer_home, 10, seconds{60}}}, "alias.example.org"), peer_identity);
  EXPECT_EQ(host().ilcc().size(), 1u);
}

TEST_F(HostSessions, PeerThatCameToUsIsTakenForANameOfItsPlaceOnly) {
  receive(their_udp());
  const auto elsewhere_too = resolve({{peer_away, 10, seconds{60}}}, "twin.example.org");
  ASSERT_TRUE(elsewhere_too);
  EXPECT_NE(*elsewhere_too, peer_identity);
  EXPECT_EQ(resolve(), peer_identity);
  EXPECT_EQ(host().ilcc().size(), 2u);
}

// --- tentative
// --------------------------------------------------------------------------------------------------------

TEST_F(HostSessions, SilenceFallsBackToPlainIpv6AndIsNotRemembered) {
  resolve();
  send(our_udp());
  EXPECT_EQ(wait(tuning.try_timeout - milliseconds{1}).event(EventKind::session_fallback), nullptr);
  const Outcome o = wait(milliseconds{1});
  ASSERT_NE(o.event(EventKind::session_fallback), nullptr);
  EXPECT_STREQ(o.event(EventKind::session_fallback)->reason, "silence");
  EXPECT_EQ(state(), PeerState::fallback);
  for (int i = 0; i < 100 && entry() != nullptr; ++i) answer_flow_checks(wait(seconds{10}), false);
  ASSERT_EQ(entry(), nullptr);
  EXPECT_TRUE(resolve());
}

TEST_F(HostSessions, EveryLocatorOfANewPeerIsTriedBeforePlainIpv6) {
  resolve({{peer_home, 10, seconds{60}}, {peer_away, 20, seconds{60}}});
  EXPECT_EQ(walk_of(send(our_udp()).packet).destination, peer);
  wait(tuning.try_timeout);
  const Outcome second = send(our_udp());
  EXPECT_EQ(walk_of(second.packet).destination, peer_moved);
  EXPECT_TRUE(has_nonce(second.packet));
  wait(tuning.try_timeout);
  EXPECT_EQ(state(), PeerState::fallback);
}

TEST_F(HostSessions, UnansweredPeerOfPolicyRefuseIsForgotten) {
  tuning.fallback = FallbackPolicy::refuse;
  resolve();
  send(our_udp());
  wait(tuning.tentative_ttl);
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(HostSessions, StrangerThatDoesNotProveItselfIsForgotten) {
  receive(their_udp());
  EXPECT_EQ(count(PeerState::tentative_in), 1u);
  wait(tuning.tentative_ttl);
  EXPECT_EQ(host().ilcc().size(), 0u);
  EXPECT_EQ(host().next_deadline(), never);
}

// --- idle
// -------------------------------------------------------------------------------------------------------------

TEST_F(HostSessions, IdleSessionWithoutOpenSocketsIsClosedAndThenFreed) {
  settle();
  Outcome o = wait(tuning.idle);
  ASSERT_EQ(o.actions.flow_checks.size(), 1u);
  answer_flow_checks(o, false);
  EXPECT_EQ(state(), PeerState::closing);
  o = wait(tuning.closing);
  EXPECT_EQ(entry(), nullptr);
  ASSERT_NE(o.event(EventKind::session_ended), nullptr);
  EXPECT_STREQ(o.event(EventKind::session_ended)->reason, "idle");
  EXPECT_EQ(host().next_deadline(), never);
}

TEST_F(HostSessions, IdleSessionWithOpenSocketsStays) {
  settle();
  for (int hours = 0; hours < 24; ++hours)
    for (int minute = 0; minute < 60; ++minute) answer_flow_checks(wait(seconds{60}), true);
  EXPECT_EQ(state(), PeerState::established);
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
}

TEST_F(HostSessions, FlowCheckThatNobodyAnswersCountsAsNo) {
  settle();
  wait(tuning.idle);
  EXPECT_EQ(state(), PeerState::established);
  wait(tuning.flow_check);
  EXPECT_EQ(state(), PeerState::closing);
}

TEST_F(HostSessions, ClosingSessionIsBroughtBackByAPacketEitherWay) {
  for (const bool ours : {true, false}) {
    forwarder.reset();
    settle();
    answer_flow_checks(wait(tuning.idle), false);
    ASSERT_EQ(state(), PeerState::closing);
    if (ours)
      send(our_udp());
    else
      receive(their_udp());
    EXPECT_EQ(state(), PeerState::established);
    wait(tuning.closing);
    EXPECT_NE(entry(), nullptr);
  }
}

TEST_F(HostSessions, LateAnswerThatASocketIsOpenBringsAClosingSessionBack) {
  settle();
  const CorrespondentId id = entry()->id;
  wait(tuning.idle + tuning.flow_check);
  ASSERT_EQ(state(), PeerState::closing);
  host().set_pinned(now, id, true);
  EXPECT_EQ(state(), PeerState::established);
  host().set_pinned(now, 0xffff, true);  // unknown: nothing happens
}

// --- silence
// ----------------------------------------------------------------------------------------------------------

TEST_F(HostSessions, TransmittingWithoutHearingProbesThenAsksNames) {
  settle();
  Outcome all;
  int probes = 0, queries = 0;
  for (int i = 0; i < 20; ++i) {
    send(our_udp());
    const Outcome o = wait(seconds{1});
    for (const ByteVector& packet : o.wire()) probes += is_probe_request(packet) ? 1 : 0;
    queries += static_cast<int>(o.actions.name_queries.size());
  }
  EXPECT_GE(probes, 4);
  EXPECT_GE(queries, 1);
  EXPECT_EQ(state(), PeerState::established) << "the only locator is not given up";
}

TEST_F(HostSessions, SilenceOfAnApplicationIsNoReasonToProbe) {
  settle();
  send(our_udp());
  receive(their_udp());
  EXPECT_TRUE(wait(seconds{200}).wire().empty());
}

TEST_F(HostSessions, SilenceMovesToTheLocatorThatAnswers) {
  settle();
  const ByteVector probe = receive(update({at(peer_home, 10), at(peer_away, 20)})).actions.to_wire.at(1).bytes;
  receive(answer(probe));
  bool moved = false;
  for (int i = 0; i < 30 && !moved; ++i) {
    const Outcome sent = send(our_udp());
    moved = walk_of(sent.packet).destination == peer_moved;
    for (const ByteVector& packet : wait(milliseconds{500}).wire())
      if (is_probe_request(packet) && walk_of(packet).destination == peer_moved) receive(answer(packet));
  }
  EXPECT_TRUE(moved);
  EXPECT_EQ(entry()->remote.find(peer_home)->reach, Reach::failed);
}

TEST_F(HostSessions, BothMovedAtOnceIsHealedByTheName) {
  settle();
  down(home);
  up(away);
  send(our_udp());
  wait(seconds{2});  // updates to where the peer was are not answered
  const Outcome o = [&] {
    Outcome r;
    resolve({{peer_away, 10, seconds{0}}}, "peer.example.org", &r);
    return r;
  }();
  bool probed = false;
  ByteVector probe;
  for (const ByteVector& packet : o.wire())
    if (is_probe_request(packet) && walk_of(packet).destination == peer_moved) probe = packet;
  probed = !probe.empty();
  ASSERT_TRUE(probed);
  receive(answer(probe));
  EXPECT_EQ(walk_of(send(our_udp()).packet).destination, peer_moved);
  bool told = false;
  for (const ByteVector& packet : wait(seconds{5}).wire())
    told = told || (is_locator_update(packet) && walk_of(packet).destination == peer_moved);
  EXPECT_TRUE(told);
}

TEST_F(HostSessions, OldNameDoesNotBringAPeerBackToWhereItLeft) {
  settle();
  const ByteVector probe = receive(update({at(peer_away)})).actions.to_wire.at(1).bytes;
  receive(answer(probe));
  ASSERT_EQ(walk_of(send(our_udp()).packet).destination, peer_moved);
  receive(PacketBuilder{peer_moved, us_at_home}.nonce(peer_nonce).udp(7777, 40000).build());
  resolve({{peer_home, 1, seconds{300}}});  // the name server has not heard yet
  EXPECT_EQ(walk_of(send(our_udp()).packet).destination, peer_moved);
  EXPECT_TRUE(entry()->remote.find(peer_home)->receive_only);
}

// --- housekeeping
// -----------------------------------------------------------------------------------------------------

TEST_F(HostSessions, EveryStateComesToRest) {
  resolve();
  send(our_udp());
  receive(their_udp());
  for (std::uint64_t i = 0; i < 20; ++i)
    receive(PacketBuilder{{elsewhere, NodeId{1000 + i}}, us_at_home}.nonce(peer_nonce).udp(1, 2).build());
  up(away, eth1, 5);
  down(home);
  receive(update({at(peer_away), at(elsewhere)}));
  for (int i = 0; i < 10; ++i) send(our_udp());
  wait(seconds{7200});
  EXPECT_EQ(host().ilcc().size(), 0u);
  EXPECT_EQ(host().held_octets(), 0u);
  EXPECT_EQ(host().next_deadline(), never);
}

TEST_F(HostSessions, RemovedNidIsNotOursAnyMore) {
  settle();
  host().remove_own_nid(our_nid);
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_kernel);
  EXPECT_TRUE(dropped_as(send(our_udp()), DropReason::out_foreign_source));
}

TEST_F(HostSessions, AliasesOfThePrefixAreIdentitiesAndNothingElseIs) {
  for (std::uint16_t k = 0; k < tuning.max_siblings; ++k)
    EXPECT_TRUE(host().is_identity({alias_prefix(prefix, k), peer_nid})) << k;
  EXPECT_FALSE(host().is_identity({alias_prefix(prefix, static_cast<std::uint16_t>(tuning.max_siblings)), peer_nid}));
  EXPECT_FALSE(host().is_identity({Locator{prefix.bits + 1}, peer_nid}));
  EXPECT_FALSE(host().is_identity({Locator{prefix.bits + 0x10000}, peer_nid}));
  EXPECT_FALSE(host().is_identity(peer));
}

}  // namespace
}  // namespace ilnp::test
