// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/host_notice.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

using nlohmann::json;

json moved() { return {{"schema", "ilnp.host-channel/1"}, {"event", "moved"}}; }
json moved_with(const char* member, json value) {
  json out = moved();
  out[member] = std::move(value);
  return out;
}
bool is_refused(const json& body) { return !parse_host_notice(body.dump()).has_value(); }

TEST(HostNotice, NeedsNothingButSchemaAndEvent) {
  const auto notice = parse_host_notice(moved().dump());
  ASSERT_TRUE(notice);
  EXPECT_TRUE(notice.value().locators.empty());
  EXPECT_FALSE(notice.value().mac || notice.value().id);
}

TEST(HostNotice, SaysWhereAndWhichInterface) {
  json body = moved_with("locators", {"2001-0db8-00a2-0000", "2001-0db8-00a3-0000"});
  body["mac"] = "52:54:00:00:00:01";
  body["id"] = 7;
  const auto notice = parse_host_notice(body.dump());
  ASSERT_TRUE(notice);
  EXPECT_EQ(notice.value().locators, (std::vector{Locator{0x20010db800a20000}, Locator{0x20010db800a30000}}));
  EXPECT_EQ(notice.value().mac, (MacAddress{{0x52, 0x54, 0, 0, 0, 1}}));
  EXPECT_EQ(notice.value().id, 7u);
}

TEST(HostNotice, MembersOfLaterVersionsAreIgnored) { EXPECT_FALSE(is_refused(moved_with("colour", {{"red", 1}}))); }

TEST(HostNotice, WhatIsNoNoticeIsRefused) {
  EXPECT_FALSE(parse_host_notice(""));
  EXPECT_FALSE(parse_host_notice("moved"));
  EXPECT_FALSE(parse_host_notice("[]"));
  EXPECT_FALSE(parse_host_notice(moved().dump() + "x"));
  EXPECT_TRUE(is_refused({{"event", "moved"}}));
  EXPECT_TRUE(is_refused(moved_with("schema", "ilnp.host-channel/2")));
  EXPECT_TRUE(is_refused(moved_with("schema", 1)));
  EXPECT_TRUE(is_refused(moved_with("event", "stopped")));
  EXPECT_TRUE(is_refused(moved_with("event", json::array())));
  EXPECT_TRUE(is_refused(moved_with("locators", "2001-0db8-00a2-0000")));
  EXPECT_TRUE(is_refused(moved_with("locators", {"here"})));
  EXPECT_TRUE(is_refused(moved_with("locators", {1})));
  EXPECT_TRUE(is_refused(moved_with("mac", "52:54")));
  EXPECT_TRUE(is_refused(moved_with("mac", 5)));
  EXPECT_TRUE(is_refused(moved_with("id", "7")));
  EXPECT_TRUE(is_refused(moved_with("id", -7)));
}

TEST(HostNotice, IsBounded) {
  const json locator = "2001-0db8-00a2-0000";
  EXPECT_FALSE(is_refused(moved_with("locators", json(max_noticed_locators, locator))));
  EXPECT_TRUE(is_refused(moved_with("locators", json(max_noticed_locators + 1, locator))));
  EXPECT_FALSE(is_refused(moved_with("note", std::string(1000, 'x'))));
  EXPECT_TRUE(is_refused(moved_with("note", std::string(max_host_line, 'x'))));
  EXPECT_TRUE(is_refused(moved_with("note", json::parse("[[[[[[]]]]]]"))));
}

TEST(HostNotice, AnswersNameTheQuestion) {
  HostNotice notice;
  EXPECT_EQ(heard_notice(notice, false),
            json({{"schema", "ilnp.host-channel/1"}, {"event", "heard"}, {"host_moved", false}}));
  notice.id = 9;
  EXPECT_EQ(heard_notice(notice, true).at("id"), 9);
  EXPECT_EQ(refused_notice("why").at("error"), "why");
}

}  // namespace
}  // namespace ilnp
