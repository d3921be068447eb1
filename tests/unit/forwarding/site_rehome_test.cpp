// SPDX-License-Identifier: Apache-2.0
// A node that is at home here and was at home elsewhere before: what began by the names of then goes on by them.
#include "tests/unit/forwarding/site_updates_fixture.h"

namespace ilnp::test {
namespace {

class SiteRehome : public SiteUpdatesTest {
 protected:
  static constexpr Locator former_home = at_other_site, former_outside{0x2001'0db8'00b1'0007};
  const Address plain{{0x2001'0db8'00c0'0003}, {8}}, node_then{former_home, nid};
  const ByteVector their_nonce = hex("0badcafe0123456789abcdef");

  NidEntry& visit() { return know(Presence::visiting, inside, true, former_home); }
  void rehome() {
    NidEntry& entry = *router->nids().find_owner(nid);
    ASSERT_TRUE(router->nids().set_home(entry, inside).has_value());
    ASSERT_TRUE(router->nids().set_former(entry, Place{elsewhere, former_home}).has_value());
    entry.presence = Presence::here;
    entry.is_guest = false;
    router->rehomed(now, nid);
  }
  ByteVector tcp(const Address& source, const Address& destination, std::uint8_t flags, std::uint16_t port = 1) const {
    return PacketBuilder{source, destination}.tcp(port, 80, 1, 1, flags, counting(9)).build();
  }
  Crossing ilnp(const Address& to, std::uint16_t port = 5) {
    return cross(in, PacketBuilder{node, to}.nonce(nonce).udp(port, 6, counting(9)).build());
  }
  std::vector<SitePacket> said() {
    actions.clear();
    router->on_time(now, actions);
    return actions.packets;
  }
  Crossing answer(const SitePacket& told) {
    const HeaderWalk walk = walk_headers(told.bytes).walk;
    LocatorUpdate update = parse_locator_update(Bytes{told.bytes}.subspan(walk.upper_offset)).value();
    update.operation = LocatorUpdateOperation::acknowledgement;
    return cross(told.to, message(walk.destination, walk.source, update, their_nonce));
  }
};

TEST_F(SiteRehome, FlowsOfBeforeGoOnByTheFormerHome) {
  visit();
  EXPECT_TRUE(went(cross(in, udp(node, plain)), link, node, plain));
  EXPECT_TRUE(went(cross(link, udp(correspondent, node, 7, 8)), in, correspondent, node));
  rehome();
  EXPECT_TRUE(went(cross(in, udp(node, plain)), link, node, plain));
  EXPECT_TRUE(went(cross(link, udp(plain, node, 7777, 40000)), in, plain, node));
  EXPECT_TRUE(went(cross(in, udp(node, correspondent, 8, 7)), link, node, correspondent));
  EXPECT_TRUE(went(cross(in, udp(node, plain, 9, 9)), up1, node_outside, plain)) << "a new one";
  EXPECT_TRUE(went(cross(in, udp(node, plain, 9, 9)), up1, node_outside, plain)) << "and what follows";
}

TEST_F(SiteRehome, GuestThatWasAtHomeHereHasSessionsByTheNamesOfItsHome) {
  NidEntry& entry = know(Presence::here, inside);
  EXPECT_TRUE(went(ilnp(correspondent), up1, node_outside, correspondent));
  EXPECT_TRUE(
      cross(up1, PacketBuilder{correspondent, node_outside}.nonce(their_nonce).udp(6, 5, counting(9)).build()).left());
  EXPECT_TRUE(went(cross(in, udp(node, plain)), up1, node_outside, plain));
  ASSERT_TRUE(router->nids().set_home(entry, former_home).has_value());
  entry.presence = Presence::visiting;
  entry.is_guest = true;
  EXPECT_TRUE(went(ilnp(correspondent), link, node, correspondent)) << "it has been told them";
  EXPECT_TRUE(went(cross(in, udp(node, plain)), up1, node_outside, plain)) << "nobody can tell it";
}

TEST_F(SiteRehome, NeighboursKeepTheNameThatTheyKnow) {
  visit();
  EXPECT_TRUE(went(cross(in, tcp(node, neighbour, 0x18)), in, node_then, neighbour));
  rehome();
  EXPECT_TRUE(went(cross(in, tcp(node, neighbour, 0x18)), in, node_then, neighbour));
  EXPECT_TRUE(went(cross(in, udp(neighbour, node_then)), in, neighbour, node));
  EXPECT_TRUE(went(cross(in, tcp(node, neighbour, 0x02, 2)), in, node, neighbour)) << "a new one";
  EXPECT_TRUE(went(cross(in, tcp(node, neighbour, 0x10, 2)), in, node, neighbour));
}

TEST_F(SiteRehome, ConnectionThatThisRouterHasNotSeenIsOneOfBefore) {
  visit();
  rehome();
  EXPECT_TRUE(went(cross(in, tcp(node, plain, 0x18)), link, node, plain));
  EXPECT_TRUE(went(cross(in, tcp(node, plain, 0x02, 2)), up1, node_outside, plain));
  EXPECT_TRUE(went(cross(in, tcp(node, plain, 0x10, 2)), up1, node_outside, plain));
  EXPECT_TRUE(went(cross(up1, tcp(plain, node_outside, 0x02)), in, plain, node));
}

TEST_F(SiteRehome, CorrespondentIsToldBothNamesAndThenTheSessionChanges) {
  ASSERT_TRUE(router->map_of(elsewhere).add({other_site, {{0x2001'0db8'00b1'0000}, 48}, 0, Mapping::replace}));
  visit();
  EXPECT_TRUE(went(ilnp(correspondent), link, node, correspondent));
  cross(link, PacketBuilder{correspondent, node}.nonce(their_nonce).udp(6, 5, counting(9)).build());
  EXPECT_TRUE(said().empty());
  rehome();
  const auto told = said();
  ASSERT_EQ(told.size(), 1u);
  const HeaderWalk walk = walk_headers(told[0].bytes).walk;
  EXPECT_EQ(told[0].to, up1);
  EXPECT_EQ(walk.source, node_outside);
  EXPECT_EQ(walk.destination, correspondent);
  const auto list = parse_locator_update(Bytes{told[0].bytes}.subspan(walk.upper_offset)).value().locators;
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[0].locator, outside_1);
  EXPECT_EQ(list[0].preference, 10);
  EXPECT_EQ(list[1].locator, outside_2);
  EXPECT_EQ(list[2].locator, former_outside);
  EXPECT_EQ(list[2].preference, 1010);

  EXPECT_TRUE(went(ilnp(correspondent), link, node, correspondent)) << "not acknowledged";
  EXPECT_EQ(answer(told[0]).verdict.kind, SiteVerdict::Kind::consumed);
  EXPECT_TRUE(went(ilnp(correspondent), up1, node_outside, correspondent));
  EXPECT_TRUE(went(ilnp(correspondent, 55), up1, node_outside, correspondent));
  EXPECT_TRUE(said().empty());
}

TEST_F(SiteRehome, AnswerToAProbeOfANewNameLeavesByThatName) {
  visit();
  ilnp(correspondent);
  rehome();
  const auto probe = PacketBuilder{correspondent, node_outside_2}.nonce(their_nonce).echo_request(1, 2, counting(9));
  EXPECT_TRUE(went(cross(up2, probe.build()), in, correspondent, node));
  EXPECT_TRUE(went(cross(in, PacketBuilder{node, correspondent}.nonce(nonce).icmpv6(129, 0, hex("00010002")).build()),
                   up2, node_outside_2, correspondent));
}

TEST_F(SiteRehome, NodesOwnUpdateListsBothAndItsAcknowledgementIsItsOwn) {
  ASSERT_TRUE(router->map_of(elsewhere).add({other_site, {{0x2001'0db8'00b1'0000}, 48}, 0, Mapping::replace}));
  visit();
  ilnp(correspondent);
  rehome();
  const Crossing own = cross(in, advertisement(node, correspondent, {at(inside)}));
  EXPECT_TRUE(went(own, up1, node_outside, correspondent));
  EXPECT_EQ(listed(own), (std::vector{at(outside_1, 10), at(outside_2, 11), at(former_outside, 1010)}));
  EXPECT_TRUE(said().empty()) << "the router need not";
  const Crossing back = cross(up1, acknowledgement(correspondent, node_outside, listed(own)));
  EXPECT_TRUE(went(back, in, correspondent, node));
  EXPECT_EQ(listed(back), (std::vector{at(inside)}));
  EXPECT_TRUE(went(ilnp(correspondent), up1, node_outside, correspondent));
}

TEST_F(SiteRehome, SessionThatAppearsAfterTheMoveIsToldAsWell) {
  visit();
  rehome();
  EXPECT_TRUE(said().empty());
  ilnp(correspondent);
  EXPECT_EQ(said().size(), 1u);
}

TEST_F(SiteRehome, FormerNamesEndWhenNobodyGoesByThem) {
  visit();
  cross(in, udp(node, plain));
  rehome();
  NidEntry& entry = *router->nids().find_owner(nid);
  router->set_former_end(entry, now + tuning.grace);
  for (int i = 0; i < 3; ++i) {
    now += tuning.grace - seconds{1};
    said();
    EXPECT_TRUE(went(cross(in, udp(node, plain)), link, node, plain));
  }
  now += tuning.grace;
  said();
  EXPECT_FALSE(entry.former);
  EXPECT_EQ(router->nids().find(nid, former_home), nullptr);
  EXPECT_TRUE(went(cross(in, udp(node, plain)), up1, node_outside, plain));
  EXPECT_TRUE(dropped(cross(link, udp(plain, node)), SiteDropReason::link_stranger));
}

// --- At the former home

TEST_F(SiteRehome, FormerHomeTellsTheNamesOfTodayAndOfThenApart) {
  NidEntry& entry = know(Presence::away, at_other_site);
  entry.is_former_home = true;
  const Address node_there{at_other_site, nid};
  EXPECT_TRUE(went(cross(link, udp(node_there, plain)), up1, node_outside, plain));
  EXPECT_TRUE(went(cross(link, udp(node, neighbour)), in, node, neighbour)) << "by the name of then";
  EXPECT_TRUE(went(cross(link, udp(node_there, neighbour)), in, node_there, neighbour)) << "by that of today";
}

TEST_F(SiteRehome, FormerHomeDoesNotSpeakForTheNodeAnyMore) {
  NidEntry& entry = know(Presence::away, at_other_site);
  const Address node_there{at_other_site, nid};
  cross(link, PacketBuilder{node_there, correspondent}.nonce(nonce).udp(5, 6, counting(9)).build());
  router->uplinks()[0].state = UplinkState::down;
  router->names_changed(now);
  EXPECT_EQ(said().size(), 1u) << "of a node that is away it does";
  entry.is_former_home = true;
  router->uplinks()[0].state = UplinkState::up;
  router->names_changed(now);
  now += seconds{1};
  EXPECT_TRUE(said().empty());
}

TEST_F(SiteRehome, WhoReturnsIsSpokenForAgain) {
  visit();
  cross(link, PacketBuilder{correspondent, node}.nonce(their_nonce).udp(6, 5, counting(9)).build());
  EXPECT_TRUE(went(ilnp(correspondent), link, node, correspondent));
  rehome();
  const auto told = said();
  ASSERT_EQ(told.size(), 1u);
  answer(told[0]);
  EXPECT_TRUE(said().empty());
  // Its home moves on, and there somebody else tells the correspondent.
  NidEntry& entry = *router->nids().find_owner(nid);
  entry.is_former_home = true;
  router->rehomed(now, nid);
  entry.is_former_home = false;
  rehome();
  EXPECT_EQ(said().size(), 1u);
}

}  // namespace
}  // namespace ilnp::test
