// SPDX-License-Identifier: Apache-2.0
// Nodes that moved: reached where they are, under the names that their correspondents know
// (docs/protocol/border-router).
#include "tests/unit/forwarding/site_fixture.h"

namespace ilnp::test {
namespace {

class SiteMoves : public SiteTest {
 protected:
  const Address node_there{at_other_site, nid};
};

// --- Its home

TEST_F(SiteMoves, NodeThatIsAwayIsReachedByTheLink) {
  know(Presence::away, at_other_site);
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there));
  EXPECT_TRUE(went(cross(in, udp(neighbour, node)), link, neighbour, node_there)) << "from inside as well";
}

TEST_F(SiteMoves, WhatItSendsLeavesByItsOldName) {
  know(Presence::away, at_other_site);
  EXPECT_TRUE(went(cross(link, udp(node_there, correspondent)), up1, node_outside, correspondent));
  EXPECT_TRUE(went(cross(link, udp(node_there, neighbour)), in, node, neighbour));
  const auto neighbours_name = router->map().to_outside(subnet_2, 1);
  EXPECT_TRUE(went(cross(link, udp(node_there, {*neighbours_name, other_nid})), in, node_outside_2, neighbour));
  EXPECT_TRUE(went(cross(in, udp(neighbour, node_outside_2)), link, {*neighbours_name, other_nid}, node_there));
}

TEST_F(SiteMoves, CorrespondentSeesNoChange) {
  const ByteVector packet = PacketBuilder{node, correspondent}.tcp(40000, 80, 7, 8, 0x18, text("GET /")).build();
  const ByteVector before = cross(in, packet).bytes;
  know(Presence::away, at_other_site);
  const ByteVector from_there =
      PacketBuilder{node_there, correspondent}.tcp(40000, 80, 7, 8, 0x18, text("GET /")).build();
  EXPECT_SAME_BYTES(cross(link, from_there).bytes, before);
}

TEST_F(SiteMoves, NodeWithoutIlnpKeepsItsAddress) {
  know(Presence::away, inside, false, inside, false);
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node));
  EXPECT_TRUE(went(cross(link, udp(node, correspondent)), up1, node_outside, correspondent));
}

TEST_F(SiteMoves, NobodyElseSpeaksForIt) {
  know(Presence::away, at_other_site);
  EXPECT_TRUE(dropped(cross(in, udp(node, correspondent)), SiteDropReason::inside_source_elsewhere));
  EXPECT_TRUE(dropped(cross(in, udp({subnet_2, nid}, correspondent)), SiteDropReason::inside_source_elsewhere));
  EXPECT_TRUE(dropped(cross(Side::link(5), udp(node_there, correspondent)), SiteDropReason::link_stranger));
  EXPECT_TRUE(dropped(cross(link, udp({at_other_site, other_nid}, correspondent)), SiteDropReason::link_stranger))
      << "the other site's own nodes leave by its own uplinks";
  EXPECT_TRUE(dropped(cross(link, udp(correspondent, node)), SiteDropReason::link_stranger))
      << "the world does not come by the link to a node whose home is here";
}

TEST_F(SiteMoves, NothingGoesBackByTheLinkThatItCameFrom) {
  know(Presence::away, at_other_site);
  EXPECT_TRUE(dropped(cross(link, udp({at_other_site, other_nid}, node)), SiteDropReason::link_loop));
}

TEST_F(SiteMoves, TwoThatAreAtTheSameSiteMeetByTheirNamesHere) {
  know(Presence::away, at_other_site);
  NidEntry other;
  other.nid = other_nid;
  other.home = subnet_2;
  other.now = at_other_site;
  other.presence = Presence::away;
  other.site = elsewhere;
  other.owns_nid = true;
  ASSERT_TRUE(router->nids().insert(other).has_value());
  const Address other_there{at_other_site, other_nid}, other_outside{*router->map().to_outside(subnet_2, 0), other_nid};
  EXPECT_TRUE(went(cross(link, udp(node_there, other_outside)), link, node_outside, other_there));
  EXPECT_TRUE(went(cross(link, udp(other_there, node_outside)), link, other_outside, node_there));
}

// --- The place where it is

TEST_F(SiteMoves, GuestsTrafficGoesThroughItsHome) {
  know(Presence::visiting, inside, true, at_other_site);
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), link, node, correspondent)) << "unchanged";
  EXPECT_TRUE(went(cross(link, udp(correspondent, {at_other_site, nid})), in, correspondent, node));
  EXPECT_TRUE(went(cross(link, udp(correspondent, node)), in, correspondent, node));
}

TEST_F(SiteMoves, GuestAndThoseHereMeetWithoutDetour) {
  know(Presence::visiting, inside, true, at_other_site);
  EXPECT_TRUE(went(cross(in, udp(node, neighbour)), in, {at_other_site, nid}, neighbour)) << "by the name that stays";
  EXPECT_TRUE(went(cross(in, udp(neighbour, {at_other_site, nid})), in, neighbour, node));
}

TEST_F(SiteMoves, GuestWithoutIlnpIsNoForeignSource) {
  EXPECT_TRUE(dropped(cross(in, udp({at_other_site, nid}, correspondent)), SiteDropReason::inside_foreign_source));
  know(Presence::visiting, at_other_site, true, at_other_site, false);
  EXPECT_TRUE(went(cross(in, udp({at_other_site, nid}, correspondent)), link, {at_other_site, nid}, correspondent));
  EXPECT_TRUE(went(cross(link, udp(correspondent, {at_other_site, nid})), in, correspondent, {at_other_site, nid}));
}

TEST_F(SiteMoves, LatePacketsFollowAGuestThatWentOn) {
  NidEntry& entry = know(Presence::away, Locator{0xfd5c'0000'0000'0001}, true, at_other_site);
  entry.site = 2;
  router->set_end(entry, now + seconds{300});
  EXPECT_TRUE(went(cross(link, udp(correspondent, {at_other_site, nid})), Side::link(2), correspondent,
                   {Locator{0xfd5c'0000'0000'0001}, nid}));
  now += seconds{301};
  router->on_time(now, actions);
  EXPECT_TRUE(dropped(cross(link, udp(correspondent, {at_other_site, nid})), SiteDropReason::link_stranger));
}

TEST_F(SiteMoves, EachLinkHasItsOwnSize) {
  NidEntry& entry = know(Presence::away, at_other_site);
  const ByteVector sent = PacketBuilder{correspondent, node_outside}.udp(1, 2, counting(1400)).build();
  ASSERT_TRUE(cross(up1, sent).left());
  router->set_link_mtu(link.number, 1400);
  EXPECT_TRUE(dropped(cross(up1, sent), SiteDropReason::too_big));
  ASSERT_EQ(actions.packets.size(), 1u);
  EXPECT_EQ(actions.packets[0].to, up1);
  EXPECT_EQ(load_u32(actions.packets[0].bytes.data() + 44), 1400u);
  entry.site = 2;
  EXPECT_TRUE(cross(up1, sent).left());
}

TEST_F(SiteMoves, GracePeriodStartsAnewWithEachPacketThatNeedsIt) {
  NidEntry& entry = know(Presence::away, at_other_site);
  router->set_end(entry, now + tuning.grace);
  for (int i = 0; i < 4; ++i) {
    now += tuning.grace - seconds{1};
    router->on_time(now, actions);
    EXPECT_TRUE(i % 2 == 0 ? went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there)
                           : went(cross(link, udp(node_there, correspondent)), up1, node_outside, correspondent));
  }
  now += tuning.grace;
  router->on_time(now, actions);
  EXPECT_EQ(router->nids().find_owner(nid), nullptr);
  EXPECT_EQ(router->next_deadline(), never);
}

TEST_F(SiteMoves, FormerHomeSendsAfterIt) {
  NidEntry& entry = know(Presence::here, inside);
  EXPECT_TRUE(dropped(cross(link, udp(correspondent, node)), SiteDropReason::link_stranger));
  ASSERT_TRUE(router->nids().set_former(entry, Place{elsewhere, at_other_site}).has_value());
  EXPECT_TRUE(went(cross(link, udp(correspondent, node)), in, correspondent, node));
  EXPECT_TRUE(went(cross(in, udp(neighbour, node_there)), in, neighbour, node))
      << "by the name that it had here before";
  EXPECT_TRUE(dropped(cross(Side::link(5), udp(correspondent, node)), SiteDropReason::link_stranger));
}

TEST_F(SiteMoves, MoveToAnotherSubnetIsInvisibleToo) {
  know(Presence::here, inside);
  ASSERT_TRUE(cross(in, udp({subnet_2, nid}, correspondent)).left());
  ASSERT_EQ(actions.events.size(), 1u);
  EXPECT_EQ(actions.events[0].kind, SiteEventKind::node_moved);
  EXPECT_TRUE(went(cross(in, udp({subnet_2, nid}, correspondent)), up1, node_outside, correspondent));
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), in, correspondent, {subnet_2, nid}));
  EXPECT_TRUE(went(cross(in, udp({subnet_2, nid}, neighbour)), in, node, neighbour));
}

TEST_F(SiteMoves, NodesOfBothSitesMeetByTheirInsideNames) {
  const Address other{at_other_site, other_nid};
  EXPECT_TRUE(went(cross(in, udp(node, other)), link, node, other));
  EXPECT_TRUE(went(cross(link, udp(other, node)), in, other, node));
}

// --- Arriving

TEST_F(SiteMoves, PacketsWaitUntilTheNodeIsHeardAndKeepTheirOrder) {
  NidEntry& entry = know(Presence::arriving, inside);
  for (std::uint16_t port = 1; port <= 3; ++port)
    EXPECT_EQ(cross(up1, udp(correspondent, node_outside, port)).verdict.kind, SiteVerdict::Kind::held);
  EXPECT_GT(router->held_octets(), 0u);
  const Crossing first = cross(in, udp(node, correspondent));
  EXPECT_TRUE(went(first, up1, node_outside, correspondent));
  ASSERT_EQ(actions.packets.size(), 3u);
  for (std::uint16_t port = 1; port <= 3; ++port) {
    const SitePacket& held = actions.packets[port - 1u];
    EXPECT_EQ(held.to, in);
    EXPECT_EQ(load_u16(held.bytes.data() + 40), port);
    EXPECT_EQ(Address::load(held.bytes.data() + 24), node);
    EXPECT_EQ(held.bytes[7], 63);
    EXPECT_TRUE(checksum_is_good(held.bytes));
  }
  EXPECT_EQ(entry.presence, Presence::here);
  EXPECT_EQ(router->held_octets(), 0u);
  EXPECT_EQ(router->next_deadline(), never);
}

TEST_F(SiteMoves, GuestArrivesUnderTheLocatorThatItGotHere) {
  NidEntry& entry = know(Presence::arriving, at_other_site, true, at_other_site);
  EXPECT_EQ(cross(link, udp(correspondent, {at_other_site, nid})).verdict.kind, SiteVerdict::Kind::held);
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), link, node, correspondent));
  EXPECT_EQ(entry.presence, Presence::visiting);
  EXPECT_EQ(entry.now, inside);
  ASSERT_EQ(actions.packets.size(), 1u);
  EXPECT_EQ(Address::load(actions.packets[0].bytes.data() + 24), node);
}

TEST_F(SiteMoves, NodeThatComesHomeMayStillSpeakByItsLocatorElsewhere) {
  NidEntry& entry = know(Presence::arriving, subnet_2);
  EXPECT_EQ(cross(up1, udp(correspondent, node_outside)).verdict.kind, SiteVerdict::Kind::held);
  EXPECT_TRUE(went(cross(in, udp(node_there, correspondent)), up1, node_outside, correspondent));
  ASSERT_EQ(actions.packets.size(), 1u);
  EXPECT_EQ(Address::load(actions.packets[0].bytes.data() + 24), node_there) << "it may have no other one yet";
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), up1, node_outside, correspondent));
  EXPECT_TRUE(went(cross(in, udp(node_there, correspondent)), up1, node_outside, correspondent));
  EXPECT_EQ(entry.now, inside) << "its locator here is better";
  EXPECT_TRUE(
      dropped(cross(in, udp({at_other_site, other_nid}, correspondent)), SiteDropReason::inside_foreign_source));
}

TEST_F(SiteMoves, GuestMayArriveWithItsHomeLocatorOrOneOfAThirdSite) {
  constexpr Locator third{0xfd5c'0000'0003'0001};
  router->add_other_site({{0xfd5c'0000'0003'0000}, 48}, 2);
  NidEntry& entry = know(Presence::arriving, inside, true, at_other_site);
  EXPECT_EQ(cross(link, udp(correspondent, node)).verdict.kind, SiteVerdict::Kind::held);
  EXPECT_TRUE(went(cross(in, udp({third, nid}, correspondent)), link, node_there, correspondent))
      << "as its home knows it";
  ASSERT_EQ(actions.packets.size(), 1u);
  EXPECT_EQ(Address::load(actions.packets[0].bytes.data() + 24), (Address{third, nid}));
  EXPECT_TRUE(went(cross(in, udp(node_there, correspondent)), link, node_there, correspondent));
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), link, node, correspondent));
  EXPECT_EQ(entry.now, inside);
}

TEST_F(SiteMoves, HeldPacketsAreBoundedInNumberOctetsAndTime) {
  tuning.hold_packets = 4;
  tuning.hold_octets = 400;
  restart({{site, provider_1, 0}});
  know(Presence::arriving, inside);
  for (std::uint16_t port = 1; port <= 6; ++port) cross(up1, udp(correspondent, node_outside, port));
  EXPECT_EQ(router->drops(SiteDropReason::hold_full), 2u) << "the oldest of too many";
  const ByteVector big = PacketBuilder{correspondent, node_outside}.udp(1, 2, counting(300)).build();
  EXPECT_TRUE(dropped(cross(up1, big), SiteDropReason::hold_full));
  EXPECT_EQ(router->next_deadline(), now + tuning.hold_time);
  now += tuning.hold_time;
  router->on_time(now, actions);
  EXPECT_EQ(router->drops(SiteDropReason::hold_too_long), 4u);
  EXPECT_EQ(router->held_octets(), 0u);
}

}  // namespace
}  // namespace ilnp::test
