// SPDX-License-Identifier: Apache-2.0
#include "core/site/migration.h"

#include <gtest/gtest.h>

#include <vector>

#include "core/site/move_controller.h"

namespace ilnp {
namespace {

const Place home{1, {0xfd00'0001'0000'0001}}, there{2, {0xfd00'0002'0000'0007}}, third{3, {0xfd00'0003'0000'0001}};
const NodeKey node{{0x0200'0000'0000'0042}}, plain{{0x42}, home.locator};

MoveRequest request(MoveStep step, std::optional<Place> to = std::nullopt, NodeKey key = node) {
  MoveRequest r;
  r.step = step;
  r.key = key;
  r.home = home;
  r.to = to;
  return r;
}

MoveRequest visible(MoveRequest r) {
  r.visible = true;
  return r;
}

/// The record after these steps, each of which must be taken.
std::optional<Ownership> after(std::vector<MoveRequest> steps) {
  std::optional<Ownership> record;
  std::uint64_t epoch = 0;
  for (const MoveRequest& step : steps) {
    const auto plan = plan_move(record, step);
    EXPECT_TRUE(plan.has_value()) << name_of(step.step) << ": " << (plan ? "" : explain(plan.error()));
    if (!plan) return record;
    record = plan.value().next;
    if (record) record->epoch = ++epoch;
  }
  return record;
}

const MoveRequest to_there = request(MoveStep::prepare, there);
const MoveRequest activate = request(MoveStep::activate, there), release = request(MoveStep::release);
const MoveRequest rehome = request(MoveStep::rehome), abort_it = request(MoveStep::abort);

MoveRefusal refusal(const std::optional<Ownership>& record, const MoveRequest& step) {
  const auto plan = plan_move(record, step);
  EXPECT_FALSE(plan.has_value()) << name_of(step.step);
  return plan ? MoveRefusal{255} : plan.error();
}

TEST(Moves, UnseenMoveKeepsTheHome) {
  const auto prepared = after({to_there});
  EXPECT_EQ(prepared->at, home);
  EXPECT_EQ(prepared->other, there);
  EXPECT_EQ(prepared->phase, MovePhase::prepared);
  const auto active = after({to_there, activate});
  EXPECT_EQ(active->at, there);
  EXPECT_EQ(active->home, home);
  EXPECT_EQ(active->other, home);
  EXPECT_FALSE(active->former);
  const auto settled = after({to_there, activate, release});
  EXPECT_EQ(settled->at, there);
  EXPECT_EQ(settled->home, home);
  EXPECT_EQ(settled->phase, MovePhase::settled);
  EXPECT_FALSE(settled->other);
}

TEST(Moves, VisibleMoveTakesTheHomeAlong) {
  const auto active = after({visible(to_there), activate});
  EXPECT_EQ(active->home, there);
  EXPECT_EQ(active->former, home);
  EXPECT_FALSE(after({visible(to_there), activate, release})->former);
}

TEST(Moves, UnseenFirstThenRehomed) {
  const auto active = after({to_there, activate, release, rehome});
  EXPECT_EQ(active->at, there);
  EXPECT_EQ(active->home, there);
  EXPECT_EQ(active->former, home);
  EXPECT_FALSE(active->other) << "nothing but its home changes";
  const auto back = after({to_there, activate, release, rehome, abort_it});
  EXPECT_EQ(back->home, home);
  EXPECT_EQ(back->at, there) << "the machine has not moved";
  const auto early = after({to_there, activate, rehome, abort_it});
  EXPECT_EQ(early->home, home);
  EXPECT_EQ(early->at, home);
}

TEST(Moves, AbortLeavesNothing) {
  for (const auto& begin :
       {std::vector{to_there}, {to_there, activate}, {visible(to_there)}, {visible(to_there), activate}}) {
    auto steps = begin;
    steps.push_back(abort_it);
    Ownership expected;
    expected.key = node;
    expected.home = expected.at = home;
    auto record = after(steps);
    record->epoch = 0;
    EXPECT_EQ(record, expected);
  }
  EXPECT_FALSE(plan_move(std::nullopt, abort_it).value().next) << "what never began has ended";
}

TEST(Moves, EveryStepMayBeRepeated) {
  MoveRequest heard = to_there;
  heard.when_heard = true;
  const std::vector<std::vector<MoveRequest>> histories = {
      {request(MoveStep::claim)},
      {to_there},
      {to_there, heard},
      {to_there, activate},
      {to_there, abort_it},
      {to_there, activate, abort_it},
      {to_there, activate, release},
      {visible(to_there)},
      {visible(to_there), activate},
      {to_there, activate, rehome},
      {visible(to_there), activate, release},
      {to_there, activate, release, rehome},
      {request(MoveStep::claim), request(MoveStep::relocate, Place{1, {0xfd00'0001'0000'0009}})},
      {request(MoveStep::claim), request(MoveStep::forget)}};
  for (const auto& history : histories) {
    const auto record = after(history);
    const auto again = plan_move(record, history.back());
    ASSERT_TRUE(again.has_value()) << name_of(history.back().step);
    EXPECT_FALSE(again.value().changes) << name_of(history.back().step);
    EXPECT_EQ(again.value().next, record);
  }
}

TEST(Moves, LateStepsOfAMoveThatIsOverDoNoHarm) {
  EXPECT_FALSE(plan_move(after({to_there, activate, release}), activate).value().changes);
  EXPECT_FALSE(plan_move(after({to_there, activate, release}), to_there).value().changes);
  EXPECT_EQ(refusal(after({to_there, abort_it}), activate), MoveRefusal::not_prepared);
  const auto elsewhere = after({to_there, activate, release, request(MoveStep::prepare, third)});
  EXPECT_FALSE(plan_move(elsewhere, request(MoveStep::abort, there)).value().changes) << "another move";
  EXPECT_EQ(refusal(elsewhere, to_there), MoveRefusal::busy);
  EXPECT_EQ(refusal(elsewhere, activate), MoveRefusal::busy) << "not the move that is prepared";
}

TEST(Moves, TwoRoutersThatAreToldTheSiteOnlyMeanTheSamePlace) {
  MoveRequest other = to_there;
  other.to = Place{2, {0xfd00'0002'0000'0000}};
  EXPECT_EQ(refusal(after({to_there}), other), MoveRefusal::busy);
  other.site_only = true;
  EXPECT_FALSE(plan_move(after({to_there}), other).value().changes);
  EXPECT_FALSE(plan_move(after({to_there, activate}), other).value().changes);
  other.step = MoveStep::activate;
  EXPECT_EQ(plan_move(after({to_there}), other).value().next->at, there);
  EXPECT_FALSE(plan_move(after({to_there, activate}), other).value().changes);
  other.step = MoveStep::abort;
  EXPECT_EQ(plan_move(after({to_there, activate}), other).value().next->at, home);
  other.step = MoveStep::relocate;
  EXPECT_EQ(refusal(after({to_there, activate}), other), MoveRefusal::no_place);
}

TEST(Moves, HomeThatWasForetoldIsWhereTheNodeIs) {
  const Place found{2, {0xfd00'0002'0000'0009}}, later{2, {0xfd00'0002'0000'000a}};
  const auto seen = after({visible(to_there), activate, request(MoveStep::relocate, found)});
  EXPECT_EQ(seen->home, found);
  EXPECT_EQ(seen->former, home);
  const auto settled = after(
      {visible(to_there), activate, request(MoveStep::relocate, found), release, request(MoveStep::relocate, later)});
  EXPECT_EQ(settled->home, found) << "its names are known now";
  EXPECT_EQ(after({to_there, activate, request(MoveStep::relocate, found)})->home, home) << "unseen";
}

TEST(Moves, WhoReturnsToTheSiteOfItsHomeReturnsToItsHome) {
  MoveRequest back = request(MoveStep::prepare, Place{1, {0xfd00'0001'0000'0000}});
  back.site_only = true;
  EXPECT_EQ(after({to_there, activate, release, back})->other, home);
}

TEST(Moves, Refusals) {
  MoveRequest homeless = to_there;
  homeless.home.reset();
  EXPECT_EQ(refusal(std::nullopt, homeless), MoveRefusal::unknown_node);
  EXPECT_EQ(refusal(std::nullopt, activate), MoveRefusal::unknown_node);
  EXPECT_EQ(refusal(std::nullopt, request(MoveStep::prepare)), MoveRefusal::no_place);
  EXPECT_EQ(refusal(after({to_there}), request(MoveStep::prepare, third)), MoveRefusal::busy);
  EXPECT_EQ(refusal(after({to_there}), visible(to_there)), MoveRefusal::busy);
  EXPECT_EQ(refusal(after({to_there, activate}), request(MoveStep::prepare, third)), MoveRefusal::busy);
  EXPECT_EQ(refusal(after({to_there}), release), MoveRefusal::not_active);
  EXPECT_EQ(refusal(after({request(MoveStep::claim)}), rehome), MoveRefusal::not_away);
  EXPECT_EQ(refusal(after({request(MoveStep::claim)}), request(MoveStep::relocate, there)), MoveRefusal::not_there);
  EXPECT_EQ(refusal(after({to_there, activate, release}), request(MoveStep::forget)), MoveRefusal::moving);
  EXPECT_EQ(refusal(std::nullopt, visible(request(MoveStep::prepare, there, plain))), MoveRefusal::not_ilnp);
  MoveRequest foreign = request(MoveStep::claim);
  foreign.home = third;
  EXPECT_EQ(refusal(after({request(MoveStep::claim)}), foreign), MoveRefusal::taken) << "somebody else's NID";
}

TEST(Moves, StaleEpochIsRefused) {
  MoveRequest step = activate;
  step.epoch = 7;
  EXPECT_EQ(refusal(after({to_there}), step), MoveRefusal::stale);
  step.epoch = after({to_there})->epoch;
  EXPECT_TRUE(plan_move(after({to_there}), step).has_value());
}

TEST(Moves, EveryRefusalHasAName) {
  for (int i = 0; i <= static_cast<int>(MoveRefusal::stale); ++i) {
    EXPECT_NE(std::string_view{name_of(static_cast<MoveRefusal>(i))}, "");
    EXPECT_NE(std::string_view{explain(static_cast<MoveRefusal>(i))}, "");
  }
}

/// Answers when it is told to, and lets others change the record in between.
struct ScriptedStore : TruthStore {
  std::optional<Ownership> record;
  std::uint64_t revision = 10;
  std::vector<std::function<void()>> calls;
  std::function<void()> before_swap = [] {};
  bool reachable = true;

  void read(const NodeKey&, OnAnswer on_answer) override {
    calls.emplace_back([this, on_answer] {
      on_answer(reachable ? StoreAnswer{StoreOutcome::done, record, {}}
                          : StoreAnswer{StoreOutcome::unreachable, {}, "cut"});
    });
  }
  void replace(const Ownership& next, std::uint64_t expected, OnAnswer on_answer) override {
    calls.emplace_back([this, next, expected, on_answer] {
      before_swap();
      if ((record ? record->epoch : 0) != expected) return on_answer({StoreOutcome::conflict, {}, "changed"});
      record = next;
      record->epoch = ++revision;
      on_answer({StoreOutcome::done, record, {}});
    });
  }
  void remove(const NodeKey&, std::uint64_t, OnAnswer on_answer) override {
    calls.emplace_back([this, on_answer] {
      record.reset();
      on_answer({StoreOutcome::done, {}, {}});
    });
  }
  void watch(TruthWatcher&) override {}
  void run() {
    for (int i = 0; i < 100 && !calls.empty(); ++i) {
      const auto call = std::move(calls.front());
      calls.erase(calls.begin());
      call();
    }
  }
};

class Controller : public ::testing::Test {
 protected:
  ScriptedStore store;
  std::optional<MoveController> controller{std::in_place, store};
  std::vector<MoveAnswer> answers;
  void ask(const MoveRequest& r) {
    controller->request(r, [this](const MoveAnswer& a) { answers.push_back(a); });
  }
};

TEST_F(Controller, ReadsPlansAndSwaps) {
  ask(to_there);
  EXPECT_TRUE(answers.empty());
  EXPECT_EQ(controller->waiting(), 1u);
  store.run();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].kind, MoveAnswer::Kind::done);
  EXPECT_EQ(answers[0].record, store.record);
  EXPECT_EQ(answers[0].record->epoch, 11u);
  EXPECT_EQ(controller->waiting(), 0u);
  ask(to_there);
  store.run();
  EXPECT_EQ(answers[1].kind, MoveAnswer::Kind::already);
  EXPECT_EQ(store.revision, 11u) << "nothing was written";
}

TEST_F(Controller, SomebodyElseWasFaster) {
  store.before_swap = [&] {
    if (store.record) return;
    store.record = after({request(MoveStep::prepare, third)});
    store.record->epoch = ++store.revision;
  };
  ask(to_there);
  store.run();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].kind, MoveAnswer::Kind::refused);
  EXPECT_EQ(answers[0].refusal, MoveRefusal::busy);
  EXPECT_EQ(answers[0].record->other, third);
  EXPECT_EQ(controller->conflicts(), 1u);
}

TEST_F(Controller, GivesUpAgainstEndlessConflicts) {
  store.record = after({request(MoveStep::claim)});
  store.before_swap = [&] { store.record->epoch = ++store.revision; };
  ask(to_there);
  store.run();
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].kind, MoveAnswer::Kind::no_store);
  EXPECT_EQ(controller->conflicts(), static_cast<std::uint64_t>(MoveController::max_attempts - 1));
}

TEST_F(Controller, StoreIsAwayAndRequestsAreBounded) {
  store.reachable = false;
  for (std::size_t i = 0; i < MoveController::max_requests; ++i) ask(to_there);
  ask(to_there);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].kind, MoveAnswer::Kind::too_many);
  while (!store.calls.empty()) store.run();
  EXPECT_EQ(answers.size(), MoveController::max_requests + 1);
  EXPECT_EQ(answers.back().kind, MoveAnswer::Kind::no_store);
  EXPECT_EQ(answers.back().why, "cut");
  EXPECT_EQ(controller->waiting(), 0u);
}

TEST_F(Controller, NobodyIsToldOnceItIsGone) {
  ask(to_there);
  controller.reset();
  store.run();
  EXPECT_TRUE(answers.empty());
}

TEST_F(Controller, ForgetsANode) {
  store.record = after({request(MoveStep::claim)});
  ask(request(MoveStep::forget));
  store.run();
  EXPECT_EQ(answers.at(0).kind, MoveAnswer::Kind::done);
  EXPECT_FALSE(store.record);
}

}  // namespace
}  // namespace ilnp
