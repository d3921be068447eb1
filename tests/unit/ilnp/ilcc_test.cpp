// SPDX-License-Identifier: Apache-2.0
// The cache: entries by identity and by NIDs, aliases for further peers with one NID, limits for strangers, timers.
#include "core/ilnp/ilcc.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/fakes.h"
#include "tests/support/matchers.h"

namespace ilnp {
namespace {

constexpr Locator prefix{0xfd494c4e50366631}, place{0x20010db8000a0001};
constexpr NodeId us{1}, peer{2};

class IlccTest : public ::testing::Test {
 protected:
  Tuning tuning;
  test::FakeRandom random{1};
  TimePoint now{seconds{100}};
  Ilcc ilcc{tuning, prefix, random};

  std::set<CorrespondentId> siblings(NodeId remote) {
    std::set<CorrespondentId> ids;
    for (Correspondent* c = ilcc.find_pair(us, remote); c != nullptr; c = ilcc.sibling(*c)) ids.insert(c->id);
    return ids;
  }
};

TEST_F(IlccTest, EntryIsFoundByIdentityAndByPair) {
  Correspondent* c = ilcc.create(now, us, peer, PeerState::resolved);
  ASSERT_NE(c, nullptr);
  EXPECT_EQ(c->identity, (Address{prefix, peer}));
  EXPECT_EQ(ilcc.find_by_identity(us, c->identity), c);
  EXPECT_EQ(ilcc.find_pair(us, peer), c);
  EXPECT_EQ(ilcc.at(c->id), c);
  EXPECT_EQ(ilcc.find_pair(peer, us), nullptr);
  EXPECT_EQ(ilcc.find_by_identity(NodeId{9}, c->identity), nullptr);
}

TEST_F(IlccTest, FurtherPeersWithOneNidGetAliases) {
  std::set<Address> identities;
  for (std::size_t i = 0; i < tuning.max_siblings; ++i) {
    Correspondent* c = ilcc.create(now, us, peer, PeerState::resolved);
    ASSERT_NE(c, nullptr);
    identities.insert(c->identity);
    EXPECT_EQ(c->identity.nid, peer);
  }
  EXPECT_EQ(identities.size(), tuning.max_siblings);
  EXPECT_EQ(siblings(peer).size(), tuning.max_siblings);
  EXPECT_EQ(ilcc.create(now, us, peer, PeerState::resolved), nullptr);
  EXPECT_EQ(ilcc.size(), tuning.max_siblings);
}

TEST_F(IlccTest, AliasPrefixesHaveTheSumOfThePrefix) {
  for (std::uint16_t k = 0; k < 8; ++k) EXPECT_EQ(sum_of(alias_prefix(prefix, k)), sum_of(prefix)) << k;
  EXPECT_EQ(sum_of(prefix), 0xffff);
}

TEST_F(IlccTest, ErasingAnyOfTheSiblingsLeavesTheOthers) {
  for (int victim = 0; victim < 3; ++victim) {
    Ilcc cache{tuning, prefix, random};
    std::vector<Correspondent*> all;
    for (int i = 0; i < 3; ++i) all.push_back(cache.create(now, us, peer, PeerState::established));
    const Address gone = all[static_cast<std::size_t>(victim)]->identity;
    cache.erase(*all[static_cast<std::size_t>(victim)]);
    EXPECT_EQ(cache.find_by_identity(us, gone), nullptr);
    int left = 0;
    for (Correspondent* c = cache.find_pair(us, peer); c != nullptr; c = cache.sibling(*c)) {
      EXPECT_NE(c->identity, gone);
      ++left;
    }
    EXPECT_EQ(left, 2);
    EXPECT_EQ(cache.count(PeerState::established), 2u);
    EXPECT_EQ(cache.create(now, us, peer, PeerState::resolved)->identity, gone) << "the lowest free alias again";
  }
}

TEST_F(IlccTest, LastOneErasedLeavesNothing) {
  ilcc.erase(*ilcc.create(now, us, peer, PeerState::resolved));
  EXPECT_EQ(ilcc.find_pair(us, peer), nullptr);
  EXPECT_EQ(ilcc.size(), 0u);
  EXPECT_EQ(ilcc.count(PeerState::resolved), 0u);
}

TEST_F(IlccTest, SlotsAreUsedAgainWithoutTheOldContent) {
  Correspondent* c = ilcc.create(now, us, peer, PeerState::established);
  const CorrespondentId id = c->id;
  c->name = "old";
  c->nonce_sent = Nonce::draw(random, 12);
  ilcc.schedule(*c, now + seconds{1});
  ilcc.erase(*c);
  EXPECT_EQ(ilcc.at(id), nullptr);
  EXPECT_EQ(ilcc.next_deadline(), never);
  Correspondent* again = ilcc.create(now, us, NodeId{77}, PeerState::resolved);
  EXPECT_EQ(again->id, id);
  EXPECT_TRUE(again->name.empty());
  EXPECT_FALSE(again->nonce_sent.is_set());
  EXPECT_EQ(again->scheduled, never);
  EXPECT_EQ(again->next_sibling, Correspondent::no_id);
}

TEST_F(IlccTest, CacheIsBounded) {
  tuning.max_entries = 3;
  for (std::uint64_t i = 0; i < 3; ++i) EXPECT_NE(ilcc.create(now, us, NodeId{100 + i}, PeerState::resolved), nullptr);
  EXPECT_EQ(ilcc.create(now, us, NodeId{200}, PeerState::resolved), nullptr);
  EXPECT_EQ(ilcc.create_tentative(now, us, NodeId{200}, place), nullptr);
}

TEST_F(IlccTest, StrangersOfOneSiteAreBounded) {
  tuning.max_tentative_per_site = 2;
  EXPECT_NE(ilcc.create_tentative(now, us, NodeId{10}, place), nullptr);
  EXPECT_NE(ilcc.create_tentative(now, us, NodeId{11}, Locator{place.bits + 5}), nullptr) << "same /48";
  EXPECT_EQ(ilcc.create_tentative(now, us, NodeId{12}, place), nullptr);
  EXPECT_NE(ilcc.create_tentative(now, us, NodeId{12}, Locator{0x2a00000000000000}), nullptr);
  ilcc.erase(*ilcc.find_pair(us, NodeId{10}));
  EXPECT_NE(ilcc.create_tentative(now, us, NodeId{13}, place), nullptr);
  ilcc.set_state(*ilcc.find_pair(us, NodeId{11}), PeerState::established);
  EXPECT_NE(ilcc.create_tentative(now, us, NodeId{14}, place), nullptr) << "a session is no stranger";
}

TEST_F(IlccTest, CrowdedOutAreStrangersOnly) {
  tuning.max_tentative = 2;
  ilcc.create(now, us, NodeId{1}, PeerState::established);
  ilcc.create_tentative(now, us, NodeId{10}, place);
  EXPECT_EQ(ilcc.crowded_out(), nullptr);
  ilcc.create_tentative(now, us, NodeId{11}, place);
  for (int i = 0; i < 50; ++i) EXPECT_EQ(ilcc.crowded_out()->state, PeerState::tentative_in);
  EXPECT_EQ(ilcc.create_tentative(now, us, NodeId{12}, place), nullptr);
  ilcc.erase(*ilcc.crowded_out());
  EXPECT_NE(ilcc.create_tentative(now, us, NodeId{12}, place), nullptr);
}

TEST_F(IlccTest, SuccessorTakesOverTheIdentity) {
  Correspondent* old = ilcc.create(now, us, peer, PeerState::established);
  Correspondent* fresh = ilcc.create(now, us, peer, PeerState::established);
  const Address identity = old->identity, alias = fresh->identity;
  ilcc.take_over(*fresh, *old);
  EXPECT_EQ(fresh->identity, identity);
  EXPECT_EQ(ilcc.find_by_identity(us, identity), fresh);
  EXPECT_EQ(ilcc.find_by_identity(us, alias), nullptr);
  EXPECT_EQ(siblings(peer), std::set<CorrespondentId>{fresh->id});
  ilcc.erase(*fresh);
  EXPECT_EQ(ilcc.size(), 0u);
}

TEST_F(IlccTest, RestoreKeepsTheIdentityUnlessItIsTaken) {
  const Address alias{alias_prefix(prefix, 3), peer};
  ASSERT_NE(ilcc.restore(now, us, alias, PeerState::established), nullptr);
  EXPECT_EQ(ilcc.restore(now, us, alias, PeerState::established), nullptr);
  EXPECT_EQ(ilcc.create(now, us, peer, PeerState::resolved)->identity.locator, prefix);
}

TEST_F(IlccTest, TimersComeInOrderAndOnlyTheEarliestWishOfAnEntryCounts) {
  Correspondent* a = ilcc.create(now, us, NodeId{10}, PeerState::established);
  Correspondent* b = ilcc.create(now, us, NodeId{11}, PeerState::established);
  ilcc.schedule(*a, now + seconds{10});
  ilcc.schedule(*a, now + seconds{20});  // later: no
  ilcc.schedule(*b, now + seconds{5});
  ilcc.schedule(*a, now + seconds{1});  // earlier: yes
  EXPECT_EQ(ilcc.next_deadline(), now + seconds{1});
  EXPECT_EQ(ilcc.pop_due(now), nullptr);
  EXPECT_EQ(ilcc.pop_due(now + seconds{1}), a);
  EXPECT_EQ(a->scheduled, never);
  EXPECT_EQ(ilcc.next_deadline(), now + seconds{5}) << "no second timer of a";
  EXPECT_EQ(ilcc.pop_due(now + seconds{60}), b);
  EXPECT_EQ(ilcc.pop_due(now + seconds{60}), nullptr);
}

TEST_F(IlccTest, TimersDoNotPileUp) {
  Correspondent* a = ilcc.create(now, us, NodeId{10}, PeerState::established);
  for (int i = 0; i < 10'000; ++i) {
    ilcc.schedule(*a, now + seconds{300});
    ilcc.schedule(*a, now + seconds{3});
    now += seconds{3};
    ASSERT_EQ(ilcc.pop_due(now), a);
    ASSERT_EQ(ilcc.next_deadline(), never);
  }
}

TEST_F(IlccTest, WhoIsAnsweredInTimeIsNotLookedAt) {
  Correspondent* a = ilcc.create(now, us, NodeId{10}, PeerState::established);
  Correspondent* b = ilcc.create(now, us, NodeId{11}, PeerState::established);
  ilcc.schedule(*a, now + seconds{60});
  for (Correspondent* c : {a, b}) {
    c->first_unanswered = now;
    ilcc.await_answer(*c, now + seconds{3});
  }
  EXPECT_EQ(ilcc.next_deadline(), now + seconds{3});
  EXPECT_EQ(ilcc.pop_due(now + seconds{2}), nullptr);
  a->first_unanswered = never;
  EXPECT_EQ(ilcc.pop_due(now + seconds{3}), b);
  EXPECT_EQ(ilcc.pop_due(now + seconds{3}), nullptr);
  EXPECT_EQ(a->next_silence_probe, never) << "the next packet of a starts again";
  EXPECT_EQ(ilcc.next_deadline(), now + seconds{60}) << "its other timers stay";
}

TEST_F(IlccTest, AnswersAwaitedByErasedEntriesAreForgotten) {
  Correspondent* a = ilcc.create(now, us, NodeId{10}, PeerState::established);
  a->first_unanswered = now;
  ilcc.await_answer(*a, now + seconds{3});
  ilcc.erase(*a);
  EXPECT_EQ(ilcc.pop_due(now + seconds{3}), nullptr);
  ilcc.await_answer(*ilcc.create(now, us, NodeId{11}, PeerState::established), now + seconds{4});
  Correspondent* b = ilcc.find_pair(us, NodeId{11});
  b->first_unanswered = now;
  b->next_silence_probe = now + seconds{9};  // moved
  EXPECT_EQ(ilcc.pop_due(now + seconds{4}), nullptr);
}

TEST_F(IlccTest, ForEachSeesEveryEntryOnce) {
  for (std::uint64_t i = 0; i < 5; ++i) ilcc.create(now, us, NodeId{10 + i}, PeerState::resolved);
  ilcc.erase(*ilcc.find_pair(us, NodeId{12}));
  std::set<std::uint64_t> seen;
  ilcc.for_each([&](Correspondent& c) { seen.insert(c.remote_nid().bits); });
  EXPECT_EQ(seen, (std::set<std::uint64_t>{10, 11, 13, 14}));
}

}  // namespace
}  // namespace ilnp
