// SPDX-License-Identifier: Apache-2.0
#include "core/site/node_claims.h"

#include <gtest/gtest.h>

namespace ilnp::test {
namespace {

constexpr TimePoint start{seconds{1000}};

NodeKey node(std::uint64_t n) { return {NodeId{n}}; }

TEST(NodeClaimsTest, EachNodeIsToldOnceAMinute) {
  NodeClaims claims;
  EXPECT_TRUE(claims.note(start, node(1)));
  EXPECT_FALSE(claims.note(start + NodeClaims::told_again - seconds{1}, node(1)));
  EXPECT_TRUE(claims.note(start + seconds{1}, node(2)));
  EXPECT_TRUE(claims.note(start + NodeClaims::told_again, node(1)));
  EXPECT_EQ(claims.signs(), 4u);
}

TEST(NodeClaimsTest, IsAProblemForFiveMinutesAfterTheLastSign) {
  NodeClaims claims;
  claims.note(start, node(1));
  claims.note(start + seconds{10}, node(1));
  EXPECT_EQ(claims.nodes(start + NodeClaims::remembered), 1u);
  EXPECT_EQ(claims.nodes(start + NodeClaims::remembered + seconds{10}), 0u);
}

TEST(NodeClaimsTest, WhoLiesInManyNamesFillsNoMemoryAndOldLiesMakeRoom) {
  NodeClaims claims;
  for (std::uint64_t n = 0; n < NodeClaims::max_nodes; ++n) EXPECT_TRUE(claims.note(start, node(n)));
  EXPECT_FALSE(claims.note(start, node(NodeClaims::max_nodes)));
  EXPECT_EQ(claims.nodes(start), NodeClaims::max_nodes);
  const TimePoint later = start + NodeClaims::remembered;
  EXPECT_TRUE(claims.note(later, node(NodeClaims::max_nodes)));
  EXPECT_EQ(claims.nodes(later), 1u);
}

}  // namespace
}  // namespace ilnp::test
