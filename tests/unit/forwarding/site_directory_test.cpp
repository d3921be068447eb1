// SPDX-License-Identifier: Apache-2.0
// Records of the shared truth become entries, and what is heard becomes requests.
#include "core/forwarding/site_directory.h"

#include <algorithm>

#include "tests/unit/forwarding/site_fixture.h"

namespace ilnp::test {
namespace {

constexpr SiteId self = 9;  // `elsewhere` is the other one

class SiteDirectoryTest : public SiteTest {
 protected:
  DirectoryTuning directory_tuning{};
  std::unique_ptr<SiteDirectory> directory;
  DirectoryActions out;
  const Place here{self, inside}, there{elsewhere, at_other_site}, third{3, {0xfd5c'0000'0003'0001}};
  const Address node_there{at_other_site, nid};
  std::uint64_t epoch = 10;

  void SetUp() override {
    SiteTest::SetUp();
    directory = std::make_unique<SiteDirectory>(self, directory_tuning, *router);
  }

  Ownership record(const Place& home, const Place& at, MovePhase phase = MovePhase::settled,
                   std::optional<Place> other = std::nullopt) {
    Ownership r;
    r.key = {nid};
    r.home = home;
    r.at = at;
    r.phase = phase;
    r.other = other;
    r.epoch = ++epoch;
    return r;
  }
  void apply(const Ownership& r) {
    out.clear();
    directory->apply(now, r, out);
  }
  /// As the daemon does it.
  void pass_events() {
    for (const SiteEvent& event : std::exchange(actions.events, {})) directory->on_event(now, event, out);
    for (const SiteEvent& event : std::exchange(out.site.events, {})) directory->on_event(now, event, out);
  }
  void until(TimePoint when) {
    out.clear();
    now = when;
    directory->on_time(now, out);
  }
  NidEntry* entry() { return router->nids().find_owner(nid); }
  bool told(DirectoryEventKind kind) const {
    return std::any_of(out.events.begin(), out.events.end(), [kind](const auto& e) { return e.kind == kind; });
  }
  bool asked(MoveStep step) const {
    return out.requests.size() == 1 && out.requests[0].step == step && out.requests[0].key == NodeKey{nid};
  }
};

TEST_F(SiteDirectoryTest, WhoSeesOnlyTheEndOfAMoveKnowsThatTheHomeWasHere) {
  apply(record(here, here));
  apply(record(there, there));
  EXPECT_EQ(entry()->presence, Presence::away);
  EXPECT_TRUE(entry()->is_former_home) << "others speak for it now";
  apply(record(here, here, MovePhase::active, there));
  EXPECT_FALSE(entry()->is_former_home);
}

TEST_F(SiteDirectoryTest, NodeWhoseHomeIsHereGoesAway) {
  apply(record(here, here));
  EXPECT_EQ(entry()->presence, Presence::here);
  apply(record(here, here, MovePhase::prepared, there));
  EXPECT_EQ(entry()->presence, Presence::here) << "prepared: nothing changes for packets";
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), in, correspondent, node));
  apply(record(here, there, MovePhase::active, here));
  EXPECT_TRUE(told(DirectoryEventKind::left));
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there));
  apply(record(here, there));
  EXPECT_EQ(entry()->presence, Presence::away);
  EXPECT_EQ(entry()->until, never) << "for as long as the record says so";
  EXPECT_EQ(directory->next_deadline(), never);
}

TEST_F(SiteDirectoryTest, GuestArrivesIsHeardAndIsReleased) {
  apply(record(there, there, MovePhase::prepared, here));
  EXPECT_TRUE(dropped(cross(in, udp(node, correspondent)), SiteDropReason::inside_source_elsewhere))
      << "nobody else speaks for it before it has come";
  apply(record(there, here, MovePhase::active, there));
  EXPECT_TRUE(told(DirectoryEventKind::arriving));
  EXPECT_EQ(entry()->presence, Presence::arriving);
  EXPECT_EQ(cross(link, udp(correspondent, node)).verdict.kind, SiteVerdict::Kind::held);
  now += seconds{1};
  EXPECT_TRUE(cross(in, udp(node, correspondent)).left());
  EXPECT_EQ(actions.packets.size(), 1u) << "what was held";
  out.clear();
  pass_events();
  EXPECT_TRUE(told(DirectoryEventKind::arrived));
  EXPECT_EQ(entry()->presence, Presence::visiting);
  EXPECT_EQ(directory->next_deadline(), now + directory_tuning.grace);
  until(now + directory_tuning.grace);
  EXPECT_TRUE(asked(MoveStep::release)) << "the orchestrator did not";
  EXPECT_EQ(out.requests[0].epoch, epoch);
  EXPECT_EQ(directory->next_deadline(), now + directory_tuning.ask_again);
  apply(record(there, here));
  EXPECT_EQ(directory->next_deadline(), never);
  EXPECT_EQ(entry()->presence, Presence::visiting);
}

TEST_F(SiteDirectoryTest, GuestThatIsNotHeardIsAnAlarmOnce) {
  apply(record(there, here, MovePhase::active, there));
  until(directory->next_deadline());
  EXPECT_TRUE(told(DirectoryEventKind::not_heard));
  EXPECT_EQ(directory->next_deadline(), never);
  router->heard(now, *entry(), actions);
  pass_events();
  EXPECT_EQ(directory->next_deadline(), now + directory_tuning.grace) << "it came late, and is released then";
}

TEST_F(SiteDirectoryTest, FormerGuestIsForwardedForTheGracePeriod) {
  apply(record(there, here));
  apply(record(there, third, MovePhase::active, here));
  EXPECT_TRUE(told(DirectoryEventKind::left));
  EXPECT_EQ(entry()->presence, Presence::away);
  EXPECT_EQ(entry()->until, now + directory_tuning.grace);
  EXPECT_TRUE(went(cross(link, udp(correspondent, node)), Side::link(3), correspondent, {third.locator, nid}));
  router->on_time(now + directory_tuning.grace + seconds{1}, actions);
  EXPECT_EQ(entry(), nullptr);
}

TEST_F(SiteDirectoryTest, PreparedMoveEndsByItself) {
  apply(record(there, there, MovePhase::prepared, here));
  EXPECT_EQ(directory->next_deadline(), now + directory_tuning.prepare_timeout);
  until(directory->next_deadline());
  EXPECT_TRUE(asked(MoveStep::abort));
  until(directory->next_deadline());
  EXPECT_TRUE(asked(MoveStep::abort)) << "as long as it is so";
  apply(record(there, there));
  EXPECT_EQ(directory->next_deadline(), never);
  EXPECT_NE(entry()->until, never) << "the entry of a guest that did not come ends";
}

TEST_F(SiteDirectoryTest, ExpectedNodeIsActivatedWhenItIsHeardAndNothingIsLost) {
  Ownership prepared = record(there, there, MovePhase::prepared, here);
  prepared.when_heard = true;
  apply(prepared);
  EXPECT_TRUE(told(DirectoryEventKind::expected));
  now += milliseconds{100};
  out.clear();
  EXPECT_EQ(cross(in, udp(node, correspondent)).verdict.kind, SiteVerdict::Kind::held);
  pass_events();
  EXPECT_TRUE(asked(MoveStep::activate));
  EXPECT_EQ(cross(in, udp(node, correspondent)).verdict.kind, SiteVerdict::Kind::held);
  out.clear();
  pass_events();
  EXPECT_TRUE(out.requests.empty()) << "asked already";
  apply(record(there, here, MovePhase::active, there));
  EXPECT_EQ(entry()->presence, Presence::visiting) << "it has been heard";
  EXPECT_EQ(out.site.packets.size(), 2u) << "what it sent goes to its home";
  for (const SitePacket& packet : out.site.packets) EXPECT_EQ(packet.to, link);
  pass_events();
  EXPECT_TRUE(told(DirectoryEventKind::arrived));
}

TEST_F(SiteDirectoryTest, ActivationIsAskedForAgainWhenNothingHappens) {
  Ownership prepared = record(there, there, MovePhase::prepared, here);
  prepared.when_heard = true;
  apply(prepared);
  for (int i = 0; i < 3; ++i) {
    now += directory_tuning.ask_again;
    directory->on_time(now, out);
    out.clear();
    cross(in, udp(node, correspondent));
    pass_events();
    EXPECT_TRUE(asked(MoveStep::activate)) << i;
  }
}

TEST_F(SiteDirectoryTest, VisibleMoveKeepsTheOldHomeForItsSessions) {
  apply(record(here, here));
  Ownership moved = record(there, there, MovePhase::active, here);
  moved.former = here;
  apply(moved);
  EXPECT_EQ(entry()->home, inside) << "its old outside names are still made of this";
  EXPECT_EQ(entry()->until, never);
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there));
  apply(record(there, there));
  EXPECT_EQ(entry()->until, now + directory_tuning.grace);
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there));
}

TEST_F(SiteDirectoryTest, NewHomeKnowsTheFormerOne) {
  apply(record(there, here));
  Ownership rehomed = record(here, here, MovePhase::active);
  rehomed.former = there;
  apply(rehomed);
  EXPECT_EQ(entry()->home, inside);
  EXPECT_EQ(entry()->former, there);
  EXPECT_EQ(entry()->presence, Presence::here) << "it did not move";
  EXPECT_FALSE(told(DirectoryEventKind::arriving));
  until(directory->next_deadline());
  EXPECT_TRUE(asked(MoveStep::release));
}

TEST_F(SiteDirectoryTest, NodeThatTakesAnotherLocatorIsRelocated) {
  apply(record(there, here));
  EXPECT_TRUE(cross(in, udp({subnet_2, nid}, correspondent)).left());
  out.clear();
  pass_events();
  ASSERT_TRUE(asked(MoveStep::relocate));
  EXPECT_EQ(out.requests[0].to, (Place{self, subnet_2}));
}

TEST_F(SiteDirectoryTest, NodeThatArrivesByItsFormerLocatorIsNotRelocatedThere) {
  apply(record(there, there, MovePhase::prepared, here));
  Ownership moved = record(here, here, MovePhase::active, there);
  moved.former = there;
  apply(moved);
  EXPECT_TRUE(cross(in, udp(node_there, correspondent)).left()) << "it has not noticed yet";
  EXPECT_EQ(entry()->now, at_other_site) << "it is reached by what it uses";
  out.clear();
  pass_events();
  EXPECT_TRUE(told(DirectoryEventKind::arrived));
  EXPECT_TRUE(out.requests.empty()) << "its home would be moved back with it";
  EXPECT_TRUE(cross(in, udp(node, correspondent)).left());
  out.clear();
  pass_events();
  EXPECT_EQ(entry()->now, inside);
  EXPECT_TRUE(out.requests.empty());
}

TEST_F(SiteDirectoryTest, FormerNamesGoOnWhileTheNodeIsExpectedBack) {
  apply(record(here, here));
  Ownership moved = record(there, there, MovePhase::active, here);
  moved.former = here;
  apply(moved);
  apply(record(there, there));
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there));
  now += directory_tuning.departure;
  Ownership back = record(there, there, MovePhase::prepared, here);
  back.when_heard = true;
  apply(back);
  EXPECT_TRUE(told(DirectoryEventKind::expected));
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there))
      << "prepared: nothing changes for packets";
  EXPECT_EQ(entry()->until, never) << "it is waited for";
  EXPECT_EQ(cross(in, udp(node, correspondent)).verdict.kind, SiteVerdict::Kind::held);
  out.clear();
  pass_events();
  EXPECT_TRUE(asked(MoveStep::activate));
}

TEST_F(SiteDirectoryTest, NodeThatDepartsMayFinishItsSentence) {
  apply(record(here, here));
  apply(record(here, there, MovePhase::active, here));
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), up1, node_outside, correspondent));
  EXPECT_EQ(cross(up1, udp(correspondent, node_outside)).verdict.to, link)
      << "what comes for it goes to the other place";
  now += directory_tuning.departure;
  EXPECT_TRUE(dropped(cross(in, udp(node, correspondent)), SiteDropReason::inside_source_elsewhere));
  EXPECT_TRUE(went(cross(link, udp(node_there, correspondent)), up1, node_outside, correspondent)) << "it is there";
}

TEST_F(SiteDirectoryTest, GuestThatDepartsIsNamedByItsHome) {
  apply(record(there, here));
  EXPECT_TRUE(cross(in, udp(node, correspondent)).left());
  apply(record(there, there, MovePhase::active, here));
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), link, node, correspondent)) << "home, which knows it by this";
  now += directory_tuning.departure;
  EXPECT_TRUE(dropped(cross(in, udp(node, correspondent)), SiteDropReason::inside_source_elsewhere));
}

TEST_F(SiteDirectoryTest, NodeThatGoesBackKeepsTheNamesThatItHadThere) {
  const Address other = {correspondent.locator, {correspondent.nid.bits + 1}};
  Ownership came = record(here, here);
  came.former = there;
  apply(came);
  EXPECT_TRUE(went(cross(link, udp(correspondent, node, 7777, 40000)), in, correspondent, node))
      << "by its names there";
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), link, node, correspondent));
  Ownership back = record(there, there, MovePhase::active, here);
  back.former = here;
  apply(back);
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), link, node, correspondent)) << "still by these";
  EXPECT_TRUE(went(cross(in, udp(node, other)), up1, node_outside, other)) << "what has its names here";
}

TEST_F(SiteDirectoryTest, NodeThatComesHomeMayFinishItsSentenceWhereItWas) {
  apply(record(here, there));
  apply(record(here, here, MovePhase::active, there));
  EXPECT_TRUE(went(cross(link, udp(node_there, correspondent)), up1, node_outside, correspondent));
  EXPECT_EQ(entry()->presence, Presence::arriving) << "it was not heard here";
  now += directory_tuning.departure;
  EXPECT_TRUE(dropped(cross(link, udp(node_there, correspondent)), SiteDropReason::link_stranger));
}

TEST_F(SiteDirectoryTest, WhatMissesANodeThatGoesWhereItCameFromIsSentBack) {
  const auto misses_it = [&] { return cross(link, udp(correspondent, node)); };
  apply(record(there, here));
  apply(record(there, there, MovePhase::active, here));
  EXPECT_TRUE(went(misses_it(), link, correspondent, node)) << "a guest";
  now += directory_tuning.departure;
  EXPECT_TRUE(dropped(misses_it(), SiteDropReason::link_loop));

  Ownership came = record(here, here);
  came.former = there;
  apply(came);
  Ownership back = record(there, there, MovePhase::active, here);
  back.former = here;
  apply(back);
  EXPECT_TRUE(went(misses_it(), link, correspondent, node)) << "one whose home was here meanwhile";
  EXPECT_TRUE(dropped(cross(Side::link(5), udp(correspondent, node)), SiteDropReason::link_stranger));
}

TEST_F(SiteDirectoryTest, WhatWasSentAfterANodeThatComesBackWaitsForIt) {
  apply(record(here, there));
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there));
  EXPECT_TRUE(dropped(cross(link, udp(correspondent, node_there)), SiteDropReason::link_stranger));
  apply(record(here, here, MovePhase::active, there));
  EXPECT_EQ(cross(link, udp(correspondent, node_there)).verdict.kind, SiteVerdict::Kind::held);
  now += seconds{3};  // it stands still for longer than it may speak from there
  EXPECT_TRUE(went(cross(in, udp(node, correspondent, 7777, 40000)), up1, node_outside, correspondent));
  ASSERT_EQ(actions.packets.size(), 1u);
  EXPECT_EQ(actions.packets[0].to, in);
  EXPECT_EQ(Address::load(actions.packets[0].bytes.data() + 24), node);
  now += directory_tuning.departure + tuning.hold_time;
  EXPECT_TRUE(dropped(cross(link, udp(correspondent, node_there)), SiteDropReason::link_stranger));
}

TEST_F(SiteDirectoryTest, WhatWasSentAfterANodeWhoseHomeComesBackKeepsItsNames) {
  Ownership went_away = record(there, there);
  went_away.former = here;
  apply(went_away);
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there));
  Ownership back = record(here, here, MovePhase::active, there);
  back.former = there;
  apply(back);
  EXPECT_EQ(cross(link, udp(correspondent, node_there)).verdict.kind, SiteVerdict::Kind::held);
  const Address other = {correspondent.locator, {correspondent.nid.bits + 1}};
  EXPECT_EQ(cross(link, udp(other, node)).verdict.kind, SiteVerdict::Kind::held) << "by its names there";
  EXPECT_TRUE(went(cross(in, udp(node, correspondent, 7777, 40000)), up1, node_outside, correspondent));
  EXPECT_TRUE(went(cross(in, udp(node, other, 7777, 40000)), link, node, other));
}

TEST_F(SiteDirectoryTest, WhatWasSentAfterANodeWithoutIlnpWaitsForIt) {
  const auto plain = [&](Ownership r) {
    r.key = {nid, inside};
    return r;
  };
  apply(plain(record(here, {elsewhere, inside})));
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node));
  apply(plain(record(here, here, MovePhase::active, Place{elsewhere, inside})));
  EXPECT_EQ(cross(link, udp(correspondent, node)).verdict.kind, SiteVerdict::Kind::held);
}

TEST_F(SiteDirectoryTest, GuestThatWasAtHomeHereKeepsTheNamesOfFlowsOfThen) {
  const Address other = {correspondent.locator, {correspondent.nid.bits + 1}};
  apply(record(here, here));
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), in, correspondent, node));
  Ownership rehomed = record(there, there);
  rehomed.former = here;
  apply(rehomed);
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node_there));
  apply(record(there, here, MovePhase::active, there));
  EXPECT_EQ(cross(link, udp(correspondent, node_there)).verdict.kind, SiteVerdict::Kind::held) << "it missed the node";
  EXPECT_TRUE(went(cross(in, udp(node, correspondent, 7777, 40000)), up1, node_outside, correspondent));
  EXPECT_TRUE(went(cross(in, udp(node, other, 7777, 40000)), link, node, other)) << "by the names of its home";
}

TEST_F(SiteDirectoryTest, NodeIsFoundWhereItIsBeforeItsHomeHasHeardOfIt) {
  apply(record(there, here, MovePhase::active, there));
  EXPECT_TRUE(cross(in, udp({subnet_2, nid}, correspondent)).left()) << "it comes to another subnet than was said";
  EXPECT_TRUE(went(cross(link, udp(correspondent, node)), in, correspondent, {subnet_2, nid}));
}

TEST_F(SiteDirectoryTest, NodeWithoutIlnpIsKnownByItsAddress) {
  Ownership r = record(here, here);
  r.key.address_locator = inside;
  apply(r);
  EXPECT_EQ(router->nids().find_owner(nid), nullptr);
  ASSERT_NE(router->nids().find(nid, inside), nullptr);
  r.at = {elsewhere, inside};
  r.epoch = ++epoch;
  apply(r);
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), link, correspondent, node));
}

TEST_F(SiteDirectoryTest, LowerEpochIsNotObeyed) {
  const Ownership old = record(here, here);
  apply(record(here, there));
  apply(old);
  EXPECT_TRUE(told(DirectoryEventKind::stale));
  EXPECT_EQ(entry()->presence, Presence::away);
  directory->gone(now, {nid}, old.epoch, out);
  EXPECT_NE(entry(), nullptr);
}

TEST_F(SiteDirectoryTest, WhatIsNotNamedInAResyncIsGone) {
  const Ownership kept = record(here, there);
  apply(kept);
  Ownership other = record(here, there);
  other.key = {other_nid};
  apply(other);
  directory->resync_started();
  apply(kept);
  directory->resync_finished(now, out);
  EXPECT_EQ(directory->size(), 1u);
  EXPECT_NE(entry(), nullptr);
  EXPECT_EQ(router->nids().find_owner(other_nid), nullptr);
}

TEST_F(SiteDirectoryTest, ClashIsReportedAndDoesNoHarm) {
  apply(record(here, here));
  Ownership impostor = record(here, there);
  impostor.key.address_locator = inside;  // says that it has the node's address
  apply(impostor);
  EXPECT_TRUE(told(DirectoryEventKind::clash));
  EXPECT_EQ(directory->not_obeyed(), 1u);
  EXPECT_EQ(entry()->presence, Presence::here);
}

TEST_F(SiteDirectoryTest, FullTableIsReported) {
  tuning.max_nids = 1;
  SiteTest::SetUp();
  directory = std::make_unique<SiteDirectory>(self, directory_tuning, *router);
  apply(record(here, there));
  Ownership other = record(here, there);
  other.key = {other_nid};
  apply(other);
  EXPECT_TRUE(told(DirectoryEventKind::full));
  EXPECT_EQ(directory->not_obeyed(), 1u);
  directory->gone(now, other.key, ++epoch, out);
  EXPECT_EQ(directory->not_obeyed(), 0u);
}

TEST_F(SiteDirectoryTest, StartsAgainInTheMiddleOfAMove) {
  apply(record(there, here, MovePhase::active, there));
  EXPECT_EQ(entry()->presence, Presence::arriving) << "nobody knows whether it was heard: it is looked for";
  SetUp();
  apply(record(there, here));
  EXPECT_EQ(entry()->presence, Presence::visiting) << "a settled guest is there";
}

TEST_F(SiteDirectoryTest, NameOfANodeThatIsElsewhereIsClaimed) {
  apply(record(here, here));
  const Ownership away = record(there, there);
  apply(away);
  EXPECT_EQ(directory->claimed(now, node), nullptr) << "what is late is no claim";
  now += directory_tuning.departure;
  EXPECT_EQ(directory->claimed(now, neighbour), nullptr);
  EXPECT_EQ(directory->claimed(now, {Locator{0xfe80'0000'0000'0000}, nid}), nullptr);
  const Ownership* claimed = directory->claimed(now, node);
  ASSERT_NE(claimed, nullptr);
  EXPECT_EQ(*claimed, away);
  EXPECT_EQ(directory->claimed(now, node), nullptr) << "told once";
  EXPECT_EQ(directory->claims().signs(), 2u);
  EXPECT_EQ(directory->claims().nodes(now), 1u);
  EXPECT_EQ(*directory->find({nid}), away) << "who was first keeps its record";
}

TEST_F(SiteDirectoryTest, NodeThatIsHereOrIsExpectedClaimsNothing) {
  apply(record(here, here));
  EXPECT_EQ(directory->claimed(now, node), nullptr);
  apply(record(here, there));
  now += directory_tuning.departure;
  EXPECT_NE(directory->claimed(now, node), nullptr) << "its home alone gives it no right to speak here";
  apply(record(there, there, MovePhase::prepared, here));
  now += NodeClaims::told_again;
  EXPECT_EQ(directory->claimed(now, node), nullptr);
  EXPECT_EQ(directory->claims().nodes(now), 1u);
  apply(record(there, here, MovePhase::active, there));
  EXPECT_EQ(directory->claims().nodes(now), 0u) << "it came after all";
}

TEST_F(SiteDirectoryTest, AddressOfANodeWithoutIlnpIsClaimedAsAWhole) {
  Ownership plain = record(there, there);
  plain.key.address_locator = at_other_site;
  apply(plain);
  EXPECT_EQ(directory->claimed(now, node), nullptr) << "another one with the same lower half";
  EXPECT_NE(directory->claimed(now, node_there), nullptr);
  directory->gone(now, plain.key, ++epoch, out);
  EXPECT_EQ(directory->claims().nodes(now), 0u);
}

}  // namespace
}  // namespace ilnp::test
