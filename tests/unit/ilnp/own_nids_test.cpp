// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/own_nids.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace ilnp {
namespace {

constexpr NodeId node{0x5c1a'97d3'04be'6f21}, alice{0xa1}, bob{0xb0}, carol{0xc0};
constexpr NodeId nid(std::uint64_t n) { return {0x1000'0000'0000'0000 + n}; }

OwnNids with_ready(std::uint64_t n) {
  OwnNids nids{7};
  nids.add(node);
  for (std::uint64_t i = 0; i <= n; ++i) EXPECT_TRUE(nids.provision(nid(i)));  // nid(0) becomes the spare
  EXPECT_EQ(nids.ready().size(), n);
  return nids;
}

TEST(OwnNids, EveryPeerHasItsOwnForAllItsSessions) {
  OwnNids nids = with_ready(3);
  const auto first = nids.take(alice), second = nids.take(bob);
  ASSERT_TRUE(first && second);
  EXPECT_NE(*first, *second);
  EXPECT_EQ(nids.take(alice), first);
  EXPECT_EQ(nids.of_peer(bob), second);
  EXPECT_FALSE(nids.of_peer(carol));
  EXPECT_TRUE(nids.is_ephemeral(*first));
  EXPECT_FALSE(nids.is_ephemeral(node));
  EXPECT_TRUE(nids.contains(node));
  EXPECT_EQ(nids.shared(), 0u);
}

TEST(OwnNids, OfManyEachIsFound) {
  OwnNids nids{7};
  for (std::uint64_t n = 0; n < 1000; ++n) nids.add(nid(n));
  for (std::uint64_t n = 0; n < 1000; n += 2) nids.remove(nid(n));
  for (std::uint64_t n = 0; n < 1000; ++n) EXPECT_EQ(nids.is_node(nid(n)), n % 2 == 1) << n;
  for (std::uint64_t n = 7; n < 1000; ++n) nids.remove(nid(n));
  for (std::uint64_t n = 0; n < 1000; ++n) EXPECT_EQ(nids.is_node(nid(n)), n < 7 && n % 2 == 1) << "few again: " << n;
  EXPECT_EQ(nids.node().front(), nid(1)) << "the default is the first that is left";
}

TEST(OwnNids, IsForgottenWithThePeersLastEntryAndNeverUsedAgain) {
  OwnNids nids = with_ready(3);
  const NodeId before = *nids.take(alice);
  nids.release(alice);
  EXPECT_FALSE(nids.contains(before));
  EXPECT_NE(*nids.take(alice), before);
  EXPECT_EQ(nids.peers(), 1u);
}

TEST(OwnNids, PeersShareTheSpareWhileNoneIsReady) {
  OwnNids nids = with_ready(1);
  const NodeId own = *nids.take(alice), shared = *nids.take(bob);
  EXPECT_NE(own, shared);
  EXPECT_EQ(nids.take(carol), shared);
  EXPECT_EQ(nids.shared(), 2u);
  nids.release(bob);
  EXPECT_TRUE(nids.contains(shared)) << "carol has it";
  nids.release(carol);
  EXPECT_TRUE(nids.contains(shared)) << "nothing can take its place";
  ASSERT_TRUE(nids.provision(nid(50)));
  EXPECT_FALSE(nids.contains(shared)) << "bob and carol know it";
  EXPECT_TRUE(nids.ready().empty());
  EXPECT_EQ(nids.take(bob), nid(50));
}

TEST(OwnNids, ASpareThatPeersKnowMakesWayForOneThatNobodyKnows) {
  OwnNids nids = with_ready(0);
  const NodeId shared = *nids.take(alice);
  ASSERT_TRUE(nids.provision(nid(1)) && nids.provision(nid(2)));
  EXPECT_EQ(nids.ready().size(), 2u) << "in use: it stays the spare";
  nids.release(alice);
  EXPECT_FALSE(nids.contains(shared));
  EXPECT_EQ(nids.ready().size(), 1u);
  EXPECT_EQ(nids.in_use(), std::vector{nid(1)});
}

TEST(OwnNids, NothingProvisionedIsNothingToGive) {
  OwnNids nids{7};
  nids.add(node);
  EXPECT_FALSE(nids.take(alice));
  EXPECT_FALSE(nids.of_peer(alice));
}

TEST(OwnNids, OnlyFreshOnesAndNotTooMany) {
  OwnNids nids = with_ready(2);
  for (const NodeId taken : {NodeId{}, OwnNids::client, node, nid(0), nid(1)}) EXPECT_FALSE(nids.provision(taken));
  nids.take(alice);
  EXPECT_FALSE(nids.provision(alice)) << "a peer's";
  std::uint64_t made = nids.ephemeral();
  for (std::uint64_t i = 100; i < 1000; ++i) made += nids.provision(nid(i)) ? 1 : 0;
  EXPECT_EQ(made, OwnNids::max_ephemeral);
}

TEST(OwnNids, ADuplicateGoesUnlessAPeerKnowsIt) {
  OwnNids nids = with_ready(3);
  const NodeId used = *nids.take(alice), unused = nids.ready().front();
  EXPECT_FALSE(nids.withdraw(used));
  EXPECT_TRUE(nids.withdraw(unused));
  EXPECT_FALSE(nids.contains(unused));
  EXPECT_EQ(std::count(nids.ready().begin(), nids.ready().end(), unused), 0);
  EXPECT_TRUE(nids.withdraw(nid(0))) << "the spare";
  EXPECT_FALSE(nids.withdraw(node));
  EXPECT_TRUE(nids.provision(nid(90)));
  EXPECT_EQ(nids.ready().size(), 1u) << "it became the spare";
}

TEST(OwnNids, AdoptsWhatWasInUseBeforeARestart) {
  OwnNids nids{7};
  nids.add(node);
  EXPECT_TRUE(nids.adopt(nid(1), alice));
  EXPECT_TRUE(nids.adopt(nid(1), alice)) << "another entry of the same peer";
  EXPECT_TRUE(nids.adopt(nid(1), bob)) << "they shared it";
  EXPECT_FALSE(nids.adopt(nid(2), alice));
  EXPECT_FALSE(nids.adopt(node, carol));
  EXPECT_FALSE(nids.adopt(NodeId{}, carol));
  EXPECT_FALSE(nids.adopt(OwnNids::client, carol));
  EXPECT_FALSE(nids.adopt(nid(3), node));
  EXPECT_FALSE(nids.adopt(nid(3), nid(1)));
  EXPECT_FALSE(nids.adopt(alice, carol));
  EXPECT_FALSE(nids.adopt(carol, carol));
  nids.release(alice);
  EXPECT_TRUE(nids.contains(nid(1)));
  nids.release(bob);
  EXPECT_FALSE(nids.contains(nid(1)));
  for (std::uint64_t i = 0; i < 1000; ++i) nids.adopt(nid(100 + i), {0x2000 + i});
  EXPECT_EQ(nids.ephemeral(), OwnNids::max_ephemeral);
}

}  // namespace
}  // namespace ilnp
