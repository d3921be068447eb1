// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/prefix_table.h"

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <vector>

#include "tests/support/fakes.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {
namespace {

using Table = PrefixTable<int>;

std::string matched(const Table& table, const Eid& eid) {
  const auto* entry = table.match(eid);
  return entry == nullptr ? "none" : to_string(entry->first);
}

class PrefixTableTest : public ::testing::Test {
 protected:
  void fill(std::initializer_list<const char*> prefixes) {
    for (const char* text : prefixes) table.insert(eid_prefix(text));
  }
  Table table{7};
};

TEST_F(PrefixTableTest, LongestMatchWins) {
  fill({"2001:db8::/32", "2001:db8:e1d::/48", "2001:db8:e1d::/64", "2001:db8:e1d::7/128", "10.0.0.0/8", "10.1.0.0/16"});
  EXPECT_EQ(matched(table, eid("2001:db8:e1d::7")), "2001:db8:e1d::7/128");
  EXPECT_EQ(matched(table, eid("2001:db8:e1d::8")), "2001:db8:e1d::/64");
  EXPECT_EQ(matched(table, eid("2001:db8:e1d:1::7")), "2001:db8:e1d::/48");
  EXPECT_EQ(matched(table, eid("2001:db8:1::")), "2001:db8::/32");
  EXPECT_EQ(matched(table, eid("2001:db9::")), "none");
  EXPECT_EQ(matched(table, eid("10.1.2.3")), "10.1.0.0/16");
  EXPECT_EQ(matched(table, eid("10.2.2.3")), "10.0.0.0/8");
  EXPECT_EQ(matched(table, eid("11.2.2.3")), "none");
}

TEST_F(PrefixTableTest, InstancesAndFamiliesAreWorldsApart) {
  fill({"10.8.0.0/16", "a08::/16"});
  table.insert(eid_prefix("10.8.0.7/32", 4242));
  EXPECT_EQ(matched(table, eid("10.8.0.7")), "10.8.0.0/16");
  EXPECT_EQ(matched(table, eid("10.8.0.7", 4242)), "[4242]10.8.0.7/32");
  EXPECT_EQ(matched(table, eid("10.8.0.8", 4242)), "none");
  EXPECT_EQ(matched(table, eid("a08::1")), "a08::/16");
}

TEST_F(PrefixTableTest, PrefixIsMatchedByWhatContainsAllOfIt) {
  fill({"2001:db8::/32", "2001:db8:e1d::/64", "2001:db8:e1d::7/128"});
  EXPECT_EQ(to_string(table.match(eid_prefix("2001:db8:e1d::/48"))->first), "2001:db8::/32");
  EXPECT_EQ(to_string(table.match(eid_prefix("2001:db8:e1d::/64"))->first), "2001:db8:e1d::/64");
  EXPECT_EQ(table.match(eid_prefix("2001::/16")), nullptr);
}

TEST_F(PrefixTableTest, DefaultRouteMatchesAll) {
  fill({"::/0"});
  EXPECT_EQ(matched(table, eid("2001:db8::1")), "::/0");
  EXPECT_EQ(matched(table, eid("10.0.0.1")), "none");
}

TEST_F(PrefixTableTest, MoreSpecificsInOrder) {
  fill({"2001:db8::/32", "2001:db8:e1d::/48", "2001:db8:e1d::/64", "2001:db8:e1d::7/128", "2001:db8:e1d:ffff::/64",
        "2001:db8:e1e::/48", "2001:db8:e1c:ffff::/64"});
  table.insert(eid_prefix("2001:db8:e1d::8/128", 1));
  std::string order;
  const EidPrefix covering = eid_prefix("2001:db8:e1d::/48");
  for (auto* entry = table.first_in(covering); entry != nullptr; entry = table.next_in(covering, *entry))
    order += to_string(entry->first) + ' ';
  EXPECT_EQ(order, "2001:db8:e1d::/48 2001:db8:e1d::/64 2001:db8:e1d::7/128 2001:db8:e1d:ffff::/64 ");
  EXPECT_EQ(table.first_in(eid_prefix("2001:db9::/32")), nullptr);
}

TEST_F(PrefixTableTest, InsertedTwiceIsOneEntry) {
  table.insert(eid_prefix("10.0.0.0/8")).first->second = 5;
  const auto [entry, is_new] = table.insert(eid_prefix("10.0.0.0/8"));
  EXPECT_FALSE(is_new);
  EXPECT_EQ(entry->second, 5);
  EXPECT_EQ(table.size(), 1u);
}

/// Against a map and a search through it, with prefixes that lie in each other.
TEST_F(PrefixTableTest, SameAsASearchThroughAll) {
  test::FakeRandom random{11};
  std::map<EidPrefix, int> expected;
  const auto some_prefix = [&] {
    IpPrefix p;
    const bool ipv4 = random.one_in(2);
    std::array<std::uint8_t, 16> octets{0x20};
    octets[1] = static_cast<std::uint8_t>(random.below(2));
    octets[ipv4 ? 3 : 15] = static_cast<std::uint8_t>(random.below(16));
    p.address = IpAddress::load(Bytes{octets}.first(ipv4 ? 4 : 16));
    p.length = static_cast<std::uint8_t>(random.below(address_bits(p.family()) + 1u));
    return EidPrefix{static_cast<std::uint32_t>(random.below(2)), p.network()};
  };
  for (int step = 0; step < 20'000; ++step) {
    const EidPrefix p = some_prefix();
    if (random.one_in(2)) {
      table.insert(p).first->second = step;
      expected[p] = step;
    } else if (const auto* entry = table.find(p)) {
      table.erase(*entry);
      EXPECT_EQ(expected.erase(p), 1u);
    }
    const EidPrefix wanted = some_prefix();
    const std::pair<const EidPrefix, int>* best = nullptr;
    for (const auto& candidate : expected)
      if (candidate.first.contains(wanted) && (!best || candidate.first.prefix.length > best->first.prefix.length))
        best = &candidate;
    const auto* found = table.match(wanted);
    ASSERT_EQ(found != nullptr, best != nullptr) << to_string(wanted);
    if (found != nullptr) {
      ASSERT_EQ(*found, *best);
    }
    ASSERT_EQ(table.find(wanted) != nullptr, expected.contains(wanted));
    ASSERT_EQ(table.size(), expected.size());
  }
}

}  // namespace
}  // namespace ilnp::lisp
