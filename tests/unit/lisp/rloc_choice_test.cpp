// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/rloc_choice.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "tests/support/fakes.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {
namespace {

class RlocChoiceTest : public ::testing::Test {
 protected:
  std::string chosen(const Flow& flow = {}) const {
    const RlocRecord* rloc = choose_rloc(rlocs, flow, policy, underlay, down);
    return rloc == nullptr ? "none" : to_string(rloc->address);
  }
  /// Of 10,000 flows.
  std::map<std::string, int> shares() const {
    test::FakeRandom random{3};
    std::map<std::string, int> count;
    for (int i = 0; i < 10'000; ++i) ++count[chosen({random.u64(), 0})];
    return count;
  }

  std::vector<RlocRecord> rlocs{rloc("2001:db8:a1::1", 1, 75), rloc("2001:db8:a2::1", 1, 25),
                                rloc("2001:db8:a3::1", 2)};
  Underlay underlay{{ip("2001:db8:c1::1"), ip("192.0.2.10")}};
  RlocPolicy policy;
  std::set<IpAddress> down;
};

TEST_F(RlocChoiceTest, LowestPriorityByWeight) {
  auto count = shares();
  EXPECT_EQ(count.size(), 2u);
  EXPECT_NEAR(count["2001:db8:a1::1"], 7500, 200);
  EXPECT_NEAR(count["2001:db8:a2::1"], 2500, 200);
}

TEST_F(RlocChoiceTest, OrderOfTheRecordDoesNotMatter) {
  std::reverse(rlocs.begin(), rlocs.end());
  auto count = shares();
  EXPECT_EQ(count.size(), 2u);
  EXPECT_NEAR(count["2001:db8:a1::1"], 7500, 200);
}

TEST_F(RlocChoiceTest, WeightsThatAreAllZeroAreEqualShares) {
  rlocs[0].weight = rlocs[1].weight = 0;
  auto count = shares();
  EXPECT_NEAR(count["2001:db8:a1::1"], 5000, 200);
  EXPECT_NEAR(count["2001:db8:a2::1"], 5000, 200);
  rlocs[0].weight = 1;
  EXPECT_EQ(shares()["2001:db8:a1::1"], 10'000) << "one zero of two: no share";
}

TEST_F(RlocChoiceTest, FlowStaysWhenASpareComesOrGoes) {
  for (std::uint64_t hash = 0; hash < 1000; ++hash) {
    down.clear();
    const std::string before = chosen({hash, 0});
    EXPECT_EQ(chosen({hash, 0}), before);
    down = {ip("2001:db8:a3::1")};
    EXPECT_EQ(chosen({hash, 0}), before);
  }
}

TEST_F(RlocChoiceTest, SourcePortModuloTheBestOnes) {
  policy.balancing = RlocPolicy::Balancing::mod_sport;
  for (std::uint16_t port = 5000; port < 5010; ++port)
    EXPECT_EQ(chosen({99, port}), port % 2 == 0 ? "2001:db8:a1::1" : "2001:db8:a2::1");
}

TEST_F(RlocChoiceTest, WhatIsNoCandidate) {
  down = {ip("2001:db8:a1::1")};
  EXPECT_EQ(chosen(), "2001:db8:a2::1");
  rlocs[1].is_reachable = false;
  EXPECT_EQ(chosen(), "2001:db8:a3::1");
  rlocs[2].priority = never_use;
  EXPECT_EQ(chosen(), "none");
  rlocs[1].is_reachable = true;
  underlay.rlocs.push_back(rlocs[1].address);
  EXPECT_EQ(chosen(), "none") << "our own";
}

TEST_F(RlocChoiceTest, FamilyMustBeAvailable) {
  rlocs.insert(rlocs.begin(), rloc("198.51.100.1", 1, 0));
  rlocs[1].weight = rlocs[2].weight = 0;
  EXPECT_EQ(chosen({0, 0}), "198.51.100.1");
  underlay.rlocs = {ip("2001:db8:c1::1")};
  EXPECT_FALSE(shares().contains("198.51.100.1"));
  underlay.rlocs = {ip("192.0.2.10")};
  EXPECT_EQ(shares()["198.51.100.1"], 10'000);
  underlay.rlocs.clear();
  EXPECT_EQ(chosen(), "none");
}

TEST_F(RlocChoiceTest, LastResortIsTheBestThatIsDown) {
  for (const RlocRecord& each : rlocs) down.insert(each.address);
  EXPECT_EQ(chosen(), "none");
  policy.last_resort = true;
  rlocs[0].is_reachable = false;
  EXPECT_EQ(chosen(), "2001:db8:a2::1");
}

}  // namespace
}  // namespace ilnp::lisp
