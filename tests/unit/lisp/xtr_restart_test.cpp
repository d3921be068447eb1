// SPDX-License-Identifier: Apache-2.0
// What goes wrong with the machines themselves: kill -9 in every state, with what was on the disk and without; a
// Map-Server that is dead or slow; clocks that jump.
#include <algorithm>
#include <ostream>

#include "tests/unit/lisp/xtr_world.h"

namespace ilnp::lisp {
namespace {

using Kind = XtrEvent::Kind;
using State = EidPresence::State;

struct Restart {
  const char* name;
  Duration after_arrival_at_g2;  ///< when it happens
  const char* who;
  bool remembers;
};

void PrintTo(const Restart& restart, std::ostream* out) { *out << restart.name; }

class XtrRestartTest : public XtrWorld, public ::testing::WithParamInterface<Restart> {};

// Wherever the node is when one of the routers dies and comes back, packets arrive in the end, and no nonce is refused.
TEST_P(XtrRestartTest, PacketsArriveInTheEnd) {
  const Restart& restart = GetParam();
  build(true);
  world.set_delay("g1", "g2", milliseconds{20});
  world.set_delay("server", "g2", milliseconds{10});
  settle();
  world.arrive("g2", vm);
  world.run(restart.after_arrival_at_g2);
  world.restart(restart.who, restart.remembers);
  if (std::string{restart.who} == "g2" && !restart.remembers) world.arrive("g2", vm);  // it talks there
  for (int i = 0; i < 300; ++i) {
    if (i % 5 == 0) world.send("c", client, vm_eid);
    world.act("g2", [&](Xtr& xtr, Instant at, XtrActions&) { xtr.heard(at.now, vm); });
    world.run(milliseconds{500});
  }
  EXPECT_EQ(state("g2"), State::here);
  ASSERT_FALSE(world.delivered.empty());
  EXPECT_EQ(world.delivered.back().node, "g2");
  EXPECT_GT(world.delivered.back().at + seconds{3}, world.now);
  EXPECT_FALSE(world.delivered.back().relayed);
  EXPECT_EQ(world["server"].xtr->server()->mapping(vm)->rlocs[0].address, ip(g2_address));
  EXPECT_EQ(world["server"].xtr->server()->counter(MapServerReason::replayed), 0u);
}

std::vector<Restart> restarts() {
  std::vector<Restart> all;
  for (const bool remembers : {true, false}) {
    for (const char* who : {"g1", "g2", "c", "server"}) {
      all.push_back({"MovingIn", milliseconds{1}, who, remembers});
      all.push_back({"Registered", milliseconds{22}, who, remembers});
      all.push_back({"Relaying", seconds{2}, who, remembers});
      all.push_back({"RelayedNoMore", seconds{62}, who, remembers});
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(InEveryState, XtrRestartTest, ::testing::ValuesIn(restarts()), [](const auto& test) {
  return std::string{test.param.name} + "_" + test.param.who + (test.param.remembers ? "_remembers" : "_forgets");
});

class XtrFailureTest : public XtrWorld {};

TEST_F(XtrFailureTest, NoncesGrowOverARestartAlsoWhenTheClockGoesBack) {
  build(false);
  settle();
  world.run(seconds{30});
  world["g1"].wall_ahead = -std::chrono::hours{1};
  world.restart("g1", true);
  world.arrive("g1", vm);
  world.run(seconds{5});
  EXPECT_EQ(world.events_of("g1", Kind::registered), 1u);
  EXPECT_EQ(world["server"].xtr->server()->counter(MapServerReason::replayed), 0u);
}

// Mobile EIDs over a restart, by the state in which it happens.
class PresenceRestartTest : public XtrWorld {
 protected:
  void SetUp() override {
    build(true);
    settle();
  }
  bool arrives() {
    const std::size_t before = world.delivered.size();
    world.send("c", client, vm_eid);
    world.run(milliseconds{100});
    return world.delivered.size() > before;
  }
  IpAddress registered() { return world["server"].xtr->server()->mapping(vm)->rlocs[0].address; }
};

TEST_F(PresenceRestartTest, WhatIsHereIsDeliveredAtOnceAndRegisteredAgain) {
  world.run(seconds{30});
  world.restart("g1", true);
  EXPECT_TRUE(world["g1"].delivers.at(vm_eid));
  EXPECT_TRUE(arrives());
  EXPECT_EQ(state("g1"), State::here);
  EXPECT_EQ(world.events_of("g1", Kind::registered), 1u) << "nobody else has it: no reason to wait";
  EXPECT_TRUE(world.sent("g1", 15).empty()) << "nothing has moved";
}

TEST_F(PresenceRestartTest, WithoutAnswerOfTheMappingSystemItIsRegisteredASecondLater) {
  world.loses = [](const auto& sent) { return sent.from == "server"; };
  world.restart("g1", true);
  world.log.clear();
  world.run(milliseconds{900});
  EXPECT_TRUE(world.sent("g1", 3).empty());
  EXPECT_TRUE(arrives());
  world.run(milliseconds{100});
  EXPECT_FALSE(world.sent("g1", 3).empty());
}

TEST_F(PresenceRestartTest, WhatHasLeftMeanwhileIsNotTakenBack) {
  XtrSettings settings = world["g1"].xtr->settings();
  const auto disk = world["g1"].disk;
  const auto presences = world.saved_presences("g1");
  world.remove("g1");
  world.arrive("g2", vm);
  world.run(seconds{70});  // the Map-Server protects it from a late refresh for ten seconds only
  world.log.clear();
  world.add("g1", std::move(settings), disk);
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) { xtr.restore(at, presences, actions); });
  world.run(seconds{3});
  EXPECT_TRUE(world.sent("g1", 3).empty()) << "it was asked first who has it";
  EXPECT_EQ(state("g1"), State::away);
  EXPECT_EQ(state("g2"), State::here);
  EXPECT_EQ(world.events_of("g2", Kind::dual_claim), 0u);
  EXPECT_EQ(registered(), ip(g2_address));
  EXPECT_FALSE(world["g1"].delivers.at(vm_eid));
}

TEST_F(PresenceRestartTest, AnArrivalThatNobodyHeardOfIsSaidOnceMore) {
  world.loses = [](const auto& sent) { return sent.from == "g2"; };
  world.arrive("g2", vm);
  ASSERT_EQ(state("g2"), State::moving_in);
  world.run(milliseconds{50});
  world.loses = [](const auto&) { return false; };
  world.restart("g2", true);
  EXPECT_GE(milliseconds_until(g2_address), 0);
  EXPECT_EQ(state("g2"), State::here);
  EXPECT_EQ(registered(), ip(g2_address));
  EXPECT_NE(state("g1"), State::here);
}

TEST_F(PresenceRestartTest, WhatLeftIsRelayedForTheRestOfTheMinute) {
  world.loses = [](const auto& sent) { return sent.datagram.to == ip(client_address); };  // it hears of nothing
  world.arrive("g2", vm);
  world.run(seconds{20});
  world.restart("g1", true);
  EXPECT_EQ(state("g1"), State::away);
  ASSERT_TRUE(arrives());
  EXPECT_EQ(world.delivered.back().node, "g2");
  EXPECT_TRUE(world.delivered.back().relayed);
  EXPECT_TRUE(world.sent("g1", 3).empty()) << "it is not registered from here";
  world.run(seconds{41});
  EXPECT_EQ(state("g1"), State::lisp_remote);
}

TEST_F(PresenceRestartTest, LateClientsHearFromTheNewRunToo) {
  world.loses = [](const auto& sent) { return sent.datagram.to == ip(client_address); };
  world.arrive("g2", vm);
  world.run(seconds{1});
  world.restart("g1", true);
  world.loses = [](const auto&) { return false; };
  ASSERT_EQ(way(), g1_address);
  world.send("c", client, vm_eid);
  EXPECT_GE(milliseconds_until(g2_address), 0);
}

TEST_F(PresenceRestartTest, OtherRlocsThanOursAreKept) {
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) {
    MappingRecord record = xtr.own_record(vm);
    record.rlocs = {rloc(hypervisor_address)};
    xtr.arrived(at, record, actions);
  });
  world.run(seconds{1});
  world.restart("g1", true);
  world.run(seconds{2});
  EXPECT_EQ(registered(), ip(hypervisor_address));
}

TEST_F(PresenceRestartTest, WhatIsKnownMeanwhileCounts) {
  const auto presences = world.saved_presences("g1");
  ASSERT_EQ(presences.size(), 1u);
  world.restart("g1", false);
  world.arrive("g1", vm);
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) { xtr.restore(at, presences, actions); });
  EXPECT_EQ(state("g1"), State::moving_in) << "an arrival is more than a memory";
}

TEST_F(XtrFailureTest, ClockThatJumpsBackInTheRunCostsNothing) {
  build(true);
  settle();
  for (const char* name : {"g1", "g2", "c"}) world[name].wall_ahead = -std::chrono::hours{24};
  world.arrive("g2", vm);
  world.run(seconds{5});
  EXPECT_EQ(way(), g2_address);
  world.arrive("g1", vm);
  world.run(seconds{5});
  EXPECT_EQ(way(), g1_address);
  EXPECT_EQ(world["server"].xtr->server()->counter(MapServerReason::replayed), 0u);
}

TEST_F(XtrFailureTest, LostMemoryAndAClockThatIsBehindAreHealedByTime) {
  build(false);
  settle();
  world["g1"].wall_ahead = -seconds{60};
  world.restart("g1", false);
  world.arrive("g1", vm);
  world.run(seconds{30});
  EXPECT_EQ(world.events_of("g1", Kind::registered), 0u) << "its nonces are replays";
  EXPECT_EQ(state("g1"), State::moving_in) << "packets flow";
  world.run(seconds{120});
  EXPECT_EQ(world.events_of("g1", Kind::registered), 1u);
}

TEST_F(XtrFailureTest, DeadMapServerDoesNotStopPackets) {
  build(true);
  settle();
  world.loses = [](const auto& sent) { return sent.from == "server"; };
  world.arrive("g2", vm);
  world.run(seconds{2});
  EXPECT_EQ(way(), g2_address) << "by Change-Priority";
  world.run(seconds{10});
  EXPECT_EQ(world.events_of("g2", Kind::arrival_unregistered), 1u);
  world.send("c", client, vm_eid);
  world.run(seconds{1});
  EXPECT_EQ(world.delivered.back().node, "g2");
  world.loses = [](const auto&) { return false; };
  world.run(seconds{70});
  EXPECT_EQ(world.events_of("g2", Kind::registered), 1u);
  EXPECT_EQ(world["server"].xtr->server()->mapping(vm)->rlocs[0].address, ip(g2_address));
}

TEST_F(XtrFailureTest, SlowMapServerIsWaitedFor) {
  build(true);
  for (const char* name : {"g1", "g2", "c"}) world.set_delay("server", name, seconds{3});
  world.arrive("g1", vm);
  world.run(seconds{30});
  EXPECT_EQ(state("g1"), State::here);
  world.send("c", client, vm_eid);
  world.run(seconds{10});
  ASSERT_EQ(world.delivered.size(), 1u) << "it waited";
}

TEST_F(XtrFailureTest, RegistrationWithHalfOfTheMessagesLost) {
  build(false);
  world.loses = [this](const auto&) { return world.random.one_in(2); };
  world.arrive("g1", vm);
  const TimePoint began = world.now;
  while (state("g1") != State::here && world.now - began < seconds{60}) world.run(milliseconds{100});
  EXPECT_LT(world.now - began, seconds{16});
}

TEST_F(XtrFailureTest, OwnNoncesAreOnTheDiskBeforeTheyLeave) {
  build(true);
  settle();
  world.arrive("g2", vm);
  world.run(seconds{100});
  for (const char* name : {"g1", "g2"}) {
    ASSERT_TRUE(world[name].disk.has_value());
    for (const auto& sent : world.log) {
      const int type = sent.datagram.message[0] >> 4;
      const bool is_own_change = type == 15 && (sent.datagram.message[2] & 2) == 0;
      if (sent.from != name || (type != 3 && !is_own_change)) continue;
      const std::uint64_t nonce = load_u64(sent.datagram.message.data() + 4);
      EXPECT_LE(nonce, type == 3 ? world[name].disk->registration_nonce : world[name].disk->change_nonce);
    }
  }
}

TEST_F(XtrFailureTest, SubscriptionSurvivesARestart) {
  build(false, false, true);
  settle();
  ASSERT_EQ(world.events_of("c", Kind::subscribed), 1u);
  ASSERT_EQ(world["c"].disk->subscriptions.size(), 1u);
  world.restart("c", true);
  world.run(seconds{1});
  world.send("c", client, vm_eid);
  world.run(seconds{2});
  EXPECT_EQ(world.events_of("c", Kind::subscribed), 1u);
  world.arrive("g2", vm);
  EXPECT_GE(milliseconds_until(g2_address), 0);
}

TEST_F(XtrFailureTest, SubscriptionWithLostMemoryIsClearedFirst) {
  build(false, false, true);
  settle();
  world.restart("c", false);
  world["c"].wall_ahead = Duration{};
  world.run(seconds{1});
  world.send("c", client, vm_eid);
  world.run(seconds{10});
  EXPECT_EQ(world.events_of("c", Kind::subscribed), 1u);
}

TEST_F(XtrFailureTest, SubscriptionsThatAreOfNoUseEnd) {
  build(false, false, true);
  settle();
  world.run(seconds{400});  // five minutes TTL, unused
  EXPECT_EQ(world["c"].xtr->memory().subscriptions.size(), 0u);
}

// However many are known of runs before.
TEST_F(XtrFailureTest, SubscriptionsInUseAreRememberedFirst) {
  build(false, false, true);
  XtrMemory old;
  for (std::uint32_t i = 0; i < 10'000; ++i)
    old.subscriptions.emplace_back(EidPrefix{0, IpPrefix::host(IpAddress::v4(i))}, 1);
  world.add("c", XtrSettings{world["c"].xtr->settings()}, std::move(old));
  settle();
  const auto kept = world["c"].xtr->memory().subscriptions;
  EXPECT_LE(kept.size(), 10'000u);
  EXPECT_TRUE(std::ranges::any_of(kept, [](const auto& one) { return one.first == vm; }));
}

}  // namespace
}  // namespace ilnp::lisp
