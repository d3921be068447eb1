// SPDX-License-Identifier: Apache-2.0
#include "io/truth/record_json.h"

#include "core/site/migration.h"
#include "tests/unit/truth/truth_fixture.h"

namespace ilnp {
namespace {

const char* const key_text = "nid/0200+0000+0000+0001";

std::string place(const char* site = "dc1") {
  return std::string{R"({"site":")"} + site + R"(","locator":"fd00-0001-0000-0010"})";
}
/// A record as text: what every one has, then `rest`.
std::string record_text(const std::string& rest, const char* nid = "0200+0000+0000+0001") {
  return std::string{R"({"schema":"ilnp.ownership/1","nid":")"} + nid + R"(",)" + rest + "}";
}
std::string settled_with(const std::string& more) {
  return record_text(R"("home":)" + place() + R"(,"at":)" + place() + more);
}
/// The words of the refusal, or "accepted".
std::string verdict(const std::string& text, const char* key = key_text) {
  const auto record = parse_record(key, text, two_sites());
  return record ? "accepted" : explain(record.error());
}
std::string words(RecordProblem problem) { return explain(problem); }

TEST(RecordJson, EveryRecordThatAMoveMakesIsReadAsItWasWritten) {
  const Place there{2, locator_2};
  std::optional<Ownership> record;
  MoveRequest request{.key = settled_record(1).key, .home = Place{1, locator_1}, .to = there};
  int changes = 0;
  for (const bool visible : {false, true}) {
    for (const MoveStep step : {MoveStep::claim, MoveStep::prepare, MoveStep::abort, MoveStep::prepare,
                                MoveStep::activate, MoveStep::rehome, MoveStep::release}) {
      request.step = step;
      request.visible = request.when_heard = visible;
      const auto plan = plan_move(record, request);
      if (!plan || !plan.value().changes) continue;
      record = plan.value().next;
      const auto text = record_to_json(*record, two_sites());
      ASSERT_TRUE(text);
      const auto again = parse_record(record_key(record->key), *text, two_sites());
      ASSERT_TRUE(again) << explain(again.error()) << ": " << *text;
      EXPECT_EQ(again.value(), *record);
      ++changes;
    }
    record.reset();
  }
  EXPECT_GE(changes, 12);
}

TEST(RecordJson, ANodeWithoutIlnpIsFiledUnderItsAddress) {
  Ownership record = settled_record(1);
  record.key.address_locator = locator_1;
  EXPECT_EQ(record_key(record.key), "nid/0200+0000+0000+0001@fd00-0001-0000-0010");
  EXPECT_EQ(parse_record_key(record_key(record.key)), record.key);
  const auto text = record_to_json(record, two_sites());
  ASSERT_TRUE(text);
  const auto again = parse_record(record_key(record.key), *text, two_sites());
  ASSERT_TRUE(again);
  EXPECT_EQ(again.value(), record);
  EXPECT_EQ(verdict(*text), words(RecordProblem::other_key));
}

TEST(RecordJson, AKeyHasOneSpelling) {
  EXPECT_EQ(parse_record_key("nid/0200+0000+0000+0001"), (NodeKey{NodeId{0x0200'0000'0000'0001}}));
  for (const char* text :
       {"", "nid/", "0200+0000+0000+0001", "nid/200+0+0+1", "nid/0200:0000:0000:0001", "nid/0200+0000+0000+000A",
        "nid/0200+0000+0000+0001@", "nid/0200+0000+0000+0001@0000-0000-0000-0000", "nid/0200+0000+0000+0001/",
        "NID/0200+0000+0000+0001", "nid/0200+0000+0000+0001@fd00-0001-0000-0010@x"}) {
    EXPECT_FALSE(parse_record_key(text)) << text;
  }
}

TEST(RecordJson, ASiteWithoutANameCannotBeWritten) {
  Ownership record = settled_record(1);
  record.at.site = 3;
  EXPECT_FALSE(record_to_json(record, two_sites()));
}

TEST(RecordJson, ANewSiteIsNotGuessed) {
  EXPECT_EQ(verdict(record_text(R"("phase":"settled","home":)" + place("dc3") + R"(,"at":)" + place())),
            words(RecordProblem::unknown_site));
}

TEST(RecordJson, WhatIsNotARecordIsRefusedWithTheReason) {
  const std::string good = settled_with(R"(,"phase":"settled")");
  ASSERT_EQ(verdict(good), "accepted");
  EXPECT_EQ(verdict(good, "nid/0200+0000+0000+0002"), words(RecordProblem::other_key));
  EXPECT_EQ(verdict(good, "lock/0200+0000+0000+0001"), words(RecordProblem::bad_key));
  EXPECT_EQ(verdict(good + " {}"), words(RecordProblem::not_json));
  EXPECT_EQ(verdict(good.substr(0, good.size() - 1)), words(RecordProblem::not_json));
  EXPECT_EQ(verdict(""), words(RecordProblem::not_json));
  EXPECT_EQ(verdict("[]"), words(RecordProblem::other_schema));
  EXPECT_EQ(verdict("{}"), words(RecordProblem::other_schema));
  EXPECT_EQ(verdict(R"({"schema":1})"), words(RecordProblem::other_schema));
  EXPECT_EQ(verdict(R"({"schema":"ilnp.ownership/2"})"), words(RecordProblem::other_schema));
  EXPECT_EQ(verdict(settled_with(R"(,"phase":"settled","owner":"me")")), words(RecordProblem::unknown_member));
  EXPECT_EQ(verdict(settled_with(R"(,"phase":"settled","address":"0-0-0-0")")), words(RecordProblem::bad_node));
  EXPECT_EQ(verdict(record_text(R"("phase":"settled")", "0200+0000")), words(RecordProblem::bad_node));
  EXPECT_EQ(verdict(record_text(R"("phase":"settled","home":)" + place())), words(RecordProblem::bad_place));
  EXPECT_EQ(verdict(record_text(R"("phase":"settled","at":3,"home":)" + place())), words(RecordProblem::bad_place));
  EXPECT_EQ(verdict(record_text(R"("phase":"settled","at":{"site":"dc1"},"home":)" + place())),
            words(RecordProblem::bad_place));
  EXPECT_EQ(verdict(std::string(5000, ' ') + good), words(RecordProblem::too_long));
  EXPECT_EQ(verdict(settled_with(R"(,"phase":[[[[]]]])")), words(RecordProblem::too_deep));
}

TEST(RecordJson, ThePhaseFitsTheRest) {
  const std::string other = R"(,"other":{"site":"dc2","locator":"fd00-0002-0000-0010"})";
  const std::string former = R"(,"former":{"site":"dc2","locator":"fd00-0002-0000-0010"})";
  const auto with = [&](const char* phase, const std::string& more) {
    return verdict(settled_with(std::string{R"(,"phase":")"} + phase + '"' + more));
  };
  EXPECT_EQ(with("prepared", other), "accepted");
  EXPECT_EQ(with("prepared", other + R"(,"visible":true)"), "accepted");
  EXPECT_EQ(with("prepared", other + R"(,"when_heard":true)"), "accepted");
  EXPECT_EQ(with("active", other), "accepted");
  EXPECT_EQ(with("active", former), "accepted");
  const std::string bad = words(RecordProblem::bad_phase);
  EXPECT_EQ(verdict(settled_with("")), bad);
  EXPECT_EQ(with("moving", ""), bad);
  EXPECT_EQ(with("settled", other), bad);
  EXPECT_EQ(with("settled", former), bad);
  EXPECT_EQ(with("settled", R"(,"visible":true)"), bad);
  EXPECT_EQ(with("settled", R"(,"visible":false)"), bad);
  EXPECT_EQ(with("prepared", ""), bad);
  EXPECT_EQ(with("prepared", R"(,"other":)" + place()), bad) << "to where it is";
  EXPECT_EQ(with("prepared", other + former), bad);
  EXPECT_EQ(with("active", ""), bad);
  EXPECT_EQ(with("active", other + R"(,"visible":true)"), bad);
  EXPECT_EQ(with("active", other + R"(,"when_heard":true)"), bad);
  EXPECT_EQ(with("settled", R"(,"when_heard":true)"), bad);
}

TEST(SiteNames, AreNamesAndUnique) {
  SiteNames sites = two_sites();
  EXPECT_FALSE(sites.add(1, "dc3"));
  EXPECT_FALSE(sites.add(3, "dc1"));
  EXPECT_FALSE(sites.add(3, ""));
  EXPECT_FALSE(sites.add(3, "a b"));
  EXPECT_FALSE(sites.add(3, std::string(64, 'a')));
  EXPECT_TRUE(sites.add(3, std::string(63, 'a')));
  EXPECT_EQ(sites.name_of(2), "dc2");
  EXPECT_EQ(sites.name_of(9), "");
  EXPECT_EQ(sites.find("dc2"), SiteId{2});
  EXPECT_FALSE(sites.find("dc4"));
}

}  // namespace
}  // namespace ilnp
