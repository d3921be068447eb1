// SPDX-License-Identifier: Apache-2.0
// A node moves between gateways, and a client's router hears of it in each of the three ways.
#include <algorithm>

#include "core/lisp/map_reply.h"
#include "core/lisp/map_request.h"
#include "tests/unit/lisp/xtr_world.h"

namespace ilnp::lisp {
namespace {

using Kind = XtrEvent::Kind;
using State = EidPresence::State;

class XtrMoveTest : public XtrWorld {
 protected:
  XtrMoveTest() {
    world.set_delay("g1", "g2", milliseconds{20});
    world.set_delay("g1", "c", milliseconds{60});
    world.set_delay("g2", "c", milliseconds{50});
    world.set_delay("server", "c", milliseconds{30});
    world.set_delay("server", "g1", milliseconds{10});
    world.set_delay("server", "g2", milliseconds{10});
  }
};

// From the new gateway to the old one, from there to the client.
TEST_F(XtrMoveTest, ChangePriorityTakesTwoOneWayDelays) {
  build(true);
  settle();
  world.arrive("g2", vm);
  EXPECT_EQ(milliseconds_until(g2_address), 20 + 60);
  EXPECT_TRUE(world.sent("g1", 1).empty()) << "no Solicit-Map-Request";
  EXPECT_EQ(state("g1"), State::moving_out);
  world.run(milliseconds{60});
  EXPECT_EQ(state("g1"), State::away) << "acknowledged by all";
  EXPECT_EQ(state("g2"), State::here);
  EXPECT_FALSE(world["g1"].delivers[vm_eid]);
  EXPECT_TRUE(world["g2"].delivers[vm_eid]);
  world.run(seconds{20});
  EXPECT_EQ(way(), g2_address) << "and the mapping system confirmed it";
  EXPECT_EQ(world.events_of("c", Kind::mapping_disagrees), 0u);
  EXPECT_EQ(world.events_of("g1", Kind::dual_claim) + world.events_of("g2", Kind::dual_claim), 0u);
}

// The old gateway waits for the Map-Server's word before it asks the client to ask again.
TEST_F(XtrMoveTest, SolicitationTakesAQuestionMore) {
  build(true, false);
  settle();
  world.arrive("g2", vm);
  EXPECT_EQ(milliseconds_until(g2_address), 20 + 60 + 2 * 30);
  EXPECT_EQ(world.sent("g1", 1).size(), 1u);
  for (const auto& sent : world.sent("g1", 15)) EXPECT_NE(sent.datagram.to, ip(client_address));
}

TEST_F(XtrMoveTest, NoticeThatIsFasterThanTheTransfer) {
  build(true, false);
  world.set_delay("server", "g1", milliseconds{1});
  world.set_delay("server", "g2", milliseconds{1});
  settle();
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions&) { xtr.heard(at.now, vm); });
  world.arrive("g2", vm);
  EXPECT_EQ(milliseconds_until(g2_address), 20 + 60 + 2 * 30);
}

TEST_F(XtrMoveTest, NoSolicitationBeforeTheMapServerKnows) {
  build(true, false);
  settle();
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) { xtr.will_move(at, vm, actions); });
  world.run(seconds{1});
  ASSERT_NE(world["g2"].xtr->clients().find(vm, ip(client_address)), nullptr) << "the client log came before";
  world.log.clear();
  const TimePoint began = world.now;
  world.arrive("g2", vm);
  world.run(milliseconds{19});
  EXPECT_TRUE(world.sent("g2", 1).empty());
  world.run(milliseconds{2});
  ASSERT_EQ(world.sent("g2", 1).size(), 1u) << "with the Map-Notify";
  EXPECT_EQ(world.sent("g2", 1)[0].at - began, milliseconds{20});
}

TEST_F(XtrMoveTest, SolicitationDoesNotWaitForADeadMapServer) {
  build(true, false);
  settle();
  world.loses = [](const auto& sent) { return sent.from == "server"; };
  world.arrive("g2", vm);
  world.run(milliseconds{319});
  EXPECT_TRUE(world.sent("g1", 1).empty());
  world.run(milliseconds{1});
  EXPECT_EQ(world.sent("g1", 1).size(), 1u);
}

// RFC 9437: the Map-Server tells.
TEST_F(XtrMoveTest, PublicationGoesThroughTheMapServer) {
  build(false, false, true);
  settle();
  EXPECT_EQ(world.events_of("c", Kind::subscribed), 1u);
  world.arrive("g2", vm);
  EXPECT_EQ(milliseconds_until(g2_address), 10 + 30);
}

// No Change-Priority at all: the Map-Server's notice is all that the old gateway hears.
TEST_F(XtrMoveTest, StandardRoutersConvergeThroughTheNotice) {
  build(false);
  settle();
  world.arrive("g2", vm);
  // Notice, question whether it is true, its answer, Solicit-Map-Request, Map-Request, Map-Reply.
  EXPECT_EQ(milliseconds_until(g2_address), 20 + 20 + 60 + 60);
  EXPECT_EQ(state("g2"), State::here);
}

TEST_F(XtrMoveTest, NewGatewayIsNotBelievedByEverybody) {
  build(true);
  settle();
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) { xtr.will_move(at, vm, actions); });
  world.run(seconds{1});
  world.arrive("g2", vm);
  EXPECT_EQ(milliseconds_until(g2_address), 20 + 60) << "by the old one: the new one is no RLOC of the mapping yet";
  EXPECT_GE(world["c"].xtr->drops(ItrDrop::update_sender), 1u);
}

TEST_F(XtrMoveTest, TrustedGatewayTellsDirectly) {
  build(true);
  XtrSettings c = world["c"].xtr->settings();
  c.peers[1].is_trusted = true;
  world.add("c", std::move(c));
  settle();
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) { xtr.will_move(at, vm, actions); });
  world.run(seconds{1});
  world.arrive("g2", vm);
  EXPECT_EQ(milliseconds_until(g2_address), 50);
}

TEST_F(XtrMoveTest, FormerOwnerRelaysForAMinute) {
  build(true);
  settle();
  world.arrive("g2", vm);
  world.run(milliseconds{30});
  world.send("c", client, vm_eid);  // does not know yet
  world.run(seconds{1});
  ASSERT_EQ(world.delivered.size(), 1u);
  EXPECT_EQ(world.delivered[0].node, "g2");
  EXPECT_TRUE(world.delivered[0].relayed);
  const EidPlace place = world["g1"].xtr->place_of(world.now, vm_eid);
  ASSERT_EQ(place.kind, EidPlace::Kind::away);
  EXPECT_FALSE(place.elsewhere->rlocs.empty());
  world.run(seconds{58});
  EXPECT_EQ(world["g1"].xtr->place_of(world.now, vm_eid).kind, EidPlace::Kind::away);
  world.run(seconds{2});
  EXPECT_EQ(world["g1"].xtr->place_of(world.now, vm_eid).kind, EidPlace::Kind::remote);
  EXPECT_EQ(state("g1"), State::lisp_remote);
}

// RFC 9301 section 5.5: a mapping system that has not heard yet may still send the question there.
TEST_F(XtrMoveTest, FormerOwnerAnswersWithTheNewPlaceForAMinute) {
  build(true);
  settle();
  world.arrive("g2", vm);
  world.run(seconds{1});
  MapRequest request;
  request.itr_rlocs = {ip(client_address)};
  request.records = {{vm}};
  const auto replies = [&] {
    world.log.clear();
    world.inject(ip(client_address), ip(g1_address), encode_map_request(request));
    world.run(milliseconds{10});
    return world.sent("g1", 2);
  };
  const auto answered = replies();
  ASSERT_EQ(answered.size(), 1u);
  const MapReply reply = parse_map_reply(answered[0].datagram.message).value();
  EXPECT_FALSE(reply.records.at(0).is_authoritative);
  EXPECT_EQ(reply.records.at(0).ttl, 1u);
  const auto& rlocs = reply.records.at(0).rlocs;
  EXPECT_TRUE(std::ranges::any_of(rlocs, [](const auto& one) { return one.address == ip(g2_address); }));
  world.run(seconds{60});
  EXPECT_TRUE(replies().empty());
}

TEST_F(XtrMoveTest, FormerOwnersSiteSendsToTheNewPlace) {
  build(true);
  settle();
  world.arrive("g2", vm);
  world.run(seconds{1});
  world.send("g1", eid("2001:db8:e1d::8"), vm_eid);
  world.run(seconds{1});
  ASSERT_EQ(world.delivered.size(), 1u);
  EXPECT_EQ(world.delivered[0].node, "g2");
}

TEST_F(XtrMoveTest, WhoGoesOnSendingToTheOldPlaceIsToldAgain) {
  build(true, false);
  settle();
  world.loses = [](const auto& sent) { return sent.from == "g1" && sent.datagram.message[0] >> 4 == 1; };
  world.arrive("g2", vm);
  world.run(seconds{10});
  EXPECT_EQ(world.sent("g1", 1).size(), 3u) << "three copies";
  for (int i = 0; i < 100; ++i) {
    world.send("c", client, vm_eid);
    world.run(milliseconds{100});
  }
  EXPECT_GE(world.sent("g1", 1).size(), 5u);
  EXPECT_LE(world.sent("g1", 1).size(), 7u) << "not more often than every three seconds";
  world.loses = [](const auto&) { return false; };
  world.send("c", client, vm_eid);
  world.run(seconds{5});
  EXPECT_EQ(way(), g2_address);
}

TEST_F(XtrMoveTest, ThereAndBack) {
  build(true);
  settle();
  for (int i = 0; i < 5; ++i) {
    world.arrive(i % 2 == 0 ? "g2" : "g1", vm);
    world.run(seconds{3});
    EXPECT_EQ(way(), i % 2 == 0 ? g2_address : g1_address) << i;
    EXPECT_EQ(state(i % 2 == 0 ? "g2" : "g1"), State::here) << i;
    world.send("c", client, vm_eid);
    world.run(seconds{1});
  }
  ASSERT_EQ(world.delivered.size(), 5u);
  EXPECT_EQ(world.delivered.back().node, "g2");
}

// Routers probe an RLOC for a while after the last mapping that had it; one that gave no answer then would be down when
// the node comes back.
TEST_F(XtrMoveTest, ProbesOfThePlaceThatItLeftAreAnswered) {
  build(true);
  settle();
  const auto talk = [&](int times) {
    for (int i = 0; i < times; ++i) {
      world.send("c", client, vm_eid);
      world.run(seconds{1});
    }
  };
  talk(4);
  world.arrive("g2", vm);
  talk(50);
  EXPECT_EQ(world.events_of("c", XtrEvent::Kind::rloc_down), 0u);
  world.arrive("g1", vm);
  world.delivered.clear();
  talk(3);
  EXPECT_EQ(world.events_of("c", XtrEvent::Kind::rloc_down), 0u);
  ASSERT_EQ(world.delivered.size(), 3u);
  EXPECT_EQ(world.delivered.back().node, "g1");
}

// It was at another gateway since, of which the first one has not heard.
TEST_F(XtrMoveTest, FormerOwnerIsTheOneThatTheMappingSystemNames) {
  build(true);
  XtrSettings g4 = gateway(4, "2001:db8:a4::1");
  g4.peers = {peer("g1", g1_address), peer("g2", g2_address)};
  XtrSettings g1 = world["g1"].xtr->settings();
  g1.peers.push_back(peer("g4", "2001:db8:a4::1"));
  world.add("g1", std::move(g1));
  world.add("g4", std::move(g4));
  settle();
  world.arrive("g2", vm);
  world.run(seconds{200});
  world.loses = [](const auto& sent) { return sent.from == "g4" && sent.datagram.message[0] >> 4 == 15; };
  world.arrive("g4", vm);
  world.run(seconds{10});
  world.loses = [](const auto&) { return false; };
  world.log.clear();
  world.arrive("g1", vm);
  world.run(seconds{1});
  std::size_t to_g4 = 0;
  for (const auto& sent : world.sent("g1", 15)) to_g4 += sent.datagram.to == ip("2001:db8:a4::1") ? 1 : 0;
  EXPECT_GE(to_g4, 1u);
  EXPECT_EQ(state("g4"), State::away);
  EXPECT_EQ(state("g1"), State::here);
}

TEST_F(XtrMoveTest, DidNotComeAfterAll) {
  build(true);
  settle();
  world.loses = [](const auto& sent) { return sent.from == "g2" && sent.datagram.message[0] >> 4 == 3; };
  world.arrive("g2", vm);
  world.run(seconds{1});
  EXPECT_EQ(state("g2"), State::moving_in);
  EXPECT_EQ(state("g1"), State::away);
  world.act("g2", [&](Xtr& xtr, Instant at, XtrActions& actions) { xtr.not_here(at, vm, actions); });
  world.run(seconds{2});
  EXPECT_EQ(state("g2"), State::lisp_remote);
  EXPECT_EQ(state("g1"), State::here);
  EXPECT_TRUE(world["g1"].delivers[vm_eid]);
  EXPECT_FALSE(world["g2"].delivers[vm_eid]);
  world.send("c", client, vm_eid);
  world.run(seconds{5});
  ASSERT_FALSE(world.delivered.empty());
  EXPECT_EQ(world.delivered.back().node, "g1");
}

TEST_F(XtrMoveTest, NodeWithoutLocatorsIsWithdrawnAfterTheHoldTime) {
  build(true);
  settle();
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions&) { xtr.locators_gone(at.now, vm); });
  world.run(seconds{9});
  EXPECT_EQ(state("g1"), State::here);
  world.run(seconds{2});
  EXPECT_EQ(state("g1"), State::unknown);
  EXPECT_FALSE(world["server"].xtr->server()->mapping(vm).has_value());
  EXPECT_FALSE(world["g1"].delivers[vm_eid]);
}

TEST_F(XtrMoveTest, ChangedLocatorsAreRegisteredAndAnnounced) {
  build(true);
  settle();
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) {
    MappingRecord record = xtr.own_record(vm);
    record.rlocs = {rloc(g1_address, 2), rloc(g2_address, 1)};
    xtr.arrived(at, record, actions);
  });
  world.run(milliseconds{60});
  EXPECT_EQ(mapping_at("c")->rlocs.size(), 2u);
  EXPECT_EQ(world["server"].xtr->server()->mapping(vm)->rlocs.size(), 2u);
}

TEST_F(XtrMoveTest, LostUpdateFallsBackToSolicitation) {
  build(true);
  settle();
  world.loses = [](const auto& sent) {
    return sent.datagram.to == ip(client_address) && sent.datagram.message[0] >> 4 == 15;
  };
  world.arrive("g2", vm);
  world.run(seconds{45});
  EXPECT_GE(world.sent("g1", 1).size(), 1u);
  EXPECT_EQ(way(), g2_address);
}

TEST_F(XtrMoveTest, FormerOwnerThatIsSilentIsReported) {
  build(true);
  settle();
  world.loses = [](const auto& sent) { return sent.datagram.to == ip(g1_address) && sent.from == "g2"; };
  world.arrive("g2", vm);
  world.run(seconds{60});
  EXPECT_EQ(world.events_of("g2", Kind::transfer_unanswered), 1u);
  EXPECT_EQ(state("g2"), State::here);
}

// 10.10 row 11: the node is at both, so it seems.
TEST_F(XtrMoveTest, WhoStillTalksHereIsNotGivenAway) {
  build(false);
  settle();
  world.arrive("g2", vm);
  for (int i = 0; i < 40; ++i) {
    world.act("g1", [&](Xtr& xtr, Instant at, XtrActions&) { xtr.heard(at.now, vm); });
    world.run(milliseconds{50});
  }
  EXPECT_EQ(state("g1"), State::here);
  EXPECT_EQ(world.events_of("g1", Kind::dual_claim), 1u);
}

// 10.9 rule 7: the later claim has it, at every distance of the two, and the mapping system agrees.
TEST_F(XtrMoveTest, TwoGatewaysThatClaimItAtOnce) {
  for (const Duration apart :
       {Duration{}, Duration{milliseconds{5}}, Duration{milliseconds{35}}, Duration{seconds{1}}}) {
    build(true);
    world.run(seconds{1});
    world.arrive("g1", vm);
    world.run(apart);
    world.arrive("g2", vm);
    for (int i = 0; i < 100; ++i) {
      world.act("g2", [&](Xtr& xtr, Instant at, XtrActions&) { xtr.heard(at.now, vm); });
      world.run(milliseconds{100});
    }
    EXPECT_EQ(state("g2"), State::here) << apart / milliseconds{1};
    EXPECT_NE(state("g1"), State::here) << apart / milliseconds{1};
    EXPECT_EQ(world["server"].xtr->server()->mapping(vm)->rlocs[0].address, ip(g2_address)) << apart / milliseconds{1};
  }
}

TEST_F(XtrMoveTest, ThousandClientsAreHandedOver) {
  build(true);
  settle();
  for (std::uint32_t i = 0; i < 1000; ++i)
    world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) {
      xtr.on_data(at, vm_eid, IpAddress::v4(0xc633'0000 + i), actions);
    });
  world.loses = [](const auto& sent) { return sent.datagram.to.is_ipv4(); };
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) { xtr.will_move(at, vm, actions); });
  world.run(seconds{5});
  EXPECT_EQ(world["g2"].xtr->clients().clients(world.now, vm).size(), 1000u);
  for (const auto& sent : world.sent("g1", 15)) EXPECT_LE(sent.datagram.message.size(), 1232u);
}

// Section 10.10 of the specification, row 17.
TEST_F(XtrMoveTest, WhereItIsIsProbedOftenWhenItIsAboutToMove) {
  build(true);
  world.arrive("g1", vm);
  world.run(seconds{5});
  world.log.clear();
  world.act("g2", [&](Xtr& xtr, Instant at, XtrActions& actions) { xtr.will_move(at, vm, actions); });
  world.run(seconds{60});
  const std::size_t often = world.sent("g2", 1).size();
  EXPECT_GE(often, 45u);
  EXPECT_LE(often, 81u);
  EXPECT_EQ(world["g2"].xtr->probing().statistics(ip(g1_address))->lost, 0);
  world.run(seconds{60});
  EXPECT_LE(world.sent("g2", 1).size() - often, 3u);
}

}  // namespace
}  // namespace ilnp::lisp
