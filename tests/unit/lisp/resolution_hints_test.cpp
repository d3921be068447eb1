// SPDX-License-Identifier: Apache-2.0
// SMR in the forms that are about, publications, and UPDATE of Change-Priority.
#include <set>

#include "core/lisp/resolution.h"
#include "tests/unit/lisp/resolution_world.h"

namespace ilnp::lisp {
namespace {

using std::chrono::minutes;

class SmrTest : public ResolutionWorld {
 protected:
  void SetUp() override {
    know("2001:db8:e1d::/64", a1);
    cache.install(now, mapping("2001:db8:c1e::/48", {rloc("2001:db8:c1::1")}), MappingOrigin::own);
  }
  MapRequest smr(std::optional<Eid> source, const char* record, std::uint64_t nonce = 77) {
    MapRequest request;
    request.is_smr = true;
    request.nonce = nonce;
    request.source = source;
    request.itr_rlocs = {ip("2001:db8:a2::1")};
    request.records = {{eid_prefix(record)}};
    return request;
  }
  void receive(const MapRequest& request, const char* from = "2001:db8:a1::1") {
    resolution.on_smr(now, request, ip(from), actions);
  }
};

TEST_F(SmrTest, AllFormsThatAreAbout) {
  struct Case {
    const char* who;
    MapRequest request;
  };
  const char* own = "2001:db8:c1e::/48";
  const Eid moved = eid("2001:db8:e1d::7");
  const Case cases[] = {
      {"ours, and Cisco: the moved EID, our prefix", smr(moved, own)},
      {"Open Overlay Router: network address, our prefix, nonce 0", smr(eid("2001:db8:e1d::"), own, 0)},
      {"FRR fork: the moved EID twice", smr(moved, "2001:db8:e1d::7/128")},
      {"OpenDaylight: for the ETR", smr(moved, "2001:db8:e1d::/64")},
      {"no source, the moved EID as record", smr(std::nullopt, "2001:db8:e1d::7/128")},
      {"source unknown, the moved EID as record", smr(eid("2001:db8:99::1"), "2001:db8:e1d::7/128")},
  };
  for (const Case& each : cases) {
    actions.requests.clear();
    receive(each.request);
    ASSERT_EQ(actions.requests.size(), 1u) << each.who;
    EXPECT_EQ(last_request().records[0].eid, eid_prefix("2001:db8:e1d::/64")) << each.who;
    EXPECT_TRUE(last_request().is_smr_invoked) << each.who;
    EXPECT_FALSE(last_request().is_smr) << each.who;
    EXPECT_NE(last_request().nonce, each.request.nonce) << each.who;
    EXPECT_EQ(actions.requests[0].eid, ip("2001:db8:e1d::")) << "through the resolver: " << each.who;
    EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::/64 stale 2001:db8:a1::1") << each.who;
    answer({mapping("2001:db8:e1d::/64", a1)});
    EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::/64 active 2001:db8:a1::1") << each.who;
    now += seconds{3};
  }
}

TEST_F(SmrTest, WhatItSaysItselfIsNotBelieved) {
  MapRequest request = smr(eid("2001:db8:e1d::7"), "2001:db8:c1e::/48");
  request.own_mapping = mapping("2001:db8:e1d::7/128", {rloc("2001:db8:bad::1")});
  receive(request);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::/64 stale 2001:db8:a1::1");
}

TEST_F(SmrTest, AboutNothingThatIsKnown) {
  receive(smr(eid("2001:db8:99::1"), "2001:db8:98::/48"));
  receive(smr(eid("2001:db8:c1e::1"), "2001:db8:c1e::/48"));
  EXPECT_EQ(drops.of(ItrDrop::smr_no_mapping), 2u) << "the second is about ourselves";
  MapRequest two = smr(eid("2001:db8:e1d::7"), "2001:db8:c1e::/48");
  two.records.push_back(two.records[0]);
  receive(two);
  MapRequest none = two;
  none.records.clear();
  receive(none);
  MapRequest plain = smr(eid("2001:db8:e1d::7"), "2001:db8:c1e::/48");
  plain.is_smr = false;
  receive(plain);
  EXPECT_EQ(drops.of(ItrDrop::smr_malformed), 3u);
  EXPECT_TRUE(actions.requests.empty());
}

TEST_F(SmrTest, OfAStrangerIsAHintUnlessStrict) {
  receive(smr(eid("2001:db8:e1d::7"), "2001:db8:c1e::/48"), "2001:db8:bad::1");
  EXPECT_EQ(drops.of(ItrDrop::smr_stranger), 1u);
  EXPECT_EQ(actions.requests.size(), 1u);
  tuning.smr_strict = true;
  Resolution strict{tuning, random, underlay, rules, cache, receiver, drops};
  ResolutionActions none;
  strict.on_smr(now, smr(eid("2001:db8:e1d::7"), "2001:db8:c1e::/48"), ip("2001:db8:bad::1"), none);
  EXPECT_TRUE(none.requests.empty());
}

TEST_F(SmrTest, OncePerThreeSecondsForAPrefix) {
  const TimePoint end = now + seconds{30};
  while (now < end) {
    receive(smr(eid("2001:db8:e1d::7"), "2001:db8:c1e::/48"));
    if (resolution.questions() > 0) answer({mapping("2001:db8:e1d::/64", a1)});
    now += milliseconds{10};
  }
  EXPECT_EQ(actions.requests.size(), 10u);
  EXPECT_EQ(drops.of(ItrDrop::smr_prefix_limit), 2990u);
}

TEST_F(SmrTest, StormOfManyPrefixesIsFiftyASecond) {
  for (std::uint32_t i = 0; i < 1000; ++i) {
    MappingRecord record = mapping("11.0.0.0/16", a1);
    record.eid = EidPrefix::host({0, IpAddress::v4(0x0b00'0000 + i)});
    cache.install(now, record, MappingOrigin::reply);
  }
  for (std::uint32_t i = 0; i < 1000; ++i) receive(smr(Eid{0, IpAddress::v4(0x0b00'0000 + i)}, "2001:db8:c1e::/48"));
  EXPECT_EQ(resolution.questions(), 50u);
  EXPECT_EQ(drops.of(ItrDrop::smr_limit), 950u);
}

TEST_F(SmrTest, HundredThousandASecondAreOneQuestionASecond) {
  for (int i = 0; i < 100'000; ++i) {
    now += microseconds{10};
    receive(smr(eid("2001:db8:e1d::7"), "2001:db8:c1e::/48"));
    resolution.on_time(now, actions);
  }
  EXPECT_LE(actions.requests.size(), 2u);
}

TEST_F(SmrTest, NegativeEntryIsAskedForToo) {
  cache.install(now, negative("2001:db8:f00::/40", Action::drop), MappingOrigin::reply);
  receive(smr(eid("2001:db8:f00::1"), "2001:db8:c1e::/48"));
  EXPECT_EQ(entry("2001:db8:f00::1"), "2001:db8:f00::/40 stale");
  answer({mapping("2001:db8:f00::1/128", a2)});
  EXPECT_EQ(entry("2001:db8:f00::1"), "2001:db8:f00::1/128 active 2001:db8:a2::1");
  EXPECT_EQ(entry("2001:db8:f00::2"), "2001:db8:f00::/40 negative");
}

TEST_F(SmrTest, MayAskForTheHostInsteadOfThePrefix) {
  tuning.smr_asks_for_host = true;
  Resolution other{tuning, random, underlay, rules, cache, receiver, drops};
  ResolutionActions out;
  other.on_smr(now, smr(eid("2001:db8:e1d::7"), "2001:db8:c1e::/48"), ip("2001:db8:a1::1"), out);
  ASSERT_EQ(out.requests.size(), 1u);
  EXPECT_EQ(out.requests[0].message.records[0].eid, eid_prefix("2001:db8:e1d::7/128"));
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::/64 stale 2001:db8:a1::1");
  MapReply reply;
  reply.nonce = out.requests[0].message.nonce;
  reply.records = {mapping("2001:db8:e1d::7/128", a2)};
  other.on_map_reply(now, reply, out);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 active 2001:db8:a2::1");
  EXPECT_EQ(entry("2001:db8:e1d::8"), "2001:db8:e1d::/64 active 2001:db8:a1::1");
}

using ReceivedPublicationTest = ResolutionWorld;

TEST_F(ReceivedPublicationTest, CountsAtOnceAndEndsTheQuestion) {
  know("2001:db8:e1d::7/128", a1);
  resolution.ask_again(now, *cache.match(eid("2001:db8:e1d::7")), actions);
  const std::uint64_t nonce = last_request().nonce;
  resolution.on_publication(now, mapping("2001:db8:e1d::7/128", a2), actions);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 active 2001:db8:a2::1");
  answer(nonce, {mapping("2001:db8:e1d::7/128", a1)});
  EXPECT_EQ(drops.of(ItrDrop::reply_unknown_nonce), 1u) << "it may be from before";
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 active 2001:db8:a2::1");
}

TEST_F(ReceivedPublicationTest, ReleasesWhatWaits) {
  send("2001:db8:e1d::7", 7);
  resolution.on_publication(now, mapping("2001:db8:e1d::7/128", a2), actions);
  EXPECT_EQ(released(), "7 ");
  EXPECT_EQ(resolution.questions(), 0u);
}

TEST_F(ReceivedPublicationTest, TtlZeroTakesAwayAndRulesHold) {
  know("2001:db8:e1d::7/128", a1);
  resolution.on_publication(now, mapping("2001:db8:e1d::7/128", {}, 0), actions);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "none");
  resolution.on_publication(now, mapping("2000::/8", a1), actions);
  EXPECT_EQ(drops.of(ItrDrop::prefix_too_short), 1u);
  resolution.on_publication(now, mapping("2001:db8:e1d::7/128", {rloc("2001:db8:c1::1"), a2[0]}), actions);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 active 2001:db8:a2::1") << "our own RLOC left out";
}

class UpdateTest : public ResolutionWorld {
 protected:
  void SetUp() override { know("2001:db8:e1d::/64", a1); }

  ChangePriority message(const MappingRecord& record, std::uint64_t nonce = 1'000'000) {
    ChangePriority m;
    m.kind = ChangePriority::Kind::update;
    m.nonce = nonce;
    m.sender.site = 11;
    m.records = {record};
    return m;
  }
  UpdateVerdict receive(const ChangePriority& m, const char* from = "2001:db8:a1::1") {
    return resolution.on_update(now, {m, ip(from), true, false}, actions);
  }
  UpdateVerdict receive_trusted(const ChangePriority& m) {
    return resolution.on_update(now, {m, ip("2001:db8:a9::1"), true, true}, actions);
  }
  /// Accepted, and verified until the first question is out.
  void accept_and_wait() {
    ASSERT_EQ(receive(message(mapping("2001:db8:e1d::7/128", a2))), UpdateVerdict::accepted);
    run(seconds{5});
    ASSERT_FALSE(actions.requests.empty());
  }
};

TEST_F(UpdateTest, IsUsedAtOnceAndVerifiedALittleLater) {
  std::set<Duration> delays;
  for (std::uint64_t i = 0; i < 40; ++i) {
    actions = {};
    ASSERT_EQ(receive_trusted(message(mapping("2001:db8:e1d::7/128", a2), 1'000'000 + i)), UpdateVerdict::accepted);
    EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 tentative 2001:db8:a2::1");
    EXPECT_EQ(entry("2001:db8:e1d::8"), "2001:db8:e1d::/64 active 2001:db8:a1::1");
    EXPECT_TRUE(actions.requests.empty());
    const Duration delay = resolution.next_deadline() - now;
    delays.insert(delay);
    EXPECT_GE(delay, seconds{1});
    EXPECT_LT(delay, seconds{5});
    run(delay);
    ASSERT_EQ(actions.requests.size(), 1u);
    EXPECT_EQ(last_request().records[0].eid, eid_prefix("2001:db8:e1d::7/128"));
    EXPECT_FALSE(last_request().is_smr_invoked);
    answer({mapping("2001:db8:e1d::7/128", a2, 30)});
    EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 active 2001:db8:a2::1");
    EXPECT_EQ(cache.match(eid("2001:db8:e1d::7"))->expiry, now + minutes{30});
  }
  EXPECT_GT(delays.size(), 30u) << "not all clients at once";
}

TEST_F(UpdateTest, LivesFiveMinutesAtMostAndNoLongerThanWhatItReplaces) {
  receive(message(mapping("2001:db8:e1d::7/128", a2, 60)));
  EXPECT_EQ(cache.match(eid("2001:db8:e1d::7"))->expiry, now + minutes{5});
  receive(message(mapping("2001:db8:e1d::8/128", a2, 2)));
  EXPECT_EQ(cache.match(eid("2001:db8:e1d::8"))->expiry, now + minutes{2});
  know("2001:db8:e1e::/64", a1, 1);
  receive(message(mapping("2001:db8:e1e::8/128", a2, 60)));
  EXPECT_EQ(cache.match(eid("2001:db8:e1e::8"))->expiry, now + minutes{1});
}

TEST_F(UpdateTest, WhatIsRefused) {
  const MappingRecord good = mapping("2001:db8:e1d::7/128", a2);
  std::uint64_t refused = 0;
  const auto expect = [&](UpdateVerdict verdict, ItrDrop reason, const char* why) {
    EXPECT_EQ(verdict, UpdateVerdict::refused) << why;
    EXPECT_EQ(drops.of(reason), 1u) << why << ' ' << name_of(reason);
    drops = {};
    ++refused;
  };
  ChangePriority transfer = message(good);
  transfer.kind = ChangePriority::Kind::transfer;
  expect(receive(transfer), ItrDrop::update_not_one, "a TRANSFER");
  ChangePriority ack = message(good);
  ack.is_ack = true;
  expect(receive(ack), ItrDrop::update_not_one, "a forged A flag");
  const ChangePriority of_other_scope = message(good);
  expect(resolution.on_update(now, {of_other_scope, ip("2001:db8:a1::1"), false, true}, actions),
         ItrDrop::update_out_of_scope, "the key is for other EIDs");
  expect(receive(message(good), "2001:db8:a2::1"), ItrDrop::update_sender, "not from an RLOC of the entry");
  expect(receive(message(mapping("2001:db8:f00::1/128", a2))), ItrDrop::update_no_mapping, "never heard of");
  expect(receive(message(mapping("2001:db8:e1d::/48", a2))), ItrDrop::update_broader, "broader");
  expect(receive(message(mapping("2001:db8:e1d::7/128", a2, 0))), ItrDrop::update_no_rloc, "TTL 0");
  expect(receive(message(mapping("2001:db8:e1d::7/128", {}))), ItrDrop::update_no_rloc, "negative");
  expect(receive(message(mapping("2001:db8:e1d::7/128", {rloc("2001:db8:a2::1", never_use)}))), ItrDrop::update_no_rloc,
         "only 255");
  expect(receive(message(mapping("2001:db8:e1d::7/128", {rloc("2001:db8:c1::1")}))), ItrDrop::update_no_rloc,
         "only our own");
  ChangePriority half = message(good);
  half.records.push_back(mapping("2001:db8:f00::1/128", a2));
  expect(receive(half), ItrDrop::update_no_mapping, "one good record of two");
  EXPECT_EQ(refused, 11u);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::/64 active 2001:db8:a1::1");
  EXPECT_EQ(resolution.questions(), 0u);
  EXPECT_EQ(receive_trusted(message(good)), UpdateVerdict::accepted) << "trusted wherever it is";
}

TEST_F(UpdateTest, NeitherPendingNorNegativeNorOwnEntriesAreUpdated) {
  send("2001:db8:f00::1");
  cache.install(now, negative("2001:db8:f01::/48", Action::drop), MappingOrigin::reply);
  cache.install(now, mapping("2001:db8:c1e::/48", a1), MappingOrigin::own);
  for (const char* prefix : {"2001:db8:f00::1/128", "2001:db8:f01::1/128", "2001:db8:c1e::1/128"})
    EXPECT_EQ(receive_trusted(message(mapping(prefix, a2))), UpdateVerdict::refused) << prefix;
  EXPECT_EQ(drops.of(ItrDrop::update_no_mapping), 3u);
}

TEST_F(UpdateTest, ReplayAndDuplicate) {
  const ChangePriority first = message(mapping("2001:db8:e1d::7/128", a2), 5'000'000);
  EXPECT_EQ(receive(first), UpdateVerdict::accepted);
  const TimePoint verified_at = resolution.next_deadline();
  now += milliseconds{100};
  EXPECT_EQ(receive_trusted(first), UpdateVerdict::duplicate);
  EXPECT_EQ(resolution.next_deadline(), verified_at) << "not done again";
  EXPECT_EQ(receive_trusted(message(mapping("2001:db8:e1d::7/128", a1), 4'999'999)), UpdateVerdict::refused);
  EXPECT_EQ(drops.of(ItrDrop::update_replayed), 1u);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 tentative 2001:db8:a2::1");
  EXPECT_EQ(receive_trusted(message(mapping("2001:db8:e1d::7/128", a1), 5'000'001)), UpdateVerdict::accepted);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 tentative 2001:db8:a1::1") << "moved on";
}

TEST_F(UpdateTest, AnswerFromBeforeDoesNotTakeItBack) {
  know("2001:db8:e1d::7/128", a1);
  resolution.ask_again(now, *cache.match(eid("2001:db8:e1d::7")), actions);
  const std::uint64_t nonce = last_request().nonce;
  EXPECT_EQ(receive(message(mapping("2001:db8:e1d::7/128", a2))), UpdateVerdict::accepted);
  answer(nonce, {mapping("2001:db8:e1d::7/128", a1)});
  EXPECT_EQ(drops.of(ItrDrop::reply_unknown_nonce), 1u);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 tentative 2001:db8:a2::1");
}

TEST_F(UpdateTest, MappingSystemThatIsAMomentLateIsAskedOnceMore) {
  accept_and_wait();
  const std::size_t asked = actions.requests.size();
  answer({mapping("2001:db8:e1d::/64", a1)});
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 tentative 2001:db8:a2::1");
  run(seconds{1});
  ASSERT_EQ(actions.requests.size(), asked + 1);
  answer({mapping("2001:db8:e1d::7/128", a2)});
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 active 2001:db8:a2::1");
  EXPECT_EQ(events(), "to 2001:db8:a2::1, ") << "once";
}

TEST_F(UpdateTest, MappingSystemWinsAndTheRouterIsNotBelievedForTenMinutes) {
  accept_and_wait();
  answer({mapping("2001:db8:e1d::/64", a1)});
  run(seconds{1});
  answer({mapping("2001:db8:e1d::/64", a1)});
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::/64 active 2001:db8:a1::1");
  EXPECT_EQ(events(), "to 2001:db8:a2::1, disagreed 2001:db8:e1d::7/128, ");
  EXPECT_EQ(actions.events[1].sender.site, 11u);
  EXPECT_EQ(receive(message(mapping("2001:db8:e1d::8/128", a2), 9'000'000)), UpdateVerdict::refused);
  EXPECT_EQ(drops.of(ItrDrop::update_distrusted), 1u);
  ChangePriority other = message(mapping("2001:db8:e1d::8/128", a2), 9'000'000);
  other.sender.site = 12;
  EXPECT_EQ(receive(other), UpdateVerdict::accepted) << "somebody else";
  now += minutes{10};
  EXPECT_EQ(receive(message(mapping("2001:db8:e1d::9/128", a2), 9'000'001)), UpdateVerdict::accepted);
}

TEST_F(UpdateTest, MappingSystemThatIsSilentLetsItEndWithItsTtl) {
  accept_and_wait();
  run(minutes{3});
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 tentative 2001:db8:a2::1");
  run(minutes{2});
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::/64 active 2001:db8:a1::1");
}

TEST_F(UpdateTest, AgreementIsAboutWhereThePacketsGo) {
  accept_and_wait();
  std::vector<RlocRecord> same{rloc("2001:db8:a1::1", never_use), rloc("2001:db8:a2::1", 1, 50)};
  same[0].is_reachable = false;
  answer({mapping("2001:db8:e1d::7/128", same)});
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 active 2001:db8:a1::1 2001:db8:a2::1");
}

}  // namespace
}  // namespace ilnp::lisp
