// SPDX-License-Identifier: Apache-2.0
#include "core/site/neighbour_proxy.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;

class NeighbourProxyTest : public ::testing::Test {
 protected:
  NidEntry& know(const char* home, Presence presence, const char* now, bool guest, bool ilnp) {
    NidEntry entry;
    entry.nid = address(home).nid;
    entry.home = address(home).locator;
    entry.now = address(now).locator;
    entry.presence = presence;
    entry.is_guest = guest;
    entry.owns_nid = ilnp;
    NidEntry& known = *nids.insert(entry).value();
    proxy.refresh();
    return known;
  }
  bool answers(const char* target, bool is_on_link, const char* source = "fe80::99") const {
    NeighbourSolicitation ns;
    ns.source = address(source);
    ns.target = address(target);
    return proxy.answers(ns, is_on_link);
  }

  NidTable nids{1, 100};
  NeighbourProxy proxy{nids};
};

TEST_F(NeighbourProxyTest, ForNodesThatAreElsewhereOnTheirHomeLinkOnly) {
  know("fd00:1:0:1::a", Presence::away, "fd00:2:0:1::a", false, true);
  EXPECT_TRUE(answers("fd00:1:0:1::a", true));
  EXPECT_FALSE(answers("fd00:1:0:1::a", false)) << "another link's";
  EXPECT_FALSE(answers("fd00:1:0:1::b", true)) << "it answers itself";
}

TEST_F(NeighbourProxyTest, NotForNodesThatAreHere) {
  NidEntry& node = know("fd00:1:0:1::a", Presence::here, "fd00:1:0:1::a", false, true);
  EXPECT_FALSE(answers("fd00:1:0:1::a", true));
  node.presence = Presence::arriving;
  EXPECT_TRUE(answers("fd00:1:0:1::a", true)) << "what is sent to it is held";
}

TEST_F(NeighbourProxyTest, ANodeThatComesBackMayHaveItsAddress) {
  know("fd00:1:0:1::a", Presence::away, "fd00:2:0:1::a", false, true);
  EXPECT_FALSE(answers("fd00:1:0:1::a", true, "::")) << "its probe for duplicates";
}

TEST_F(NeighbourProxyTest, ForTheSubnetWhereAGuestWithoutIlnpBelievesToBe) {
  know("fd00:2:0:1::a", Presence::visiting, "fd00:2:0:1::a", true, false);
  EXPECT_TRUE(proxy.has_guests());
  EXPECT_TRUE(answers("fd00:2:0:1::77", false)) << "its neighbours of old, its router's global address";
  EXPECT_FALSE(answers("fd00:2:0:1::a", false)) << "itself";
  EXPECT_FALSE(answers("fd00:3:0:1::77", false)) << "nobody's";
  nids.erase(*nids.find(NodeId{0xa}, address("fd00:2:0:1::").locator));
  proxy.refresh();
  EXPECT_FALSE(answers("fd00:2:0:1::77", false));
}

TEST_F(NeighbourProxyTest, TheAnswerReplacesWhatIsCachedAndGoesToWhoAsked) {
  NeighbourSolicitation ns;
  ns.source = address("fe80::99");
  ns.target = address("fd00:1:0:1::a");
  const MacAddress mac = *parse_mac("02:00:00:00:00:01");
  const auto packet = build_neighbour_advertisement(proxy_answer(ns, address("fe80::1"), mac), ns.source);
  const auto parsed = parse_neighbour_packet(packet);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed.value().destination, ns.source);
  const auto& na = std::get<NeighbourAdvertisement>(parsed.value().message);
  EXPECT_EQ(na.source, address("fe80::1"));
  EXPECT_EQ(na.target, ns.target);
  EXPECT_EQ(na.link_layer, mac);
  EXPECT_TRUE(na.solicited && na.override_cached);
  EXPECT_FALSE(na.from_router);
}

}  // namespace
}  // namespace ilnp
