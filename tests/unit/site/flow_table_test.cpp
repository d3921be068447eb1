// SPDX-License-Identifier: Apache-2.0
// Flows keep their place against any number of strangers.
#include "core/site/flow_table.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"

namespace ilnp {
namespace {

FlowKey key_of(std::uint64_t n) {
  return {{5}, {{0x2001'0db8'00c0'0000 + n % 7}, {n}}, 40000, static_cast<std::uint16_t>(n), 6};
}
Flow flow_of(std::uint64_t n, bool answered, TimePoint seen = {}) {
  Flow flow;
  flow.key = key_of(n);
  flow.answered = answered;
  flow.last_seen = seen;
  return flow;
}

TEST(FlowTable, FlowIsFoundByEveryPartOfItsKey) {
  FlowTable table{1, 64};
  const FlowKey key = key_of(1);
  ASSERT_NE(table.add(flow_of(1, true), table.hash(key)), nullptr);
  EXPECT_NE(table.find(key, table.hash(key)), nullptr);
  const auto other = [&](auto change) {
    FlowKey k = key;
    change(k);
    return table.find(k, table.hash(key)) == nullptr && table.hash(k) != table.hash(key);
  };
  EXPECT_TRUE(other([](FlowKey& k) { k.inside = {6}; }));
  EXPECT_TRUE(other([](FlowKey& k) { k.outside.nid = {6}; }));
  EXPECT_TRUE(other([](FlowKey& k) { k.outside.locator = {6}; }));
  EXPECT_TRUE(other([](FlowKey& k) { k.inside_port = 6; }));
  EXPECT_TRUE(other([](FlowKey& k) { k.outside_port = 6; }));
  EXPECT_TRUE(other([](FlowKey& k) { k.protocol = 17; }));
}

TEST(FlowTable, AMillionStrangersDisplaceNobodyWhoIsAnswered) {
  FlowTable table{9, 4096};
  for (std::uint64_t n = 0; n < 1000; ++n) ASSERT_NE(table.add(flow_of(n, true), table.hash(key_of(n))), nullptr);
  for (std::uint64_t n = 1'000'000; n < 2'000'000; ++n) table.add(flow_of(n, false), table.hash(key_of(n)));
  for (std::uint64_t n = 0; n < 1000; ++n) EXPECT_NE(table.find(key_of(n), table.hash(key_of(n))), nullptr);
  EXPECT_EQ(table.capacity(), 4096u);
  EXPECT_LE(table.size(), table.capacity());
  EXPECT_GT(table.displaced(), 900'000u);
}

TEST(FlowTable, StrangersAreRefusedWhereEverybodyIsAnswered) {
  FlowTable table{9, 64};
  for (std::uint64_t n = 0; n < 8; ++n) ASSERT_NE(table.add(flow_of(n, true), 0), nullptr);
  EXPECT_EQ(table.add(flow_of(100, false), 0), nullptr);
  EXPECT_EQ(table.refused(), 1u);
}

TEST(FlowTable, OldestGoes) {
  FlowTable table{9, 64};
  for (std::uint64_t n = 0; n < 8; ++n)
    ASSERT_NE(table.add(flow_of(n, true, TimePoint{seconds{n == 3 ? 1 : 10 + n}}), 0), nullptr);
  ASSERT_NE(table.add(flow_of(100, true, TimePoint{seconds{50}}), 0), nullptr);
  EXPECT_EQ(table.find(key_of(3), 0), nullptr);
  EXPECT_NE(table.find(key_of(4), 0), nullptr);
}

TEST(FlowTable, SearchBeginsWhereTheHashSaysAndTakesTheNextPlaces) {
  FlowTable table{9, 64};
  constexpr std::uint64_t hash = 6ull << 61 | 1;  // set 1, way 6
  for (const std::uint32_t place : {14u, 15u, 8u}) {
    const Flow* flow = table.add(flow_of(place, true), hash);
    ASSERT_NE(flow, nullptr);
    EXPECT_EQ(table.index_of(*flow), place);
  }
  const Flow* other = table.add(flow_of(100, true), 2ull << 61 | 1);
  ASSERT_NE(other, nullptr);
  EXPECT_EQ(table.index_of(*other), 10u);
  for (const std::uint64_t n : {14u, 15u, 8u}) EXPECT_NE(table.find(key_of(n), hash), nullptr);
  EXPECT_EQ(table.find(key_of(100), hash), nullptr) << "the search ends at a free place";
}

TEST(FlowTable, FullSetIsSearchedToItsEnd) {
  FlowTable table{9, 64};
  constexpr std::uint64_t hash = 3ull << 61;
  for (std::uint64_t n = 0; n < 8; ++n) ASSERT_NE(table.add(flow_of(n, n != 5, TimePoint{seconds{n}}), hash), nullptr);
  for (std::uint64_t n = 0; n < 8; ++n) EXPECT_NE(table.find(key_of(n), hash), nullptr);
  ASSERT_NE(table.add(flow_of(100, true, TimePoint{seconds{9}}), hash), nullptr);
  EXPECT_EQ(table.find(key_of(5), hash), nullptr) << "nobody had answered it";
  EXPECT_NE(table.find(key_of(100), hash), nullptr);
}

TEST(FlowTable, MemoryThatOutlivesTheTableIsGoneOnWith) {
  std::vector<Flow> memory(FlowTable::rounded(100));
  ASSERT_EQ(memory.size(), 128u);
  {
    FlowTable table{9, memory};
    for (std::uint64_t n = 0; n < 20; ++n) ASSERT_NE(table.add(flow_of(n, true), table.hash(key_of(n))), nullptr);
  }
  FlowTable table{9, memory};
  EXPECT_EQ(table.size(), 20u);
  for (std::uint64_t n = 0; n < 20; ++n) EXPECT_NE(table.find(key_of(n), table.hash(key_of(n))), nullptr);
}

}  // namespace
}  // namespace ilnp
