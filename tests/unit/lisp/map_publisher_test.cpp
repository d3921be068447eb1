// SPDX-License-Identifier: Apache-2.0
// Subscriptions at a Map-Server (RFC 9437).
#include "core/lisp/map_publisher.h"

#include "tests/unit/lisp/map_server_world.h"

namespace ilnp::lisp {
namespace {

class PublicationTest : public MapServerWorld {
 protected:
  std::vector<Publication> subscribe(const char* prefix, std::uint64_t number, std::vector<IpAddress> rlocs,
                                     std::uint8_t who = 9) {
    MapRequest request;
    request.nonce = number;
    request.itr_rlocs = std::move(rlocs);
    request.records = {{eid_prefix(prefix), true}};
    request.sender = xtr(who);
    actions = {};
    server.on_request(now, itr, {itr, itr, 5000, {}}, request, actions);
    server.on_time(now, actions);
    return actions.publications;
  }
  bool acknowledge(const Publication& p) {
    return server.on_acknowledgement(p.subscriber, {true, p.nonce, {}, {p.record}, {}});
  }
};

TEST_F(PublicationTest, SubscriptionIsConfirmedAndEveryChangePublished) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  auto told = subscribe("2001:db8:e1d::7/128", 500, {itr});
  ASSERT_EQ(told.size(), 1u);
  EXPECT_TRUE(actions.replies.empty());
  EXPECT_EQ(told[0].nonce, 500u);
  EXPECT_EQ(told[0].to, itr);
  EXPECT_EQ(told[0].record.rlocs.at(0).address, rloc_a);
  EXPECT_TRUE(acknowledge(told[0]));
  EXPECT_FALSE(acknowledge(told[0]));
  EXPECT_TRUE(go_on(seconds{30}).publications.empty());

  say(message(record("2001:db8:e1d::7/128", rloc_b), 2), rloc_b);
  ASSERT_EQ(actions.publications.size(), 1u);
  EXPECT_EQ(actions.publications[0].nonce, 501u);
  EXPECT_EQ(actions.publications[0].record.rlocs.at(0).address, rloc_b);
  EXPECT_TRUE(acknowledge(actions.publications[0]));
  say(message(record("2001:db8:e1d::7/128", rloc_b, 0), 2), rloc_b);
  say(message(record("2001:db8:e1d::7/128", rloc_a, 0), 1));
  ASSERT_FALSE(actions.publications.empty());
  EXPECT_EQ(actions.publications.back().record.ttl, 0u) << "gone";
}

TEST_F(PublicationTest, RefreshWithoutNewsPublishesNothing) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  acknowledge(subscribe("2001:db8:e1d::7/128", 500, {itr}).at(0));
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  EXPECT_TRUE(actions.publications.empty());
}

TEST_F(PublicationTest, PartsAndWholesAreHeardOf) {
  acknowledge(subscribe("2001:db8:e1d::/64", 500, {itr}).at(0));
  acknowledge(subscribe("10.8.0.7/32", 600, {itr}).at(0));
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  ASSERT_EQ(actions.publications.size(), 1u);
  EXPECT_EQ(actions.publications[0].record.eid, eid_prefix("2001:db8:e1d::7/128"));
  EXPECT_TRUE(acknowledge(actions.publications[0])) << "by the part that was published";
  say(message(record("10.8.0.0/24", rloc_a), 1));
  ASSERT_EQ(actions.publications.size(), 1u);
  EXPECT_EQ(actions.publications[0].record.eid, eid_prefix("10.8.0.0/24"));
  EXPECT_TRUE(acknowledge(actions.publications[0])) << "by the whole";
  say(message(record("10.8.1.0/24", rloc_a), 1));
  EXPECT_TRUE(actions.publications.empty());
}

TEST_F(PublicationTest, RepeatedToEachRlocInTurnAndThenGivenUp) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  const IpAddress other = ip("2001:db8:c2::1");
  acknowledge(subscribe("2001:db8:e1d::7/128", 500, {itr, other}).at(0));
  say(message(record("2001:db8:e1d::7/128", rloc_b), 2), rloc_b);
  std::vector<IpAddress> to{actions.publications.at(0).to};
  std::vector<int> when{0};
  for (int s = 1; s < 120; ++s)
    for (const Publication& p : go_on(seconds{1}).publications) {
      to.push_back(p.to);
      when.push_back(s);
      EXPECT_EQ(p.nonce, 501u);
    }
  EXPECT_EQ(to, (std::vector{itr, other, itr, other, itr, other, itr}));
  EXPECT_EQ(when, (std::vector{0, 3, 6, 9, 15, 27, 51}));
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  EXPECT_TRUE(actions.publications.empty()) << "the subscription is gone";
}

TEST_F(PublicationTest, WhoNeverAcknowledgedHearsThreeAtMost) {
  std::size_t sent = subscribe("2001:db8:e1d::7/128", 500, {itr}).size();
  for (int s = 1; s < 200; ++s) sent += go_on(seconds{1}).publications.size();
  EXPECT_EQ(sent, 3u);
}

TEST_F(PublicationTest, OldNoncesAreReplays) {
  acknowledge(subscribe("2001:db8:e1d::7/128", 500, {itr}).at(0));
  const IpAddress attacker = ip("2001:db8:bad::1");
  EXPECT_TRUE(subscribe("2001:db8:e1d::7/128", 500, {attacker}).empty());
  EXPECT_TRUE(subscribe("2001:db8:e1d::7/128", 499, {attacker}).empty());
  EXPECT_EQ(server.counter(Reason::subscription_replayed), 2u);
  EXPECT_EQ(subscribe("2001:db8:e1d::7/128", 501, {itr}).size(), 1u);
}

TEST_F(PublicationTest, EndIsConfirmedToWhereItCameFrom) {
  acknowledge(subscribe("2001:db8:e1d::7/128", 500, {itr}).at(0));
  auto end = subscribe("2001:db8:e1d::7/128", 501, {});
  ASSERT_EQ(end.size(), 1u);
  EXPECT_EQ(end[0].to, itr);
  EXPECT_EQ(end[0].nonce, 501u);
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  EXPECT_TRUE(actions.publications.empty());
  EXPECT_TRUE(acknowledge(end[0]));
  EXPECT_EQ(subscribe("2001:db8:e1d::7/128", 400, {itr}).size(), 1u) << "its nonces are forgotten";
}

TEST_F(PublicationTest, EndOfWhatWasNotThereIsConfirmedOnce) {
  std::size_t sent = subscribe("2001:db8:e1d::7/128", 500, {}).size();
  EXPECT_EQ(sent, 1u);
  EXPECT_TRUE(go_on(seconds{100}).publications.empty());
}

TEST_F(PublicationTest, TooManySubscriptionsAreRefusedByPolicy) {
  PublisherTuning few;
  few.most_per_xtr = 2;
  MapServer small{MapServerTuning{}, few, sites(), random};
  MapRequest request;
  request.itr_rlocs = {itr};
  request.sender = xtr(9);
  for (const char* prefix : {"10.8.0.1/32", "10.8.0.2/32", "10.8.0.3/32"}) {
    request.records = {{eid_prefix(prefix), true}};
    ++request.nonce;
    actions = {};
    small.on_request(now, itr, {itr, itr, 5000, {}}, request, actions);
  }
  ASSERT_EQ(actions.replies.size(), 1u);
  EXPECT_EQ(actions.replies[0].message.records.at(0).action, Action::drop_policy);
}

TEST_F(PublicationTest, EndedSubscriptionsMakeRoom) {
  PublisherTuning few;
  few.most_per_xtr = 1;
  MapPublisher publisher{few, 1};
  MapRequest request;
  request.sender = xtr(9);
  std::vector<Publication> out;
  for (int i = 0; i < 3; ++i) {
    request.itr_rlocs = {itr};
    ++request.nonce;
    EXPECT_EQ(publisher.subscribe(now, request, eid_prefix("10.8.0.1/32"), itr, {}), MapPublisher::Answer::subscribed);
    request.itr_rlocs.clear();
    ++request.nonce;
    EXPECT_EQ(publisher.subscribe(now, request, eid_prefix("10.8.0.1/32"), itr, {}),
              MapPublisher::Answer::unsubscribed);
    publisher.on_time(now, out);
    EXPECT_TRUE(publisher.on_acknowledgement(xtr(9), eid_prefix("10.8.0.1/32"), request.nonce));
    EXPECT_EQ(publisher.size(), 0u);
  }
}

TEST_F(PublicationTest, AThousandAreToldAtTheirPace) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    XtrIdentity who = xtr(9);
    store_u32(who.xtr.data(), i);
    MapRequest request;
    request.nonce = 5;
    request.itr_rlocs = {itr};
    request.records = {{eid_prefix("2001:db8:e1d::7/128"), true}};
    request.sender = who;
    server.on_request(now, itr, {itr, itr, 5000, {}}, request, actions);
  }
  std::size_t sent = 0;
  TimePoint last{};
  const TimePoint begin = now;
  for (int turn = 0; turn < 10'000 && sent < 1000; ++turn) {
    now = std::max(now, server.next_deadline());
    actions = {};
    server.on_time(now, actions);
    for (const Publication& p : actions.publications) EXPECT_TRUE(acknowledge(p));
    sent += actions.publications.size();
    last = now;
  }
  EXPECT_EQ(sent, 1000u);
  EXPECT_GE(last - begin, milliseconds{4500});
  EXPECT_LE(last - begin, milliseconds{5500});
}

}  // namespace
}  // namespace ilnp::lisp
