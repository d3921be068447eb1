// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/pair_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "tests/support/fakes.h"

namespace ilnp {
namespace {

constexpr std::uint64_t us = 1;

TEST(PairIndex, AgreesWithAMapWhileItGrowsAndShrinks) {
  test::FakeRandom random{9};
  PairIndex index{random.u64() | 1};
  std::map<std::uint64_t, PairIndex::Id> model;
  std::vector<std::uint64_t> nid_of(5000);
  PairIndex::Id next = 0;
  const auto find = [&](std::uint64_t nid) {
    return index.find(us, nid, [&](PairIndex::Id id) { return nid_of[id] == nid; });
  };
  for (int step = 0; step < 50'000; ++step) {
    const std::uint64_t nid = random.below(3000);
    const auto known = model.find(nid);
    if (known == model.end()) {
      ASSERT_EQ(find(nid), PairIndex::none);
      const PairIndex::Id id = next++ % 5000;
      // An id names one entry at a time.
      if (std::any_of(model.begin(), model.end(), [&](const auto& m) { return m.second == id; })) continue;
      nid_of[id] = nid;
      index.insert(us, nid, id);
      model[nid] = id;
    } else {
      ASSERT_EQ(find(nid), known->second);
      index.erase(us, nid, known->second);
      model.erase(known);
    }
    ASSERT_EQ(index.size(), model.size());
  }
  for (const auto& [nid, id] : model) ASSERT_EQ(find(nid), id);
}

TEST(PairIndex, ReplacedEntryIsFoundInTheOldOnesPlace) {
  PairIndex index{7};
  index.insert(us, 5, 1);
  index.replace(us, 5, 1, 2);
  EXPECT_EQ(index.find(us, 5, [](PairIndex::Id) { return true; }), 2u);
  EXPECT_EQ(index.size(), 1u);
}

TEST(PairIndex, WhatTheCallerDoesNotRecogniseIsNotFound) {
  PairIndex index{7};
  index.insert(us, 5, 1);
  EXPECT_EQ(index.find(us, 5, [](PairIndex::Id) { return false; }), PairIndex::none);
  EXPECT_EQ(index.find(2, 5, [](PairIndex::Id) { return true; }), PairIndex::none);
}

}  // namespace
}  // namespace ilnp
