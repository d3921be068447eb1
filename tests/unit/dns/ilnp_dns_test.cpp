// SPDX-License-Identifier: Apache-2.0
// The commands without a network: arguments, plans, zone files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "dns/src/check.h"
#include "dns/src/publish.h"
#include "dns/src/publish_plan.h"
#include "dns/src/resolve.h"
#include "dns/src/settings.h"

namespace ilnp {
namespace {

struct Parsed {
  std::variant<Command, ExitCode> command;
  std::string out, problems;
};

Parsed parse(std::vector<const char*> words) {
  words.insert(words.begin(), "ilnp-dns");
  std::ostringstream out, problems;
  auto command = parse_command_line(static_cast<int>(words.size()), words.data(), out, problems);
  return {std::move(command), out.str(), problems.str()};
}
ExitCode code(const Parsed& parsed) { return std::get<ExitCode>(parsed.command); }

TEST(CommandLine, HelpIsNoMistake) {
  for (const auto& words :
       {std::vector<const char*>{"--help"}, {"publish", "--help"}, {"resolve", "--help"}, {"check", "--help"}}) {
    const Parsed parsed = parse(words);
    EXPECT_EQ(code(parsed), ExitCode::ok);
    EXPECT_NE(parsed.out.find("--help"), std::string::npos);
  }
  EXPECT_NE(parse({"publish", "--help"}).out.find("L64 10 2001:0db8:0001:0002"), std::string::npos);
}

TEST(CommandLine, MistakesAreUsageErrors) {
  for (const auto& words : {std::vector<const char*>{},
                            {"frobnicate"},
                            {"publish"},
                            {"publish", "a.b"},
                            {"resolve"},
                            {"check"},
                            {"publish", "a.b", "--server", "::1", "--mobile", "--fixed"},
                            {"publish", "a.b", "--server", "::1", "--ttl", "-1"},
                            {"resolve", "a", "--timeout", "0"},
                            {"check", "file", "--axfr", "::1", "example.org"},
                            {"check", "--axfr", "::1"}}) {
    const Parsed parsed = parse(words);
    EXPECT_EQ(code(parsed), ExitCode::usage);
    EXPECT_NE(parsed.problems, "");
  }
}

TEST(CommandLine, OptionsReachTheirPlace) {
  const Parsed parsed = parse({"publish", "--add", "L64 10 1:2:3:4", "mob.example.org", "-s", "::1", "--replace",
                               "NID 1 1:2:3:4", "--replace", "NID 2 1:2:3:5", "--ttl", "7", "--json"});
  const auto& publish_settings = std::get<PublishSettings>(std::get<Command>(parsed.command));
  EXPECT_EQ(publish_settings.name, "mob.example.org");
  EXPECT_EQ(publish_settings.add.size(), 1u);
  EXPECT_EQ(publish_settings.replace.size(), 2u);
  EXPECT_EQ(publish_settings.ttl, 7u);
  EXPECT_TRUE(publish_settings.json);
  const Parsed mobile = parse({"check", "zone.db", "--mobile"});
  EXPECT_EQ(std::get<CheckSettings>(std::get<Command>(mobile.command)).mobile_ttl, 20u);
}

PublishSettings mob() {
  PublishSettings settings;
  settings.name = "mob.example.org";
  settings.server = {"127.0.0.1:1"};
  settings.zone = "example.org";
  return settings;
}
std::vector<std::string> updates(const PublishSettings& settings) {
  std::vector<std::string> out;
  const auto plan = plan_from(settings);
  for (const UpdateRecord& record : plan.value().update.updates) out.push_back(to_text(record, false));
  return out;
}

TEST(PublishPlan, ReplaceEmptiesTheSetOnceAndThenAdds) {
  PublishSettings settings = mob();
  settings.replace = {"L64 10 2001:db8:1:1", "l64 20 2001-db8-2-2"};
  EXPECT_EQ(updates(settings), (std::vector<std::string>{"delete every L64 of mob.example.org.",
                                                         "add mob.example.org. 0 IN L64 10 2001:0db8:0001:0001",
                                                         "add mob.example.org. 0 IN L64 20 2001:0db8:0002:0002"}));
}

TEST(PublishPlan, RemovalOfARecordAndOfASet) {
  PublishSettings settings = mob();
  settings.remove = {"L64", "AAAA 2001:db8::1"};
  EXPECT_EQ(updates(settings), (std::vector<std::string>{"delete every L64 of mob.example.org.",
                                                         "delete mob.example.org. IN AAAA 2001:db8::1"}));
}

TEST(PublishPlan, TtlPolicies) {
  PublishSettings settings = mob();
  settings.add = {"NID 10 1:2:3:4", "L64 10 2001:db8:1:1"};
  settings.fixed = true;
  EXPECT_EQ(updates(settings)[0], "add mob.example.org. 86400 IN NID 10 0001:0002:0003:0004");
  EXPECT_EQ(updates(settings)[1], "add mob.example.org. 60 IN L64 10 2001:0db8:0001:0001");
  settings.ttl = 5;
  EXPECT_EQ(updates(settings)[0], "add mob.example.org. 5 IN NID 10 0001:0002:0003:0004");
}

TEST(PublishPlan, TheMirrorAfterARotationHasOnlyTheNewNid) {
  PublishSettings settings = mob();
  settings.if_nid = {"1:2:3:4"};
  settings.replace = {"NID 10 5:6:7:8", "L64 10 2001:db8:1:1"};
  settings.mirror = true;
  const auto all = updates(settings);
  EXPECT_EQ(all.back(), "add mob.example.org. 0 IN AAAA 2001:db8:1:1:5:6:7:8");
  EXPECT_EQ(std::count_if(all.begin(), all.end(), [](const auto& s) { return s.find("IN AAAA") != std::string::npos; }),
            1);
  settings.replace = {"L64 10 2001:db8:1:1"};
  EXPECT_EQ(updates(settings).back(), "add mob.example.org. 0 IN AAAA 2001:db8:1:1:1:2:3:4");
}

TEST(PublishPlan, AllMistakesAtOnce) {
  PublishSettings settings = mob();
  settings.add = {"MX 10 mail", "L64 10 2001:db8::1", "NID 70000 1:2:3:4", "LP 10 mob.example.org"};
  settings.replace = {"L64"};
  settings.if_nid = {"xyz"};
  settings.expect_none = {"NID 10 1:2:3:4"};
  settings.mirror = true;
  const auto plan = plan_from(settings);
  ASSERT_FALSE(plan);
  const std::string& said = plan.error().message;
  EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 7) << said;
  settings = mob();
  EXPECT_NE(plan_from(settings).error().message.find("nothing to do"), std::string::npos);
}

TEST(PublishPlan, LocatorsThatCannotBeRoutedAreWarnedAbout) {
  PublishSettings settings = mob();
  settings.add = {"L64 10 fd00:0:0:1", "NID 10 0:0:0:0"};
  const auto plan = plan_from(settings);
  EXPECT_EQ(plan.value().warnings.size(), 2u);
}

TEST(Publish, DryRunShowsAndSendsNothing) {
  PublishSettings settings = mob();
  settings.add = {"L64 10 2001:db8:1:1"};
  settings.dry_run = true;
  settings.json = true;
  std::ostringstream out, problems;
  EXPECT_EQ(publish(settings, out, problems), ExitCode::ok);
  const auto json = nlohmann::json::parse(out.str());
  EXPECT_EQ(json["schema"], "ilnp.dns.publish/1");
  EXPECT_EQ(json["sent"], false);
  EXPECT_EQ(json["updates"].size(), 1u);
}

TEST(Publish, ANameOutsideItsZoneAndNobodyThere) {
  PublishSettings settings = mob();
  settings.add = {"L64 10 2001:db8:1:1"};
  settings.zone = "example.com";
  std::ostringstream out, problems;
  EXPECT_EQ(publish(settings, out, problems), ExitCode::failed);
  EXPECT_NE(problems.str().find("is not in the zone"), std::string::npos);
  settings.zone = "";
  EXPECT_EQ(publish(settings, out, problems), ExitCode::failed);
  EXPECT_NE(problems.str().find("Connection refused"), std::string::npos) << problems.str();
}

TEST(Resolve, WrongArgumentsAndNoServer) {
  ResolveSettings settings;
  settings.names = {"a..b"};
  settings.servers = {"::1"};
  std::ostringstream out, problems;
  EXPECT_EQ(resolve(settings, out, problems), ExitCode::usage);
  settings.names = {"a.b"};
  settings.servers = {"nonsense"};
  EXPECT_EQ(resolve(settings, out, problems), ExitCode::usage);
  settings.servers.clear();
  settings.resolv_conf = "/dev/null";
  EXPECT_EQ(resolve(settings, out, problems), ExitCode::failed);
  EXPECT_NE(problems.str().find("no name server"), std::string::npos);
  settings.servers = {"127.0.0.1:1"};
  settings.dnssec = true;
  settings.trust_anchor = "/nowhere";
  EXPECT_EQ(resolve(settings, out, problems), ExitCode::failed);
  EXPECT_NE(problems.str().find("trust anchors in /nowhere"), std::string::npos) << problems.str();
}

class ZoneFileTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/ilnp-zone-XXXXXX";
    ASSERT_NE(::mkdtemp(folder), nullptr);
    folder_ = folder;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  nlohmann::json report(const std::string& text, const std::string& origin = "") {
    const std::string path = folder_ + "/zone";
    std::ofstream{path} << text;
    CheckSettings settings;
    settings.zone_file = path;
    settings.origin = origin;
    settings.json = true;
    std::ostringstream out, problems;
    code = check(settings, out, problems);
    auto json = nlohmann::json::parse(out.str());
    if (json.contains("findings")) {
      for (auto& finding : json["findings"]) {
        finding["where"] = finding["where"].get<std::string>().substr(path.size());
      }
    }
    return json;
  }
  std::string folder_;
  ExitCode code{};
};

const char* const soa = "$ORIGIN example.org.\n$TTL 60\n@ IN SOA ns hostmaster 1 2 3 4 5\n";

TEST_F(ZoneFileTest, AGoodZone) {
  const auto json =
      report(std::string{soa} + "srv NID 10 0214:4fff:fe20:ee64\n\n; comment\n L64 10 2001:0db8:00c0:0001\n");
  EXPECT_EQ(code, ExitCode::ok) << json;
  EXPECT_EQ(json["schema"], "ilnp.dns.check/1");
  EXPECT_EQ(json["zone"], "example.org.");
  EXPECT_EQ(json["ilnp_records"], 2);
}

TEST_F(ZoneFileTest, FindingsNameTheLineInOrder) {
  const auto json =
      report(std::string{soa} + "srv NID 10 1:2:3:4\n\nbad L64 10 1::2\n\nlp ( NID 70000\n 0014:4fff:fe20:ee64 )\n");
  EXPECT_EQ(code, ExitCode::failed);
  std::vector<std::string> where;
  for (const auto& finding : json["findings"]) where.push_back(finding["where"]);
  EXPECT_EQ(where, (std::vector<std::string>{":4", ":4", ":6", ":8", ":8"})) << json;
}

TEST_F(ZoneFileTest, IncludeIsReportedAndTheRestRead) {
  const auto json =
      report(std::string{soa} + "$INCLUDE other.db\nsrv NID 10 0214:4fff:fe20:ee64\nsrv L64 10 2001:0db8:00c0:0001\n");
  EXPECT_EQ(code, ExitCode::degraded);
  EXPECT_EQ(json["ilnp_records"], 2);
}

TEST_F(ZoneFileTest, WithoutSoaTheOriginMustBeGiven) {
  const std::string text = "srv 60 IN NID 10 0214:4fff:fe20:ee64\nsrv 60 IN L64 10 2001:0db8:00c0:0001\n";
  EXPECT_TRUE(report(text).contains("error"));
  EXPECT_EQ(code, ExitCode::failed);
  EXPECT_EQ(report(text, "example.org")["records"], 2);
  EXPECT_EQ(code, ExitCode::ok);
}

TEST_F(ZoneFileTest, NoFileAtAll) {
  CheckSettings settings;
  settings.zone_file = folder_ + "/missing";
  std::ostringstream out, problems;
  EXPECT_EQ(check(settings, out, problems), ExitCode::failed);
  EXPECT_NE(problems.str().find("missing"), std::string::npos);
}

}  // namespace
}  // namespace ilnp
