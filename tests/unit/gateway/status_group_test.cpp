// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/status_group.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

using nlohmann::json;

constexpr TimePoint start{seconds{100}};

GroupStatus of_three() {
  GroupStatus status;
  status.peers = {{"192.0.2.12:4364", true, start, "connect: Connection refused"},
                  {"192.0.2.13:4364", false, start, "TLS: certificate has expired"}};
  GroupMember second{"dc2"}, third{"dc3"};
  second.xtr.fill(0xab);
  second.site = 7;
  status.members = {{second, true}, {third, false}};
  return status;
}

TEST(GroupStatus, Rows) {
  const json rows = group_rows(of_three(), start + seconds{5});
  EXPECT_EQ(rows["schema"], "ilnp.group/1");
  EXPECT_EQ(rows["peers"], json::parse(R"([
    {"address": "192.0.2.12:4364", "connected": true, "since_s": 5.0, "last_error": "connect: Connection refused"},
    {"address": "192.0.2.13:4364", "connected": false, "since_s": null, "last_error": "TLS: certificate has expired"}
  ])"));
  EXPECT_EQ(rows["members"][0],
            json({{"name", "dc2"}, {"xtr_id", "abababababababababababababababab"}, {"site_id", 7}, {"alive", true}}));
  EXPECT_EQ(rows["members"][1]["alive"], false);
  EXPECT_EQ(rows["last_refusal"], nullptr);
  EXPECT_EQ(group_summary(of_three()), json({{"peers", 2}, {"connected", 1}, {"alive", 1}}));
}

TEST(GroupStatus, WhatIsWrongIsNamed) {
  const auto problems_of = [](const GroupStatus& status) {
    StatusProblems problems;
    add_group_problems(status, problems);
    return problems.list();
  };
  GroupStatus status = of_three();
  json problems = problems_of(status);
  ASSERT_EQ(problems.size(), 2u) << problems;
  EXPECT_EQ(problems[0]["what"], "the gateway at 192.0.2.13:4364 does not get our sessions");
  EXPECT_EQ(problems[0]["cause"], "TLS: certificate has expired");
  EXPECT_EQ(problems[1]["what"], "the gateway dc3 is silent");

  status.last_refusal = "192.0.2.13: no certificate";
  EXPECT_EQ(problems_of(status).size(), 2u) << "one is heard: a refusal of some time ago";
  status.members.clear();
  problems = problems_of(status);
  ASSERT_EQ(problems.size(), 2u);
  EXPECT_EQ(problems[1]["cause"], "192.0.2.13: no certificate");

  status.peers[1].is_connected = true;
  status.last_refusal.clear();
  EXPECT_TRUE(problems_of(status).empty());
}

}  // namespace
}  // namespace ilnp
