// SPDX-License-Identifier: Apache-2.0
// Correspondents are told of new names on behalf of nodes inside.
#include <set>

#include "tests/unit/forwarding/site_updates_fixture.h"

namespace ilnp::test {
namespace {

using Names = std::vector<std::pair<Locator, std::uint16_t>>;

class SiteProxyTest : public SiteUpdatesTest {
 protected:
  const ByteVector their_nonce = hex("0badcafe0123456789abcdef");

  /// A packet of an ILNP session in each direction, by the first uplink.
  void open_session(const Address& peer, NodeId mine) {
    ASSERT_TRUE(cross(in, PacketBuilder{{inside, mine}, peer}.nonce(nonce).udp(5, 6, counting(9)).build()).left());
    ASSERT_TRUE(
        cross(up1, PacketBuilder{peer, {outside_1, mine}}.nonce(their_nonce).udp(6, 5, counting(9)).build()).left());
  }
  void open_session() { open_session(correspondent, nid); }
  void state(UplinkId id, UplinkState to) {
    router->uplinks()[id].state = to;
    router->names_changed(now);
  }
  /// What the router says by itself in that time.
  std::vector<SitePacket> said(Duration time = {}) {
    std::vector<SitePacket> all;
    const TimePoint end = now + time;
    for (;;) {
      actions.clear();
      router->on_time(now, actions);
      all.insert(all.end(), actions.packets.begin(), actions.packets.end());
      if (router->next_deadline() > end) break;
      now = std::max(now, router->next_deadline());
    }
    now = end;
    return all;
  }
  static LocatorUpdate update_of(const SitePacket& packet) {
    const HeaderWalk walk = walk_headers(packet.bytes).walk;
    return parse_locator_update(Bytes{packet.bytes}.subspan(walk.upper_offset)).value();
  }
  static Names names_in(const SitePacket& packet) {
    Names names;
    for (const AdvertisedLocator& l : update_of(packet).locators) names.emplace_back(l.locator, l.preference);
    return names;
  }
  Crossing answer(const SitePacket& told, const ByteVector& with) {
    LocatorUpdate update = update_of(told);
    update.operation = LocatorUpdateOperation::acknowledgement;
    const HeaderWalk walk = walk_headers(told.bytes).walk;
    return cross(told.to, message(walk.destination, walk.source, update, with));
  }
  static bool consumed(const Crossing& crossing) { return crossing.verdict.kind == SiteVerdict::Kind::consumed; }
};

TEST_F(SiteProxyTest, CorrespondentIsToldWithTheNodesNonceAndItsAnswerEndsHere) {
  open_session();
  EXPECT_TRUE(said().empty());
  state(0, UplinkState::down);
  const auto told = said();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0].to, up2);
  ByteVector expected =
      hex("60000000 0024 3c40"
          "20010db800a284e2 5c1a97d304be6f21 20010db800c00001 02144ffffe20ee64"
          "3a01 8b0c 41d0c7729e1835fb0a66284c"
          "9c00 0000 01 01 0000 20010db800a284e2 000a 0000");
  for (const std::size_t at : {58u, 59u, 74u, 75u}) expected[at] = told[0].bytes.at(at);  // checksum, lifetime
  EXPECT_SAME_BYTES(told[0].bytes, expected);
  EXPECT_TRUE(checksum_is_good(told[0].bytes));
  const auto lifetime = update_of(told[0]).locators[0].lifetime;
  EXPECT_GE(lifetime, seconds{300});
  EXPECT_LE(lifetime, tuning.updates.lu_lifetime);

  EXPECT_TRUE(consumed(answer(told[0], their_nonce)));
  EXPECT_TRUE(consumed(answer(told[0], their_nonce))) << "a duplicate as well";
  EXPECT_EQ(router->proxy().counters().acknowledged, 1u);
  EXPECT_TRUE(said(seconds{60}).empty());
  router->names_changed(now);
  EXPECT_TRUE(said(seconds{60}).empty()) << "it knows";
}

TEST_F(SiteProxyTest, BothNamesAreListedAndTheBetterOneIsBetter) {
  open_session();
  router->uplinks()[1].preference = 25;
  router->names_changed(now);
  const auto told = said();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(names_in(told[0]), (Names{{outside_1, 10}, {outside_2, 25}}));
  EXPECT_EQ(told[0].to, up1);
}

TEST_F(SiteProxyTest, ToldAgainUntilItAnswersAndByTheOtherUplinksToo) {
  open_session();
  router->uplinks()[1].preference = 25;
  router->names_changed(now);
  std::vector<SitePacket> told = said(seconds{4});
  EXPECT_EQ(told.size(), 5u) << "at 0, 0.2, 0.6, 1.4 and 3 s";
  EXPECT_TRUE(std::any_of(told.begin(), told.end(), [&](const SitePacket& p) { return p.to == up2; }));
  told = said(tuning.session_idle);
  EXPECT_GT(told.size(), 8u);
  EXPECT_LT(told.size(), 20u) << "patiently";
  EXPECT_TRUE(said(seconds{600}).empty()) << "the session is over";
  EXPECT_EQ(router->next_deadline(), never);
}

TEST_F(SiteProxyTest, LifetimesAreRefreshedForSessionsInUse) {
  open_session();
  state(0, UplinkState::down);
  ASSERT_TRUE(consumed(answer(said().at(0), their_nonce)));
  for (int i = 0; i < 4; ++i) {
    EXPECT_TRUE(said(seconds{80}).empty());
    open_session();
  }
  const auto again = said(seconds{80});
  ASSERT_EQ(again.size(), 1u);
  ASSERT_TRUE(consumed(answer(again[0], their_nonce)));
  EXPECT_TRUE(said(seconds{900}).empty()) << "nobody uses it";
}

TEST_F(SiteProxyTest, ForgedAcknowledgementsEndNothing) {
  open_session();
  state(0, UplinkState::down);
  const auto told = said();
  EXPECT_TRUE(went(answer(told.at(0), hex("0badcafe0123456789abcdee")), in, correspondent, node))
      << "whose nonce that is the node knows better";
  EXPECT_EQ(router->proxy().counters().wrong_nonce, 1u);
  EXPECT_EQ(router->proxy().outstanding(), 1u);
  EXPECT_EQ(said(milliseconds{250}).size(), 1u);
  EXPECT_TRUE(consumed(answer(told[0], their_nonce)));
  EXPECT_EQ(router->proxy().outstanding(), 0u);
}

TEST_F(SiteProxyTest, AnswerToAnotherUpdateIsToldAgainWithAFreshBody) {
  open_session();
  state(0, UplinkState::down);
  const auto first = said();
  state(0, UplinkState::up);
  const auto second = said(milliseconds{60});
  ASSERT_EQ(second.size(), 1u);
  EXPECT_TRUE(consumed(answer(first.at(0), their_nonce)));
  EXPECT_EQ(router->proxy().counters().other_ack, 1u);
  const auto third = said(milliseconds{600});
  ASSERT_FALSE(third.empty());
  EXPECT_EQ(names_in(third[0]), names_in(second[0]));
  EXPECT_NE(update_of(third[0]), update_of(second[0]));
}

TEST_F(SiteProxyTest, NodeThatSpeaksForItselfIsNotInterrupted) {
  open_session();
  state(0, UplinkState::down);
  ASSERT_EQ(said().size(), 1u);
  const Crossing own = cross(in, advertisement(node, correspondent, {at(inside)}));
  EXPECT_TRUE(said(seconds{30}).empty());
  const Crossing back = cross(
      up2, message(correspondent, node_outside_2, {LocatorUpdateOperation::acknowledgement, listed(own)}, their_nonce));
  EXPECT_TRUE(went(back, in, correspondent, node)) << "it is the node's";
  router->names_changed(now);
  EXPECT_TRUE(said(seconds{30}).empty()) << "the correspondent knows from the node";
  state(0, UplinkState::up);
  EXPECT_EQ(said().size(), 1u) << "of the next change the node knows nothing";
}

TEST_F(SiteProxyTest, OnlySessionsThatCanBeSpokenFor) {
  const Address esp_peer{{0x2001'0db8'00c0'0002}, {7}}, plain{{0x2001'0db8'00c0'0003}, {8}};
  cross(in, PacketBuilder{node, esp_peer}.nonce(nonce).payload(next_header::esp, counting(40)).build());
  cross(in, udp(node, plain));
  cross(up1, PacketBuilder{correspondent, node_outside}.nonce(their_nonce).udp(6, 5, counting(9)).build());
  state(0, UplinkState::down);
  EXPECT_TRUE(said(seconds{5}).empty());
  EXPECT_EQ(router->proxy().counters().not_possible, 1u);
}

TEST_F(SiteProxyTest, WhoDoesNotKnowTheNonceIsToldNothing) {
  const auto refusal = [&](const ByteVector& sent) {
    const ByteVector error = build_error(icmpv6::parameter_problem, icmpv6::unrecognised_option, 42, sent);
    return PacketBuilder{correspondent, node_outside}.payload(next_header::icmpv6, error).build();
  };
  const auto begin = [&] { return cross(in, PacketBuilder{node, correspondent}.nonce(nonce).udp(5, 6).build()).bytes; };
  const ByteVector guessed = PacketBuilder{node_outside, correspondent}.nonce(counting(12)).udp(5, 6).build();
  ByteVector sent = begin();
  cross(up1, refusal(guessed));
  state(0, UplinkState::down);
  EXPECT_EQ(said().size(), 1u) << "anybody could say so";
  state(0, UplinkState::up);
  cross(up1, refusal(sent));
  EXPECT_TRUE(said(seconds{5}).empty());
  open_session();
  cross(up1, refusal(sent));
  state(0, UplinkState::down);
  EXPECT_EQ(said().size(), 1u) << "it has spoken ILNP";
  state(0, UplinkState::up);
  // One that is silent is told a few times.
  cross(in, PacketBuilder{node, {{0x2001'0db8'00c0'0009}, {9}}}.nonce(nonce).udp(5, 6).build());
  state(1, UplinkState::down);
  const auto told = said(tuning.session_idle);
  const auto to_silent = std::count_if(told.begin(), told.end(), [](const SitePacket& p) {
    return walk_headers(p.bytes).walk.destination.nid == NodeId{9};
  });
  EXPECT_LE(to_silent, tuning.patient_updates);
  EXPECT_GE(to_silent, tuning.patient_updates - 2);
}

TEST_F(SiteProxyTest, AMillionStrangersTakeNothingFromASession) {
  open_session();
  ByteVector stranger = PacketBuilder{correspondent, node_outside}.nonce(their_nonce).udp(6, 5, counting(9)).build();
  for (std::uint64_t n = 0; n < 1'000'000; ++n) {
    store_u64(stranger.data() + 16, 0x0200'0000'0000'0000 + n);
    ByteVector bytes{stranger};
    Packet packet{bytes, 0, bytes.size()};
    router->forward(now, up1, packet, actions);
  }
  EXPECT_LE(router->sessions().size(), router->sessions().capacity());
  state(0, UplinkState::down);
  const auto told = said(seconds{1});
  ASSERT_FALSE(told.empty());
  for (const SitePacket& packet : told) EXPECT_EQ(walk_headers(packet.bytes).walk.destination, correspondent);
  EXPECT_TRUE(consumed(answer(told[0], their_nonce)));
}

TEST_F(SiteProxyTest, CanBeSwitchedOff) {
  tuning.proxy_updates = false;
  restart({{site, provider_1, 0}, {site, provider_2, 1}});
  open_session();
  state(0, UplinkState::down);
  EXPECT_TRUE(said(seconds{5}).empty());
}

TEST_F(SiteProxyTest, TenThousandCorrespondentsAreToldInTurnsTheLastHeardFirst) {
  constexpr std::uint64_t count = 10'000;
  for (std::uint64_t n = 0; n < count; ++n) {
    now += microseconds{10};
    open_session({{0x2001'0db8'00c0'0000 + n}, {n + 1000}}, nid);
  }
  state(0, UplinkState::down);
  std::set<std::uint64_t> told;
  std::size_t most = 0;
  for (int tick = 0; tick < 300 && told.size() < count; ++tick) {
    const auto packets = said(milliseconds{10});
    most = std::max(most, packets.size());
    for (const SitePacket& packet : packets) {
      const Address peer = walk_headers(packet.bytes).walk.destination;
      if (told.empty()) {
        EXPECT_EQ(peer.nid.bits, 1000 + count - 1);
      }
      told.insert(peer.nid.bits);
      EXPECT_TRUE(consumed(answer(packet, their_nonce)));
    }
  }
  EXPECT_EQ(told.size(), count) << "in three seconds";
  EXPECT_LE(most, 400u);
  EXPECT_EQ(router->proxy().outstanding(), 0u);
}

TEST_F(SiteProxyTest, IlnpFlowsMoveWhenToldOthersStay) {
  router->uplinks()[0].state = UplinkState::down;
  const auto ilnp = [&] { return cross(in, PacketBuilder{node, correspondent}.udp(5, 6, counting(9)).build()); };
  const Address plain{{0x2001'0db8'00c0'0003}, {8}};
  cross(in, PacketBuilder{node, correspondent}.nonce(nonce).udp(5, 6, counting(9)).build());
  cross(up2, PacketBuilder{correspondent, node_outside_2}.nonce(their_nonce).udp(6, 5, counting(9)).build());
  EXPECT_TRUE(went(cross(in, udp(node, plain)), up2, node_outside_2, plain));
  state(0, UplinkState::up);
  EXPECT_TRUE(went(ilnp(), up2, node_outside_2, correspondent)) << "it does not know yet";
  ASSERT_TRUE(consumed(answer(said().at(0), their_nonce)));
  EXPECT_TRUE(went(ilnp(), up1, node_outside, correspondent));
  EXPECT_TRUE(went(cross(in, udp(node, plain)), up2, node_outside_2, plain));
}

TEST_F(SiteProxyTest, RestartedRouterGoesOn) {
  std::vector<Flow> flows(FlowTable::rounded(100));
  std::vector<WatchedSession> sessions(WatchedSessions::rounded(100));
  memory = {77, flows, sessions};
  restart({{site, provider_1, 0}, {site, provider_2, 1}});
  const Address plain{{0x2001'0db8'00c0'0003}, {8}};
  cross(up2, udp(plain, node_outside_2, 1, 2));
  open_session();
  restart({{site, provider_1, 0}, {site, provider_2, 1}});
  EXPECT_TRUE(went(cross(in, udp(node, plain, 2, 1)), up2, node_outside_2, plain));
  state(0, UplinkState::down);
  EXPECT_EQ(said().size(), 1u);
}

}  // namespace
}  // namespace ilnp::test
