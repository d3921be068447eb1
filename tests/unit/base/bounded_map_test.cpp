// SPDX-License-Identifier: Apache-2.0
#include "core/base/bounded_map.h"

#include <gtest/gtest.h>

#include <string>

namespace ilnp {
namespace {

TEST(BoundedMap, FindsWhatWasPutLast) {
  BoundedMap<int, std::string> map{2};
  EXPECT_EQ(map.find(1), nullptr);
  map.put(1, "one");
  map.put(1, "another");
  ASSERT_NE(map.find(1), nullptr);
  EXPECT_EQ(*map.find(1), "another");
  EXPECT_EQ(map.size(), 1u);
}

TEST(BoundedMap, OldestEntryLeavesForANewOne) {
  BoundedMap<int, std::string> map{3};
  for (const int key : {1, 2, 3}) map.put(key, std::to_string(key));
  map.put(4, "4");
  EXPECT_EQ(map.size(), 3u);
  EXPECT_EQ(map.find(1), nullptr);
  for (const int key : {2, 3, 4}) EXPECT_NE(map.find(key), nullptr) << key;
}

TEST(BoundedMap, EntryThatIsPutAgainIsTheYoungest) {
  BoundedMap<int, std::string> map{3};
  for (const int key : {1, 2, 3}) map.put(key, std::to_string(key));
  map.put(1, "again");
  map.put(4, "4");
  EXPECT_EQ(map.find(2), nullptr);
  ASSERT_NE(map.find(1), nullptr);
  EXPECT_EQ(*map.find(1), "again");
}

}  // namespace
}  // namespace ilnp
