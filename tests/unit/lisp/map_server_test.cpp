// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/map_server.h"

#include "tests/unit/lisp/map_server_world.h"

namespace ilnp::lisp {
namespace {

class MapServerTest : public MapServerWorld {};

TEST_F(MapServerTest, RegistrationIsConfirmedAndAnswered) {
  EXPECT_EQ(server.site_of(eid_prefix("2001:db8:e1d::7/128")), MapServerSiteId{0});
  EXPECT_EQ(server.site_of(eid_prefix("2001:db8:f00::7/128")), std::nullopt);
  const MapRegister m = message(record("2001:db8:e1d::7/128", rloc_a), 1);
  EXPECT_EQ(say(m), Reason::registered);
  ASSERT_EQ(actions.notifies.size(), 1u);
  EXPECT_EQ(actions.notifies[0].to, rloc_a);
  EXPECT_EQ(actions.notifies[0].message.nonce, m.nonce);
  EXPECT_EQ(actions.notifies[0].message.records, m.records);

  ask("2001:db8:e1d::7/128");
  ASSERT_EQ(actions.replies.size(), 1u);
  EXPECT_EQ(actions.replies[0].to, itr);
  EXPECT_EQ(actions.replies[0].port, 5000);
  EXPECT_EQ(actions.replies[0].message.nonce, 77u);
  const MappingRecord& told = actions.replies[0].message.records.at(0);
  EXPECT_EQ(told.eid, eid_prefix("2001:db8:e1d::7/128"));
  EXPECT_EQ(told.ttl, 60u);
  EXPECT_FALSE(told.is_authoritative);
  EXPECT_FALSE(told.rlocs.at(0).is_local);
  EXPECT_TRUE(told.rlocs.at(0).is_reachable);
}

TEST_F(MapServerTest, NotifyOnlyWhenWanted) {
  MapRegister m = message(record("2001:db8:e1d::7/128", rloc_a), 1);
  m.wants_notify = false;
  EXPECT_EQ(say(m), Reason::registered);
  EXPECT_TRUE(actions.notifies.empty());
}

TEST_F(MapServerTest, WhatIsNotConfiguredRefusesAllOfTheMessage) {
  for (const char* other : {"2001:db8:c1e::/48", "2001:db8:e1e::7/128", "2001:db8::/32", "10.9.0.1/32"}) {
    MapRegister m = message(record("2001:db8:e1d::7/128", rloc_a), 1);
    m.records.push_back(record(other, rloc_a));
    EXPECT_EQ(say(m), Reason::not_configured) << other;
    EXPECT_TRUE(actions.notifies.empty());
    EXPECT_TRUE(rlocs("2001:db8:e1d::7/128").empty());
  }
  EXPECT_EQ(say(message(record("2001:db8:c1e:1::/64", rloc_a), 1), rloc_a, 1), Reason::not_configured)
      << "no more-specifics here";
  EXPECT_EQ(say(message(record("2001:db8:c1e::/48", rloc_a), 1), rloc_a, 1), Reason::registered);
  EXPECT_EQ(server.mapping(eid_prefix("2001:db8:c1e::/48"))->ttl, 5u) << "the site's limit";
}

TEST_F(MapServerTest, NoncesGrowForEachSenderAndKeyAndSurviveARestart) {
  MapRegister m = message(record("2001:db8:e1d::7/128", rloc_a), 1);
  EXPECT_EQ(say(m), Reason::registered);
  EXPECT_EQ(say(m), Reason::replayed);
  EXPECT_TRUE(actions.notifies.empty());
  --m.nonce;
  EXPECT_EQ(say(m), Reason::replayed);
  m.key.key = 2;
  EXPECT_EQ(say(m), Reason::registered) << "another key counts for itself";
  m.key.key = 0;
  m.sender = xtr(2);
  EXPECT_EQ(say(m), Reason::registered) << "so does another sender";

  MapServer again{MapServerTuning{}, PublisherTuning{}, sites(), random};
  again.restore_nonces(server.nonces());
  MapServerActions none;
  EXPECT_EQ(again.on_register(now, 0, rloc_a, control_port, m, none), Reason::replayed);
  ++m.nonce;
  EXPECT_EQ(again.on_register(now, 0, rloc_a, control_port, m, none), Reason::registered);
}

TEST_F(MapServerTest, RandomNoncesOnlyHaveToBeNew) {
  MapRegister m = message(record("2001:db8:c1e::/48", rloc_a), 1);
  EXPECT_EQ(say(m, rloc_a, 1), Reason::registered);
  EXPECT_EQ(say(m, rloc_a, 1), Reason::replayed);
  m.nonce -= 500;
  EXPECT_EQ(say(m, rloc_a, 1), Reason::registered);
  now += seconds{601};
  EXPECT_EQ(say(m, rloc_a, 1), Reason::registered) << "after ten minutes nobody knows";
}

TEST_F(MapServerTest, RefusedMessageUsesUpNoNonce) {
  MapRegister m = message(record("2001:db8:e1e::7/128", rloc_a), 1);
  EXPECT_EQ(say(m), Reason::not_configured);
  m.records = {record("2001:db8:e1d::7/128", rloc_a)};
  EXPECT_EQ(say(m), Reason::registered);
}

TEST_F(MapServerTest, RegistrationEndsWithoutRefresh) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  go_on(seconds{100});
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  go_on(seconds{179});
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128"), std::vector{rloc_a});
  go_on(seconds{1});
  EXPECT_TRUE(rlocs("2001:db8:e1d::7/128").empty());
  EXPECT_EQ(server.registrations(), 0u);
  EXPECT_EQ(server.next_deadline(), never);
}

TEST_F(MapServerTest, TtlIsTheLifetimeWhereTheSenderSaysSo) {
  MapRegister m = message(record("2001:db8:e1d::7/128", rloc_a, 10), 1);
  m.is_ttl_timeout = true;
  say(m);
  go_on(seconds{599});
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128"), std::vector{rloc_a});
  go_on(seconds{1});
  EXPECT_TRUE(rlocs("2001:db8:e1d::7/128").empty());
}

TEST_F(MapServerTest, TtlZeroTakesBackOnesOwn) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  say(message(record("2001:db8:e1d::7/128", rloc_a, 0), 2));
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128"), std::vector{rloc_a}) << "not somebody else's";
  say(message(record("2001:db8:e1d::7/128", rloc_a, 0), 1));
  EXPECT_TRUE(rlocs("2001:db8:e1d::7/128").empty());
  EXPECT_EQ(actions.notifies.size(), 1u) << "confirmed like any other";
}

TEST_F(MapServerTest, NewOwnerReplacesTheOldOneWhoHearsOfItUntilHeAcknowledges) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  say(message(record("2001:db8:e1d::7/128", rloc_b), 2), rloc_b);
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128"), std::vector{rloc_b});
  ASSERT_EQ(actions.notifies.size(), 2u);
  const auto& notice = actions.notifies[1];
  EXPECT_EQ(notice.to, rloc_a);
  EXPECT_EQ(notice.message.records.at(0).rlocs.at(0).address, rloc_b);
  const MapNotify ack = notice.message;
  EXPECT_EQ(go_on(seconds{3}).notifies.size(), 1u);
  EXPECT_FALSE(server.on_notice_acknowledged(rloc_b, ack)) << "not his to acknowledge";
  EXPECT_TRUE(server.on_notice_acknowledged(rloc_a, ack));
  EXPECT_FALSE(server.on_notice_acknowledged(rloc_a, ack));
  EXPECT_TRUE(go_on(seconds{60}).notifies.empty());
}

TEST_F(MapServerTest, NoticeIsRepeatedSixTimesAndNoMore) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  say(message(record("2001:db8:e1d::7/128", rloc_b), 2), rloc_b);
  std::size_t notices = 0;
  for (int i = 0; i < 170; ++i) notices += go_on(seconds{1}).notifies.size();
  EXPECT_EQ(notices, 6u);
}

TEST_F(MapServerTest, FormerOwnersRefreshDoesNotTakeThePrefixBackAtOnce) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  say(message(record("2001:db8:e1d::7/128", rloc_b), 2), rloc_b);
  now += seconds{9};
  EXPECT_EQ(say(message(record("2001:db8:e1d::7/128", rloc_a), 1)), Reason::superseded);
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128"), std::vector{rloc_b});
  ASSERT_EQ(actions.notifies.size(), 1u) << "not a confirmation but the notice";
  EXPECT_EQ(actions.notifies[0].message.records.at(0).rlocs.at(0).address, rloc_b);
  const IpAddress elsewhere = ip("2001:db8:a3::1");
  EXPECT_EQ(say(message(record("2001:db8:e1d::7/128", elsewhere), 1)), Reason::registered) << "something new counts";
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128"), std::vector{elsewhere});
}

TEST_F(MapServerTest, FormerOwnerWhoKnowsMayComeBackAtOnce) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  say(message(record("2001:db8:e1d::7/128", rloc_b), 2), rloc_b);
  const MapNotify notice = actions.notifies.at(1).message;
  EXPECT_TRUE(server.on_notice_acknowledged(rloc_a, notice));
  EXPECT_EQ(server.registrations(), 1u);
  EXPECT_EQ(say(message(record("2001:db8:e1d::7/128", rloc_a), 1)), Reason::registered);
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128"), std::vector{rloc_a});
}

TEST_F(MapServerTest, LastOneWinsWhenBothGoOn) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  say(message(record("2001:db8:e1d::7/128", rloc_b), 2), rloc_b);
  now += seconds{11};
  EXPECT_EQ(say(message(record("2001:db8:e1d::7/128", rloc_a), 1)), Reason::registered);
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128"), std::vector{rloc_a});
}

TEST_F(MapServerTest, MergedRegistrationsAreNoMoreThanARecordHolds) {
  for (std::uint8_t xtr = 1; xtr <= 2; ++xtr) {
    MapRegister half = message(record("2001:db8:e1d::7/128", rloc_a), xtr);
    half.merges = true;
    half.records[0].rlocs.clear();
    for (std::uint32_t i = 0; i < 200; ++i)
      half.records[0].rlocs.push_back({.address = IpAddress::v4(0x0a00'0000 + 1000u * xtr + i)});
    say(half);
  }
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128").size(), 255u);
}

TEST_F(MapServerTest, MergedRegistrationsAreAnsweredTogether) {
  MapRegister one = message(record("2001:db8:e1d::7/128", rloc_b), 1),
              other = message(record("2001:db8:e1d::7/128", rloc_a), 2);
  one.merges = other.merges = true;
  say(one);
  say(other, rloc_b);
  EXPECT_EQ(rlocs("2001:db8:e1d::7/128"), (std::vector{rloc_a, rloc_b}));
  EXPECT_EQ(actions.notifies.size(), 1u) << "nobody lost anything";
  go_on(seconds{180});
  EXPECT_TRUE(rlocs("2001:db8:e1d::7/128").empty());
}

TEST_F(MapServerTest, AsksTheEtrWhereItIsNotToAnswer) {
  MapRegister m = message(record("2001:db8:e1d::7/128", rloc_a), 1);
  m.wants_proxy_reply = false;
  m.records[0].rlocs.insert(m.records[0].rlocs.begin(), {.address = ip("192.0.2.1"), .is_reachable = false});
  say(m);
  ask("2001:db8:e1d::7/128");
  EXPECT_TRUE(actions.replies.empty());
  ASSERT_EQ(actions.forwards.size(), 1u);
  EXPECT_EQ(actions.forwards[0].to, rloc_a) << "one that can be reached";
}

TEST_F(MapServerTest, NegativeAnswersAreAsWideAsTheyMay) {
  const auto answer = [&](const char* prefix) {
    now += seconds{10};
    return ask(prefix).replies.at(0).message.records.at(0);
  };
  // Nothing is configured in 2001:db8:f00::/40, its neighbours have e1d and c1e.
  EXPECT_EQ(answer("2001:db8:f00::5/128").eid, eid_prefix("2001:db8:f00::/40"));
  EXPECT_EQ(answer("2001:db8:f00::5/128").ttl, 15u);
  EXPECT_EQ(answer("2001:db8:f00::5/128").action, Action::natively_forward);
  EXPECT_TRUE(answer("2001:db8:f00::5/128").rlocs.empty());
  EXPECT_EQ(answer("192.0.2.7/32").eid, eid_prefix("128.0.0.0/1"));
  // Configured, but nobody is there: all of it, for a minute.
  EXPECT_EQ(answer("2001:db8:e1d::5/128").eid, eid_prefix("2001:db8:e1d::/64"));
  EXPECT_EQ(answer("2001:db8:e1d::5/128").ttl, 1u);
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  EXPECT_EQ(answer("2001:db8:e1d::5/128").eid, eid_prefix("2001:db8:e1d::4/127"));
  EXPECT_EQ(answer("2001:db8:e1d::6/128").eid, eid_prefix("2001:db8:e1d::6/128"));
}

TEST_F(MapServerTest, OneRequesterIsAnsweredThreeTimesAndThenEveryThreeSeconds) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  std::size_t replies = 0;
  for (int i = 0; i < 50; ++i) replies += ask("2001:db8:e1d::7/128").replies.size();
  EXPECT_EQ(replies, 3u);
  EXPECT_EQ(server.counter(Reason::too_many), 47u);
  now += seconds{4};
  EXPECT_EQ(ask("2001:db8:e1d::7/128").replies.size(), 1u);
  EXPECT_EQ(ask("2001:db8:e1d::8/128").replies.size(), 1u) << "another question";
}

TEST_F(MapServerTest, ProbesAndSolicitationsAreNotForIt) {
  say(message(record("2001:db8:e1d::7/128", rloc_a), 1));
  MapRequest request;
  request.itr_rlocs = {itr};
  request.records = {{eid_prefix("2001:db8:e1d::7/128")}};
  for (int i = 0; i < 4; ++i) {
    MapRequest odd = request;
    odd.is_probe = i == 0;
    odd.is_smr = i == 1;
    odd.wants_no_reply = i == 2;
    if (i == 3) odd.itr_rlocs.clear();
    actions = {};
    server.on_request(now, itr, {itr, itr, 5000, {}}, odd, actions);
    EXPECT_TRUE(actions.replies.empty() && actions.forwards.empty()) << i;
  }
  EXPECT_EQ(server.counter(Reason::not_for_servers), 4u);
}

TEST_F(MapServerTest, MemoryIsBounded) {
  MapServerTuning small;
  small.most_registrations = 100;
  small.most_xtrs = 5;
  MapServer bounded{small, PublisherTuning{}, sites(), random};
  MapServerActions none;
  int taken = 0;
  for (std::uint32_t i = 0; i < 1000; ++i) {
    MappingRecord r = record("10.8.0.0/32", rloc_a);
    r.eid.prefix.address = IpAddress::v4(0x0a08'0000 + i);
    taken += bounded.on_register(now, 0, rloc_a, control_port, message(r, 1), none) == Reason::registered ? 1 : 0;
  }
  EXPECT_EQ(taken, 100);
  const auto taken_of_twenty = [&](MapServer& by) {
    int count = 0;
    for (std::uint8_t i = 0; i < 20; ++i)
      count += by.on_register(now, 0, rloc_a, control_port, message(record("10.8.0.1/32", rloc_a), i), none) ==
                       Reason::registered
                   ? 1
                   : 0;
    return count;
  };
  EXPECT_EQ(taken_of_twenty(server), 20);
  MapServer few{small, PublisherTuning{}, sites(), random};
  EXPECT_EQ(taken_of_twenty(few), 5);
  EXPECT_EQ(few.on_register(now, 0, rloc_a, control_port, message(record("10.8.0.1/32", rloc_b), 3), none),
            Reason::registered)
      << "one of the five";
}

TEST_F(MapServerTest, FullTableStillTakesRefreshesAndWithdrawals) {
  MapServerTuning small;
  small.most_registrations = 1;
  MapServer full{small, PublisherTuning{}, sites(), random};
  const auto say_to_it = [&](const MappingRecord& what) {
    return full.on_register(now, 0, rloc_a, control_port, message(what, 1), actions);
  };
  EXPECT_EQ(say_to_it(record("10.8.0.1/32", rloc_a)), Reason::registered);
  EXPECT_EQ(say_to_it(record("10.8.0.2/32", rloc_a)), Reason::full);
  EXPECT_EQ(say_to_it(record("10.8.0.1/32", rloc_a)), Reason::registered);
  EXPECT_EQ(say_to_it(record("10.8.0.1/32", rloc_a, 0)), Reason::registered);
  EXPECT_EQ(say_to_it(record("10.8.0.2/32", rloc_a)), Reason::registered);
}

}  // namespace
}  // namespace ilnp::lisp
