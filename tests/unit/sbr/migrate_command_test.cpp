// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/migrate_command.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

using nlohmann::json;

class MigrateCommand : public ::testing::Test {
 protected:
  SiteNames names;
  const Locator subnet_1{0xfd00'0001'0000'0010}, subnet_2{0xfd00'0002'0000'0007}, other_2{0xfd00'0002'0000'0008};
  ConfiguredSites sites{
      names, 1,
      [](Locator l) -> std::optional<SiteId> {
        const auto number = static_cast<SiteId>(l.bits >> 32 & 0xff);
        return l.bits >> 48 == 0xfd00 && (number == 1 || number == 2) ? std::optional{number} : std::nullopt;
      },
      [this](SiteId site) { return site == 3 ? std::nullopt : std::optional{site == 1 ? subnet_1 : subnet_2}; }};

  void SetUp() override {
    for (const SiteId site : {SiteId{1}, SiteId{2}, SiteId{3}})
      ASSERT_TRUE(names.add(site, "dc" + std::to_string(site)));
  }
  static json with(json more) {
    json request{{"command", "migrate"}, {"step", "prepare"}, {"node", "0200+00ff+fe00+1234"}, {"to", "dc2"}};
    request.update(more);
    return request;
  }
  std::string problem(const json& more) {
    const auto parsed = parse_migrate(with(more), sites);
    return parsed ? "accepted" : parsed.error().message;
  }
};

TEST_F(MigrateCommand, ReadsARequest) {
  const auto request = parse_migrate(with({{"home", "dc1"}, {"when_heard", true}, {"epoch", 7}}), sites);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request.value().step, MoveStep::prepare);
  EXPECT_EQ(request.value().key, (NodeKey{{0x0200'00ff'fe00'1234}}));
  EXPECT_EQ(request.value().home, (Place{1, subnet_1}));
  EXPECT_EQ(request.value().to, (Place{2, subnet_2}));
  EXPECT_TRUE(request.value().site_only);
  EXPECT_TRUE(request.value().when_heard);
  EXPECT_FALSE(request.value().visible);
  EXPECT_EQ(request.value().epoch, 7u);
}

TEST_F(MigrateCommand, PlacesAreSitesLocatorsOrBoth) {
  EXPECT_EQ(parse_migrate(with({{"to", "fd00-0002-0000-0008"}}), sites).value().to, (Place{2, other_2}));
  EXPECT_FALSE(parse_migrate(with({{"to", "fd00-0002-0000-0008"}}), sites).value().site_only);
  EXPECT_EQ(parse_migrate(with({{"to", "dc2/fd00-0002-0000-0008"}}), sites).value().to, (Place{2, other_2}));
  EXPECT_EQ(problem({{"to", "dc1/fd00-0002-0000-0008"}}), "\"to\": this locator is not one of that site");
  EXPECT_EQ(problem({{"to", "dc2/nonsense"}}), "\"to\": after the '/' comes a locator");
  EXPECT_EQ(problem({{"to", "dc9"}}), "\"to\": no site of that name is configured here");
  EXPECT_EQ(problem({{"to", "2001-0db8-0000-0000"}}),
            "\"to\": this locator belongs to no site that is configured here");
  EXPECT_EQ(problem({{"to", "dc3"}}), "\"to\": this site has no locator here: say which");
}

TEST_F(MigrateCommand, HomeAtAnotherSiteIsGivenWithItsLocator) {
  EXPECT_EQ(problem({{"home", "dc2"}}), "\"home\": this is another site: say the locator there as well (SITE/LOCATOR)");
  const auto request = parse_migrate(with({{"home", "dc2/fd00-0002-0000-0008"}}), sites);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request.value().home, (Place{2, other_2}));
  const auto plain = parse_migrate(with({{"node", "fd00:2:0:8::42"}, {"home", "dc2"}}), sites);
  ASSERT_TRUE(plain) << "its address says it: " << plain.error().message;
  EXPECT_EQ(plain.value().home, (Place{2, other_2}));
}

TEST_F(MigrateCommand, NodeWithoutIlnpIsNamedByItsAddress) {
  const auto request = parse_migrate(with({{"node", "fd00:1:0:10::42"}}), sites);
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request.value().key, (NodeKey{{0x42}, subnet_1}));
  EXPECT_EQ(request.value().home, (Place{1, subnet_1}));
  EXPECT_EQ(request.value().to, (Place{2, subnet_1})) << "it keeps its address";
  EXPECT_EQ(problem({{"node", "fd00:1:0:10::42"}, {"to", "fd00-0002-0000-0007"}}),
            "\"to\": a node without ILNP keeps its locator");
  EXPECT_FALSE(parse_migrate(with({{"node", "2001:db8::1"}}), sites).value().home) << "not of a site";
}

TEST_F(MigrateCommand, Mistakes) {
  const std::string node = "\"node\": is neither a NID (0200+00ff+fe00+1234) nor the address of a node without ILNP";
  for (const char* text : {"", "vm1", "fe80::1", "ff02::1", "::1"}) EXPECT_EQ(problem({{"node", text}}), node) << text;
  EXPECT_EQ(problem({{"node", 5}}), "\"node\": is not a string");
  EXPECT_EQ(problem({{"step", "move"}}).substr(0, 15), "\"step\": is none");
  EXPECT_EQ(problem(json::parse(R"({"step":null})")), "\"step\": is not a string");
  EXPECT_EQ(problem({{"visible", "yes"}}), "\"visible\": is not true or false");
  EXPECT_EQ(problem({{"epoch", -1}}), "\"epoch\": is not a number");
  EXPECT_EQ(problem({{"epoc", 1}}), "\"epoc\": is not known");
  json incomplete = with(json::object());
  incomplete.erase("node");
  EXPECT_EQ(parse_migrate(incomplete, sites).error().message, "\"node\": is missing");
}

TEST_F(MigrateCommand, Answers) {
  Ownership record;
  record.key = {{0x0200'00ff'fe00'1234}};
  record.home = record.at = {1, subnet_1};
  record.epoch = 12;
  const json done = migrate_answer({MoveAnswer::Kind::done, {}, record, {}}, names);
  EXPECT_EQ(done["schema"], "ilnp.migrate/1");
  EXPECT_EQ(done.dump().substr(0, 12), R"({"epoch":12,)") << "the libvirt hook reads it there";
  EXPECT_EQ(done["outcome"], "done");
  EXPECT_EQ(done["epoch"], 12);
  EXPECT_EQ(done["record"]["at"]["site"], "dc1");
  EXPECT_EQ(done["record"]["epoch"], 12);
  EXPECT_EQ(migrate_answer({MoveAnswer::Kind::already, {}, {}, {}}, names)["record"], nullptr);
  const json busy = migrate_answer({MoveAnswer::Kind::refused, MoveRefusal::busy, record, "busy it is"}, names);
  EXPECT_EQ(busy["schema"], "ilnp.error/1");
  EXPECT_EQ(busy["code"], "busy");
  EXPECT_EQ(busy["error"], "busy it is");
  EXPECT_EQ(busy["record"]["phase"], "settled");
  EXPECT_EQ(migrate_answer({MoveAnswer::Kind::no_store, {}, {}, "cut"}, names)["code"], "no_store");
  EXPECT_EQ(migrate_answer({MoveAnswer::Kind::too_many, {}, {}, "x"}, names)["code"], "too_many");
}

}  // namespace
}  // namespace ilnp
