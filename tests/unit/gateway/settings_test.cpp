// SPDX-License-Identifier: Apache-2.0
// What the program judges beyond the option table.
#include "gateway/src/settings.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "io/settings/secret_file.h"

namespace ilnp {
namespace {

using lisp::parse_eid_prefix;
using lisp::parse_ip_address;

class GatewaySettingsTest : public ::testing::Test {
 protected:
  GatewaySettingsTest() {
    char name[] = "/tmp/ilnp-gateway-settings.XXXXXX";
    directory_ = ::mkdtemp(name);
    write_secret("secret", "open sesame\n");
  }
  ~GatewaySettingsTest() override { std::filesystem::remove_all(directory_); }

  void write_secret(const std::string& name, std::string_view text) const {
    EXPECT_TRUE(
        write_secret_file(directory_ + "/" + name, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}));
  }
  std::string good() const {
    return R"([gateway]
name = "dc1"
[[rloc]]
address = "2001:db8:a1::1"
[[rloc]]
address = "192.0.2.1"
priority = 2
[[interface]]
name = "lisp0"
addresses = ["2001:db8:e1d::1"]
routes = ["2001:db8:e00::/40", "10.0.0.0/8"]
[[interface]]
name = "lisp7"
instance = 7
[[eid]]
prefix = "2001:db8:e1d::/48"
[[mobile]]
prefix = "2001:db8:eee::/64"
interface = "lan0"
[[mobile]]
prefix = "2001:db8:eee::80/121"
interface = "lan1"
next_hop = "fe80::77"
[[key]]
name = "k"
file = ")" +
           directory_ +
           R"(/secret"
id = 3
[[map_server]]
name = "ms"
address = "2001:db8:53::53"
keys = ["k"]
[[map_resolver]]
address = "2001:db8:53::53"
)";
  }
  static Result<GatewaySettings, std::vector<Problem>> read(const std::string& text) {
    const auto configuration = read_configuration(gateway_schema(), {{"gateway.toml", text}});
    if (!configuration) return configuration.error();
    return gateway_settings(configuration.value());
  }
  /// Of the good one with a change: `to` instead of `from`.
  std::string problems(const std::string& from, const std::string& to) const {
    std::string text = good();
    const std::size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    text.replace(at, from.size(), to);
    const auto settings = read(text);
    return settings ? "" : to_string(settings.error());
  }
  std::string problems_with(const std::string& more) const {
    const auto settings = read(good() + more);
    return settings ? "" : to_string(settings.error());
  }

  std::string directory_;
};

TEST_F(GatewaySettingsTest, AGoodOneIsReadAsItIs) {
  const auto read_one = read(good());
  ASSERT_TRUE(read_one) << to_string(read_one.error());
  const GatewaySettings& s = read_one.value();
  EXPECT_EQ(s.name, "dc1");
  EXPECT_FALSE(s.xtr_id);
  EXPECT_FALSE(s.stands_by);
  ASSERT_EQ(s.xtr.rlocs.size(), 2u);
  EXPECT_EQ(to_string(s.xtr.rlocs[0].address), "192.0.2.1") << "records are sorted";
  EXPECT_EQ(s.xtr.rlocs[0].priority, 2);
  EXPECT_TRUE(s.xtr.rlocs[0].is_local);
  EXPECT_EQ(to_string(s.xtr.underlay.rlocs[0]), "2001:db8:a1::1") << "our own choice is that of the file";
  ASSERT_EQ(s.interfaces.size(), 2u);
  EXPECT_EQ(s.interfaces[0].routes.size(), 2u);
  ASSERT_EQ(s.xtr.map_servers.size(), 1u);
  ASSERT_EQ(s.xtr.map_servers[0].secrets.size(), 1u);
  const lisp::Secret& key = s.xtr.map_servers[0].secrets[0];
  EXPECT_EQ(std::string(key.octets.begin(), key.octets.end()), "open sesame") << "without the last line feed";
  EXPECT_EQ(key.name, (lisp::KeyName{3, 2}));
  EXPECT_TRUE(s.interworking.is_pitr);
  EXPECT_EQ(s.interworking.is_pitr, s.xtr.proxies);
  EXPECT_TRUE(s.xtr.server.sites.empty());
}

TEST_F(GatewaySettingsTest, TheLongestBlockSaysWhereAMobileHostIs) {
  const GatewaySettings s = read(good()).value();
  const auto block_of = [&](const char* text) { return s.block_of({0, *parse_ip_address(text)}); };
  EXPECT_EQ(block_of("2001:db8:eee::7f")->interface, "lan0");
  EXPECT_EQ(block_of("2001:db8:eee::81")->interface, "lan1");
  EXPECT_EQ(block_of("2001:db8:eef::1"), nullptr);
  EXPECT_EQ(s.block_of({7, *parse_ip_address("2001:db8:eee::7f")}), nullptr) << "of another instance";
  EXPECT_EQ(s.interface_of(7)->name, "lisp7");
  EXPECT_EQ(s.interface_of(8), nullptr);
}

TEST_F(GatewaySettingsTest, MistakesAreNamed) {
  EXPECT_EQ(problems("[gateway]", "[gateway]\nxtr_id = \"00112233445566778899aabbccddeeff\""), "");
  EXPECT_NE(problems("[gateway]", "[gateway]\nxtr_id = \"0011\"").find("gateway.xtr_id"), std::string::npos);
  EXPECT_NE(problems("\"192.0.2.1\"", "\"224.0.0.1\"").find("rloc[1].address"), std::string::npos);
  EXPECT_NE(problems("\"10.0.0.0/8\"", "\"192.0.0.0/8\"").find("contains the RLOC 192.0.2.1"), std::string::npos);
  EXPECT_NE(problems("instance = 7", "instance = 0").find("interface[1].instance"), std::string::npos);
  EXPECT_NE(problems("\"2001:db8:e1d::/48\"", "\"[9]2001:db8:e1d::/48\"").find("has no [[interface]]"),
            std::string::npos);
  EXPECT_NE(problems("\"fe80::77\"", "\"192.0.2.7\"").find("mobile[1].next_hop"), std::string::npos);
  EXPECT_NE(problems("\"2001:db8:eee::/64\"", "\"2001:db8:e1d:1::/64\"").find("is in the [[eid]]"), std::string::npos);
  EXPECT_NE(problems("keys = [\"k\"]", "keys = [\"other\"]").find("there is no [[key]] \"other\""), std::string::npos);
  EXPECT_NE(problems("keys = [\"k\"]", "keys = []").find("map_server[0].keys: empty"), std::string::npos);
  EXPECT_NE(problems("[[map_resolver]]\naddress = \"2001:db8:53::53\"\n", "").find("no packet can leave"),
            std::string::npos);
}

TEST_F(GatewaySettingsTest, AllMistakesAreReportedAtOnce) {
  std::string text = good();
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"\"192.0.2.1\"", "\"224.0.0.1\""}, {"instance = 7", "instance = 0"}, {"/secret", "/nothing"}})
    text.replace(text.find(from), from.size(), to);
  const auto settings = read(text);
  ASSERT_FALSE(settings);
  const std::string all = to_string(settings.error());
  for (const char* part : {"rloc[1].address", "interface[1].instance", "key[0].file", "no [[key]] \"k\""})
    EXPECT_NE(all.find(part), std::string::npos) << all;
}

TEST_F(GatewaySettingsTest, SecretsThatOthersCanReadAreRefused) {
  std::filesystem::permissions(directory_ + "/secret", std::filesystem::perms{0640});
  const auto settings = read(good());
  ASSERT_FALSE(settings);
  EXPECT_NE(to_string(settings.error()).find("0640"), std::string::npos);
  write_secret("secret", "\n");
  EXPECT_NE(to_string(read(good()).error()).find("holds no secret"), std::string::npos);
}

TEST_F(GatewaySettingsTest, EidsNeedAMapServer) {
  const auto settings = read(
      "[[rloc]]\naddress = \"192.0.2.1\"\n[[interface]]\nname = \"lisp0\"\n"
      "[[eid]]\nprefix = \"10.1.0.0/16\"\n");
  ASSERT_FALSE(settings);
  const std::string all = to_string(settings.error());
  EXPECT_NE(all.find("map_server"), std::string::npos) << all;
  EXPECT_NE(all.find("map_resolver"), std::string::npos) << all;
  EXPECT_TRUE(read("[[rloc]]\naddress = \"192.0.2.1\"\n")) << "a Map-Server alone needs neither";
  EXPECT_FALSE(read("[gateway]\n")) << "nobody without an RLOC";
}

TEST_F(GatewaySettingsTest, PeersSitesAndStaticMappings) {
  const std::string more = R"(
[[peer]]
name = "dc2"
addresses = ["2001:db8:a2::1"]
keys = ["k"]
scope = ["2001:db8:eee::/64"]
gateway = true
cp_raw5 = "thesis"
[[site]]
name = "dc1"
prefixes = ["2001:db8:e1d::/48", "[7]10.0.0.0/8"]
keys = ["k"]
nonce_check = "unique"
[[mapping]]
eid = "10.9.0.0/16"
rlocs = ["2001:db8:a3::1", "192.0.2.3"]
priorities = [2, 1]
[[mapping]]
eid = "10.10.0.0/16"
action = "drop"
)";
  const auto read_one = read(good() + more);
  ASSERT_TRUE(read_one) << to_string(read_one.error());
  const lisp::XtrSettings& x = read_one.value().xtr;
  ASSERT_EQ(x.peers.size(), 1u);
  EXPECT_TRUE(x.peers[0].is_gateway);
  EXPECT_EQ(x.peers[0].raw, lisp::RawChangePriority::thesis);
  ASSERT_EQ(x.server.sites.size(), 1u);
  EXPECT_EQ(x.server.sites[0].site.prefixes[1].eid, *parse_eid_prefix("[7]10.0.0.0/8"));
  EXPECT_TRUE(x.server.sites[0].site.prefixes[0].accepts_more_specifics);
  EXPECT_EQ(x.server.sites[0].site.nonce_check, lisp::NonceCheck::unique);
  ASSERT_EQ(x.static_mappings.size(), 2u);
  EXPECT_EQ(to_string(x.static_mappings[0].rlocs[0].address), "192.0.2.3") << "sorted, with their own priorities";
  EXPECT_EQ(x.static_mappings[0].rlocs[0].priority, 1);
  EXPECT_EQ(x.static_mappings[1].action, lisp::Action::drop);

  EXPECT_NE(problems_with("[[mapping]]\neid = \"10.9.0.0/16\"\nrlocs = [\"192.0.2.3\"]\nweights = [1, 2]\n")
                .find("must be as many"),
            std::string::npos);
  EXPECT_NE(problems_with("[[site]]\nname = \"a\"\nprefixes = [\"10.0.0.0/8\"]\nkeys = [\"k\"]\n"
                          "[[site]]\nname = \"b\"\nprefixes = [\"10.0.0.0/8\"]\nkeys = [\"k\"]\n")
                .find("is also of the site \"a\""),
            std::string::npos);
  EXPECT_NE(problems_with("[[site]]\nname = \"a\"\nprefixes = [\"10.0.0.0/8\"]\nkeys = [\"k\", \"k\"]\n")
                .find("the same id and alg"),
            std::string::npos);
  EXPECT_NE(problems_with("[server]\nsubscriber_keys = [\"x\"]\n").find("server.subscriber_keys"), std::string::npos);
}

TEST_F(GatewaySettingsTest, TheTruthNamesSites) {
  EXPECT_FALSE(read(good()).value().truth) << "nobody named our site";
  const auto with = read(good() + "[truth]\nsite = \"dc1\"\nsites = [\"dc2\", \"dc3\"]\n[state]\ndirectory = \"/s\"\n");
  ASSERT_TRUE(with) << to_string(with.error());
  ASSERT_TRUE(with.value().truth);
  const SharedTruthSettings& truth = *with.value().truth;
  EXPECT_EQ(truth.store.sites.find("dc1"), truth.own);
  EXPECT_TRUE(truth.store.sites.find("dc3"));
  EXPECT_EQ(truth.store.path, "/s/truth.db") << "the border router's";
  const auto etcd = read(good() +
                         "[truth]\nsite = \"dc1\"\nstore = \"etcd\"\nendpoints = [\"http://[::1]:2379\"]\n"
                         "[state]\ndirectory = \"/s\"\n");
  ASSERT_TRUE(etcd) << to_string(etcd.error());
  EXPECT_EQ(etcd.value().truth->store.path, "/s/gateway-truth.db") << "the border router has a copy of its own";

  EXPECT_NE(problems_with("[truth]\nsites = [\"dc2\"]\n").find("needs truth.site"), std::string::npos);
  EXPECT_NE(problems_with("[truth]\nsite = \"dc1\"\nsites = [\"dc1\"]\n").find("two sites"), std::string::npos);
  EXPECT_NE(problems_with("[truth]\nsite = \"a b\"\n").find("truth.site"), std::string::npos);
}

TEST_F(GatewaySettingsTest, TheGroup) {
  EXPECT_FALSE(read(good()).value().group) << "this gateway is alone";
  const auto group = [](const std::string& listen, const std::string& peers) {
    return "[group]\nlisten = \"" + listen + "\"\npeers = [" + peers +
           "]\nca_file = \"/ca\"\ncertificate_file = \"/c\"\nkey_file = \"/k\"\n";
  };
  const auto with = read(good() + group("192.0.2.11", "\"192.0.2.12\", \"192.0.2.13:99\"") + "heartbeat = \"50ms\"\n");
  ASSERT_TRUE(with) << to_string(with.error());
  ASSERT_TRUE(with.value().group);
  EXPECT_EQ(with.value().group->listen, (Endpoint{"192.0.2.11", 4364}));
  EXPECT_EQ(with.value().group->peers, (std::vector<Endpoint>{{"192.0.2.12", 4364}, {"192.0.2.13", 99}}));
  EXPECT_EQ(with.value().group->tls.ca, "/ca");
  EXPECT_EQ(with.value().group->tls.certificate, "/c");
  EXPECT_EQ(with.value().group->tls.key, "/k");
  EXPECT_EQ(with.value().group->heartbeat, milliseconds{50});
  EXPECT_EQ(read(good() + group("192.0.2.11", "\"192.0.2.12\"")).value().group->heartbeat, milliseconds{200});

  const auto says = [](const std::string& problems, const char* what) {
    return problems.find(what) == std::string::npos ? testing::AssertionFailure() << problems
                                                    : testing::AssertionSuccess();
  };
  EXPECT_TRUE(says(problems_with("[group]\npeers = [\"192.0.2.12\"]\n"), "group.listen: needed with group.peers"));
  const std::string bare = problems_with("[group]\nlisten = \"192.0.2.11\"\n");
  for (const char* what : {"group.peers: at least one", "group.ca_file: needed", "group.certificate_file: needed",
                           "group.key_file: needed"})
    EXPECT_TRUE(says(bare, what));
  const auto peers = [&](const std::string& those) { return problems_with(group("192.0.2.11", those)); };
  EXPECT_TRUE(says(peers("\"192.0.2.11\""), "is group.listen"));
  EXPECT_TRUE(says(peers("\"192.0.2.12\", \"192.0.2.12:4364\""), "is there twice"));
  EXPECT_TRUE(says(peers("\"[2001:db8::2]\""), "not of the family of group.listen"));
  EXPECT_TRUE(says(peers("\"224.0.0.1\""), "not the address of one machine"));
  EXPECT_TRUE(says(problems_with(group("0.0.0.0", "\"192.0.2.12\"")), "an address of this machine alone"));
  EXPECT_TRUE(says(problems_with(group("[fe80::1%eth0]", "\"[2001:db8::2]\"")), "an address of this machine alone"))
      << "no certificate names such a one";
  EXPECT_EQ(problems_with(group("192.0.2.1", "\"192.0.2.12\"")), "");
  EXPECT_TRUE(says(
      problems("name = \"dc1\"", "name = \"dc1\"\nstand_by = true\n" + group("192.0.2.1", "\"192.0.2.12\"") + "[data]"),
      "which moves"));
  EXPECT_TRUE(
      says(problems("name = \"dc1\"", "name = \"d\u00e9\"\n" + group("192.0.2.11", "\"192.0.2.12\"")), "gateway.name"));
}

TEST_F(GatewaySettingsTest, NodesOfSessions) {
  const std::string nodes = R"([ilnp]
locators = ["2001:db8:a1:ff::/64", "2001:db8:a2:ff::/64"]
upstream = ["[2001:db8:53::53]:53"]
[[node]]
eid = "2001:db8:e1d:1:200:0:0:a/128"
name = "vm.example"
[[node]]
eid = "[7]2001:db8:e1e:1:200:0:0:a/128"
name = "vm.example"
[[eid]]
prefix = "[7]2001:db8:e1e::/48"
[[node]]
eid = "2001:db8:e1d:1:200:0:0:b/128"
locators = ["2001:db8:c1::/64", "2001:db8:c2::/64"]
)";
  const auto settings = read(good() + nodes);
  ASSERT_TRUE(settings) << to_string(settings.error());
  const NodeSettings& n = settings.value().nodes;
  ASSERT_EQ(n.locators.size(), 2u);
  EXPECT_LT(n.locators[0].preference, n.locators[1].preference);
  ASSERT_EQ(n.nodes.size(), 2u);
  EXPECT_EQ(n.nodes[0].instances, (std::set<std::uint32_t>{0, 7})) << "one node, known to two tenants";
  ASSERT_EQ(n.nodes[1].locators.size(), 2u);
  EXPECT_EQ(n.exchange.eid_prefixes.at(7), (Locator{0x2001'0db8'0e1e'0001}));
  EXPECT_EQ(settings.value().ilnp.routes.size(), 2u);

  const auto wrong = [&](const std::string& from, const std::string& to) {
    std::string changed = nodes;
    changed.replace(changed.find(from), from.size(), to);
    return problems_with(changed);
  };
  const auto says = [](const std::string& all, const char* words) { return all.find(words) != std::string::npos; };
  EXPECT_TRUE(says(wrong("a1:ff::/64", "a1::/48"), "is not a /64 of global addresses"));
  EXPECT_FALSE(settings.value().places);
  const std::string follow = R"([[mobile]]
prefix = "2001:db8:e2d:1::/64"
interface = "lan0"
[[gateway_of]]
locator = "2001:db8:c1::/64"
rlocs = ["2001:db8:a1::1"]
)";
  std::string moving = nodes + follow;
  for (std::size_t at; (at = moving.find("e1d:1:200")) != std::string::npos;) moving.replace(at, 5, "e2d:1");
  moving.replace(moving.find("[ilnp]"), 6, "[ilnp]\nrloc_mode = \"hybrid\"");
  const auto with = read(good() + moving);
  ASSERT_TRUE(with) << to_string(with.error());
  ASSERT_TRUE(with.value().places);
  EXPECT_EQ(with.value().places->mode, RlocMode::hybrid);
  EXPECT_EQ(with.value().places->gateways.size(), 1u);
  ASSERT_EQ(with.value().places->anchors.size(), 2u);
  EXPECT_EQ(with.value().places->anchors[0].rank, 1) << "192.0.2.1 has priority 2";
  EXPECT_EQ(with.value().places->anchors[1].rank, 0);
  EXPECT_TRUE(says(wrong("a1:ff::/64", "a1::/64"), "contains the RLOC"));
  EXPECT_TRUE(says(wrong("locators = [\"2001:db8:a1:ff::/64\", \"2001:db8:a2:ff::/64\"]", ""), "ilnp.locators"));
  EXPECT_TRUE(says(wrong("[ilnp]", "[ilnp]\nrloc_mode = \"hybrid\""), "no [[node]] has an EID of a [[mobile]] block"));
  EXPECT_TRUE(says(wrong("[ilnp]", "[[gateway_of]]\nlocator = \"2001:db8:c1::/64\"\nrlocs = [\"2001:db8::9\"]\n[ilnp]"),
                   "is not an RLOC of ours"));
  EXPECT_TRUE(says(wrong("200:0:0:a/128", "200:0:0:0/112"), "is not a /128"));
  EXPECT_TRUE(says(wrong("e1d:1:200:0:0:a", "e1f:1:200:0:0:a"), "is in no [[eid]] or [[mobile]] block"));
  EXPECT_TRUE(says(wrong("e1d:1:200:0:0:b", "e1d:2:200:0:0:b"), "another upper half"));
  EXPECT_TRUE(says(wrong("e1d:1:200:0:0:a", "e1d:1:0:0:0:0"), "its lower half: "));
  EXPECT_TRUE(says(wrong("name = \"vm.example\"", "name = \"other.example\""), "has another name"));
  EXPECT_TRUE(says(wrong("locators = [\"2001:db8:c1::/64\", \"2001:db8:c2::/64\"]", ""), "neither a name nor"));
}

TEST_F(GatewaySettingsTest, Ipv4EidsAreRegisteredAsHosts) {
  const std::string rows = R"([data]
errors_per_second = 7
[translation]
clients = "2001:db8:64::/96"
pool = ["10.8.0.0/24"]
[[eam]]
ipv4 = "10.8.0.7/32"
ipv6 = "2001:db8:e1d::7/128"
[[eam]]
ipv4 = "10.9.0.0/24"
ipv6 = "2001:db8:e99::/120"
speaks = "ipv4"
)";
  const auto settings = read(good() + rows);
  ASSERT_TRUE(settings) << to_string(settings.error());
  EXPECT_EQ(settings.value().translation.rows.size(), 2u);
  EXPECT_EQ(settings.value().translation.errors_per_second, 7);
  EXPECT_EQ(std::ranges::count(settings.value().xtr.site, *parse_eid_prefix("10.8.0.7/32")), 1);
  EXPECT_EQ(std::ranges::count(settings.value().xtr.site, *parse_eid_prefix("10.9.0.0/24")), 0) << "clients";

  const auto wrong = [&](const std::string& from, const std::string& to) {
    std::string changed = rows;
    changed.replace(changed.find(from), from.size(), to);
    return problems_with(changed);
  };
  const auto says = [](const std::string& all, const char* words) { return all.find(words) != std::string::npos; };
  EXPECT_TRUE(says(wrong("10.8.0.7/32\"\nipv6 = \"2001:db8:e1d::7/128", "10.8.0.0/24\"\nipv6 = \"2001:db8:e1d::/120"),
                   "only hosts are registered"));
  EXPECT_TRUE(says(wrong("10.8.0.7/32", "10.9.0.7/32"), "eam[1].ipv4: overlaps"));
  EXPECT_TRUE(says(wrong("10.8.0.7/32", "[9]10.8.0.7/32"), "has no [[interface]]"));
  EXPECT_TRUE(says(wrong("64::/96", "64::/64"), "translation.clients"));
}

TEST(XtrIds, AreThirtyTwoDigits) {
  const auto id = parse_xtr_id("00112233445566778899aAbBcCdDeEfF");
  ASSERT_TRUE(id);
  EXPECT_EQ((*id)[15], 0xff);
  EXPECT_EQ(to_text(*id), "00112233445566778899aabbccddeeff");
  for (const char* bad : {"", "0011", "00112233445566778899aabbccddeefg", "00112233445566778899aabbccddeeff00",
                          "-0112233445566778899aabbccddeeff"})
    EXPECT_FALSE(parse_xtr_id(bad)) << bad;
}

}  // namespace
}  // namespace ilnp
