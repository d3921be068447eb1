// SPDX-License-Identifier: Apache-2.0
// Registration, resolution and answers of whole routers.
#include "core/lisp/xtr.h"

#include "tests/unit/lisp/xtr_world.h"

namespace ilnp::lisp {
namespace {

using Kind = XtrEvent::Kind;
using State = EidPresence::State;

class XtrTest : public XtrWorld {};

TEST_F(XtrTest, SiteIsRegisteredUntilItIsNotified) {
  build(false);
  world.run(milliseconds{10});
  EXPECT_EQ(world.events_of("c", Kind::registered), 1u);
  ASSERT_TRUE(world["server"].xtr->server()->mapping(clients).has_value());
  EXPECT_EQ(world["server"].xtr->server()->mapping(clients)->rlocs, std::vector{rloc(client_address)});
  EXPECT_EQ(world.sent("c", 3).size(), 1u);
}

TEST_F(XtrTest, RegistrationIsRepeatedWhenItIsLost) {
  build(false);
  int lost = 0;
  world.loses = [&](const test::LispWorld::Sent& sent) { return sent.datagram.message[0] >> 4 == 3 && lost++ < 3; };
  world.run(seconds{10});
  EXPECT_EQ(world.events_of("c", Kind::registered), 1u);
  EXPECT_EQ(world.sent("c", 3).size(), 4u);
}

TEST_F(XtrTest, ClientResolvesAndItsFirstPacketArrives) {
  build(false);
  world.arrive("g1", vm);
  EXPECT_EQ(state("g1"), State::moving_in);
  world.run(milliseconds{10});
  EXPECT_EQ(state("g1"), State::here);
  EXPECT_TRUE(world["g1"].delivers[vm_eid]);
  world.send("c", client, vm_eid);
  world.run(milliseconds{10});
  ASSERT_EQ(world.delivered.size(), 1u);
  EXPECT_EQ(world.delivered[0].node, "g1");
  EXPECT_EQ(way(), g1_address);
  EXPECT_NE(world["g1"].xtr->clients().find(vm, ip(client_address)), nullptr);
}

// The answers to all that was held for it while it moved.
TEST_F(XtrTest, BurstOfANodeThatHasJustComeWaitsForTheMapping) {
  build(false);
  world.run(seconds{1});
  world.arrive("g1", vm);
  for (int i = 0; i < 65; ++i) world.send("g1", vm_eid, client);
  world.run(seconds{1});
  EXPECT_EQ(world.delivered.size(), 64u);
  EXPECT_EQ(world["g1"].xtr->drops(ItrDrop::queue_full), 1u);
}

TEST_F(XtrTest, AnswersBackTheOtherWay) {
  build(false);
  settle();
  world.send("g1", vm_eid, client);
  world.run(milliseconds{10});
  ASSERT_EQ(world.delivered.size(), 1u);
  EXPECT_EQ(world.delivered[0].node, "c");
}

// RFC 9301 section 8.2: without proxy-reply the ETR answers, and hears who asks.
TEST_F(XtrTest, MapServerForwardsToAnEtrThatAnswersItself) {
  XtrSettings g1 = gateway(1, g1_address), c = router(3, client_address);
  g1.map_servers[0].proxy_reply = false;
  c.site = {clients};
  world.add("server", server());
  world.add("g1", std::move(g1));
  world.add("c", std::move(c));
  settle();
  EXPECT_EQ(way(), g1_address);
  const Client* asked = world["g1"].xtr->clients().find(vm, ip(client_address));
  ASSERT_NE(asked, nullptr);
  EXPECT_EQ(asked->prefix, EidPrefix::host(client));
  EXPECT_EQ(world["server"].xtr->server()->counter(MapServerReason::forwarded), 1u);
}

TEST_F(XtrTest, MapServerOfTheSameRouterIsAskedWithoutTheNetwork) {
  XtrSettings all = gateway(1, g1_address);
  all.server = server().server;
  all.map_resolvers = {ip(g1_address)};
  all.map_servers[0].address = ip(g1_address);
  XtrSettings c = router(3, client_address);
  c.site = {clients};
  c.map_resolvers = {ip(g1_address)};
  c.map_servers[0].address = ip(g1_address);
  world.add("g1", std::move(all));
  world.add("c", std::move(c));
  world.arrive("g1", vm);
  world.run(milliseconds{1});
  EXPECT_EQ(state("g1"), State::here);
  EXPECT_TRUE(world.sent("g1", 3).empty());
  world.run(milliseconds{10});
  world.send("g1", vm_eid, client);  // asks itself
  world.send("c", client, vm_eid);
  world.run(milliseconds{10});
  EXPECT_EQ(world.delivered.size(), 2u);
  EXPECT_TRUE(world.sent("g1", 8).empty());
  EXPECT_NE(world["g1"].xtr->clients().find(vm, ip(client_address)), nullptr);  // answered by the Map-Server
}

TEST_F(XtrTest, SecondResolverIsAskedWhenTheFirstIsSilent) {
  build(false);
  XtrSettings other = router(4, "2001:db8:c4::1");
  other.map_resolvers = {ip("2001:db8:dead::1"), ip(server_address)};
  world.add("other", std::move(other));
  world.arrive("g1", vm);
  world.run(seconds{1});
  world.send("other", client, vm_eid);
  world.run(milliseconds{500});
  EXPECT_EQ(way("other"), "nowhere");
  world.run(seconds{1});
  EXPECT_EQ(way("other"), g1_address);
}

TEST_F(XtrTest, Ipv4EidOverIpv6Rlocs) {
  XtrSettings c = router(3, client_address);
  c.site = {eid_prefix("10.9.0.0/24")};
  world.add("server", server());
  world.add("g1", gateway(1, g1_address));
  world.add("c", std::move(c));
  world.run(milliseconds{10});
  world.send("g1", eid("10.8.0.7"), eid("10.9.0.1"));
  world.run(milliseconds{10});
  ASSERT_EQ(world.delivered.size(), 1u);
  EXPECT_EQ(world.delivered[0].node, "c");
}

TEST_F(XtrTest, UnregisteredEidIsANegativeEntry) {
  build(false);
  world.send("c", client, eid("2001:db8:e1d::8"));
  world.run(milliseconds{10});
  EXPECT_EQ(world["c"].xtr->drops(ItrDrop::negative_no_action), 0u);
  bool negative = false;
  world["c"].xtr->cache().for_each([&](const Mapping& mapping) { negative |= mapping.is_negative; });
  EXPECT_TRUE(negative);
}

TEST_F(XtrTest, ProbesAreAnsweredFromTheAddressThatWasProbed) {
  build(false);
  settle();
  world.run(seconds{6});
  world.send("c", client, vm_eid);
  world.run(seconds{30});
  const auto statistics = world["c"].xtr->probing().statistics(ip(g1_address));
  ASSERT_TRUE(statistics.has_value());
  EXPECT_GT(statistics->answered, 0);
  EXPECT_EQ(statistics->min, milliseconds{2});
  const auto replies = world.sent("g1", 2);
  ASSERT_FALSE(replies.empty());
  EXPECT_EQ(replies[0].datagram.from, ip(g1_address));
}

TEST_F(XtrTest, WhoCannotBeHereIsRefused) {
  build(false);
  world.arrive("g1", eid_prefix("2001:db8:bad::7/128"));
  EXPECT_EQ(world["g1"].xtr->dropped(XtrDrop::not_mobile), 1u);
  EXPECT_EQ(world["g1"].xtr->place_of(world.now, eid("2001:db8:bad::7")).kind, EidPlace::Kind::remote);
}

}  // namespace
}  // namespace ilnp::lisp
