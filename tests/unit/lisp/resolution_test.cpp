// SPDX-License-Identifier: Apache-2.0
// Questions, answers, and what becomes of the packets that wait.
#include "core/lisp/resolution.h"

#include "tests/unit/lisp/resolution_world.h"

namespace ilnp::lisp {
namespace {

using std::chrono::minutes;
using ResolutionTest = ResolutionWorld;

TEST_F(ResolutionTest, MissIsAskedForAndItsPacketsWait) {
  send("2001:db8:e1d::1", 1);
  send("2001:db8:e1d::1", 2);
  ASSERT_EQ(actions.requests.size(), 1u);
  const MapRequest& request = last_request();
  EXPECT_EQ(request.records, std::vector{MapRequest::Record{eid_prefix("2001:db8:e1d::1/128")}});
  EXPECT_EQ(request.source, eid("2001:db8:c1e::99"));
  EXPECT_EQ(request.itr_rlocs, underlay.rlocs);
  EXPECT_FALSE(request.is_smr_invoked || request.is_smr || request.is_probe);
  EXPECT_EQ(actions.requests[0].eid, ip("2001:db8:e1d::1"));
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::1/128 pending");
  run(milliseconds{40});
  answer({mapping("2001:db8:e1d::/64", a1)});
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::/64 active 2001:db8:a1::1");
  EXPECT_EQ(released(), "1 2 ");
  EXPECT_EQ(resolution.questions(), 0u);
  EXPECT_EQ(resolution.waiting_eids(), 0u);
}

TEST_F(ResolutionTest, InstanceIsThatOfThePacket) {
  resolution.on_miss(now, eid("10.1.0.1", 42), eid("10.2.0.1", 42), nullptr, actions);
  EXPECT_EQ(last_request().records[0].eid, eid_prefix("10.2.0.1/32", 42));
  EXPECT_EQ(last_request().source, eid("10.1.0.1", 42));
  answer({mapping("10.2.0.0/16", a1)});
  EXPECT_EQ(drops.of(ItrDrop::reply_other_eid), 1u) << "of another instance";
}

TEST_F(ResolutionTest, NegativeAnswerReleasesThePacketsToo) {
  send("2001:db8:f00::5", 1);
  answer({negative("2001:db8:f00::/40", Action::natively_forward)});
  EXPECT_EQ(entry("2001:db8:f00::5"), "2001:db8:f00::/40 negative");
  EXPECT_EQ(released(), "1 ") << "its action says where they go";
}

TEST_F(ResolutionTest, TtlZeroMeansThereIsNone) {
  send("2001:db8:f00::5", 1);
  answer({mapping("2001:db8:f00::/48", a1, 0)});
  EXPECT_EQ(entry("2001:db8:f00::5"), "none");
  EXPECT_EQ(released(), "");
  EXPECT_EQ(drops.of(ItrDrop::mapping_gone), 1u);
  know("2001:db8:e1d::/64", a1);
  resolution.ask_again(now, *cache.find(eid_prefix("2001:db8:e1d::/64")), actions);
  answer({mapping("2001:db8:e1d::/64", a1, 0)});
  EXPECT_EQ(entry("2001:db8:e1d::1"), "none");
}

TEST_F(ResolutionTest, NobodyAnswers) {
  send("2001:db8:e1d::1", 1);
  run(seconds{64});
  EXPECT_EQ(actions.requests.size(), 10u);
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::1/128 pending");
  run(seconds{1});
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::1/128 negative");
  EXPECT_EQ(drops.of(ItrDrop::unanswered), 1u);
  ASSERT_EQ(actions.events.size(), 1u);
  EXPECT_EQ(actions.events[0].kind, ResolutionEvent::Kind::unanswered);
  run(seconds{29});
  send("2001:db8:e1d::1");
  EXPECT_EQ(actions.requests.size(), 10u) << "pause";
  run(seconds{2});
  send("2001:db8:e1d::1");
  EXPECT_EQ(actions.requests.size(), 11u);
}

TEST_F(ResolutionTest, OnlyAnOutstandingNonceAnswersAndOnce) {
  send("2001:db8:e1d::1");
  const std::uint64_t nonce = last_request().nonce;
  answer(nonce + 1, {mapping("2001:db8:e1d::/64", a2)});
  EXPECT_EQ(drops.of(ItrDrop::reply_unknown_nonce), 1u);
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::1/128 pending");
  answer(nonce, {mapping("2001:db8:e1d::/64", a1)});
  answer(nonce, {mapping("2001:db8:e1d::/64", a2)});
  EXPECT_EQ(drops.of(ItrDrop::reply_unknown_nonce), 2u);
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::/64 active 2001:db8:a1::1");
}

TEST_F(ResolutionTest, LateAnswerToAnEarlierTryIsGood) {
  send("2001:db8:e1d::1");
  const std::uint64_t first = last_request().nonce;
  run(seconds{8});
  EXPECT_GT(actions.requests.size(), 3u);
  answer(first, {mapping("2001:db8:e1d::/64", a1)});
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::/64 active 2001:db8:a1::1");
}

TEST_F(ResolutionTest, AnswersThatAreNotBelieved) {
  struct Case {
    std::vector<MappingRecord> records;
    ItrDrop reason;
  };
  const Case cases[] = {
      {{}, ItrDrop::reply_other_eid},
      {{mapping("2001:db8:e1e::/64", a1)}, ItrDrop::reply_other_eid},
      {{mapping("2001:db8:e1d::2/128", a1)}, ItrDrop::reply_other_eid},
      {{mapping("10.0.0.0/8", a1)}, ItrDrop::reply_other_eid},
      {{mapping("2000::/15", a1)}, ItrDrop::prefix_too_short},
      {{mapping("::/0", a1)}, ItrDrop::prefix_too_short},
  };
  send("2001:db8:e1d::1");
  for (const Case& each : cases) {
    const std::uint64_t before = drops.of(each.reason);
    answer(each.records);
    EXPECT_EQ(drops.of(each.reason), before + 1) << name_of(each.reason);
    EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::1/128 pending");
    run(seconds{8});  // the question goes on
  }
  MapReply reply;
  reply.nonce = last_request().nonce;
  reply.records = {mapping("2001:db8:e1d::/64", a1)};
  reply.is_probe = true;
  resolution.on_map_reply(now, reply, actions);
  EXPECT_EQ(drops.of(ItrDrop::reply_is_probe), 1u);
  reply.is_probe = false;
  reply.has_security_data = true;
  resolution.on_map_reply(now, reply, actions);
  EXPECT_EQ(drops.of(ItrDrop::reply_security_data), 1u);
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::1/128 pending");
  answer({mapping("2001::/16", a1)});
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001::/16 active 2001:db8:a1::1") << "just long enough";
}

TEST_F(ResolutionTest, RlocsThatAreNotBelieved) {
  rules.eid_blocks = {parse_ip_prefix("2001:db8:e1d::/48").value(), parse_ip_prefix("10.8.0.0/16").value()};
  rules.is_public = true;
  const std::pair<const char*, ItrDrop> cases[] = {
      {"::", ItrDrop::rloc_not_unicast},          {"::1", ItrDrop::rloc_not_unicast},
      {"fe80::1", ItrDrop::rloc_not_unicast},     {"ff02::1", ItrDrop::rloc_not_unicast},
      {"127.0.0.1", ItrDrop::rloc_not_unicast},   {"224.0.0.1", ItrDrop::rloc_not_unicast},
      {"169.254.0.1", ItrDrop::rloc_not_unicast}, {"192.0.2.10", ItrDrop::rloc_is_own},
      {"2001:db8:c1::1", ItrDrop::rloc_is_own},   {"2001:db8:e1d:9::1", ItrDrop::rloc_is_eid},
      {"fd00::1", ItrDrop::rloc_private},         {"10.8.0.1", ItrDrop::rloc_private},
  };
  for (const auto& [address, reason] : cases) {
    const std::uint64_t before = drops.of(reason);
    send("2001:db8:e1d::1");
    answer({mapping("2001:db8:e1d::1/128", {rloc(address), a1[0]})});
    EXPECT_EQ(drops.of(reason), before + 1) << address;
    EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::1/128 active 2001:db8:a1::1") << address;
    cache.erase(*cache.find(eid_prefix("2001:db8:e1d::1/128")));
    run(seconds{2});
  }
  rules.is_public = false;
  send("2001:db8:e1d::1");
  answer({mapping("2001:db8:e1d::1/128", {rloc("fd00::1"), rloc("10.8.0.1"), rloc("10.9.0.1")})});
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::1/128 active fd00::1 10.9.0.1");
}

TEST_F(ResolutionTest, NothingLeftOfAMappingIsNoWordAboutNativePackets) {
  send("2001:db8:e1d::1");
  MappingRecord record = mapping("2001:db8:e1d::1/128", {rloc("ff02::1")});
  record.action = Action::natively_forward;
  answer({record});
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::1/128 negative");
  EXPECT_EQ(cache.match(eid("2001:db8:e1d::1"))->action, Action::no_action);
}

TEST_F(ResolutionTest, MoreSpecificsOfTheAnswerComeWithIt) {
  send("10.1.5.5");
  answer({mapping("10.1.0.0/16", a1, 30), mapping("10.1.1.0/24", a2, 10), mapping("10.1.2.0/24", a2, 20),
          mapping("10.2.0.0/16", a2)});
  EXPECT_EQ(entry("10.1.5.5"), "10.1.0.0/16 active 2001:db8:a1::1");
  EXPECT_EQ(entry("10.1.1.5"), "10.1.1.0/24 active 2001:db8:a2::1");
  EXPECT_EQ(entry("10.1.2.5"), "10.1.2.0/24 active 2001:db8:a2::1");
  EXPECT_EQ(entry("10.2.0.1"), "none") << "nobody asked";
  EXPECT_EQ(drops.of(ItrDrop::reply_other_eid), 1u);
  EXPECT_EQ(cache.match(eid("10.1.5.5"))->expiry, now + minutes{10});
}

TEST_F(ResolutionTest, LongestRecordThatCoversTheQuestionIsTheAnswer) {
  send("10.1.5.5");
  answer({mapping("10.0.0.0/8", a1), mapping("10.1.0.0/16", a2)});
  EXPECT_EQ(entry("10.1.5.5"), "10.1.0.0/16 active 2001:db8:a2::1");
  EXPECT_EQ(entry("10.2.0.1"), "none") << "broader than the answer";
}

TEST_F(ResolutionTest, UsedEntryIsRefreshedAndGoesOnMeanwhile) {
  know("2001:db8:e1d::/64", a1, 10);
  run(minutes{8});
  send("2001:db8:e1d::1");
  EXPECT_TRUE(actions.requests.empty());
  run(minutes{1});
  ASSERT_EQ(actions.requests.size(), 1u);
  EXPECT_EQ(last_request().source, std::nullopt) << "AFI 0";
  EXPECT_EQ(last_request().records[0].eid, eid_prefix("2001:db8:e1d::/64"));
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::/64 stale 2001:db8:a1::1");
  answer({mapping("2001:db8:e1d::/64", a2, 10)});
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::/64 active 2001:db8:a2::1");
  EXPECT_EQ(cache.match(eid("2001:db8:e1d::1"))->expiry, now + minutes{10});
}

TEST_F(ResolutionTest, RefreshInVainKeepsTheRlocsUntilTheTtl) {
  know("2001:db8:e1d::/64", a1, 20);
  run(minutes{17});
  send("2001:db8:e1d::1");
  run(minutes{3} - seconds{1});
  send("2001:db8:e1d::1");
  EXPECT_EQ(actions.requests.size(), 10u);
  EXPECT_EQ(entry("2001:db8:e1d::1"), "2001:db8:e1d::/64 stale 2001:db8:a1::1");
  run(seconds{1});
  EXPECT_EQ(entry("2001:db8:e1d::1"), "none");
}

TEST_F(ResolutionTest, RefreshAnsweredByALargerPrefix) {
  know("2001:db8:e1d::7/128", a1);
  resolution.ask_again(now, *cache.match(eid("2001:db8:e1d::7")), actions);
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 stale 2001:db8:a1::1");
  answer({mapping("2001:db8:e1d::/64", a2)});
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::/64 active 2001:db8:a2::1");
}

TEST_F(ResolutionTest, RefreshAnsweredByAMoreSpecific) {
  know("2001:db8:e1d::/64", a1);
  resolution.ask_again(now, *cache.match(eid("2001:db8:e1d::7")), actions);
  answer({mapping("2001:db8:e1d::7/128", a2)});
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 active 2001:db8:a2::1");
  EXPECT_EQ(entry("2001:db8:e1d::8"), "2001:db8:e1d::/64 active 2001:db8:a1::1") << "never shrunk";
}

TEST_F(ResolutionTest, BroaderAnswerLeavesOtherMoreSpecificsAlone) {
  know("2001:db8:e1d::7/128", a1);
  send("2001:db8:e1d::8");
  answer({mapping("2001:db8:e1d::/64", a2)});
  EXPECT_EQ(entry("2001:db8:e1d::7"), "2001:db8:e1d::7/128 active 2001:db8:a1::1");
  EXPECT_EQ(entry("2001:db8:e1d::8"), "2001:db8:e1d::/64 active 2001:db8:a2::1");
}

TEST_F(ResolutionTest, PacketsOfAnEidWithAQuestionOfItsOwnWaitForItsAnswer) {
  send("2001:db8:e1d::7", 7);
  const std::uint64_t seven = last_request().nonce;
  send("2001:db8:e1d::8", 8);
  answer({mapping("2001:db8:e1d::/64", a2)});
  EXPECT_EQ(released(), "8 ");
  answer(seven, {mapping("2001:db8:e1d::7/128", a1)});
  EXPECT_EQ(released(), "8 7 ");
}

TEST_F(ResolutionTest, SourceMayAskForFiftyNewEidsASecond) {
  const auto scan = [this](const char* source, std::uint32_t first) {
    for (std::uint32_t i = 0; i < 60; ++i)
      resolution.on_miss(now, eid(source), {0, IpAddress::v4(first + i)}, nullptr, actions);
  };
  scan("10.0.0.1", 0x0b00'0000);
  EXPECT_EQ(resolution.questions(), 50u);
  EXPECT_EQ(drops.of(ItrDrop::source_limit), 10u);
  scan("10.0.0.2", 0x0c00'0000);
  EXPECT_EQ(resolution.questions(), 100u) << "another source has its own";
  now += seconds{1};
  scan("10.0.0.1", 0x0d00'0000);
  EXPECT_EQ(resolution.questions(), 150u);
}

TEST_F(ResolutionTest, ScanByManyIsBounded) {
  for (std::uint32_t i = 0; i < 100'000; ++i)
    resolution.on_miss(now, Eid{0, IpAddress::v4(0x0a00'0000 + i)}, {0, IpAddress::v4(0x0b00'0000 + i)}, nullptr,
                       actions);
  EXPECT_EQ(resolution.questions(), 2048u);
  EXPECT_EQ(cache.size(), 2048u);
  EXPECT_LE(actions.requests.size(), 50u);
  EXPECT_GT(drops.of(ItrDrop::too_many_requests), 0u);
}

TEST_F(ResolutionTest, AnswersOfOpenLisp) {
  tuning.swaps_drop_and_ask = true;
  Resolution other{tuning, random, underlay, rules, cache, receiver, drops};
  ResolutionActions to_other;
  const std::pair<Action, Action> cases[] = {{Action::drop, Action::send_map_request},
                                             {Action::send_map_request, Action::drop},
                                             {Action::natively_forward, Action::natively_forward}};
  std::uint32_t i = 0;
  for (const auto& [said, meant] : cases) {
    const Eid target{0, IpAddress::v4(0x0b00'0000 + i++)};
    other.on_miss(now, eid("10.0.0.1"), target, nullptr, to_other);
    MapReply reply;
    reply.nonce = to_other.requests.back().message.nonce;
    reply.records = {negative("11.0.0.0/16", said)};
    reply.records[0].eid = EidPrefix::host(target);
    other.on_map_reply(now, reply, to_other);
    EXPECT_EQ(cache.match(target)->action, meant);
  }
}

}  // namespace
}  // namespace ilnp::lisp
