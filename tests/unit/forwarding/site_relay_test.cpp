// SPDX-License-Identifier: Apache-2.0
// Location privacy: a relay gives its names to the nodes of another site, and nobody outside learns where they are.
#include "tests/unit/forwarding/site_updates_fixture.h"

namespace ilnp::test {
namespace {

/// The fixture's site is the relay; the nodes with its inside locators /56 are at the other site.
class SiteRelay : public SiteUpdatesTest {
 protected:
  static constexpr LocatorPrefix hidden{{0xfd5a'17c0'9e21'0000}, 56};
  const Address real{{0x2001'0db8'0bad'0001}, nid};  ///< where the node is

  void SetUp() override { relay(Mapping::neutral); }
  void relay(Mapping mapping) {
    restart({{site, provider_1, 0, mapping}, {site, provider_2, 1, mapping}});
    router->relay_for(hidden, elsewhere);
  }
  Address name_of_node(UplinkId id) { return {*router->map().to_outside(inside, id), nid}; }
};

TEST_F(SiteRelay, BothDirectionsPassTheRelay) {
  for (const Mapping mapping : {Mapping::neutral, Mapping::replace}) {
    relay(mapping);
    EXPECT_TRUE(went(cross(link, udp(node, correspondent)), up1, name_of_node(0), correspondent));
    EXPECT_TRUE(went(cross(up1, udp(correspondent, name_of_node(0))), link, correspondent, node));
    EXPECT_TRUE(went(cross(up2, udp(correspondent, name_of_node(1), 3, 4)), link, correspondent, node));
    EXPECT_TRUE(went(cross(link, udp(node, correspondent, 4, 3)), up2, name_of_node(1), correspondent));
  }
}

TEST_F(SiteRelay, ErrorsSpeakTheWordsOfTheirReader) {
  relay(Mapping::replace);
  const ByteVector sent = udp(correspondent, name_of_node(0));
  const Crossing there = cross(up1, sent);
  const ByteVector error = build_error(icmpv6::destination_unreachable, 0, 0, there.bytes);
  const Crossing back = cross(link, build_packet(node, correspondent, next_header::icmpv6, error));
  ASSERT_TRUE(went(back, up1, name_of_node(0), correspondent));
  ByteVector expected = sent;
  expected[7] = 63;
  EXPECT_SAME_BYTES(Bytes{back.bytes}.subspan(48), expected);
}

TEST_F(SiteRelay, UpdatesNeverListWhereTheNodeIs) {
  const Crossing out = cross(link, advertisement(node, correspondent, {at(inside), at(real.locator, 5)}));
  EXPECT_EQ(listed(out), (std::vector{at(outside_1, 10), at(outside_2, 11)}));
  EXPECT_TRUE(dropped(cross(link, advertisement(node, correspondent, {at(real.locator)})),
                      SiteDropReason::locator_update_malformed));
}

TEST_F(SiteRelay, OnlyThatSiteSpeaksForItsNodes) {
  EXPECT_TRUE(dropped(cross(in, udp(node, correspondent)), SiteDropReason::inside_source_elsewhere));
  EXPECT_TRUE(dropped(cross(Side::link(5), udp(node, correspondent)), SiteDropReason::link_stranger));
  EXPECT_TRUE(dropped(cross(link, udp(real, correspondent)), SiteDropReason::link_stranger));
  EXPECT_TRUE(dropped(cross(link, udp({at_other_site, other_nid}, node)), SiteDropReason::link_loop));
}

TEST_F(SiteRelay, RelaySpeaksForItsNodesWhenAnUplinkFails) {
  cross(link, PacketBuilder{node, correspondent}.nonce(nonce).udp(5, 6, counting(9)).build());
  router->uplinks()[0].state = UplinkState::down;
  router->names_changed(now);
  actions.clear();
  router->on_time(now, actions);
  ASSERT_EQ(actions.packets.size(), 1u);
  EXPECT_EQ(Address::load(actions.packets[0].bytes.data() + 8), name_of_node(1));
}

// --- Where the nodes are: nothing but the link leads to the world

TEST_F(SiteRelay, SiteOfTheNodesUsesTheRelaysNames) {
  restart({});
  router->relay_by(hidden, elsewhere);
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), link, node, correspondent));
  EXPECT_TRUE(went(cross(link, udp(correspondent, node)), in, correspondent, node));
  EXPECT_TRUE(went(cross(in, udp(node, neighbour)), in, node, neighbour));
  EXPECT_TRUE(dropped(cross(Side::link(5), udp(correspondent, node)), SiteDropReason::link_stranger));
  EXPECT_TRUE(dropped(cross(up1, udp(correspondent, node)), SiteDropReason::outside_inside_address));
}

TEST_F(SiteRelay, SiteWithUplinksOfItsOwnDoesNotUseThemForThese) {
  restart({{site, provider_1, 0}});
  router->relay_by(hidden, elsewhere);
  cross(in, PacketBuilder{node, correspondent}.nonce(nonce).udp(5, 6, counting(9)).build());
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), link, node, correspondent));
  EXPECT_TRUE(cross(in, udp({{site.locator.bits + 0x100}, nid}, correspondent)).left());
  router->uplinks()[0].preference = 99;
  router->names_changed(now);
  actions.clear();
  router->on_time(now, actions);
  for (const SitePacket& packet : actions.packets) EXPECT_NE(packet.to, up1);
}

}  // namespace
}  // namespace ilnp::test
