// SPDX-License-Identifier: Apache-2.0
// A restarted daemon goes on with the sessions; a damaged file loses no more than what is damaged.
#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {
namespace {

class HostStateFile : public HostTest {
 protected:
  /// The daemon ends and starts again; the sessions come from `saved`.
  bool restart_with(const ByteVector& saved) {
    forwarder = std::make_unique<HostForwarder>(tuning, prefix, random, hasher);
    forwarder->add_own_nid(our_nid);
    Actions actions;
    const bool whole = forwarder->restore(now, saved, actions);
    return whole;
  }
  bool restart() { return restart_with(host().save(now)); }
};

TEST_F(HostStateFile, SessionGoesOnWithItsNoncesAndLocators) {
  settle();
  receive(answer(receive(update({at(peer_away), at(peer_home, 20)})).actions.to_wire.at(1).bytes));
  now += milliseconds{200};
  ASSERT_TRUE(restart());
  ASSERT_EQ(state(), PeerState::established);
  EXPECT_EQ(entry()->name, "peer.example.org");
  const Outcome back = up(home);
  ASSERT_EQ(back.actions.to_wire.size(), 1u) << "the peer is told where we are";
  EXPECT_EQ(nonce_in(back.actions.to_wire[0].bytes), our_nonce);
  const Outcome o = send(our_udp());
  EXPECT_EQ(walk_of(o.packet).destination, peer_moved) << "reachable as before";
  EXPECT_EQ(nonce_in(o.packet), our_nonce) << "the peer may have restarted too";
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
}

TEST_F(HostStateFile, ReplaysAreKnownAcrossARestart) {
  settle();
  const ByteVector old = update({at(peer_away)});
  receive(old);
  receive(update({at(elsewhere)}));
  ASSERT_TRUE(restart());
  up(home);
  EXPECT_TRUE(dropped_as(receive(old), DropReason::lu_replay));
  EXPECT_EQ(receive(update({at(elsewhere)})).event(EventKind::peer_moved), nullptr) << "a retransmission";
}

TEST_F(HostStateFile, OurUpdatesDoNotRepeatThemselvesAcrossARestart) {
  settle();
  std::vector<std::vector<AdvertisedLocator>> told;
  for (int i = 0; i < 3; ++i) {
    now += seconds{1};
    for (const Outcome& o : {down(home), up(home)})
      for (const ByteVector& packet : o.wire())
        if (is_locator_update(packet)) {
          told.push_back(update_in(packet).locators);
          receive(answer(packet));
        }
  }
  ASSERT_GE(told.size(), 2u);
  ASSERT_TRUE(restart());
  const Outcome back = up(home);
  const auto again = update_in(back.actions.to_wire.at(0).bytes).locators;
  EXPECT_EQ(std::count(told.begin(), told.end(), again), 0);
}

TEST_F(HostStateFile, PlainSessionsAndAliasesKeepTheirAddresses) {
  resolve();
  send(our_udp());
  wait(tuning.try_timeout);
  ASSERT_EQ(state(), PeerState::fallback);
  Actions actions;
  const auto second = host().resolved(now, "other", our_nid, peer_nid, {{elsewhere, 10, seconds{60}}}, actions);
  send(PacketBuilder{our_identity, *second}.udp(40000, 7777, text("x")).build());
  receive(PacketBuilder{{elsewhere, peer_nid}, us_at_home}.nonce(counting(12)).udp(7777, 40000).build());
  ASSERT_TRUE(restart());
  up(home);
  EXPECT_EQ(state(), PeerState::fallback);
  EXPECT_FALSE(has_nonce(send(our_udp()).packet));
  const Outcome o = send(PacketBuilder{our_identity, *second}.udp(40000, 7777, text("x")).build());
  EXPECT_EQ(walk_of(o.packet).destination.locator, elsewhere);
}

TEST_F(HostStateFile, TentativeEntriesAreNotKept) {
  resolve();
  receive(PacketBuilder{{elsewhere, NodeId{5}}, us_at_home}.nonce(counting(12)).udp(1, 2).build());
  ASSERT_EQ(host().ilcc().size(), 2u);
  ASSERT_TRUE(restart());
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(HostStateFile, LongIdleSessionWithOpenSocketsIsAskedForAgainBeforeItIsClosed) {
  settle();
  Outcome o = wait(tuning.idle);
  for (const CorrespondentId id : o.actions.flow_checks) host().set_pinned(now, id, true);
  wait(seconds{30});
  ASSERT_TRUE(restart());
  up(home);
  for (int i = 0; i < 60; ++i) {
    o = wait(seconds{60});
    for (const CorrespondentId id : o.actions.flow_checks) host().set_pinned(now, id, true);
  }
  EXPECT_EQ(state(), PeerState::established);
}

TEST_F(HostStateFile, ErrorsAboutWhatWasSentBeforeTheRestartAreStillOurs) {
  settle();
  const ByteVector sent = send(our_udp()).packet;
  ASSERT_TRUE(restart());
  up(home);
  EXPECT_EQ(receive(error_about(sent, icmpv6::packet_too_big, 0, 1300)).actions.to_identity.size(), 1u);
}

TEST_F(HostStateFile, ForeignFilesAreRefused) {
  settle();
  const ByteVector good = host().save(now);
  EXPECT_FALSE(restart_with({}));
  ByteVector magic = good;
  magic[0] ^= 1;
  EXPECT_FALSE(restart_with(magic));
  ByteVector version = good;
  version[5] ^= 1;
  EXPECT_FALSE(restart_with(version));
  ByteVector other_prefix = good;
  other_prefix[6] ^= 1;
  EXPECT_FALSE(restart_with(other_prefix));
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(HostStateFile, FileOfAnotherBootIsRefused) {
  settle();
  const ByteVector saved = host().save(now);
  now -= seconds{500};
  EXPECT_FALSE(restart_with(saved));
  EXPECT_EQ(host().ilcc().size(), 0u);
}

TEST_F(HostStateFile, CutFileKeepsTheSessionsBeforeTheCut) {
  settle();
  Actions actions;
  const auto second = host().resolved(now, "other", our_nid, NodeId{9}, {{elsewhere, 10, seconds{60}}}, actions);
  send(PacketBuilder{our_identity, *second}.udp(40000, 7777).build());
  receive(PacketBuilder{{elsewhere, NodeId{9}}, us_at_home}.nonce(counting(12)).udp(7777, 40000).build());
  const ByteVector whole = host().save(now);
  constexpr std::size_t flows = 4;  // their number, behind the sessions
  std::size_t most = 0;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_FALSE(restart_with({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)})) << length;
    EXPECT_GE(host().ilcc().size(), most);
    most = host().ilcc().size();
    EXPECT_EQ(most == 2, length >= whole.size() - flows);
  }
  EXPECT_TRUE(restart_with(whole));
  EXPECT_EQ(host().ilcc().size(), 2u);
}

TEST_F(HostStateFile, EveryDamagedOctetIsSurvived) {
  settle();
  receive(update({at(peer_away), at(peer_home, 20)}));
  const ByteVector whole = host().save(now);
  for (std::size_t i = 0; i < whole.size(); ++i)
    for (const unsigned flip : {0x01u, 0x80u, 0xffu}) {
      ByteVector damaged = whole;
      damaged[i] = static_cast<std::uint8_t>(damaged[i] ^ flip);
      restart_with(damaged);
      up(home);
      send(our_udp());
      receive(their_udp());
      wait(seconds{10});
      EXPECT_LE(host().ilcc().size(), 2u);
    }
}

TEST_F(HostStateFile, SessionsOfANidThatWeGaveUpAreLeftOut) {
  settle();
  const ByteVector saved = host().save(now);
  forwarder = std::make_unique<HostForwarder>(tuning, prefix, random, hasher);
  forwarder->add_own_nid(NodeId{4});
  Actions actions;
  EXPECT_TRUE(forwarder->restore(now, saved, actions));
  EXPECT_EQ(forwarder->ilcc().size(), 0u);
}

// A machine takes over whose clock began at another time: long before ours, or a moment ago.
class HostStateFileElsewhere : public HostStateFile, public ::testing::WithParamInterface<Duration> {
 protected:
  bool take_over(Duration age) {
    const ByteVector saved = host().save(now);
    now = TimePoint{GetParam()};
    forwarder = std::make_unique<HostForwarder>(tuning, prefix, random, hasher);
    forwarder->add_own_nid(our_nid);
    Actions actions;
    return forwarder->restore(now, saved, actions, age);
  }
};

TEST_P(HostStateFileElsewhere, SessionGoesOnByTheOtherClock) {
  settle();
  const ByteVector old = update({at(peer_away)});
  receive(old);
  receive(update({at(elsewhere)}));
  now += seconds{1};
  ASSERT_TRUE(take_over(milliseconds{300}));
  ASSERT_EQ(state(), PeerState::established);
  EXPECT_GE(entry()->last_received, TimePoint{Duration{1}});
  EXPECT_LE(entry()->last_received, now - milliseconds{300}) << "never after the writing";
  up(home);
  EXPECT_EQ(nonce_in(send(our_udp()).packet), our_nonce);
  EXPECT_EQ(receive(their_udp()).verdict.disposition, Disposition::to_identity);
  EXPECT_TRUE(dropped_as(receive(old), DropReason::lu_replay));
  EXPECT_TRUE(restart_with(host().save(now))) << "by its own clock from now on";
  EXPECT_EQ(state(), PeerState::established);
}

TEST_P(HostStateFileElsewhere, WhatWasLongAgoIsLongAgoThere) {
  settle();
  now += seconds{5};
  const Duration silence = now - entry()->last_received;
  ASSERT_TRUE(take_over(seconds{2}));
  EXPECT_EQ(entry()->last_received, std::max(now - silence - seconds{2}, TimePoint{Duration{1}}));
  EXPECT_FALSE(restart_with(ByteVector(40, 0xff)));
}

INSTANTIATE_TEST_SUITE_P(Clocks, HostStateFileElsewhere,
                         ::testing::Values(seconds{1}, std::chrono::hours{24 * 365}, Duration::max() / 2));

// Sessions under an ephemeral NID.
class HostStateFileClients : public HostStateFile {
 protected:
  const Address client{prefix, OwnNids::client};
  static constexpr NodeId ours{0x1000'0000'0000'0001};

  ByteVector begin_and_save() {
    host().use_ephemeral_nids(true);
    host().nids().provision(NodeId{1});  // the spare
    host().nids().provision(ours);
    Actions actions;
    EXPECT_TRUE(host().resolved(now, "peer", OwnNids::client, peer_nid, {{peer_home, 10, seconds{60}}}, actions));
    send(PacketBuilder{client, peer_identity}.udp(40000, 7777).build());
    EXPECT_EQ(hear().verdict.disposition, Disposition::to_identity);
    return host().save(now);
  }
  Outcome hear() { return receive(PacketBuilder{peer, {home, ours}}.nonce(peer_nonce).udp(7777, 40000).build()); }
  static std::size_t place_of(const ByteVector& in, NodeId nid) {
    ByteVector octets;
    ByteWriter{octets}.u64(nid.bits);
    return static_cast<std::size_t>(std::search(in.begin(), in.end(), octets.begin(), octets.end()) - in.begin());
  }
};

TEST_F(HostStateFileClients, GoOnUnderIt) {
  ASSERT_TRUE(restart_with(begin_and_save()));
  EXPECT_EQ(host().nids().of_peer(peer_nid), ours);
  up(home);
  const Outcome out = send(PacketBuilder{client, peer_identity}.udp(40000, 7777).build());
  ASSERT_EQ(out.verdict.disposition, Disposition::to_wire) << "with the option switched off as well";
  EXPECT_EQ(walk_of(out.packet).source.nid, ours);
  const Outcome in = hear();
  ASSERT_EQ(in.verdict.disposition, Disposition::to_identity);
  EXPECT_EQ(walk_of(in.packet).destination, client);
  wait(3 * tuning.idle + tuning.closing);
  EXPECT_EQ(host().nids().ephemeral(), 0u);
}

TEST_F(HostStateFileClients, OnlyNodeIdentifiersOfSessionsComeBack) {
  ASSERT_TRUE(restart_with(begin_and_save()));
  EXPECT_EQ(host().nids().ephemeral(), 1u);
}

TEST_F(HostStateFileClients, ClaimsThatCannotBeTrueAreLeftOut) {
  const ByteVector good = begin_and_save();
  const std::size_t place = place_of(good, ours);
  ASSERT_LT(place, good.size());
  for (const NodeId wrong : {NodeId{}, our_nid, OwnNids::client}) {
    ByteVector bad = good;
    store_u64(bad.data() + place, wrong.bits);
    restart_with(bad);
    EXPECT_EQ(host().ilcc().size(), 0u) << wrong.bits;
    EXPECT_EQ(host().nids().ephemeral(), 0u);
  }
  ByteVector not_ephemeral = good;
  not_ephemeral[place - 1] = static_cast<std::uint8_t>(not_ephemeral[place - 1] & ~4u);
  restart_with(not_ephemeral);
  EXPECT_EQ(host().ilcc().size(), 0u) << "a NID that is not the node's";
  for (const NodeId wrong : {our_nid, OwnNids::client, ours}) {
    ByteVector bad = good;
    store_u64(bad.data() + place_of(good, peer_nid), wrong.bits);
    restart_with(bad);
    EXPECT_EQ(host().ilcc().size(), 0u) << "a peer with a NID of ours " << wrong.bits;
  }
}

// Flows with correspondents without ILNP.
class HostStateFileIpOnly : public HostStateFile {
 protected:
  const Address plain{{0x20010db800770001}, {0x99}};

  void SetUp() override { host().bind_ip_only({53}); }
  bool restart_bound(const ByteVector& saved) {
    forwarder = std::make_unique<HostForwarder>(tuning, prefix, random, hasher);
    forwarder->add_own_nid(our_nid);
    forwarder->bind_ip_only({53});
    Actions actions;
    return forwarder->restore(now, saved, actions);
  }
  Outcome they_send(const Address& to, std::uint16_t port) {
    return receive(PacketBuilder{plain, to}.tcp(port, 22, 1, 0, syn).build(), eth1);
  }
  Outcome we_send(std::uint16_t port) {
    return send(PacketBuilder{our_identity, plain}.tcp(22, port, 1, 2, ack, text("octets")).build());
  }
  Address source_of(const Outcome& o) { return walk_of(o.wire().at(0)).source; }
  /// A flow by the locator that is not the best.
  ByteVector begin_and_save() {
    up(away, eth1, 20);
    they_send(us_away, 50000);
    EXPECT_EQ(source_of(we_send(50000)), us_away);
    return host().save(now);
  }
};

TEST_F(HostStateFileIpOnly, FlowGoesOnByItsLocatorAlsoWhenWeSpeakFirst) {
  ASSERT_TRUE(restart_bound(begin_and_save()));
  EXPECT_EQ(host().ip_only_flows(), 1u);
  up(home);
  up(away, eth1, 20);
  EXPECT_EQ(source_of(we_send(50000)), us_away);
  EXPECT_EQ(source_of(we_send(50001)), us_at_home) << "others by the best";
  ASSERT_TRUE(restart_bound(host().save(now)));
  EXPECT_EQ(host().ip_only_flows(), 2u) << "and once more";
}

TEST_F(HostStateFileIpOnly, WhatOurKernelNeverAnsweredIsLeftOut) {
  they_send(us_at_home, 50000);
  ASSERT_EQ(host().ip_only_flows(), 1u);
  ASSERT_TRUE(restart_bound(host().save(now)));
  EXPECT_EQ(host().ip_only_flows(), 0u);
}

TEST_F(HostStateFileIpOnly, FileIsOutOfDateWhenAFlowIsNewOrGoesByAnotherLocator) {
  up(away, eth1, 20);
  EXPECT_FALSE(they_send(us_away, 50000).actions.sessions_changed) << "of strangers alone it is not written";
  EXPECT_TRUE(we_send(50000).actions.sessions_changed);
  EXPECT_FALSE(we_send(50000).actions.sessions_changed);
  EXPECT_TRUE(we_send(50001).actions.sessions_changed);
  down(away, eth1);
  EXPECT_TRUE(we_send(50000).actions.sessions_changed);
  EXPECT_FALSE(we_send(50000).actions.sessions_changed);
}

TEST_F(HostStateFileIpOnly, WithoutTheOptionAndWithoutTheNidFlowsAreForgotten) {
  const ByteVector saved = begin_and_save();
  EXPECT_TRUE(restart_with(saved)) << "without the option";
  EXPECT_EQ(host().ip_only_flows(), 0u);
  forwarder = std::make_unique<HostForwarder>(tuning, prefix, random, hasher);
  forwarder->add_own_nid(NodeId{4});
  forwarder->bind_ip_only({53});
  Actions actions;
  EXPECT_TRUE(forwarder->restore(now, saved, actions));
  EXPECT_EQ(host().ip_only_flows(), 0u);
}

TEST_F(HostStateFileIpOnly, DamagedAndCutFilesAreSurvived) {
  const ByteVector whole = begin_and_save();
  for (std::size_t length = 0; length < whole.size(); ++length)
    EXPECT_FALSE(restart_bound({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)})) << length;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    ByteVector damaged = whole;
    damaged[i] ^= 0x81;
    restart_bound(damaged);
    up(home);
    we_send(50000);
    EXPECT_LE(host().ip_only_flows(), 2u);
  }
}

}  // namespace
}  // namespace ilnp::test
