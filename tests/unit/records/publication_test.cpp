// SPDX-License-Identifier: Apache-2.0
#include "core/records/publication.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

namespace ilnp {
namespace {

using namespace std::chrono_literals;

const DnsName zone = *DnsName::from_text("example.org");
const DnsName mob = *DnsName::from_text("mob.example.org");
const NidData our_nid{10, {0x5c1a97d304be6f21}};

PublishedState at(std::uint64_t locator) { return PublishedState::of({our_nid}, {{10, {locator}}}); }

UpdateOutcome answered(unsigned rcode) { return {UpdateOutcome::Kind::answered, rcode, {}, {}}; }
UpdateOutcome silence() { return {UpdateOutcome::Kind::no_answer, 0, {}, "no answer in time"}; }

/// What the plan adds as locators.
std::vector<std::uint64_t> locators_in(const UpdatePlan& plan) {
  std::vector<std::uint64_t> out;
  for (const UpdateRecord& record : plan.updates) {
    if (record.type == dns::type_l64 && record.klass == dns::class_in)
      out.push_back(decode_l64(record.rdata)->locator.bits);
  }
  return out;
}

class PublicationTest : public testing::Test {
 protected:
  Publication machine{{zone, mob, TtlPolicy::mobile(), true, false, {}}};
  TimePoint now{1h};

  void publish(std::uint64_t locator) {
    auto actions = machine.set_desired(now, at(locator));
    ASSERT_TRUE(actions.send);
    actions = machine.on_outcome(now, answered(dns::noerror));
    ASSERT_TRUE(machine.settled());
    now += 10s;
  }
};

TEST_F(PublicationTest, TheFirstChangeGoesOutAtOnce) {
  const auto actions = machine.set_desired(now, at(1));
  ASSERT_TRUE(actions.send);
  EXPECT_EQ(locators_in(*actions.send), std::vector<std::uint64_t>{1});
  EXPECT_EQ(machine.state(), Publication::State::in_flight);
  EXPECT_FALSE(machine.next_deadline());
}

TEST_F(PublicationTest, WhatAnEarlierRunMayHaveLeftIsDeletedOnce) {
  PublishedState left;
  left.lps.push_back({10, *DnsName::from_text("site.example.org")});
  machine = Publication{{zone, mob, TtlPolicy::mobile(), true, false, {}, left}};
  const auto deletes_lp = [](const UpdatePlan& plan) {
    return std::any_of(plan.updates.begin(), plan.updates.end(),
                       [](const UpdateRecord& r) { return r.type == dns::type_lp && r.klass == dns::class_any; });
  };
  auto actions = machine.set_desired(now, at(1));
  EXPECT_TRUE(deletes_lp(*actions.send));
  machine.on_outcome(now, answered(dns::noerror));
  actions = machine.set_desired(now + 1s, at(2));
  EXPECT_FALSE(deletes_lp(*actions.send));
}

TEST_F(PublicationTest, TheSameWishTwiceSendsNothing) {
  publish(1);
  EXPECT_FALSE(machine.set_desired(now, at(1)).send);
  EXPECT_FALSE(machine.next_deadline());
}

TEST_F(PublicationTest, ChangesDuringAFlightAreCoalescedToTheNewest) {
  machine.set_desired(now, at(1));
  EXPECT_FALSE(machine.set_desired(now + 10ms, at(2)).send);
  EXPECT_FALSE(machine.set_desired(now + 20ms, at(3)).send);
  EXPECT_FALSE(machine.on_outcome(now + 30ms, answered(dns::noerror)).send);
  ASSERT_EQ(machine.next_deadline(), now + 500ms);
  const auto actions = machine.on_time(now + 500ms);
  ASSERT_TRUE(actions.send);
  EXPECT_EQ(locators_in(*actions.send), std::vector<std::uint64_t>{3});
}

TEST_F(PublicationTest, ChangesWithinHalfASecondWait) {
  publish(1);
  ASSERT_TRUE(machine.set_desired(now, at(2)).send);
  machine.on_outcome(now + 1ms, answered(dns::noerror));
  EXPECT_FALSE(machine.set_desired(now + 2ms, at(3)).send);
  EXPECT_EQ(machine.next_deadline(), now + 500ms);
  EXPECT_FALSE(machine.on_time(now + 499ms).send);
  EXPECT_TRUE(machine.on_time(now + 500ms).send);
}

TEST_F(PublicationTest, SilenceBacksOffToAMinute) {
  machine.set_desired(now, at(1));
  for (const auto expected : {1s, 2s, 4s, 8s, 16s, 32s, 60s, 60s}) {
    const auto actions = machine.on_outcome(now, silence());
    ASSERT_EQ(actions.events.size(), 1u);
    EXPECT_EQ(actions.events[0].kind, PublicationEvent::Kind::retrying);
    ASSERT_EQ(machine.next_deadline(), now + expected);
    now += expected;
    ASSERT_TRUE(machine.on_time(now).send);
  }
}

TEST_F(PublicationTest, ANetworkChangeRetriesAtOnceAndCapsTheWait) {
  machine.set_desired(now, at(1));
  for (int i = 0; i < 7; ++i) {
    machine.on_outcome(now, silence());
    now = *machine.next_deadline();
    machine.on_time(now);
  }
  machine.on_outcome(now, silence());
  now += 1s;
  ASSERT_TRUE(machine.network_changed(now).send);
  Duration longest{};
  for (int i = 0; i < 8; ++i) {
    machine.on_outcome(now, silence());
    longest = std::max(longest, *machine.next_deadline() - now);
    now = *machine.next_deadline();
    ASSERT_TRUE(machine.on_time(now).send);
  }
  EXPECT_EQ(longest, Duration{30s});
}

TEST_F(PublicationTest, AFirstPublicationFindsTheNameUnclaimed) {
  const auto first = machine.set_desired(now, at(1));
  EXPECT_EQ(first.send->prerequisites[0], UpdateRecord::record_exists(mob, dns::type_nid, encode(our_nid)));
  const auto second = machine.on_outcome(now, answered(dns::nxrrset));
  ASSERT_TRUE(second.send);
  EXPECT_EQ(second.send->prerequisites, std::vector{UpdateRecord::rrset_absent(mob, dns::type_nid)});
  machine.on_outcome(now, answered(dns::noerror));
  EXPECT_TRUE(machine.settled());
  const auto move = machine.set_desired(now + 1s, at(2));
  EXPECT_EQ(move.send->prerequisites[0], UpdateRecord::record_exists(mob, dns::type_nid, encode(our_nid)));
}

TEST_F(PublicationTest, ANameWithOtherNidsIsLeftToItsOwner) {
  machine.set_desired(now, at(1));
  machine.on_outcome(now, answered(dns::nxrrset));
  auto actions = machine.on_outcome(now, answered(dns::yxrrset));
  ASSERT_TRUE(actions.send);  // perhaps the reply to our own first publication was lost
  actions = machine.on_outcome(now, answered(dns::nxrrset));
  EXPECT_FALSE(actions.send);
  ASSERT_EQ(actions.events.size(), 1u);
  EXPECT_EQ(actions.events[0].kind, PublicationEvent::Kind::taken_by_another);
  EXPECT_EQ(machine.state(), Publication::State::stopped);
  EXPECT_EQ(machine.next_deadline(), now + 10min);
}

TEST_F(PublicationTest, ALostReplyToTheFirstPublicationIsNoConflict) {
  machine.set_desired(now, at(1));
  machine.on_outcome(now, answered(dns::nxrrset));
  const auto again = machine.on_outcome(now, answered(dns::yxrrset));  // the server saw the repetition only
  ASSERT_TRUE(again.send);
  EXPECT_EQ(again.send->prerequisites[0], UpdateRecord::record_exists(mob, dns::type_nid, encode(our_nid)));
  machine.on_outcome(now, answered(dns::noerror));
  EXPECT_TRUE(machine.settled());
}

TEST_F(PublicationTest, ARotatedNidReplacesTheOneThatWasPublished) {
  publish(1);
  const NidData fresh{10, {0x4242}};
  const auto actions = machine.set_desired(now, PublishedState::of({fresh}, {{10, {1}}}));
  ASSERT_TRUE(actions.send);
  EXPECT_EQ(actions.send->prerequisites[0], UpdateRecord::record_exists(mob, dns::type_nid, encode(our_nid)));
  machine.on_outcome(now, silence());  // perhaps it was done all the same
  now += 1s;
  machine.on_time(now);
  const auto next = machine.on_outcome(now, answered(dns::nxrrset));
  ASSERT_TRUE(next.send);
  EXPECT_EQ(next.send->prerequisites[0], UpdateRecord::record_exists(mob, dns::type_nid, encode(fresh)));
}

TEST_F(PublicationTest, RefusalsStopAndAreTriedAgainSlowly) {
  for (const UpdateOutcome& refusal : {answered(dns::refused), answered(dns::notauth), answered(dns::notzone),
                                       UpdateOutcome{UpdateOutcome::Kind::bad_signature, 0, {}, {}},
                                       UpdateOutcome{UpdateOutcome::Kind::bad_key, 0, {}, {}}}) {
    Publication fresh{{zone, mob, TtlPolicy::mobile(), true, false, {}}};
    fresh.set_desired(now, at(1));
    const auto actions = fresh.on_outcome(now, refusal);
    EXPECT_FALSE(actions.send);
    ASSERT_EQ(actions.events.size(), 1u);
    EXPECT_EQ(actions.events[0].kind, PublicationEvent::Kind::refused);
    EXPECT_EQ(fresh.state(), Publication::State::stopped);
    EXPECT_FALSE(fresh.on_time(now + 10min - 1ms).send);
    EXPECT_TRUE(fresh.on_time(now + 10min).send);
  }
}

TEST_F(PublicationTest, AChangedWishIsWorthAnotherTryAfterARefusal) {
  machine.set_desired(now, at(1));
  machine.on_outcome(now, answered(dns::refused));
  EXPECT_TRUE(machine.set_desired(now + 1s, at(2)).send);
}

TEST_F(PublicationTest, ClocksAreAdoptedOnce) {
  machine.set_desired(now, at(1));
  const UpdateOutcome bad_time{UpdateOutcome::Kind::bad_time, 9, 3600s, {}};
  EXPECT_TRUE(machine.on_outcome(now, bad_time).send);
  const auto actions = machine.on_outcome(now, bad_time);
  EXPECT_FALSE(actions.send);
  EXPECT_EQ(machine.state(), Publication::State::stopped);
}

TEST_F(PublicationTest, ServerFailureIsRetried) {
  machine.set_desired(now, at(1));
  machine.on_outcome(now, answered(dns::servfail));
  EXPECT_EQ(machine.state(), Publication::State::waiting);
  EXPECT_EQ(machine.next_deadline(), now + 1s);
}

TEST_F(PublicationTest, ANidOfAnOperatorMustBeThere) {
  Publication limited{{zone, mob, TtlPolicy::mobile(), false, false, {}}};
  const auto actions = limited.set_desired(now, at(1));
  EXPECT_EQ(actions.send->prerequisites, std::vector{UpdateRecord::rrset_exists(mob, dns::type_nid)});
  EXPECT_EQ(limited.on_outcome(now, answered(dns::nxrrset)).events[0].kind, PublicationEvent::Kind::refused);
}

TEST_F(PublicationTest, AnOutcomeOfNothingIsIgnored) {
  const auto actions = machine.on_outcome(now, answered(dns::noerror));
  EXPECT_FALSE(actions.send);
  EXPECT_TRUE(actions.events.empty());
  EXPECT_FALSE(machine.settled());
}

/// A server that behaves as RFC 2136 says and loses messages and replies; wishes change at random. In the end it holds
/// the last wish, and never were two updates under way.
RC_GTEST_PROP(Publication, TheServerEndsUpWithTheLastWish,
              (const std::vector<std::pair<std::uint8_t, std::uint8_t>>& steps)) {
  Publication machine{{zone, mob, TtlPolicy::mobile(), true, false, {}}};
  TimePoint now{1h};
  std::optional<PublishedState> held;  // by the server
  std::optional<UpdatePlan> flying;
  const auto take = [&](Publication::Actions actions) {
    if (!actions.send) return;
    RC_ASSERT(!flying);
    flying = std::move(actions.send);
  };
  const auto serve = [&](bool lose_request, bool lose_reply) {
    if (!flying) return;
    const UpdatePlan plan = *std::exchange(flying, std::nullopt);
    unsigned rcode = dns::noerror;
    if (plan.prerequisites[0].klass == dns::class_none && held) rcode = dns::yxrrset;
    if (plan.prerequisites[0].klass == dns::class_in && !held) rcode = dns::nxrrset;
    if (!lose_request && rcode == dns::noerror) held = at(locators_in(plan).at(0));
    take(machine.on_outcome(now, lose_request || lose_reply ? silence() : answered(rcode)));
  };
  for (const auto& [what, value] : steps) {
    now += milliseconds{value * 7};
    switch (what % 4) {
      case 0:
        take(machine.set_desired(now, at(value + 1u)));
        break;
      case 1:
        serve(value % 3 == 0, value % 5 == 0);
        break;
      case 2:
        take(machine.network_changed(now));
        break;
      default:
        take(machine.on_time(now));
        break;
    }
  }
  for (int i = 0; i < 20; ++i) {
    serve(false, false);
    now += 60s;
    take(machine.on_time(now));
  }
  RC_ASSERT(held == machine.desired());
  RC_ASSERT(!machine.desired() || machine.settled());
}

TEST_F(PublicationTest, NameThatLpRecordsPointToHoldsLocatorsOnly) {
  PublishedState site;
  site.locators = {{10, {1}}, {15, {2}}};
  const auto actions = machine.set_desired(now, site);
  ASSERT_TRUE(actions.send);
  EXPECT_EQ(locators_in(*actions.send), (std::vector<std::uint64_t>{1, 2}));
  ASSERT_EQ(actions.send->prerequisites.size(), 1u);
  EXPECT_EQ(to_text(actions.send->prerequisites[0], true), "only if mob.example.org. has no NID");
  for (const UpdateRecord& record : actions.send->updates)
    EXPECT_EQ(record.type, dns::type_l64) << "a key for these is enough";
}

}  // namespace
}  // namespace ilnp
