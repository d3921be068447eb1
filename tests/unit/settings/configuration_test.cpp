// SPDX-License-Identifier: Apache-2.0
#include "io/settings/configuration.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <fstream>

#include "tests/unit/settings/sample_schema.h"

namespace ilnp {
namespace {

using std::chrono::seconds;

Configured read(std::string text) { return read_configuration(sample_schema(), {{"a.toml", std::move(text)}}); }

std::string problems_of(const Configured& configured) {
  return configured ? std::string{"accepted"} : to_string(configured.error());
}

TEST(Configuration, DefaultsOfEveryKind) {
  const Configuration c = Configuration::defaults(sample_schema());
  EXPECT_EQ(to_string(c.section("identity").prefix("prefix")), "fd49:4c4e:5036:6631::/64");
  EXPECT_FALSE(c.section("identity").has("nid"));
  EXPECT_EQ(c.section("identity").text("checksum"), "ipv6");
  EXPECT_TRUE(c.section("dns").boolean("enabled"));
  EXPECT_EQ(c.section("dns").endpoint("listen"), (Endpoint{"127.0.0.106", 53}));
  EXPECT_FALSE(c.section("dns").has("upstream"));
  EXPECT_TRUE(c.section("dns").list<Endpoint>("upstream").empty());
  EXPECT_EQ(c.section("dns").list<std::string>("search"), (std::vector<std::string>{"example.com", "example.net"}));
  EXPECT_EQ(c.section("dns").duration("ttl"), seconds{30});
  EXPECT_TRUE(c.repeated("interface").empty());
}

TEST(Configuration, ReadsEveryKind) {
  const auto configured = read(R"(
identity = { prefix = "2001:db8::/64", nid = "0200+00ff+fe00+1234", checksum = "auto" }
[dns]
enabled = false
listen = "[::1]:5353"
upstream = ["192.0.2.1", "[2001:db8::53]:5300", "fe80::1%eth0"]
search = []
ttl = "2m"
publish.name = "host.example.com"
[[interface]]
name = "eth0"
preference = 0x20
locator = "2001-0db8-0001-0002"
gateway = "fe80::1"
[[interface]]
name = "eth1"
gateway = "fe80::2"
)");
  ASSERT_TRUE(configured) << problems_of(configured);
  const Configuration& c = configured.value();
  EXPECT_EQ(c.section("identity").nid("nid"), (NodeId{0x020000fffe001234}));
  EXPECT_EQ(c.section("identity").prefix("prefix").length, 64);
  EXPECT_EQ(c.section("identity").text("checksum"), "auto");
  EXPECT_FALSE(c.section("dns").boolean("enabled"));
  EXPECT_EQ(c.section("dns").endpoint("listen"), (Endpoint{"::1", 5353}));
  EXPECT_EQ(c.section("dns").list<Endpoint>("upstream"),
            (std::vector<Endpoint>{{"192.0.2.1", 53}, {"2001:db8::53", 5300}, {"fe80::1%eth0", 53}}));
  EXPECT_TRUE(c.section("dns").has("search"));
  EXPECT_TRUE(c.section("dns").list<std::string>("search").empty());
  EXPECT_EQ(c.section("dns").duration("ttl"), seconds{120});
  EXPECT_EQ(c.section("dns.publish").text("name"), "host.example.com");
  ASSERT_EQ(c.repeated("interface").size(), 2u);
  EXPECT_EQ(c.repeated("interface")[0].integer("preference"), 32);
  EXPECT_EQ(c.repeated("interface")[0].locator("locator"), (Locator{0x20010db800010002}));
  EXPECT_EQ(c.repeated("interface")[1].integer("preference"), 10);
  EXPECT_EQ(c.repeated("interface")[1].address("gateway"), *parse_address("fe80::2"));
}

TEST(Configuration, PlacesLeadToTheValueForProblemsThatOnlyTheProgramSees) {
  const auto configured = read("[dns]\nttl = \"10s\"\n[[interface]]\nname = \"eth0\"\ngateway = \"fe80::1\"\n");
  ASSERT_TRUE(configured) << problems_of(configured);
  EXPECT_EQ(configured.value().section("dns").place("ttl").line, 2u);
  EXPECT_EQ(configured.value().section("dns").place("ttl").column, 7u);
  const Section& interface = configured.value().repeated("interface")[0];
  EXPECT_EQ(interface.place("gateway").line, 5u);
  EXPECT_EQ(interface.place("preference").line, 3u) << "not written: the table's place";
}

TEST(Configuration, ReportsEveryMistakeAtOnceInOrder) {
  EXPECT_EQ(problems_of(read(R"([identity]
prefix = "2001:db8::1/64"
nid = 5
checksum = "rfc1071"
[dns]
enabeld = true
listen = "localhost:53"
upstream = "192.0.2.1"
ttl = 30
[dnss]
port = 1
[interface]
name = "eth0"
)")),
            R"(a.toml:2:10: identity.prefix: "2001:db8::1/64" has bits set beyond its length
a.toml:3:7: identity.nid: must be a string (node identifier), not an integer
a.toml:4:12: identity.checksum: "rfc1071" is not one of "ipv6" "rfc6741" "auto"
a.toml:6:1: dns.enabeld: unknown option; did you mean "enabled"?
a.toml:7:10: dns.listen: "localhost:53" is not a numeric address with a port ("127.0.0.1:53", "[2001:db8::1]:53")
a.toml:8:12: dns.upstream: must be an array [...], not a string
a.toml:9:7: dns.ttl: needs a unit: "30s" for seconds
a.toml:10:2: dnss: unknown section; did you mean "dns"?
a.toml:12:1: interface: must be written as [[interface]]
)");
}

TEST(Configuration, MistakesInRepeatedSectionsNameTheTable) {
  EXPECT_EQ(problems_of(read(R"([[interface]]
name = "eth0"
gateway = "fe80::1"
[[interface]]
name = "eth0"
preference = 65536
gatewy = "fe80::1"
[[interface]]
)")),
            R"(a.toml:4:1: interface[1].gateway: is required
a.toml:5:8: interface[1].name: "eth0" is already defined at a.toml:2
a.toml:6:14: interface[1].preference: 65536 is out of range (0..65535)
a.toml:7:1: interface[1].gatewy: unknown option; did you mean "gateway"?
a.toml:8:1: interface[2].gateway: is required
a.toml:8:1: interface[2].name: is required
)");
}

TEST(Configuration, EveryBadListItemIsNamed) {
  EXPECT_EQ(problems_of(read("[dns]\nupstream = [\"192.0.2.1\", 7, \"x\"]\n")),
            R"(a.toml:2:26: dns.upstream[1]: must be a string (address and port), not an integer
a.toml:2:29: dns.upstream[2]: "x" is not a numeric address with a port ("127.0.0.1:53", "[2001:db8::1]:53")
)");
}

TEST(Configuration, SyntaxErrorsHaveAPlace) {
  const std::string problems = problems_of(read("[dns]\nttl = \"30s\nenabled = true\n"));
  EXPECT_TRUE(problems.starts_with("a.toml:2:")) << problems;
  EXPECT_TRUE(problems_of(read("[dns]\nttl = \"1s\"\nttl = \"2s\"\n")).starts_with("a.toml:3:"));
  EXPECT_NE(problems_of(read("[dns]\nx = \"\xff\"\n")), "accepted");
  EXPECT_NE(problems_of(read(std::string{"[dns]\n\0enabled = true\n", 21})), "accepted");
}

TEST(Configuration, WhatToml33AssertsInsteadOfReportingIsASyntaxErrorToo) {
  EXPECT_EQ(problems_of(read("[dns]\nttl = \"1s\"\n[[[x]]]\nenabled = true\n")), "a.toml:3:1: not valid TOML\n");
  EXPECT_EQ(problems_of(read("[.]")), "a.toml:1:1: not valid TOML\n");
}

TEST(Configuration, CharactersBeyondAsciiAreFineInStringsAndCommentsOnly) {
  EXPECT_EQ(problems_of(read("\xef\xbb\xbf# größe \"\n[dns] # é\nsearch = [\"größe\", 'é', \"\\\"é\"]\n")), "accepted");
  for (const char* bad : {"é = 1", "[dns]é", "[dns]\nttl = é", "[dns]\n\"ttl\"é = \"1s\"", "[dns]\nttl = \"1s\" é",
                          "[dns]\nttl = 1é", "[dns]\nttl = '1s'\xef\xac\xb0"}) {
    EXPECT_NE(problems_of(read(bad)).find("only allowed in strings and comments"), std::string::npos) << bad;
  }
  EXPECT_EQ(problems_of(read("[dns]\nttl = 1\"é\"\n")), "a.toml:2:8: a quote in the middle of a word\n");
  EXPECT_EQ(problems_of(read("[dns]\nttl = \"\"\"\\é\"\"\"\n")), "a.toml:2:7: multi-line strings are not used here\n");
}

TEST(Configuration, QuotedKeysDoNotPassForPaths) {
  EXPECT_EQ(
      problems_of(read("\"dns.ttl\" = \"1s\"\n\"interface[]\" = { name = \"eth0\" }\n")),
      "a.toml:1:1: dns.ttl: unknown option\na.toml:2:1: interface[]: unknown section; did you mean \"interface\"?\n");
}

TEST(Configuration, AnOptionInTheWrongSectionIsPointedToTheRightOne) {
  EXPECT_EQ(problems_of(read("[identity]\nlisten = \"127.0.0.1\"\n")),
            "a.toml:2:1: identity.listen: unknown option; did you mean \"dns.listen\"?\n");
}

TEST(Configuration, NestingAndEndlessKeysAreRefusedNotFollowed) {
  std::string key = "a";
  for (int i = 0; i < 100000; ++i) key += ".a";
  EXPECT_EQ(problems_of(read("x = 1\n" + key + " = 1\n")), "a.toml:2:32: a key with too many parts\n");
  const std::string deep = "x = " + std::string(100000, '[') + std::string(100000, ']');
  EXPECT_NE(problems_of(read(deep)), "accepted");
}

TEST(Configuration, LargeFilesAreRefused) {
  const std::string filler(max_configuration_file - 1, '#');
  EXPECT_EQ(problems_of(read(filler + "\n")), "accepted");
  EXPECT_EQ(problems_of(read(filler + "\n\n")), "a.toml: is larger than 1048576 octets\n");
}

TEST(Configuration, TooManyItemsAreRefused) {
  std::string list = "[dns]\nsearch = [";
  for (std::size_t i = 0; i <= max_list_items; ++i) list += "\"x\",";
  EXPECT_EQ(problems_of(read(list + "]\n")), "a.toml:2:10: dns.search: has more than 256 items\n");
  std::string tables;
  for (std::size_t i = 0; i <= max_list_items; ++i) {
    tables += "[[interface]]\nname = \"e" + std::to_string(i) + "\"\ngateway = \"fe80::1\"\n";
  }
  EXPECT_EQ(problems_of(read(tables)), "a.toml:769:1: interface: has more than 256 tables\n");
}

TEST(Configuration, LaterTextsOverrideOptionsAndAddTables) {
  const auto configured = read_configuration(
      sample_schema(),
      {{"host.toml", "[dns]\nttl = \"10s\"\nenabled = false\n[[interface]]\nname = \"eth0\"\ngateway = \"fe80::1\"\n"},
       {"conf.d/10.toml", "[dns]\nttl = \"20s\"\n[[interface]]\nname = \"eth1\"\ngateway = \"fe80::2\"\n"}});
  ASSERT_TRUE(configured) << problems_of(configured);
  EXPECT_EQ(configured.value().section("dns").duration("ttl"), seconds{20});
  EXPECT_FALSE(configured.value().section("dns").boolean("enabled"));
  EXPECT_EQ(configured.value().section("dns").place("ttl").file, "conf.d/10.toml");
  EXPECT_EQ(configured.value().repeated("interface").size(), 2u);
}

TEST(Configuration, DiffNamesWhatChangesAndWhetherReloadIsEnough) {
  const auto before = read("[dns]\nttl = \"10s\"\n[[interface]]\nname = \"eth0\"\ngateway = \"fe80::1\"\n");
  const auto after = read(
      "[dns]\nttl = \"1m\"\nenabled = false\nupstream = [\"192.0.2.1\"]\n"
      "[[interface]]\nname = \"eth1\"\ngateway = \"fe80::9\"\n"
      "[[interface]]\nname = \"eth0\"\npreference = 5\ngateway = \"fe80::1\"\n");
  ASSERT_TRUE(before && after) << problems_of(before) << problems_of(after);
  std::string changes;
  for (const SettingChange& change : diff(before.value(), after.value())) {
    changes += change.key + ": " + change.before + " -> " + change.after + (change.reloadable ? " (reload)\n" : "\n");
  }
  EXPECT_EQ(changes,
            "dns.enabled: true -> false\n"
            "dns.ttl: 10s -> 1m (reload)\n"
            "dns.upstream:  -> [192.0.2.1:53] (reload)\n"
            "interface[eth0].preference: 10 -> 5 (reload)\n"
            "interface[eth1].gateway:  -> fe80::9\n"
            "interface[eth1].name:  -> eth1\n"
            "interface[eth1].preference:  -> 10 (reload)\n");
  EXPECT_TRUE(diff(after.value(), after.value()).empty()) << "no change, no difference";
  EXPECT_TRUE(diff(read("").value(), read("[dns]\nttl = \"30s\"\n").value()).empty())
      << "writing a default changes nothing";
}

class LoadedConfiguration : public testing::Test {
 protected:
  LoadedConfiguration() {
    std::string pattern = testing::TempDir() + "settings-XXXXXX";
    directory_ = mkdtemp(pattern.data());
    std::filesystem::create_directory(directory_ / "conf.d");
  }
  ~LoadedConfiguration() override { std::filesystem::remove_all(directory_); }
  void write(const std::string& name, const std::string& text) { std::ofstream{directory_ / name} << text; }
  Configured load() { return load_configuration(sample_schema(), directory_ / "main.toml", directory_ / "conf.d"); }

  std::filesystem::path directory_;
};

TEST_F(LoadedConfiguration, DropInsApplyInOrderOfName) {
  write("main.toml", "[dns]\nttl = \"1s\"\n");
  write("conf.d/20.toml", "[dns]\nttl = \"3s\"\n");
  write("conf.d/10.toml", "[dns]\nttl = \"2s\"\n");
  write("conf.d/99.toml.disabled", "not = toml = at all");
  const auto configured = load();
  ASSERT_TRUE(configured) << problems_of(configured);
  EXPECT_EQ(configured.value().section("dns").duration("ttl"), seconds{3});
}

TEST_F(LoadedConfiguration, MistakesOfAllFilesAreReported) {
  write("main.toml", "[dns]\nttl = 1\n");
  write("conf.d/10.toml", "[dns\n");
  write("conf.d/20.toml", "[dns]\nenabled = 1\n");
  const std::string problems = problems_of(load());
  EXPECT_NE(problems.find("main.toml:2:7: dns.ttl: needs a unit"), std::string::npos) << problems;
  EXPECT_NE(problems.find("10.toml:1:5: "), std::string::npos) << problems;
  EXPECT_NE(problems.find("20.toml:2:11: dns.enabled: must be true or false, not an integer"), std::string::npos)
      << problems;
}

TEST_F(LoadedConfiguration, FilesThatCannotBeReadAreProblemsNotHangs) {
  EXPECT_NE(problems_of(load()).find("main.toml: cannot be opened: No such file or directory"), std::string::npos);
  ASSERT_EQ(mkfifo((directory_ / "main.toml").c_str(), 0600), 0);
  EXPECT_NE(problems_of(load()).find("main.toml: is not a regular file"), std::string::npos);
}

TEST_F(LoadedConfiguration, AnAbsentDropInDirectoryIsFine) {
  write("main.toml", "");
  std::filesystem::remove(directory_ / "conf.d");
  EXPECT_TRUE(load()) << problems_of(load());
}

}  // namespace
}  // namespace ilnp
