// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/presence_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/unit/lisp/eids.h"

namespace ilnp {
namespace {

using State = lisp::EidPresence::State;

constexpr std::uint64_t now = 1'780'000'000'000'000;

lisp::XtrIdentity somebody() {
  lisp::XtrIdentity out;
  out.xtr.fill(0x5a);
  out.site = 0xffff'ffff'ffff'fff0;
  return out;
}

lisp::MappingRecord there(const char* eid) {
  lisp::MappingRecord record;
  record.ttl = 5;
  record.eid = lisp::eid_prefix(eid);
  record.rlocs = {lisp::rloc("192.0.2.9"), lisp::rloc("2001:db8:a2::1")};
  record.rlocs[0].priority = lisp::never_use;
  record.rlocs[0].is_reachable = false;
  return record;
}

std::vector<lisp::SavedPresence> all() {
  const lisp::Epoch epoch{now - 7, somebody()};
  lisp::SavedPresence here{
      *lisp::parse_eid_prefix("[7]10.8.0.7/32"), State::here, epoch, {}, {}, {lisp::rloc("192.0.2.1")}};
  here.rlocs[0].is_local = true;
  return {here,
          {lisp::eid_prefix("2001:db8::1/128"), State::moving_in, epoch, there("2001:db8::1/128"), {}, {}},
          {lisp::eid_prefix("2001:db8::2/128"), State::moving_out, epoch, there("2001:db8::2/128"), seconds{59}, {}},
          {lisp::eid_prefix("2001:db8::3/128"), State::away, epoch, there("2001:db8::3/128"), seconds{3}, {}}};
}

TEST(Presences, TextComesBackAsItWas) {
  EXPECT_EQ(parse_presences(presences_to_text(all(), now), now), all());
  const auto nobody = parse_presences(presences_to_text({}, now), now);
  ASSERT_TRUE(nobody);
  EXPECT_TRUE(nobody->empty());
}

TEST(Presences, RelaysEndWhileNobodyRuns) {
  const auto later = parse_presences(presences_to_text(all(), now), now + 10'000'000);
  ASSERT_TRUE(later);
  ASSERT_EQ(later->size(), 3u) << "the one that had three seconds is over";
  EXPECT_EQ(later->at(2).relay_left, seconds{49});
  const auto clock_went_back = parse_presences(presences_to_text(all(), now), 0);
  EXPECT_EQ(clock_went_back->at(2).relay_left, std::chrono::hours{1}) << "bounded";
}

TEST(Presences, WhatIsDamagedIsNothing) {
  const std::string text = presences_to_text(all(), now);
  for (std::size_t length = 0; length + 2 < text.size(); ++length)
    EXPECT_FALSE(parse_presences(text.substr(0, length), now)) << length;
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string other = text;
    other.replace(other.find(from), from.size(), to);
    return parse_presences(other, now);
  };
  EXPECT_TRUE(with("here", "here"));
  EXPECT_FALSE(with("\"here\"", "\"where\""));
  EXPECT_FALSE(with("10.8.0.7/32", "10.8.0.0/16")) << "no host";
  EXPECT_FALSE(with("192.0.2.9", "192.0.2"));
  EXPECT_FALSE(with("gateway_presences/1", "gateway_presences/2"));
  std::string nobody = text;
  for (std::size_t i = 0; (i = nobody.find("\"elsewhere\"", i)) != std::string::npos; ++i)
    nobody.replace(i, 4, "\"now");
  EXPECT_FALSE(parse_presences(nobody, now)) << "relayed to nobody";
}

class PresenceFileTest : public ::testing::Test {
 protected:
  static std::string made() {
    char name[] = "/tmp/ilnp-gateway-presences.XXXXXX";
    return ::mkdtemp(name);
  }
  ~PresenceFileTest() override { std::filesystem::remove_all(directory); }
  std::string path() const { return directory + "/gateway.presences"; }

  std::string directory = made();
  Loop loop;
  std::vector<lisp::SavedPresence> rows{all()[0]};
  int asked = 0;
  std::string written;
  PresenceFile file{loop, directory,
                    [this] {
                      ++asked;
                      return rows;
                    },
                    [this](const std::string& text) { written = text; }};
};

TEST_F(PresenceFileTest, TheFirstChangeIsWrittenAtOnce) {
  EXPECT_TRUE(file.load().empty());
  file.changed();
  EXPECT_EQ(file.load(), rows);
  EXPECT_EQ(parse_presences(written, now), rows) << "others hear of it";
  struct stat status {};
  ASSERT_EQ(::stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
}

TEST_F(PresenceFileTest, ManyChangesAreWrittenTogetherAndTheLastIsThere) {
  for (int i = 0; i < 100; ++i) {
    rows[0].epoch.time = static_cast<std::uint64_t>(i);
    file.changed();
  }
  EXPECT_EQ(asked, 1);
  file.flush();
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(file.load(), rows);
  file.flush();
  EXPECT_EQ(asked, 2) << "nothing waits";
}

TEST_F(PresenceFileTest, AnEndForGoodLeavesNothing) {
  file.changed();
  file.changed();
  file.remove();
  file.flush();
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(PresenceFileTest, WhatCannotBeReadOrWrittenIsNoEnd) {
  std::ofstream{path()} << "{";
  std::filesystem::permissions(path(), std::filesystem::perms{0600});
  EXPECT_TRUE(file.load().empty());
  std::filesystem::remove_all(directory);
  file.changed();
  EXPECT_TRUE(file.is_failing());
}

}  // namespace
}  // namespace ilnp
