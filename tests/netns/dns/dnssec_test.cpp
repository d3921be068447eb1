// SPDX-License-Identifier: Apache-2.0
// The switch for DNSSEC validation, against a zone that Knot signs.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "dns/src/publish.h"
#include "dns/src/resolve.h"
#include "tests/netns/dns/servers.h"

namespace ilnp {
namespace {

class DnssecTest : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(server_.wait_until_ready()) << server_.log();
    const std::string keys = test::output_of("kdig @127.0.0.1 -p " + std::to_string(server_.address().port()) +
                                             " +noall +answer " + "example.org DNSKEY");
    ASSERT_NE(keys.find("257 3"), std::string::npos) << keys << server_.log();  // a key-signing key
    files_.write("right.key", keys);
    files_.write("wrong.key", "example.org. IN DS 4711 13 2 " + std::string(64, 'a') + "\n");
  }

  /// The answer for one name as JSON, validated from the key in `anchor`; not validated when that is empty.
  nlohmann::json resolve_with(const std::string& anchor, const std::string& owner) {
    ResolveSettings what;
    what.names = {owner};
    what.servers = {to_string(server_.address())};
    what.dnssec = !anchor.empty();
    if (what.dnssec) what.trust_anchor = files_.file(anchor);
    what.json = true;
    std::ostringstream json, problems;
    code = resolve(what, json, problems);
    return nlohmann::json::parse(json.str())["names"][0];
  }

  test::TempDir files_;
  test::AuthoritativeServer server_{test::Software::knot, 5302, nullptr, nullptr, true};
  ExitCode code = ExitCode::ok;
};

TEST_F(DnssecTest, WhatIsSignedIsSecure) {
  const auto found = resolve_with("right.key", "bus.example.org");
  EXPECT_EQ(found["kind"], "ilnp") << found;
  EXPECT_EQ(found["dnssec"], "secure");
  EXPECT_EQ(found["ilvs"].size(), 3u);
  EXPECT_EQ(resolve_with("right.key", "nowhere.example.org")["dnssec"], "secure") << "its absence is proved";
}

TEST_F(DnssecTest, WhatTheKeyDoesNotFitIsNotBelieved) {
  for (const char* owner : {"srv.example.org", "plain.example.org"}) {
    const auto found = resolve_with("wrong.key", owner);
    EXPECT_EQ(code, ExitCode::failed);
    EXPECT_TRUE(found["ilvs"].empty()) << found;
    EXPECT_TRUE(found["aaaa"].empty()) << found;
  }
}

TEST_F(DnssecTest, WithoutTheSwitchNobodyAsks) {
  const auto found = resolve_with("", "srv.example.org");
  EXPECT_EQ(found["kind"], "ilnp");
  EXPECT_EQ(found["dnssec"], "insecure");
}

TEST_F(DnssecTest, AnUpdateIsSignedOnTheFly) {
  test::TempDir keys;
  PublishSettings what;
  what.name = "mob.example.org";
  what.server = {to_string(server_.address())};
  what.key_file = test::write_key_file(keys, "mob-key", test::mob_secret);
  what.replace = {"NID 10 5c1a:97d3:4be:6f21", "L64 10 2001:db8:a:1"};
  std::ostringstream out;
  ASSERT_EQ(publish(what, out, out), ExitCode::ok) << out.str();
  const auto found = resolve_with("right.key", "mob.example.org");
  EXPECT_EQ(found["kind"], "ilnp") << found;
  EXPECT_EQ(found["dnssec"], "secure");
}

}  // namespace
}  // namespace ilnp
