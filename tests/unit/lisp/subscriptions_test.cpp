// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/subscriptions.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {
namespace {

constexpr XtrIdentity own{{1, 2, 3}, 7};

class SubscriptionsTest : public ::testing::Test {
 protected:
  void SetUp() override { subscriptions.set_own_rlocs({ip("2001:db8:c1::1")}); }
  void start_anew(bool lost_state) {
    made.emplace(tuning, own, lost_state, 5, drops);
    subscriptions.set_own_rlocs({ip("2001:db8:c1::1")});
  }

  void run(Duration length) {
    for (const TimePoint end = now + length;;) {
      const TimePoint next = subscriptions.next_deadline();
      if (next > end) {
        now = end;
        return;
      }
      now = std::max(now, next);
      const std::size_t before = actions.requests.size();
      subscriptions.on_time(now, wall(), actions);
      times.insert(times.end(), actions.requests.size() - before, now - begin);
    }
  }
  std::uint64_t wall() const {
    return 1'700'000'000'000'000 + static_cast<std::uint64_t>((now - begin).count()) / 1000;
  }

  MapNotify notify(std::uint64_t number, const MappingRecord& record) const {
    return {false, number, {3, 2}, {record}, own};
  }
  bool receive(std::uint64_t number, const MappingRecord& record) {
    return subscriptions.on_notify(now, notify(number, record), actions);
  }
  std::uint64_t last_nonce() const { return actions.requests.back().nonce; }
  /// Subscribed to `eid`, the Map-Server's nonce is last_nonce().
  void subscribed(const char* eid) {
    subscriptions.subscribe(now, eid_prefix(eid));
    run(milliseconds{20});
    ASSERT_TRUE(receive(last_nonce(), mapping(eid, a1)));
    ASSERT_TRUE(subscriptions.is_subscribed(eid_prefix(eid)));
    nonce = last_nonce();
    actions = {};
    times.clear();
  }

  const TimePoint begin{seconds{1000}};
  TimePoint now = begin;
  ItrDrops drops;
  SubscriptionsTuning tuning;
  std::optional<Subscriptions> made{std::in_place, tuning, own, false, 5, drops};
  Subscriptions& subscriptions = *made;
  SubscriptionActions actions;
  std::vector<Duration> times;
  std::uint64_t nonce = 0;
  const std::vector<RlocRecord> a1{rloc("2001:db8:a1::1")}, a2{rloc("2001:db8:a2::1")};
  const char* prefix = "2001:db8:e1d::7/128";
};

TEST_F(SubscriptionsTest, AskedConfirmedAcknowledged) {
  subscriptions.subscribe(now, eid_prefix(prefix));
  run(milliseconds{20});
  ASSERT_EQ(actions.requests.size(), 1u);
  const MapRequest& request = actions.requests[0];
  EXPECT_EQ(request.records, (std::vector{MapRequest::Record{eid_prefix(prefix), true}}));
  EXPECT_EQ(request.sender, own);
  EXPECT_EQ(request.itr_rlocs, std::vector{ip("2001:db8:c1::1")});
  EXPECT_FALSE(request.is_probe || request.is_smr || request.is_smr_invoked);
  EXPECT_FALSE(subscriptions.is_subscribed(eid_prefix(prefix)));

  const MappingRecord record = mapping(prefix, a1);
  EXPECT_TRUE(receive(request.nonce, record));
  EXPECT_TRUE(subscriptions.is_subscribed(eid_prefix(prefix)));
  EXPECT_EQ(actions.records, std::vector{record});
  EXPECT_EQ(actions.acks, (std::vector{MapNotify{true, request.nonce, {3, 2}, {record}, own}}));
  ASSERT_EQ(actions.changes.size(), 1u);
  EXPECT_TRUE(actions.changes[0].is_subscribed);
  EXPECT_EQ(subscriptions.next_deadline(), never);
}

TEST_F(SubscriptionsTest, RepeatedWithGrowingNoncesAndAnyOfThemConfirms) {
  subscriptions.subscribe(now, eid_prefix(prefix));
  run(seconds{200});
  const std::vector<Duration> expected{seconds{0},  seconds{1},  seconds{3},   seconds{7},  seconds{15},
                                       seconds{31}, seconds{63}, seconds{123}, seconds{183}};
  EXPECT_EQ(times, expected);
  for (std::size_t i = 1; i < actions.requests.size(); ++i)
    EXPECT_GT(actions.requests[i].nonce, actions.requests[i - 1].nonce);
  EXPECT_TRUE(receive(actions.requests[6].nonce, mapping(prefix, a1)));
  EXPECT_TRUE(subscriptions.is_subscribed(eid_prefix(prefix)));
  EXPECT_TRUE(receive(actions.requests[8].nonce, mapping(prefix, a2))) << "the Map-Server heard that one later";
  EXPECT_EQ(actions.records.size(), 2u);
}

TEST_F(SubscriptionsTest, PublicationsGapsAndReplays) {
  subscribed(prefix);
  EXPECT_TRUE(receive(nonce + 1, mapping(prefix, a2)));
  EXPECT_TRUE(receive(nonce + 5, mapping(prefix, a1)));
  EXPECT_EQ(actions.records.size(), 2u) << "a gap does not matter";
  EXPECT_TRUE(receive(nonce + 5, mapping(prefix, a2)));
  EXPECT_TRUE(receive(nonce + 3, mapping(prefix, a2)));
  EXPECT_EQ(actions.records.size(), 2u);
  EXPECT_EQ(drops.of(ItrDrop::notify_replayed), 2u);
  EXPECT_EQ(actions.acks.size(), 4u) << "always acknowledged";
  EXPECT_EQ(actions.acks.back().nonce, nonce + 3);
}

TEST_F(SubscriptionsTest, PublicationMayBeMoreSpecificOrLess) {
  subscribed("2001:db8:e1d::/64");
  EXPECT_TRUE(receive(nonce + 1, mapping("2001:db8:e1d::7/128", a2)));
  EXPECT_TRUE(receive(nonce + 2, mapping("2001:db8:e1d::/48", a2)));
  EXPECT_EQ(actions.records.size(), 2u);
  EXPECT_FALSE(receive(nonce + 3, mapping("2001:db8:99::/48", a2)));
  EXPECT_EQ(drops.of(ItrDrop::notify_unknown), 1u);
  EXPECT_EQ(actions.acks.size(), 2u) << "nobody subscribed to that";
  MapNotify two = notify(nonce + 4, mapping("2001:db8:e1d::8/128", a2));
  two.records.push_back(mapping("2001:db8:99::/48", a2));
  EXPECT_TRUE(subscriptions.on_notify(now, two, actions));
  EXPECT_EQ(actions.records.size(), 3u);
}

TEST_F(SubscriptionsTest, GoneMappingIsPassedOn) {
  subscribed(prefix);
  EXPECT_TRUE(receive(nonce + 1, mapping(prefix, {}, 0)));
  ASSERT_EQ(actions.records.size(), 1u);
  EXPECT_EQ(actions.records[0].ttl, 0u);
  EXPECT_TRUE(subscriptions.is_subscribed(eid_prefix(prefix)));
}

TEST_F(SubscriptionsTest, SubscriptionsInEachOtherHaveTheirOwnNonces) {
  subscribed("2001:db8:e1d::/64");
  const std::uint64_t of_site = nonce;
  run(seconds{1});
  subscribed(prefix);
  const std::uint64_t of_host = nonce;
  ASSERT_GT(of_host, of_site + 10);
  EXPECT_TRUE(receive(of_site + 1, mapping(prefix, a2)));
  EXPECT_TRUE(receive(of_host + 1, mapping(prefix, a2)));
  EXPECT_EQ(actions.records.size(), 2u) << "the same change, told to both";
  EXPECT_TRUE(receive(of_site + 2, mapping(prefix, a1)));
  EXPECT_TRUE(receive(of_host + 2, mapping(prefix, a1)));
  EXPECT_EQ(actions.records.size(), 4u);
  EXPECT_EQ(drops.of(ItrDrop::notify_replayed), 0u);
  EXPECT_TRUE(receive(of_site + 2, mapping(prefix, a1)));
  EXPECT_EQ(drops.of(ItrDrop::notify_replayed), 1u);
}

TEST_F(SubscriptionsTest, TakenBackWithTheCurrentNonceItIsAskedForAgain) {
  subscribed(prefix);
  run(seconds{60});
  EXPECT_TRUE(receive(nonce, negative(prefix, Action::drop_authentication)));
  EXPECT_FALSE(subscriptions.is_subscribed(eid_prefix(prefix)));
  EXPECT_TRUE(actions.records.empty()) << "it says nothing about the mapping";
  EXPECT_EQ(actions.acks.size(), 1u);
  ASSERT_EQ(actions.changes.size(), 1u);
  EXPECT_FALSE(actions.changes[0].is_subscribed);
  EXPECT_EQ(actions.changes[0].action, Action::drop_authentication);
  run(milliseconds{20});
  ASSERT_EQ(actions.requests.size(), 1u);
  EXPECT_GT(last_nonce(), nonce);
  EXPECT_TRUE(receive(last_nonce(), mapping(prefix, a1)));
  EXPECT_TRUE(receive(last_nonce(), negative(prefix, Action::drop_authentication)));
  run(seconds{29});
  EXPECT_EQ(actions.requests.size(), 1u) << "not in a circle";
  run(milliseconds{1500});
  EXPECT_EQ(actions.requests.size(), 2u);
}

TEST_F(SubscriptionsTest, OldRemovalRemovesNothing) {
  subscribed(prefix);
  receive(nonce + 3, mapping(prefix, a2));
  receive(nonce + 1, negative(prefix, Action::drop_authentication));
  EXPECT_TRUE(subscriptions.is_subscribed(eid_prefix(prefix)));
}

TEST_F(SubscriptionsTest, MapReplyMeansNotSubscribed) {
  for (const Action action : {Action::no_action, Action::drop_policy, Action::drop_authentication}) {
    start_anew(false);
    actions = {};
    subscriptions.subscribe(now, eid_prefix(prefix));
    run(milliseconds{20});
    MapReply reply;
    reply.nonce = last_nonce() + 1;
    reply.records = {negative(prefix, action)};
    EXPECT_FALSE(subscriptions.on_map_reply(now, reply, actions)) << "not ours";
    reply.nonce = last_nonce();
    EXPECT_TRUE(subscriptions.on_map_reply(now, reply, actions));
    EXPECT_FALSE(subscriptions.on_map_reply(now, reply, actions));
    ASSERT_EQ(actions.changes.size(), 1u);
    EXPECT_FALSE(actions.changes[0].is_subscribed);
    EXPECT_EQ(actions.changes[0].action, action);
    run(seconds{899});
    EXPECT_EQ(actions.requests.size(), 1u);
    run(seconds{1});
    EXPECT_EQ(actions.requests.size(), 2u);
  }
}

TEST_F(SubscriptionsTest, Unsubscribed) {
  subscribed(prefix);
  subscriptions.unsubscribe(now, eid_prefix(prefix));
  run(milliseconds{20});
  ASSERT_EQ(actions.requests.size(), 1u);
  EXPECT_TRUE(actions.requests[0].itr_rlocs.empty()) << "AFI 0";
  EXPECT_TRUE(actions.requests[0].records[0].subscribes);
  EXPECT_GT(last_nonce(), nonce);
  EXPECT_TRUE(receive(nonce + 1, mapping(prefix, a2)));
  EXPECT_TRUE(actions.records.empty()) << "of no interest any more";
  EXPECT_EQ(subscriptions.size(), 1u);
  EXPECT_TRUE(receive(last_nonce(), mapping(prefix, a2)));
  EXPECT_EQ(subscriptions.size(), 0u);
  EXPECT_EQ(actions.acks.size(), 2u);
  EXPECT_EQ(subscriptions.next_deadline(), never);
}

TEST_F(SubscriptionsTest, EndThatNobodyConfirms) {
  subscribed(prefix);
  subscriptions.unsubscribe(now, eid_prefix(prefix));
  run(seconds{60});
  EXPECT_EQ(actions.requests.size(), 5u);
  EXPECT_EQ(subscriptions.size(), 0u);
}

TEST_F(SubscriptionsTest, SubscribedAgainWhileItEnds) {
  subscribed(prefix);
  subscriptions.unsubscribe(now, eid_prefix(prefix));
  run(milliseconds{20});
  subscriptions.subscribe(now, eid_prefix(prefix));
  run(milliseconds{20});
  EXPECT_FALSE(actions.requests.back().itr_rlocs.empty());
  EXPECT_TRUE(receive(actions.requests.front().nonce, mapping(prefix, a1))) << "the end is confirmed, late";
  EXPECT_FALSE(subscriptions.is_subscribed(eid_prefix(prefix)));
  EXPECT_TRUE(receive(last_nonce(), mapping(prefix, a1)));
  EXPECT_TRUE(subscriptions.is_subscribed(eid_prefix(prefix)));
}

TEST_F(SubscriptionsTest, AfterLostStateWhatMayBeThereEndsFirst) {
  start_anew(true);
  subscriptions.subscribe(now, eid_prefix(prefix));
  run(milliseconds{20});
  ASSERT_EQ(actions.requests.size(), 1u);
  EXPECT_TRUE(actions.requests[0].itr_rlocs.empty());
  EXPECT_TRUE(receive(actions.requests[0].nonce, mapping(prefix, a1)));
  run(milliseconds{20});
  ASSERT_EQ(actions.requests.size(), 2u);
  EXPECT_FALSE(actions.requests[1].itr_rlocs.empty());
  EXPECT_GT(actions.requests[1].nonce, actions.requests[0].nonce);
  EXPECT_FALSE(subscriptions.is_subscribed(eid_prefix(prefix)));
  EXPECT_TRUE(receive(last_nonce(), mapping(prefix, a1)));
  EXPECT_TRUE(subscriptions.is_subscribed(eid_prefix(prefix)));
}

TEST_F(SubscriptionsTest, AfterLostStateAMapServerThatHasNothingMayBeSilent) {
  start_anew(true);
  subscriptions.subscribe(now, eid_prefix(prefix));
  run(milliseconds{7500});
  ASSERT_EQ(actions.requests.size(), 4u);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(actions.requests[i].itr_rlocs.empty(), i < 3);
}

TEST_F(SubscriptionsTest, NoncesGoOnAfterARestart) {
  const std::uint64_t ahead = wall() + 5'000'000;  // the clock went back
  subscriptions.subscribe(now, eid_prefix(prefix), ahead);
  run(milliseconds{20});
  EXPECT_EQ(last_nonce(), ahead + 1);
  EXPECT_FALSE(actions.requests[0].itr_rlocs.empty()) << "nothing was lost";
  receive(ahead + 1, mapping(prefix, a1));
  receive(ahead + 9, mapping(prefix, a1));
  std::uint64_t kept = 0;
  subscriptions.for_each_nonce([&](const EidPrefix&, std::uint64_t last) { kept = last; });
  EXPECT_EQ(kept, ahead + 9);
}

TEST_F(SubscriptionsTest, StandingNoncesOnlyWhereConfigured) {
  subscribed(prefix);
  receive(nonce, mapping(prefix, a2));
  EXPECT_TRUE(actions.records.empty());
  tuning.nonces_may_stand = true;
  start_anew(false);
  subscribed(prefix);
  receive(nonce, mapping(prefix, a2));
  EXPECT_EQ(actions.records.size(), 1u);
}

TEST_F(SubscriptionsTest, TenThousandAtMost) {
  for (std::uint32_t i = 0; i < 10'000; ++i)
    EXPECT_TRUE(subscriptions.subscribe(now, EidPrefix::host({0, IpAddress::v4(i)})));
  EXPECT_FALSE(subscriptions.subscribe(now, eid_prefix(prefix)));
  EXPECT_TRUE(subscriptions.subscribe(now, eid_prefix("0.0.0.7/32"))) << "known";
}

// Map-Replies are not authenticated: one that nobody could have seen the question of ends nothing.
TEST_F(SubscriptionsTest, RefusalHasTheNonceOfAQuestion) {
  subscriptions.subscribe(now, eid_prefix(prefix));
  run(seconds{2});
  ASSERT_EQ(actions.requests.size(), 2u);
  const std::uint64_t first = actions.requests[0].nonce, second = actions.requests[1].nonce;
  ASSERT_GT(second, first + 1);
  for (const std::uint64_t guess : {first - 1, first + 1, (first + second) / 2, second - 1, second + 1})
    EXPECT_FALSE(subscriptions.on_map_reply(now, {.nonce = guess, .records = {mapping(prefix, a1)}}, actions));
  EXPECT_TRUE(subscriptions.on_map_reply(now, {.nonce = first, .records = {mapping(prefix, a1)}}, actions))
      << "a late answer to the first one";
}

}  // namespace
}  // namespace ilnp::lisp
