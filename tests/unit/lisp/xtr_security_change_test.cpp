// SPDX-License-Identifier: Apache-2.0
// Who must not move an EID: Change-Priority under wrong keys, of strangers, replayed, overclaiming, and floods of it.
#include "core/lisp/raw_change_priority.h"
#include "tests/unit/lisp/xtr_attacker.h"

namespace ilnp::lisp {
namespace {

using State = EidPresence::State;
using ChangeKind = ChangePriority::Kind;

TEST_F(XtrSecurityTest, ArriveOfWhoMayAnnounce) {
  build(true);
  world.run(seconds{1});
  MappingRecord bare = mapping("2001:db8:e1d::7/128", {}, 0);
  say(change(ChangeKind::arrive, bare, 50), hypervisor_address);
  EXPECT_EQ(state("g1"), State::here);
  EXPECT_TRUE(world["g1"].delivers[vm_eid]);
  EXPECT_EQ(acknowledgements(), 1u);
}

TEST_F(XtrSecurityTest, ArriveOfWhoMustNot) {
  build(true);
  world.run(seconds{1});
  say(change(ChangeKind::arrive, mapping("2001:db8:e1d::7/128", {}, 0), 3), client_address);
  EXPECT_EQ(dropped(XtrDrop::change_not_allowed), 1u);
  EXPECT_EQ(state("g1"), State::unknown);
  EXPECT_EQ(acknowledgements(), 0u);
}

TEST_F(XtrSecurityTest, ArriveOutsideOfTheKeysScopeOrOfTheBlocks) {
  build(true);
  world.run(seconds{1});
  say(change(ChangeKind::arrive, mapping("2001:db8:bad::7/128", {}, 0), 50), hypervisor_address);
  EXPECT_EQ(dropped(XtrDrop::change_out_of_scope), 1u);
  say(change(ChangeKind::arrive, mapping("2001:db8:e1d::/64", {}, 0), 50), hypervisor_address);
  EXPECT_EQ(dropped(XtrDrop::not_mobile), 1u) << "a whole prefix is no node";
}

TEST_F(XtrSecurityTest, ArriveFromWhereTheHypervisorIsNot) {
  build(true);
  XtrSettings settings = world["g1"].xtr->settings();
  settings.peers[2].secrets = {secret("hypervisors", 7)};
  world.add("g1", std::move(settings));
  world.run(seconds{1});
  say(change(ChangeKind::arrive, mapping("2001:db8:e1d::7/128", {}, 0), 50), "2001:db8:bad::1", g1_address,
      "hypervisors");
  EXPECT_EQ(dropped(XtrDrop::change_not_allowed), 1u);
  EXPECT_EQ(state("g1"), State::unknown);
}

// "It did not go after all", about what never was here, would be an ARRIVE of who must not say so.
TEST_F(XtrSecurityTest, TransferBackOfWhatWasNeverHere) {
  build(true);
  world.run(seconds{1});
  const MappingRecord back = mapping("2001:db8:e1d::7/128", {rloc(g1_address)}, 5);
  say(change(ChangeKind::transfer, back, 3), client_address);
  EXPECT_EQ(dropped(XtrDrop::change_not_allowed), 1u);
  EXPECT_EQ(state("g1"), State::unknown);
  EXPECT_FALSE(world["g1"].delivers[vm_eid]);
}

TEST_F(XtrSecurityTest, TransferUnderAnotherKeyOrReplayed) {
  build(true);
  settle();
  const ChangePriority message = change(ChangeKind::transfer, transfer);
  say(message, g2_address, g1_address, "wrong");
  EXPECT_EQ(world["g1"].xtr->refused(ReadError::authentication_failed), 1u);
  EXPECT_EQ(state("g1"), State::here);
  say(message, g2_address);
  EXPECT_EQ(state("g1"), State::away);
  EXPECT_EQ(acknowledgements(), 1u);
  say(message, g2_address);
  EXPECT_EQ(acknowledgements(), 2u) << "the first one was lost";
  world.run(seconds{61});
  world.arrive("g1", vm);
  world.run(seconds{61});
  say(message, g2_address);
  EXPECT_EQ(state("g1"), State::here) << "an old one moves nothing";
}

TEST_F(XtrSecurityTest, TransferThatIsReplayedAfterARestart) {
  build(true);
  settle();
  const ChangePriority message = change(ChangeKind::transfer, transfer);
  say(message, g2_address);
  world.run(seconds{70});
  ChangePriority later = change(ChangeKind::transfer, transfer);
  later.records[0].eid = eid_prefix("2001:db8:e1d::8/128");
  say(later, g2_address);
  world.run(seconds{2});
  world.restart("g1", true);
  world.arrive("g1", vm);
  world.run(seconds{20});
  world["g1"].wall_ahead = Duration{};
  say(message, g2_address);
  EXPECT_EQ(dropped(XtrDrop::change_replayed), 1u);
  EXPECT_EQ(state("g1"), State::here);
}

TEST_F(XtrSecurityTest, TransferToSomebodyElsesRlocs) {
  build(true);
  settle();
  MappingRecord foreign = transfer;
  foreign.rlocs = {rloc("2001:db8:bad::1")};
  say(change(ChangeKind::transfer, foreign), g2_address);
  EXPECT_EQ(dropped(XtrDrop::change_foreign_rloc), 1u);
  MappingRecord gone = transfer;
  gone.ttl = 0;
  say(change(ChangeKind::transfer, gone), g2_address);
  EXPECT_EQ(dropped(XtrDrop::change_foreign_rloc), 2u);
  EXPECT_EQ(state("g1"), State::here);
}

TEST_F(XtrSecurityTest, TransferOutOfTheSendersScope) {
  build(true);
  XtrSettings narrow = world["g1"].xtr->settings();
  narrow.peers[0].scope = {eid_prefix("2001:db8:e1d::8/128")};
  world.add("g1", std::move(narrow));
  settle();
  say(change(ChangeKind::transfer, transfer), g2_address);
  EXPECT_EQ(dropped(XtrDrop::change_out_of_scope), 1u);
  EXPECT_EQ(state("g1"), State::here);
}

TEST_F(XtrSecurityTest, TransferOlderThanTheArrival) {
  build(true);
  world.run(seconds{1});
  const ChangePriority old = change(ChangeKind::transfer, transfer);
  world.run(milliseconds{1});
  settle();
  say(old, g2_address);
  EXPECT_EQ(dropped(XtrDrop::change_outdated), 1u);
  EXPECT_EQ(state("g1"), State::here);
  EXPECT_EQ(acknowledgements(), 0u);
}

TEST_F(XtrSecurityTest, OwnMessagesThatComeBackAndAcknowledgementsOfNothing) {
  build(true);
  settle();
  say(change(ChangeKind::transfer, transfer, 1), g2_address);
  EXPECT_EQ(dropped(XtrDrop::change_own), 1u);
  ChangePriority ack = change(ChangeKind::transfer, transfer);
  ack.is_ack = true;
  ack.wants_ack = false;
  say(ack, g2_address);
  EXPECT_EQ(dropped(XtrDrop::unasked_acknowledgement), 1u);
  EXPECT_EQ(acknowledgements(), 0u) << "nobody acknowledges an acknowledgement";
  EXPECT_EQ(state("g1"), State::here);
}

TEST_F(XtrSecurityTest, UpdateFromTheWrongSide) {
  build(true);
  settle();
  MappingRecord update = transfer;
  say(change(ChangeKind::update, update, 2), g2_address, client_address);
  EXPECT_EQ(world["c"].xtr->drops(ItrDrop::update_sender), 1u);
  EXPECT_EQ(way(), g1_address);
}

TEST_F(XtrSecurityTest, FloodOfChangesIsCut) {
  build(true);
  settle();
  const ByteVector junk =
      encode_change_priority(change(ChangeKind::transfer, transfer), key_of(secret("wrong", 7)), world.hmac);
  for (int i = 0; i < 5000; ++i) world.inject(ip("2001:db8:bad::1"), ip(g1_address), junk);
  world.run(seconds{1});
  EXPECT_GE(dropped(XtrDrop::change_limit), 3800u);
  say(change(ChangeKind::transfer, transfer), g2_address);
  EXPECT_EQ(state("g1"), State::away) << "its peers are heard all the same";
}

// Section 7.5 of the specification: what is of type 5.
TEST_F(XtrSecurityTest, RawChangePriorityOnlyFromPeersThatAreConfiguredSo) {
  build(true);
  XtrSettings settings = world["g1"].xtr->settings();
  settings.peers[0].raw = RawChangePriority::thesis;
  settings.peers[0].secrets.push_back(secret("raw", 0, 1));
  world.add("g1", std::move(settings));
  settle();
  ChangePriority message;
  message.kind = ChangeKind::transfer;
  message.nonce = 1;
  message.key = {0, 1};
  message.records = {transfer};
  const ByteVector octets = encode_thesis_change_priority(message, key_of(secret("raw", 0, 1)), world.hmac);
  world.inject(ip("2001:db8:bad::1"), ip(g1_address), octets);
  world.run(milliseconds{5});
  EXPECT_EQ(state("g1"), State::here);
  EXPECT_EQ(dropped(XtrDrop::no_map_server), 1u) << "a Map-Notify-Ack, from everybody else";
  world.inject(ip(g2_address), ip(g1_address), octets);
  world.run(milliseconds{5});
  EXPECT_EQ(state("g1"), State::away);
}

}  // namespace
}  // namespace ilnp::lisp
