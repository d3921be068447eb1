// SPDX-License-Identifier: Apache-2.0
// One test for each row of the table of states and events.
#include "core/lisp/eid_presence.h"

#include <gtest/gtest.h>

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

using State = EidPresence::State;
using Kind = PresenceAction::Kind;

const EidPrefix vm{0, *parse_ip_prefix("2001:db8:e1d::7/128")};

MappingRecord at(const char* rloc) {
  MappingRecord record;
  record.ttl = 5;
  record.eid = vm;
  record.rlocs.push_back({.address = *parse_ip_address(rloc)});
  return record;
}
const MappingRecord dc1 = at("2001:db8:a1::1"), dc3 = at("2001:db8:a3::1");

class EidPresenceTest : public ::testing::Test {
 protected:
  std::vector<Kind> kinds() {
    std::vector<Kind> out;
    for (const PresenceAction& action : actions) out.push_back(action.kind);
    actions.clear();
    return out;
  }
  void arrive(std::uint64_t time = 100) { presence.arrived(now, {time, {}}, actions); }
  void live_here() {
    presence.seen_elsewhere(dc1);
    arrive();
    presence.registered(actions);
    actions.clear();
  }
  std::vector<Kind> go_on(Duration by) {
    const TimePoint end = now + by;
    while (presence.next_deadline() <= end) {
      now = presence.next_deadline();
      presence.on_time(now, actions);
    }
    now = end;
    return kinds();
  }

  EidPresence presence{vm, PresenceTuning{}};
  EidPresence::Actions actions;
  TimePoint now{seconds{100}};
};

TEST_F(EidPresenceTest, Row1SeenElsewhere) {
  EXPECT_EQ(presence.state(), State::unknown);
  presence.seen_elsewhere(dc1);
  EXPECT_EQ(presence.state(), State::lisp_remote);
  EXPECT_EQ(presence.elsewhere(), dc1);
  EXPECT_EQ(presence.next_deadline(), never);
}

TEST_F(EidPresenceTest, Row2ArrivesFromTheUnknown) {
  arrive();
  EXPECT_EQ(presence.state(), State::moving_in);
  EXPECT_EQ(kinds(), (std::vector{Kind::deliver, Kind::register_it, Kind::announce}));
  arrive();
  EXPECT_TRUE(kinds().empty()) << "its second packet is no news";
}

TEST_F(EidPresenceTest, Row3FormerOwnerIsTold) {
  presence.seen_elsewhere(dc1);
  arrive();
  ASSERT_EQ(actions.size(), 4u);
  EXPECT_EQ(actions[2].kind, Kind::transfer);
  EXPECT_EQ(actions[2].record, dc1);
}

TEST_F(EidPresenceTest, Row4MappingSystemKnows) {
  arrive();
  actions.clear();
  presence.registered(actions);
  EXPECT_EQ(presence.state(), State::here);
  EXPECT_EQ(kinds(), std::vector{Kind::confirmed});
  EXPECT_EQ(presence.next_deadline(), never);
}

TEST_F(EidPresenceTest, Row5NotifyIsLateOrNeverComes) {
  arrive();
  actions.clear();
  EXPECT_TRUE(go_on(milliseconds{4999}).empty());
  EXPECT_EQ(go_on(milliseconds{1}), std::vector{Kind::alarm_unregistered});
  EXPECT_EQ(presence.state(), State::moving_in);
  EXPECT_TRUE(go_on(seconds{54}).empty()) << "told once";
  EXPECT_EQ(presence.state(), State::moving_in);
  go_on(seconds{1});
  EXPECT_EQ(presence.state(), State::here);
  presence.registered(actions);
  EXPECT_EQ(kinds(), std::vector{Kind::confirmed}) << "late, but it counts";
}

TEST_F(EidPresenceTest, Row6DidNotCome) {
  presence.seen_elsewhere(dc1);
  arrive();
  actions.clear();
  presence.not_here(actions);
  EXPECT_EQ(presence.state(), State::lisp_remote);
  ASSERT_EQ(actions.size(), 2u);
  EXPECT_EQ(actions[0].kind, Kind::withdraw);
  EXPECT_EQ(actions[1].kind, Kind::transfer_back);
  EXPECT_EQ(actions[1].record, dc1);
  actions.clear();
  presence.not_here(actions);
  EXPECT_TRUE(actions.empty());
}

TEST_F(EidPresenceTest, Row6AlsoWhenTheMapServerWasFaster) {
  live_here();
  actions.clear();
  presence.not_here(actions);
  EXPECT_EQ(presence.state(), State::lisp_remote);
  EXPECT_EQ(kinds(), (std::vector{Kind::withdraw, Kind::transfer_back}));
}

TEST_F(EidPresenceTest, Row7MovesInsideTheIlnpWorld) {
  live_here();
  presence.changed(actions);
  EXPECT_EQ(kinds(), (std::vector{Kind::register_it, Kind::announce}));
  EXPECT_EQ(presence.state(), State::here);
  EidPresence stranger{vm, PresenceTuning{}};
  stranger.changed(actions);
  EXPECT_TRUE(actions.empty());
}

TEST_F(EidPresenceTest, Row9NewOwnerTakesIt) {
  live_here();
  EXPECT_TRUE(presence.transferred(now, dc3, {200, {}}, actions));
  EXPECT_EQ(presence.state(), State::moving_out);
  ASSERT_EQ(actions.size(), 4u);
  for (const PresenceAction& action : actions)
    EXPECT_EQ(action.record, action.kind == Kind::stop_registering ? MappingRecord{} : dc3);
  EXPECT_EQ(kinds(), (std::vector{Kind::stop_registering, Kind::relay, Kind::announce, Kind::client_log}));
}

TEST_F(EidPresenceTest, Row9OlderClaimIsNotObeyed) {
  live_here();
  EXPECT_FALSE(presence.transferred(now, dc3, {99, {}}, actions));
  EXPECT_EQ(presence.state(), State::here);
  EXPECT_TRUE(actions.empty());
  XtrIdentity higher;
  higher.site = 1;
  EXPECT_TRUE(presence.transferred(now, dc3, {100, higher}, actions)) << "of the same moment the higher site";
}

TEST_F(EidPresenceTest, Row9WhatWasSaidBeforeItArrivedAgainIsOld) {
  live_here();
  presence.arrived(now, {150, {}}, actions);
  EXPECT_TRUE(actions.empty());
  EXPECT_FALSE(presence.transferred(now, dc3, {120, {}}, actions));
  EXPECT_EQ(presence.state(), State::here);
}

TEST_F(EidPresenceTest, Row10SilentAndClaimedElsewhere) {
  live_here();
  now += milliseconds{1001};
  presence.claimed_elsewhere(now, dc3, actions);
  EXPECT_EQ(presence.state(), State::moving_out);
  EXPECT_EQ(kinds(), (std::vector{Kind::stop_registering, Kind::relay, Kind::announce, Kind::client_log}));
}

TEST_F(EidPresenceTest, Row10ItIsKnownToHaveStopped) {
  live_here();
  presence.heard(now);
  presence.stopped();
  presence.claimed_elsewhere(now, dc3, actions);
  EXPECT_EQ(presence.state(), State::moving_out) << "a moment after its last packet";
}

TEST_F(EidPresenceTest, Row11ClaimedElsewhereButItTalksHere) {
  live_here();
  now += seconds{100};
  presence.heard(now);
  const auto claimed_and_heard = [&] {
    presence.claimed_elsewhere(now, dc3, actions);
    now += milliseconds{500};
    presence.heard(now);
    return go_on(milliseconds{500});
  };
  EXPECT_EQ(claimed_and_heard(), (std::vector{Kind::register_it, Kind::alarm_dual_claim}));
  EXPECT_EQ(presence.state(), State::here);
  now += seconds{8};
  presence.heard(now);
  EXPECT_TRUE(claimed_and_heard().empty()) << "two who shout help nobody";
  EXPECT_EQ(claimed_and_heard(), (std::vector{Kind::register_it, Kind::alarm_dual_claim}));
}

TEST_F(EidPresenceTest, Row10ItsLastWordsWereAMomentBeforeTheClaim) {
  live_here();
  now += seconds{100};
  presence.heard(now);
  now += milliseconds{10};
  presence.claimed_elsewhere(now, dc3, actions);
  EXPECT_TRUE(go_on(milliseconds{999}).empty());
  EXPECT_EQ(go_on(milliseconds{1}),
            (std::vector{Kind::stop_registering, Kind::relay, Kind::announce, Kind::client_log}));
  EXPECT_EQ(presence.state(), State::moving_out);
}

TEST_F(EidPresenceTest, Row12EverybodyIsTold) {
  live_here();
  presence.transferred(now, dc3, {200, {}}, actions);
  presence.told_everybody(now);
  EXPECT_EQ(presence.state(), State::away);
}

TEST_F(EidPresenceTest, Row12OrNobodyAnswers) {
  live_here();
  presence.transferred(now, dc3, {200, {}}, actions);
  actions.clear();
  EXPECT_TRUE(go_on(seconds{30}).empty());
  EXPECT_EQ(presence.state(), State::away);
}

TEST_F(EidPresenceTest, Row13And15RelaysForAMinute) {
  live_here();
  presence.transferred(now, dc3, {200, {}}, actions);
  presence.told_everybody(now);
  actions.clear();
  EXPECT_TRUE(go_on(milliseconds{59'999}).empty());
  EXPECT_EQ(go_on(milliseconds{1}), std::vector{Kind::stop_relaying});
  EXPECT_EQ(presence.state(), State::lisp_remote);
  EXPECT_EQ(presence.elsewhere(), dc3);
  EXPECT_EQ(presence.next_deadline(), never);
}

TEST_F(EidPresenceTest, Row14ComesBackWhileItIsAway) {
  for (const bool told : {false, true}) {
    EidPresence again{vm, PresenceTuning{}};
    again.arrived(now, {100, {}}, actions);
    again.registered(actions);
    again.transferred(now, dc3, {200, {}}, actions);
    if (told) again.told_everybody(now);
    actions.clear();
    again.arrived(now, {300, {}}, actions);
    EXPECT_EQ(again.state(), State::moving_in);
    EXPECT_EQ(kinds(),
              (std::vector{Kind::stop_relaying, Kind::deliver, Kind::register_it, Kind::transfer, Kind::announce}));
    EXPECT_FALSE(again.transferred(now, dc3, {250, {}}, actions)) << "what was said before it came back";
  }
}

TEST_F(EidPresenceTest, Row16WithoutALocatorItIsWithdrawn) {
  live_here();
  presence.locators_gone(now);
  go_on(seconds{9});
  presence.locators_gone(now);
  EXPECT_EQ(presence.state(), State::here);
  EXPECT_EQ(go_on(seconds{1}), std::vector{Kind::withdraw}) << "counted from the first time";
  EXPECT_EQ(presence.state(), State::unknown);
}

TEST_F(EidPresenceTest, Row16LocatorComesBackInTime) {
  live_here();
  presence.locators_gone(now);
  go_on(seconds{9});
  presence.locators_back();
  EXPECT_TRUE(go_on(seconds{60}).empty());
  EXPECT_EQ(presence.state(), State::here);
}

TEST_F(EidPresenceTest, Row16EndsARelayToo) {
  live_here();
  presence.transferred(now, dc3, {200, {}}, actions);
  actions.clear();
  presence.locators_gone(now);
  EXPECT_EQ(go_on(seconds{10}), std::vector{Kind::stop_relaying});
  EXPECT_EQ(presence.state(), State::unknown);
  EXPECT_TRUE(go_on(seconds{100}).empty());
}

TEST_F(EidPresenceTest, Row17MoveIsAnnounced) {
  for (int i = 0; i < 2; ++i) {
    const State before = presence.state();
    presence.will_move(actions);
    EXPECT_EQ(kinds(), std::vector{Kind::prefetch});
    EXPECT_EQ(presence.state(), before);
    live_here();
  }
}

TEST_F(EidPresenceTest, OursIsNotForgottenForAHint) {
  live_here();
  presence.seen_elsewhere(dc3);
  EXPECT_EQ(presence.state(), State::here);
  EXPECT_EQ(presence.elsewhere(), dc1);
}

TEST_F(EidPresenceTest, WhatCountsIsSavedAndRestored) {
  EXPECT_FALSE(presence.saved(now)) << "unknown";
  presence.seen_elsewhere(dc1);
  EXPECT_FALSE(presence.saved(now)) << "lisp_remote: the mapping system knows as much";
  live_here();
  const SavedPresence here = *presence.saved(now);
  EXPECT_EQ(here, (SavedPresence{vm, State::here, {100, {}}, dc1, {}, {}}));
  presence.transferred(now, dc3, {200, {}}, actions);
  actions.clear();
  now += seconds{20};
  EXPECT_EQ(presence.saved(now)->relay_left, seconds{40});

  EidPresence next{vm, PresenceTuning{}};
  next.restore(now, here, actions);
  EXPECT_EQ(kinds(), std::vector{Kind::deliver});
  next.unclaimed(actions);
  EXPECT_EQ(kinds(), std::vector{Kind::register_it});
  next.unclaimed(actions);
  EXPECT_TRUE(kinds().empty()) << "once";
  EXPECT_EQ(next.next_deadline(), never);
}

TEST_F(EidPresenceTest, ARestoredOneIsNotRegisteredAfterAClaim) {
  presence.restore(now, {vm, State::here, {100, {}}, {}, {}, {}}, actions);
  actions.clear();
  presence.claimed_elsewhere(now, dc3, actions);
  EXPECT_EQ(presence.state(), State::moving_out) << "nobody has heard it here";
  actions.clear();
  for (const Kind kind : go_on(seconds{10})) EXPECT_NE(kind, Kind::register_it);
}

TEST_F(EidPresenceTest, ARestoredRelayEnds) {
  presence.restore(now, {vm, State::moving_out, {100, {}}, dc3, std::chrono::hours{9}, {}}, actions);
  EXPECT_EQ(kinds(), std::vector{Kind::relay});
  EXPECT_EQ(presence.state(), State::away);
  EXPECT_EQ(presence.next_deadline(), now + seconds{60}) << "no longer than ever";
  EXPECT_EQ(go_on(seconds{60}), std::vector{Kind::stop_relaying});
}

}  // namespace
