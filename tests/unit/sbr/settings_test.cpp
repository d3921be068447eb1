// SPDX-License-Identifier: Apache-2.0
// What the program judges beyond the option table, and the way out that follows from the settings.
#include "sbr/src/settings.h"

#include <gtest/gtest.h>

#include "sbr/src/paths.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;

constexpr const char* good = R"([site]
name = "dc1"
[[inside]]
interface = "lan0"
locators = ["2001:db8:100:1::/64"]
[[inside]]
interface = "lan1"
locators = ["2001:db8:100:100::/56"]
router = "fe80::77"
[[uplink]]
name = "isp1"
interface = "wan0"
gateway = "fe80::a"
[[uplink]]
name = "isp2"
interface = "wan1"
weight = 3
[[mapping]]
uplink = "isp1"
inside = "2001:db8:100::/48"
outside = "2001:db8:1::/48"
[[mapping]]
uplink = "isp2"
inside = "2001:db8:100::/48"
outside = "2001:db8:2::/48"
[[policy]]
outside_port = 22
uplinks = ["isp2", "isp1"]
[[site_link]]
name = "dc2"
number = 1
inside = ["2001:db8:200::/48"]
interface = "dci0"
router = "2001:db8:f9::2"
)";

Result<SbrSettings, std::vector<Problem>> read(std::string text) {
  const auto configuration = read_configuration(sbr_schema(), {{"sbr.toml", std::move(text)}});
  if (!configuration) return configuration.error();
  return sbr_settings(configuration.value());
}

std::string problems_of(const std::string& from, const std::string& to) {
  std::string text = good;
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  text.replace(at, from.size(), to);
  const auto settings = read(text);
  return settings ? "" : to_string(settings.error());
}

TEST(SbrSettings, NumbersUplinksByTheirOrder) {
  const auto settings = read(good);
  ASSERT_TRUE(settings) << to_string(settings.error());
  const SbrSettings& s = settings.value();
  EXPECT_EQ(s.uplinks[1].weight, 3);
  EXPECT_EQ(s.mappings[1].uplink, 1);
  EXPECT_EQ(s.policy[0].uplinks, (std::vector<UplinkId>{1, 0}));
  EXPECT_EQ(s.truth.path, "/var/lib/ilnp/truth.db");
  EXPECT_EQ(s.site_names(), (std::map<SiteId, std::string>{{0, "dc1"}, {1, "dc2"}}));
}

TEST(SbrSettings, MappingWithoutOutsideIsLearnt) {
  std::string text = good;
  const std::string outside = "outside = \"2001:db8:1::/48\"\n";
  text.erase(text.find(outside), outside.size());
  const auto settings = read(text);
  ASSERT_TRUE(settings) << to_string(settings.error());
  const SbrSettings& s = settings.value();
  ASSERT_TRUE(s.uplinks[0].learnt);
  EXPECT_EQ(s.uplinks[0].learnt->inside, (LocatorPrefix{{0x2001'0db8'0100'0000}, 48}));
  EXPECT_EQ(s.numbers_of(0), (std::vector<UplinkId>{0, 2}));
  EXPECT_EQ(s.numbers_of(1), std::vector<UplinkId>{1});
  ASSERT_EQ(s.mappings.size(), 1u);
  EXPECT_EQ(s.mappings[0].uplink, 1);

  const auto has = [](const std::string& problems, const char* reason) {
    EXPECT_NE(problems.find(reason), std::string::npos) << reason << ": " << problems;
  };
  has(problems_of(outside, "[[mapping]]\nuplink = \"isp1\"\ninside = \"2001:db8:200::/48\"\n"), "one prefix to learn");
  has(problems_of(outside, "[[mapping]]\nuplink = \"isp1\"\ninside = \"2001:db8:300::/48\"\n" + outside),
      "cannot have another mapping");
  has(problems_of("inside = \"2001:db8:100::/48\"\n" + outside, "inside = \"2001:db8:100::/56\"\n"), "/48 or shorter");
}

TEST(SbrSettings, RelaysAndMapsOfOtherSites) {
  const std::string link = "router = \"2001:db8:f9::2\"\n";
  const auto of_dc2 = [](const char* inside, const char* outside) {
    return std::string{"[[site_mapping]]\nsite = \"dc2\"\ninside = \""} + inside + "\"\noutside = \"" + outside +
           "\"\n";
  };
  std::string text = good;
  text.replace(text.find(link), link.size(),
               link + "relay = [\"2001:db8:100:1::/64\"]\nrelayed = [\"2001:db8:200:7::/64\"]\n" +
                   of_dc2("2001:db8:200::/48", "2001:db8:e2::/48") + of_dc2("2001:db8:200::/48", "2001:db8:e3::/48") +
                   "[[mapping]]\nuplink = \"isp1\"\ninside = \"2001:db8:200::/48\"\noutside = \"2001:db8:e4::/48\"\n");
  const auto settings = read(text);
  ASSERT_TRUE(settings) << to_string(settings.error());
  const SiteLinkSettings& dc2 = settings.value().links[0];
  EXPECT_EQ(dc2.relay, (std::vector<LocatorPrefix>{{{0x2001'0db8'0100'0001}, 64}}));
  EXPECT_EQ(dc2.relayed, (std::vector<LocatorPrefix>{{{0x2001'0db8'0200'0007}, 64}}));
  ASSERT_EQ(dc2.mappings.size(), 2u);
  EXPECT_EQ(dc2.mappings[1].uplink, 1) << "one below the other";

  const std::vector<std::array<std::string, 2>> cases{
      {"relay = [\"2001:db8:300::/48\"]\n", "2001:db8:300::/48 is not among the site's inside locators"},
      {"relayed = [\"2001:db8:100:1::/64\"]\n", "is not among the site's inside locators"},
      {"relayed = [\"2001:db8:200:7::/64\"]\n", "needs a [[mapping]]"},
      {of_dc2("2001:db8:200::/56", "2001:db8:e2::/48"), "/48 or shorter"},
      {"[[site_mapping]]\nsite = \"dc9\"\ninside = \"2001:db8:200::/48\"\noutside = \"2001:db8:e2::/48\"\n",
       "there is no such [[site_link]]"}};
  for (const auto& [more, reason] : cases)
    EXPECT_NE(problems_of(link, link + more).find(reason), std::string::npos) << problems_of(link, link + more);
}

TEST(SbrSettings, NamesWhatIsWrongWithIt) {
  const std::vector<std::array<const char*, 3>> cases{
      {"uplink = \"isp2\"", "uplink = \"isp9\"", "mapping[1].uplink: there is no such [[uplink]]"},
      {"uplinks = [\"isp2\"", "uplinks = [\"isp7\"", "there is no [[uplink]] \"isp7\""},
      {"2001:db8:100:1::/64", "2001:db8:999:1::/64", "is in no [[mapping]]"},
      {"inside = [\"2001:db8:200::/48\"]", "inside = [\"2001:db8:100::/40\"]", "overlaps site dc2"},
      {"\"2001:db8:2::/48\"", "\"2001:db8:1::/48\"", "overlaps the outside prefix"},
      {"\"2001:db8:2::/48\"", "\"fd00:2::/48\"", "not global unicast"},
      {"interface = \"wan1\"", "interface = \"wan0\"", "wan0 is used by another table"},
      {"number = 1", "number = 0", "site_link[0].number"},
      {"name = \"dc2\"", "name = \"dc1\"", "site_link[0].number"},
      {"2001:db8:100:1::/64", "2001:db8:100:1::/80", "must be a /64 or shorter"},
      {"name = \"dc1\"", "name = \"d c\"", "site.name"},
      {"router = \"fe80::77\"", "router_address = \"2001:db8::1\"", "must be a link-local address"},
      {"[[policy]]", "[truth]\nstore = \"etcd\"\n[[policy]]", "truth.endpoints: needed"},
      {"[[policy]]", "[truth]\nkey_file = \"/k\"\n[[policy]]", "goes with truth.key_file"},
  };
  for (const auto& [from, to, reason] : cases)
    EXPECT_NE(problems_of(from, to).find(reason), std::string::npos) << to << ": " << problems_of(from, to);
}

TEST(SbrSettings, AllMistakesAtOnce) {
  const auto settings = read("[site]\nnumber = 77\n[[uplink]]\nname = \"a\"\nbogus = 1\n");
  ASSERT_FALSE(settings);
  EXPECT_GE(settings.error().size(), 3u) << to_string(settings.error());
}

class PathsTest : public ::testing::Test {
 protected:
  PathsTest() {
    interfaces.on_event(ResyncStarted{});
    unsigned ifindex = 0;
    for (const char* name : {"lo", "lan0", "lan1", "wan0", "wan1", "dci0"}) {
      LinkChanged link;
      link.ifindex = ++ifindex;
      link.name = name;
      link.up = link.carrier = true;
      interfaces.on_event(link);
    }
    AddressChanged own;
    own.ifindex = 5;
    own.address = address("2001:db8:f0:2::2");
    own.prefix_length = 64;
    interfaces.on_event(own);
    interfaces.on_event(ResyncFinished{});
    paths.update(interfaces);
  }
  void default_route(const char* gateway, std::uint32_t metric, bool removed = false) {
    DefaultRouteChanged route;
    route.ifindex = 5;
    route.gateway = address(gateway);
    route.metric = metric;
    route.removed = removed;
    interfaces.on_event(route);
    paths.update(interfaces);
  }
  std::optional<NextHop> to(Side side, const char* destination) { return paths.next_hop(side, address(destination)); }

  SbrSettings settings = read(good).value();
  Interfaces interfaces;
  Paths paths{settings};
};

TEST_F(PathsTest, InsideIsTheNodeItselfOrTheRouterThatItIsBehind) {
  EXPECT_EQ(to(Side::inside(), "2001:db8:100:1::a"), (NextHop{2, address("2001:db8:100:1::a")}));
  EXPECT_EQ(to(Side::inside(), "2001:db8:100:142::a"), (NextHop{3, address("fe80::77")}));
  EXPECT_EQ(to(Side::inside(), "2001:db8:200:1::a"), (NextHop{0, address("2001:db8:200:1::a")})) << "a guest";
}

TEST_F(PathsTest, TheKernelsRoutesInsideAreFollowed) {
  const auto route = [&](unsigned ifindex, const char* prefix, std::uint8_t length, const char* gateway, bool removed) {
    interfaces.on_event(RouteChanged{ifindex, address(prefix), length, address(gateway), 1024, removed});
    paths.update(interfaces);
  };
  route(2, "2001:db8:100:140::", 60, "fe80::99", false);
  EXPECT_EQ(to(Side::inside(), "2001:db8:100:142::a"), (NextHop{2, address("fe80::99")})) << "the longer prefix";
  EXPECT_EQ(to(Side::inside(), "2001:db8:100:152::a"), (NextHop{3, address("fe80::77")}));
  route(2, "2001:db8:100:140::", 60, "::", true);
  EXPECT_EQ(to(Side::inside(), "2001:db8:100:142::a"), (NextHop{3, address("fe80::77")}));
  route(4, "2001:db8:100:140::", 60, "fe80::99", false);
  EXPECT_EQ(to(Side::inside(), "2001:db8:100:142::a"), (NextHop{3, address("fe80::77")})) << "by an uplink: not inside";
  route(2, "2001:db8:100:1::", 64, "::", false);
  EXPECT_EQ(to(Side::inside(), "2001:db8:100:1::a"), (NextHop{2, address("2001:db8:100:1::a")})) << "on the link";
}

TEST_F(PathsTest, UplinksGoToTheirGatewayExceptWhatIsOnTheirLink) {
  EXPECT_EQ(to(Side::uplink(0), "2001:db8:c1::2"), (NextHop{4, address("fe80::a")}));
  EXPECT_EQ(to(Side::uplink(1), "2001:db8:c1::2"), std::nullopt) << "not known yet";
  EXPECT_EQ(to(Side::uplink(1), "2001:db8:f0:2::9"), (NextHop{5, address("2001:db8:f0:2::9")}));
  default_route("fe80::b", 1024);
  default_route("fe80::c", 512);
  EXPECT_EQ(to(Side::uplink(1), "2001:db8:c1::2"), (NextHop{5, address("fe80::c")})) << "the better one";
  default_route("fe80::c", 512, true);
  EXPECT_EQ(paths.gateway(1), address("fe80::b"));
}

TEST_F(PathsTest, LinksGoToTheOtherRouter) {
  EXPECT_EQ(to(Side::link(1), "2001:db8:100:1::a"), (NextHop{6, address("2001:db8:f9::2")}));
  EXPECT_EQ(to(Side::link(2), "2001:db8:100:1::a"), std::nullopt);
}

TEST_F(PathsTest, AnInterfaceThatGoesTakesItsWayOutAlong) {
  LinkChanged gone;
  gone.ifindex = 4;
  gone.removed = true;
  interfaces.on_event(gone);
  paths.update(interfaces);
  EXPECT_EQ(to(Side::uplink(0), "2001:db8:c1::2"), std::nullopt);
  EXPECT_EQ(paths.side_of(4), std::nullopt);
  EXPECT_EQ(interfaces.own_addresses(), std::vector{address("2001:db8:f0:2::2")});
}

}  // namespace
}  // namespace ilnp
