// SPDX-License-Identifier: Apache-2.0
// What a router can be made to do by messages that nobody authenticates: no more octets out than a few times those that
// came in, nothing to addresses that are no routers', and no table that fills faster than we answer.
#include "core/lisp/encapsulated_control.h"
#include "core/lisp/reply_limit.h"
#include "tests/unit/lisp/xtr_attacker.h"

namespace ilnp::lisp {
namespace {

using State = EidPresence::State;

class XtrLimitsTest : public XtrAttacker {
 protected:
  static IpAddress victim(std::uint64_t n) { return IpAddress{Address{{0x2001'0db8'ffff'0000}, {n}}}; }
  static EidPrefix node(std::uint64_t n) { return {0, IpPrefix::host(Address{{0x2001'0db8'0e1d'0000}, {n}})}; }
  static MapRequest question(const EidPrefix& about, const IpAddress& reply_to) {
    MapRequest request;
    request.nonce = 7;
    request.itr_rlocs = {reply_to};
    request.records = {{about}};
    return request;
  }
  void ask(const MapRequest& request, const char* whom) {
    world.inject(request.itr_rlocs.front(), ip(whom), encode_map_request(request));
  }
  /// Through the mapping system.
  void resolve(const MapRequest& request, const char* resolver = server_address) {
    const ByteVector message = encode_map_request(request);
    world.inject(request.itr_rlocs.front(), ip(resolver),
                 encode_encapsulated_control(
                     {request.itr_rlocs.front(), request.records[0].eid.prefix.address, control_port, message}));
  }
  static std::vector<RlocRecord> many(std::size_t count) {
    std::vector<RlocRecord> rlocs;
    for (std::uint64_t n = 1; n <= count; ++n) rlocs.push_back({.address = victim(n)});
    return rlocs;
  }
  std::size_t octets_of(const char* from, int type) {
    std::size_t sum = 0;
    for (const auto& sent : world.sent(from, type)) sum += sent.datagram.message.size();
    return sum;
  }
};

// Request of 52 octets; a reply has 12, its record 28, each locator 24.
TEST_F(XtrLimitsTest, AnswersAreTenTimesTheQuestionAtMost) {
  build(false);
  const MapRequest direct = question(eid_prefix("2001:db8:c1e::1/128"), victim(1));
  const std::size_t asked = encode_map_request(direct).size();
  ASSERT_EQ(asked, 52u);
  for (const std::size_t count : {20u, 21u}) {
    XtrSettings c = world["c"].xtr->settings();
    c.rlocs = many(count);
    world.add("c", std::move(c));
    world.run(seconds{1});
    world.log.clear();
    ask(direct, client_address);
    MapRequest probe = direct;
    probe.is_probe = true;
    ask(probe, client_address);
    world.run(milliseconds{10});
    EXPECT_EQ(world.sent("c", 2).size(), count == 20 ? 2u : 0u) << count;
    for (const auto& sent : world.sent("c", 2)) EXPECT_LE(sent.datagram.message.size(), most_answer_octets(asked));
  }
  EXPECT_EQ(dropped(XtrDrop::answer_too_large, "c"), 2u);
}

TEST_F(XtrLimitsTest, OneQuestionIsForwardedTenTimesAtMost) {
  build(false);
  MapRequest all = question(node(1), ip(client_address));
  all.records.clear();
  for (std::uint64_t n = 1; n <= 32; ++n) {
    MapRegister message = registration("2001:db8:e1d::1/128", g1_address, n);
    message.wants_proxy_reply = false;
    message.records[0].eid = node(n);
    message.records[0].rlocs[0].address = victim(n);
    to_server(sealed(message, secret("registration")));
    all.records.push_back({node(n)});
  }
  ASSERT_EQ(world["server"].xtr->server()->registrations(), 33u);
  world.log.clear();
  resolve(all);
  world.run(milliseconds{10});
  EXPECT_EQ(world.sent("server", 8).size(), 10u);
  EXPECT_EQ(dropped(XtrDrop::answer_too_large, "server"), 22u);
}

TEST_F(XtrLimitsTest, MapServerAnswersTenTimesTheQuestionAtMost) {
  build(false);
  MapRequest all = question(node(1), ip(client_address));
  all.records.clear();
  for (std::uint64_t n = 1; n <= 32; ++n) {
    MapRegister message = registration("2001:db8:e1d::1/128", g1_address, n);
    message.records[0].eid = node(n);
    message.records[0].rlocs = many(40);
    to_server(sealed(message, secret("registration")));
    all.records.push_back({node(n)});
  }
  world.log.clear();
  resolve(all);
  world.run(milliseconds{10});
  EXPECT_GT(world.sent("server", 2).size(), 1u);
  EXPECT_LE(octets_of("server", 2), most_answer_octets(encode_map_request(all).size()));
  EXPECT_GT(dropped(XtrDrop::answer_too_large, "server"), 10u);
}

TEST_F(XtrLimitsTest, NoAnswersToAddressesThatAreNoRouters) {
  build(false);
  settle();
  for (const char* odd : {"ff02::1", "::1", "fe80::1", "2001:db8:c1::1"}) {
    world.log.clear();
    const MapRequest request = question(vm, ip(odd));
    resolve(request);
    ask(request, g1_address);
    world.run(milliseconds{10});
    const std::size_t expected = ip(odd) == ip(client_address) ? 1 : 0;
    EXPECT_EQ(world.sent("server", 2).size(), expected) << odd;
    EXPECT_EQ(world.sent("g1", 2).size(), expected) << odd;
  }
}

TEST_F(XtrLimitsTest, NothingIsForwardedToAddressesThatAreNoRouters) {
  build(false);
  MapRegister message = registration("2001:db8:e1d::9/128", "ff02::1", 1);
  message.wants_proxy_reply = false;
  to_server(sealed(message, secret("registration")));
  world.log.clear();
  resolve(question(eid_prefix("2001:db8:e1d::9/128"), ip(client_address)));
  world.run(milliseconds{10});
  EXPECT_TRUE(world.sent("server", 8).empty());
  EXPECT_EQ(world.sent("server", 2).size(), 1u) << "who asks decides for himself";
}

// A client log that forged questions can fill would forget the clients that there are.
TEST_F(XtrLimitsTest, ClientLogFillsNoFasterThanQuestionsAreAnswered) {
  build(false);
  settle();
  for (std::uint64_t n = 1; n <= 20'000; ++n) ask(question(vm, victim(n)), g1_address);
  world.run(milliseconds{1});
  EXPECT_LE(world.sent("g1", 2).size(), 200u);
  EXPECT_LE(world["g1"].xtr->clients().size(), 200u);
  EXPECT_NE(world["g1"].xtr->clients().find(vm, ip(client_address)), nullptr);
}

TEST_F(XtrLimitsTest, SoIsThatOfAGatewayWithAMapServer) {
  XtrSettings all = gateway(1, g1_address);
  all.server = server().server;
  all.map_resolvers = {ip(g1_address)};
  all.map_servers[0].address = ip(g1_address);
  world.add("g1", std::move(all));
  world.arrive("g1", vm);
  world.run(seconds{1});
  for (std::uint64_t n = 1; n <= 20'000; ++n) resolve(question(vm, victim(n)), g1_address);
  world.run(milliseconds{1});
  EXPECT_LE(world["g1"].xtr->clients().size(), 200u);
}

TEST_F(XtrLimitsTest, StrangersWhoSendToAFormerOwnerAreRemindedAtAPace) {
  build(false);
  settle();
  world.arrive("g2", vm);
  world.run(seconds{15});
  ASSERT_EQ(state("g1"), State::away);
  world.log.clear();
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) {
    for (std::uint64_t n = 1; n <= 20'000; ++n) xtr.on_data(at, vm_eid, victim(n), actions);
  });
  world.run(seconds{1});
  EXPECT_GE(world.sent("g1", 1).size(), 900u);
  EXPECT_LE(world.sent("g1", 1).size(), 2200u);
  EXPECT_GE(dropped(XtrDrop::reminder_limit), 17'000u);
}

// Whoever floods a gateway with SMRs about all of its nodes must not keep it from looking for former owners.
TEST_F(XtrLimitsTest, SolicitationsLeaveRoomForOtherQuestions) {
  build(false);
  for (std::uint64_t n = 100; n < 1100; ++n) world.arrive("g1", node(n));
  world.run(seconds{20});
  MapRequest smr = question(node(1), ip(client_address));
  smr.is_smr = smr.wants_no_reply = true;
  for (int second = 0; second <= 6; ++second) {
    for (std::uint64_t n = 100; n < 1100; ++n) {
      smr.source = Eid{0, node(n).prefix.address};
      world.inject(ip(client_address), ip(g1_address), encode_map_request(smr));
    }
    world.run(second < 6 ? seconds{1} : Duration{microseconds{1}});
  }
  EXPECT_GT(dropped(XtrDrop::too_many_asked), 0u);
  world.log.clear();
  for (std::uint64_t n = 1; n <= 20; ++n) world.arrive("g1", node(n));
  EXPECT_EQ(world.sent("g1", 8).size(), 20u) << "asks who had them";
}

}  // namespace
}  // namespace ilnp::lisp
