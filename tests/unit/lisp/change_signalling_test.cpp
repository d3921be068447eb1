// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/change_signalling.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

const EidPrefix vm{0, *parse_ip_prefix("2001:db8:e1d::7/128")}, other{0, *parse_ip_prefix("2001:db8:e1d::8/128")};
const EidPrefix branch{0, *parse_ip_prefix("2001:db8:c1e::/48")};
const IpAddress own = *parse_ip_address("2001:db8:a2::1");
IpAddress rloc(std::uint32_t n) { return IpAddress::v4(0xc633'6400 + n); }

MappingRecord record_of(const EidPrefix& eid) {
  MappingRecord record;
  record.ttl = 5;
  record.eid = eid;
  record.rlocs.push_back({.address = own});
  return record;
}

class ChangeSignallingTest : public ::testing::Test {
 protected:
  ChangeSignallingTest() { signalling.set_own_rlocs({own}); }

  SignallingActions go_on(Duration by) {
    SignallingActions out;
    const TimePoint end = now + by;
    for (;;) {
      const TimePoint next = std::min(signalling.next_deadline(), sender.next_deadline());
      if (next > end) break;
      now = std::max(now, next);
      std::vector<ChangeSend> given_up;
      const std::size_t before = out.smrs.size();
      sender.on_time(now, 1, changes, given_up);
      signalling.on_given_up(now, given_up);
      signalling.on_time(now, out);
      for (std::size_t i = before; i < out.smrs.size(); ++i) smr_times.push_back((now - begin) / milliseconds{1});
    }
    now = end;
    return out;
  }

  test::FakeRandom random{1};
  ClientLog log{ClientLogTuning{}, 1};
  ChangeSender sender{ChangeSenderTuning{}, {}, 0};
  ChangeSignalling signalling{SignallingTuning{}, log, sender, SmrTuning{}, random};
  const TimePoint begin{seconds{100}};
  TimePoint now = begin;
  std::vector<ChangeSend> changes;
  std::vector<long> smr_times;
};

TEST_F(ChangeSignallingTest, EachIsToldInItsOwnWay) {
  log.on_request(now, vm, rloc(1), branch, Capability::smr);
  log.on_request(now, vm, rloc(2), branch, Capability::change_priority);
  log.on_request(now, vm, rloc(3), branch, Capability::pubsub);
  log.on_request(now, vm, rloc(4), branch, Capability::raw_change_priority);
  log.on_data(now, vm, rloc(5));
  signalling.announce(now, record_of(vm), {1, 2});
  const SignallingActions actions = go_on(milliseconds{350});
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].to, rloc(2));
  EXPECT_EQ(changes[0].message.kind, ChangePriority::Kind::update);
  EXPECT_EQ(changes[0].message.records, std::vector{record_of(vm)});
  EXPECT_EQ(changes[0].message.key, (KeyName{1, 2}));
  ASSERT_EQ(actions.raw_changes.size(), 1u);
  EXPECT_EQ(actions.raw_changes[0].to, rloc(4));
  std::vector<IpAddress> solicited;
  for (const SmrSend& smr : actions.smrs) solicited.push_back(smr.to);
  EXPECT_EQ(solicited, (std::vector{rloc(1), rloc(4), rloc(5)}));
}

TEST_F(ChangeSignallingTest, WhoHasItNowIsNotTold) {
  log.on_request(now, vm, rloc(1), branch, Capability::smr);
  MappingRecord record = record_of(vm);
  record.rlocs = {{.address = rloc(1)}};
  signalling.announce(now, record, {1, 2});
  EXPECT_TRUE(go_on(seconds{10}).smrs.empty());
}

TEST_F(ChangeSignallingTest, SolicitationAsClientsExpectIt) {
  log.on_request(now, vm, rloc(1), branch, Capability::smr);
  log.on_data(now, vm, rloc(2));
  signalling.announce(now, record_of(vm), {});
  const SignallingActions actions = go_on(milliseconds{350});
  ASSERT_EQ(actions.smrs.size(), 2u);
  const MapRequest& message = actions.smrs[0].message;
  EXPECT_TRUE(message.is_smr);
  EXPECT_TRUE(message.wants_no_reply);
  EXPECT_FALSE(message.is_smr_invoked);
  EXPECT_EQ(message.source, (Eid{0, vm.prefix.address}));
  EXPECT_EQ(message.itr_rlocs, std::vector{own});
  EXPECT_EQ(message.records, std::vector{MapRequest::Record{branch}}) << "what the client takes for its own";
  EXPECT_EQ(actions.smrs[1].message.records, std::vector{MapRequest::Record{vm}}) << "its prefix is not known";
  EXPECT_NE(message.nonce, actions.smrs[1].message.nonce);
}

TEST_F(ChangeSignallingTest, SolicitationWaitsForTheMapServerButNotForLong) {
  log.on_data(now, vm, rloc(1));
  signalling.announce(now, record_of(vm), {});
  go_on(seconds{20});
  EXPECT_EQ(smr_times, (std::vector<long>{300, 3300, 6300}));
}

TEST_F(ChangeSignallingTest, SolicitationLeavesWhenTheMapServerKnows) {
  log.on_data(now, vm, rloc(1));
  log.on_data(now, other, rloc(2));
  signalling.announce(now, record_of(vm), {});
  signalling.announce(now, record_of(other), {});
  go_on(milliseconds{40});
  signalling.confirmed(now, vm);
  const SignallingActions actions = go_on(milliseconds{100});
  ASSERT_EQ(actions.smrs.size(), 1u);
  EXPECT_EQ(actions.smrs[0].to, rloc(1));
  EXPECT_EQ(smr_times, std::vector<long>{40});
  signalling.confirmed(now, vm);
  go_on(milliseconds{100});
  EXPECT_EQ(smr_times.size(), 1u) << "what was sent is not sent again by that";
}

TEST_F(ChangeSignallingTest, WhoHasLearntHearsNoMore) {
  log.on_data(now, vm, rloc(1));
  log.on_data(now, vm, rloc(2));
  signalling.announce(now, record_of(vm), {});
  go_on(seconds{1});
  signalling.heard(vm, rloc(1));
  const SignallingActions actions = go_on(seconds{20});
  EXPECT_EQ(actions.smrs.size(), 2u);
  for (const SmrSend& smr : actions.smrs) EXPECT_EQ(smr.to, rloc(2));
}

TEST_F(ChangeSignallingTest, OneRouterHearsOnceInThreeSecondsWhateverChanges) {
  for (const EidPrefix& eid : {vm, other}) {
    log.on_data(now, eid, rloc(1));
    signalling.announce(now, record_of(eid), {});
  }
  go_on(seconds{60});
  ASSERT_EQ(smr_times.size(), 6u);
  for (std::size_t i = 1; i < smr_times.size(); ++i) EXPECT_EQ(smr_times[i] - smr_times[i - 1], 3000);
}

TEST_F(ChangeSignallingTest, WhoDoesNotAcknowledgeIsSolicitedForTenMinutes) {
  log.on_request(now, vm, rloc(1), branch, Capability::change_priority);
  signalling.announce(now, record_of(vm), {});
  const SignallingActions actions = go_on(seconds{60});
  EXPECT_EQ(changes.size(), 5u);
  ASSERT_EQ(actions.smrs.size(), 3u);
  EXPECT_EQ(actions.smrs[0].message.records, std::vector{MapRequest::Record{branch}});
  EXPECT_EQ(smr_times[0], 31'000);

  changes.clear();
  signalling.announce(now, record_of(vm), {});
  EXPECT_EQ(go_on(seconds{1}).smrs.size(), 1u);
  EXPECT_TRUE(changes.empty());
  go_on(seconds{600});
  signalling.announce(now, record_of(vm), {});
  go_on(milliseconds{1});
  EXPECT_EQ(changes.size(), 1u) << "it may understand it by now";
}

TEST_F(ChangeSignallingTest, GivenUpTransferIsNotTheClientsMatter) {
  ChangePriority transfer;
  transfer.kind = ChangePriority::Kind::transfer;
  transfer.records = {record_of(vm)};
  signalling.on_given_up(now, {{rloc(1), transfer}});
  EXPECT_EQ(signalling.next_deadline(), never);
}

TEST_F(ChangeSignallingTest, SubscriberThatIsLateIsSolicited) {
  signalling.remind(now, record_of(vm), {1, 2}, {.rloc = rloc(3), .prefix = branch, .capability = Capability::pubsub});
  const SignallingActions actions = go_on(seconds{1});
  ASSERT_EQ(actions.smrs.size(), 1u);
  EXPECT_EQ(actions.smrs[0].to, rloc(3));
}

}  // namespace
