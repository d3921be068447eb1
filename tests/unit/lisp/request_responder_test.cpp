// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/request_responder.h"

#include <gtest/gtest.h>

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

using Reason = RequestReason;

IpAddress address(const char* text) { return parse_ip_address(text).value(); }
EidPrefix eid(const char* text) { return {0, parse_ip_prefix(text).value()}; }
const IpAddress client6 = address("2001:db8:c1::1"), client4 = address("192.0.2.10"),
                gateway = address("2001:db8:a1::1");

MappingRecord record_of(const char* prefix, const IpAddress& rloc) {
  MappingRecord record;
  record.ttl = 5;
  record.eid = eid(prefix);
  record.rlocs.push_back({.address = rloc, .is_local = true});
  return record;
}

MapRequest question(const char* prefix) {
  MapRequest request;
  request.nonce = 42;
  request.source = Eid{0, address("2001:db8:c1e::99")};
  request.itr_rlocs = {client6, client4};
  request.records = {{eid(prefix)}};
  return request;
}

class RequestResponderTest : public ::testing::Test {
 protected:
  RequestResponderTest() { responder.set(record_of("2001:db8:e1d::7/128", gateway)); }
  ResponderActions ask(const MapRequest& request, const IpAddress& from = client6) {
    ResponderActions actions;
    responder.on_request(now, from, 5000, request, actions);
    return actions;
  }
  RequestResponder responder{1};
  TimePoint now{seconds{100}};
};

TEST_F(RequestResponderTest, AnswersWithAuthorityForWhatIsRegistered) {
  const ResponderActions actions = ask(question("2001:db8:e1d::7/128"));
  ASSERT_EQ(actions.replies.size(), 1u);
  const auto& reply = actions.replies[0];
  EXPECT_EQ(reply.to, client6);
  EXPECT_EQ(reply.port, 5000);
  EXPECT_EQ(reply.message.nonce, 42u);
  EXPECT_FALSE(reply.message.is_probe);
  ASSERT_EQ(reply.message.records.size(), 1u);
  EXPECT_TRUE(reply.message.records[0].is_authoritative);
  EXPECT_EQ(reply.message.records[0].ttl, 5u);
  EXPECT_EQ(reply.message.records[0].rlocs.at(0).address, gateway);
  ASSERT_EQ(actions.asked.size(), 1u);
  EXPECT_EQ(actions.asked[0].owned, eid("2001:db8:e1d::7/128"));
  EXPECT_EQ(actions.asked[0].rloc, client6);
  EXPECT_EQ(actions.asked[0].clients_own, eid("2001:db8:c1e::99/128"));
}

TEST_F(RequestResponderTest, QuestionIsAboutWhatContainsIt) {
  responder.set(record_of("2001:db8:f::/48", gateway));
  EXPECT_EQ(ask(question("2001:db8:f:1::/64")).replies.at(0).message.records.at(0).eid, eid("2001:db8:f::/48"));
  EXPECT_TRUE(ask(question("2001:db8::/32")).replies.empty());
  EXPECT_TRUE(ask(question("2001:db8:e1d::8/128")).replies.empty());
  EXPECT_EQ(responder.counter(Reason::not_ours), 2u);
}

TEST_F(RequestResponderTest, WayBackIsTheOneItCameFromThenItsFamilyThenAny) {
  MapRequest request = question("2001:db8:e1d::7/128");
  const auto to = [&](const IpAddress& from) {
    now += seconds{30};
    const auto actions = ask(request, from);
    return actions.replies.empty() ? IpAddress{} : actions.replies[0].to;
  };
  const IpAddress other4 = address("198.51.100.1"), other6 = address("2001:db8:c9::1");
  EXPECT_EQ(to(client4), client4);
  EXPECT_EQ(to(client6), client6);
  EXPECT_EQ(to(other4), client4);
  EXPECT_EQ(to(other6), client6);
  request.itr_rlocs = {client4};
  EXPECT_EQ(to(other6), client4);
  responder.set_families(false, true);
  EXPECT_EQ(to(client4), IpAddress{}) << "we have no IPv4";
  request.itr_rlocs = {address("ff02::1"), address("::1"), address("fe80::1")};
  EXPECT_EQ(to(client6), IpAddress{});
  request.itr_rlocs = {};
  EXPECT_EQ(to(client6), IpAddress{});
  request.itr_rlocs = {client6};
  request.wants_no_reply = true;
  EXPECT_EQ(to(client6), IpAddress{});
  EXPECT_EQ(responder.counter(Reason::no_way_back), 4u);
}

TEST_F(RequestResponderTest, WhatWasLostIsAnsweredForAWhileWithoutAuthority) {
  responder.set_away(record_of("2001:db8:e1d::7/128", address("2001:db8:a2::1")), now + seconds{60});
  EXPECT_EQ(responder.find(eid("2001:db8:e1d::7/128")), nullptr);
  now += seconds{59};
  auto actions = ask(question("2001:db8:e1d::7/128"));
  ASSERT_EQ(actions.replies.size(), 1u);
  const MappingRecord& record = actions.replies[0].message.records.at(0);
  EXPECT_EQ(record.rlocs.at(0).address, address("2001:db8:a2::1"));
  EXPECT_FALSE(record.rlocs.at(0).is_local);
  EXPECT_FALSE(record.is_authoritative);
  EXPECT_EQ(record.ttl, 1u);
  now += seconds{1};
  EXPECT_TRUE(ask(question("2001:db8:e1d::7/128")).replies.empty());
}

TEST_F(RequestResponderTest, WhatCameBackIsOursAgain) {
  responder.set_away(record_of("2001:db8:e1d::7/128", address("2001:db8:a2::1")), now + seconds{60});
  responder.set(record_of("2001:db8:e1d::7/128", gateway));
  EXPECT_EQ(ask(question("2001:db8:e1d::7/128")).replies.at(0).message.records.at(0).rlocs.at(0).address, gateway);
  responder.erase(eid("2001:db8:e1d::7/128"));
  EXPECT_TRUE(ask(question("2001:db8:e1d::7/128")).replies.empty()) << "and the old answer is forgotten";
}

TEST_F(RequestResponderTest, SeveralQuestionsHaveOneAnswer) {
  responder.set(record_of("10.8.0.7/32", gateway));
  MapRequest request = question("2001:db8:e1d::7/128");
  request.records.push_back({eid("2001:db8:bad::/48")});
  request.records.push_back({eid("10.8.0.7/32")});
  const auto actions = ask(request);
  ASSERT_EQ(actions.replies.size(), 1u);
  ASSERT_EQ(actions.replies[0].message.records.size(), 2u);
  EXPECT_EQ(actions.replies[0].message.records[1].eid, eid("10.8.0.7/32"));
}

TEST_F(RequestResponderTest, ReflectionIsLimited) {
  std::size_t replies = 0;
  for (int i = 0; i < 100; ++i) replies += ask(question("2001:db8:e1d::7/128")).replies.size();
  EXPECT_EQ(replies, 3u);
  EXPECT_EQ(responder.counter(Reason::too_many), 97u);
}

TEST_F(RequestResponderTest, QuestionsAboutOnePrefixAreOneQuestion) {
  responder.set(record_of("2001:db8:f::/48", gateway));
  MapRequest twice = question("2001:db8:f::1/128");
  twice.records.push_back({eid("2001:db8:f::2/128")});
  EXPECT_EQ(ask(twice).replies.at(0).message.records.size(), 1u);
  std::size_t replies = 0, asked = 0;
  for (std::uint16_t i = 0; i < 100; ++i) {
    MapRequest other = twice;
    for (auto& record : other.records) record.eid.prefix = IpPrefix::host(Address{{0x2001'0db8'000f'0000u + i}, {i}});
    const auto actions = ask(other);
    replies += actions.replies.size();
    asked += actions.asked.size();
  }
  EXPECT_EQ(replies, 2u);
  EXPECT_EQ(asked, 2u) << "nobody is known by what was not answered";
}

TEST_F(RequestResponderTest, ProbesAndSolicitationsAreForOthers) {
  MapRequest request = question("2001:db8:e1d::7/128");
  request.is_probe = true;
  EXPECT_TRUE(ask(request).replies.empty());
  request.is_probe = false;
  request.is_smr = true;
  EXPECT_TRUE(ask(request).replies.empty());
  EXPECT_EQ(responder.counter(Reason::not_for_us), 2u);
}

}  // namespace
