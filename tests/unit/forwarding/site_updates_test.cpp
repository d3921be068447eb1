// SPDX-License-Identifier: Apache-2.0
// Locator Updates across the border: the correspondent reads outside locators, the node its own.
#include "tests/unit/forwarding/site_updates_fixture.h"

namespace ilnp::test {
namespace {

using SiteUpdates = SiteUpdatesTest;

TEST_F(SiteUpdates, InsideLocatorIsListedByTheNamesOfAllUplinks) {
  const Crossing out = cross(in, advertisement(node, correspondent, {at(inside)}));
  EXPECT_TRUE(went(out, up1, node_outside, correspondent));
  EXPECT_EQ(listed(out), (std::vector{at(outside_1, 10), at(outside_2, 11)})) << "the second uplink is a little worse";
  EXPECT_EQ(out.walk.nonce_length, 12);
  EXPECT_EQ(out.bytes.size(), 40u + 16 + 8 + 2 * 12);
}

TEST_F(SiteUpdates, UplinksThatAreDownAreNotListed) {
  router->uplinks()[0].state = UplinkState::down;
  EXPECT_EQ(listed(cross(in, advertisement(node, correspondent, {at(inside)}))), (std::vector{at(outside_2)}));
}

TEST_F(SiteUpdates, AcknowledgementListsWhatTheNodeSent) {
  const Crossing out = cross(in, advertisement(node, correspondent, {at(inside), at(subnet_2, 20, 30)}));
  ASSERT_EQ(listed(out).size(), 4u);
  const Crossing back = cross(up1, acknowledgement(correspondent, node_outside, listed(out)));
  EXPECT_TRUE(went(back, in, correspondent, node));
  EXPECT_EQ(listed(back), (std::vector{at(inside), at(subnet_2, 20, 30)}));
}

TEST_F(SiteUpdates, NodeThatMovedListsItsHomeNames) {
  know(Presence::away, at_other_site);
  const Crossing out = cross(link, advertisement({at_other_site, nid}, correspondent, {at(at_other_site)}));
  EXPECT_TRUE(went(out, up1, node_outside, correspondent));
  EXPECT_EQ(listed(out), (std::vector{at(outside_1, 10), at(outside_2, 11)})) << "nothing new for the correspondent";
  const Crossing back = cross(up1, acknowledgement(correspondent, node_outside, listed(out)));
  EXPECT_TRUE(went(back, link, correspondent, {at_other_site, nid}));
  EXPECT_EQ(listed(back), (std::vector{at(at_other_site)}));
}

TEST_F(SiteUpdates, LocatorsOfPlacesWhereItWasBeforeAreNotTold) {
  know(Presence::here, inside);
  const Crossing out = cross(in, advertisement(node, correspondent, {at(inside), at(at_other_site, 5)}));
  EXPECT_EQ(listed(out), (std::vector{at(outside_1, 5), at(outside_2, 6)}));
  const Crossing back = cross(up1, acknowledgement(correspondent, node_outside, listed(out)));
  EXPECT_EQ(listed(back), (std::vector{at(inside), at(at_other_site, 5)})) << "it knows its update by what it listed";
}

TEST_F(SiteUpdates, GuestsUpdateIsAcknowledgedAsItWasSent) {
  know(Presence::visiting, inside, true, at_other_site);
  const std::vector sent{at(inside, 20), at(at_other_site, 30)};
  const Crossing out = cross(in, advertisement(node, correspondent, sent));
  EXPECT_EQ(listed(out), (std::vector{at(at_other_site, 20)})) << "by its home";
  EXPECT_EQ(listed(cross(link, acknowledgement(correspondent, node, listed(out)))), sent);
}

TEST_F(SiteUpdates, CorrespondentsLocatorsAreItsOwn) {
  const std::vector list{at(correspondent.locator), at(Locator{0x2001'0db8'00c1'0000})};
  EXPECT_EQ(listed(cross(up1, advertisement(correspondent, node_outside, list))), list);
  EXPECT_EQ(listed(cross(in, acknowledgement(node, correspondent, list))), list);
}

TEST_F(SiteUpdates, HairpinUpdatesUseTheNamesThatEachKnows) {
  const auto their_name = router->map().to_outside(subnet_2, 0);
  const Crossing there = cross(in, advertisement(node, {*their_name, other_nid}, {at(inside)}));
  EXPECT_TRUE(went(there, in, node_outside, neighbour));
  EXPECT_EQ(listed(there), (std::vector{at(outside_1, 10), at(outside_2, 11)}));
  const Crossing back = cross(in, acknowledgement(neighbour, node_outside, listed(there)));
  EXPECT_TRUE(went(back, in, {*their_name, other_nid}, node));
  EXPECT_EQ(listed(back), (std::vector{at(inside)}));
}

TEST_F(SiteUpdates, DamagedOrMalformedOnesAreDropped) {
  ByteVector damaged = advertisement(node, correspondent, {at(inside)});
  damaged.back() ^= 1;
  EXPECT_TRUE(dropped(cross(in, damaged), SiteDropReason::locator_update_malformed));
  const ByteVector wrong = PacketBuilder{node, correspondent}.icmpv6(156, 0, counting(9)).build();
  EXPECT_TRUE(dropped(cross(in, wrong), SiteDropReason::locator_update_malformed));
}

TEST_F(SiteUpdates, NeverMoreLocatorsThanThePacketHolds) {
  std::vector<AdvertisedLocator> many;
  for (std::uint64_t i = 0; i < 100; ++i) many.push_back(at(Locator{site.locator.bits + i}));
  const Crossing out = cross(in, advertisement(node, correspondent, many));
  EXPECT_EQ(listed(out).size(), 119u);
  EXPECT_LE(out.bytes.size(), 1500u);
}

}  // namespace
}  // namespace ilnp::test
