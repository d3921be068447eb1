// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/registration_client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <set>
#include <vector>

#include "tests/support/fakes.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

using Kind = RegistrationEvent::Kind;

constexpr KeyName first_key{1, 2}, second_key{2, 2};

MappingRecord record_for(std::uint32_t eid, const char* rloc = "2001:db8:a1::1") {
  MappingRecord record;
  record.ttl = 5;
  record.eid = {0, IpPrefix::host(IpAddress::v4(0x0a08'0000 + eid))};
  record.is_authoritative = true;
  record.rlocs.push_back({.address = *parse_ip_address(rloc), .is_local = true});
  return record;
}

class RegistrationTest : public ::testing::Test {
 protected:
  /// Time goes on in steps; every message is noted, and answered when `answers` says so.
  void run(Duration length) {
    const TimePoint end = now + length;
    for (;;) {
      const TimePoint next = std::max(now, client.next_deadline());
      if (next > end) break;
      now = next;
      RegistrationActions actions;
      client.on_time(now, wall(), actions);
      for (const auto& event : actions.events) events.push_back(event);
      for (const auto& send : actions.sends) {
        sent.push_back({now, send});
        if (!answers(send) || !send.message.wants_notify) continue;
        RegistrationActions after;
        EXPECT_TRUE(client.on_notify(now, send.server, send.message.nonce, after));
        for (const auto& event : after.events) events.push_back(event);
      }
    }
    now = end;
  }
  std::uint64_t wall() const {
    return clock + static_cast<std::uint64_t>(std::chrono::duration_cast<microseconds>(now.time_since_epoch()).count());
  }
  std::size_t count(Kind kind) const {
    return static_cast<std::size_t>(
        std::count_if(events.begin(), events.end(), [&](const auto& event) { return event.kind == kind; }));
  }
  std::vector<long> times() const {
    std::vector<long> out;
    for (const auto& [when, send] : sent)
      out.push_back(std::chrono::duration_cast<milliseconds>(when.time_since_epoch()).count() - 100'000);
    return out;
  }

  struct Sent {
    TimePoint when;
    RegistrationActions::Send send;
  };
  test::FakeRandom random{7};
  RegistrationClient client{RegistrationTuning{}, XtrIdentity{}, 0, random};
  TimePoint now{seconds{100}};
  std::uint64_t clock = 1'700'000'000'000'000;
  std::function<bool(const RegistrationActions::Send&)> answers = [](const auto&) { return true; };
  std::vector<Sent> sent;
  std::vector<RegistrationEvent> events;
};

TEST_F(RegistrationTest, QuickAtFirstThenEveryMinute) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  client.set(now, record_for(7));
  run(seconds{41});
  EXPECT_EQ(times(), (std::vector<long>{0, 20'000, 40'000}));
  for (const auto& [when, send] : sent) EXPECT_TRUE(send.message.wants_notify);
  EXPECT_EQ(count(Kind::registered), 1u) << "told once";
  EXPECT_TRUE(client.is_registered(record_for(7).eid, 0));
  sent.clear();
  run(seconds{900});
  ASSERT_GE(sent.size(), 13u);
  std::size_t wanted = 0;
  for (std::size_t i = 1; i < sent.size(); ++i) {
    const Duration apart = sent[i].when - sent[i - 1].when;
    EXPECT_GE(apart, seconds{54});
    EXPECT_LE(apart, seconds{66});
    wanted += sent[i].send.message.wants_notify ? 1 : 0;
  }
  EXPECT_GE(wanted, 2u);
  EXPECT_LE(wanted, 3u) << "every five minutes";
}

TEST_F(RegistrationTest, UnansweredIsRepeatedLaterAndLaterAndAnewAfterTheSecondCopy) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  answers = [](const auto&) { return false; };
  client.set(now, record_for(7));
  run(milliseconds{19'999});
  EXPECT_EQ(times(), (std::vector<long>{0, 1000, 3000, 7000, 15'000}));
  ASSERT_EQ(sent.size(), 5u);
  EXPECT_TRUE(sent[1].send.again);
  EXPECT_EQ(sent[1].send.message, sent[0].send.message);
  for (std::size_t i = 2; i < sent.size(); ++i) {
    EXPECT_FALSE(sent[i].send.again);
    EXPECT_GT(sent[i].send.message.nonce, sent[i - 1].send.message.nonce);
    EXPECT_EQ(sent[i].send.message.records, sent[0].send.message.records);
  }
  EXPECT_FALSE(client.is_registered(record_for(7).eid, 0));
  run(seconds{600});
  for (std::size_t i = 7; i < sent.size(); ++i) EXPECT_EQ(sent[i].when - sent[i - 1].when, seconds{60}) << i;
}

TEST_F(RegistrationTest, ServerThatLosesHalfOfEverythingHearsOfAChangeSoon) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  test::FakeRandom loss{3};
  std::uint64_t highest = 0;
  TimePoint heard{};
  answers = [&](const auto& send) {
    if (loss.one_in(2) || send.message.nonce <= highest) return false;  // lost, or refused as a replay
    highest = send.message.nonce;
    heard = std::min(heard, now);
    return !loss.one_in(2);
  };
  constexpr int changes = 1000;
  std::vector<Duration> delays;
  for (int i = 0; i < changes; ++i) {
    heard = never;
    const TimePoint changed = now;
    client.set(now, record_for(7, i % 2 == 0 ? "2001:db8:a1::1" : "2001:db8:a2::1"));
    run(seconds{200});
    delays.push_back(heard - changed);
  }
  std::sort(delays.begin(), delays.end());
  EXPECT_EQ(delays[changes * 40 / 100], Duration{0});
  EXPECT_LE(delays[changes * 70 / 100], seconds{1});
  EXPECT_LE(delays[changes * 84 / 100], seconds{3}) << "seven of eight by the third message";
}

TEST_F(RegistrationTest, LastChangeWinsAndMessagesKeepTheirDistance) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  client.set(now, record_for(7));
  run(milliseconds{1});
  for (int i = 0; i < 10; ++i) {
    client.set(now, record_for(7, i % 2 == 0 ? "2001:db8:a2::1" : "2001:db8:a3::1"));
    run(milliseconds{10});
  }
  run(seconds{1});
  EXPECT_EQ(times(), (std::vector<long>{0, 200}));
  EXPECT_EQ(sent[1].send.message.records, std::vector{record_for(7, "2001:db8:a3::1")});
}

TEST_F(RegistrationTest, AnswerToWhatWasSaidBeforeDoesNotCount) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  answers = [](const auto&) { return false; };
  client.set(now, record_for(7));
  run(milliseconds{300});
  client.set(now, record_for(7, "2001:db8:a2::1"));
  run(milliseconds{1});
  ASSERT_EQ(sent.size(), 2u);
  RegistrationActions actions;
  client.on_notify(now, 0, sent[0].send.message.nonce, actions);
  EXPECT_FALSE(client.is_registered(record_for(7).eid, 0));
  EXPECT_TRUE(client.on_notify(now, 0, sent[1].send.message.nonce, actions));
  EXPECT_TRUE(client.is_registered(record_for(7).eid, 0));
}

TEST_F(RegistrationTest, NotifyOfNobodyAndOfAnotherServerIsRefused) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  client.add_server({*parse_ip_address("192.0.2.54"), {first_key}});
  answers = [](const auto&) { return false; };
  client.set(now, record_for(7));
  run(milliseconds{1});
  ASSERT_EQ(sent.size(), 2u);
  RegistrationActions actions;
  EXPECT_FALSE(client.on_notify(now, 0, 1, actions));
  EXPECT_FALSE(client.on_notify(now, 1, sent[0].send.message.nonce, actions));
  EXPECT_TRUE(client.on_notify(now, 0, sent[0].send.message.nonce, actions));
  EXPECT_FALSE(client.on_notify(now, 0, sent[0].send.message.nonce, actions)) << "once";
  EXPECT_TRUE(client.is_registered(record_for(7).eid, 0));
  EXPECT_FALSE(client.is_registered(record_for(7).eid, 1));
}

TEST_F(RegistrationTest, WithdrawalIsInTheRobustFormAndEndsWhenNotified) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  client.set(now, record_for(7));
  run(seconds{1});
  sent.clear();
  client.drop(now, record_for(7).eid, false);
  run(seconds{1});
  ASSERT_EQ(sent.size(), 1u);
  const MappingRecord& record = sent[0].send.message.records.at(0);
  EXPECT_EQ(record.ttl, 0u);
  EXPECT_EQ(record.rlocs.at(0).priority, never_use);
  EXPECT_FALSE(record.rlocs.at(0).is_reachable);
  EXPECT_EQ(count(Kind::withdrawn), 1u);
  run(seconds{600});
  EXPECT_EQ(sent.size(), 1u);
  EXPECT_EQ(client.next_deadline(), never);
}

TEST_F(RegistrationTest, WithdrawalIsGivenUpWhenNobodyAnswers) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  client.set(now, record_for(7));
  run(seconds{1});
  answers = [](const auto&) { return false; };
  sent.clear();
  client.drop(now, record_for(7).eid, false);
  run(seconds{600});
  EXPECT_EQ(sent.size(), 5u);
  EXPECT_EQ(client.next_deadline(), never);
  EXPECT_EQ(client.outstanding(), 0u);
}

TEST_F(RegistrationTest, NewOwnerIsNotTalkedOver) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  client.set(now, record_for(7));
  run(seconds{1});
  sent.clear();
  client.drop(now, record_for(7).eid, true);
  run(seconds{600});
  EXPECT_TRUE(sent.empty());
}

TEST_F(RegistrationTest, ComesBackInTheMiddleOfAWithdrawal) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  client.set(now, record_for(7));
  run(seconds{1});
  answers = [](const auto&) { return false; };
  client.drop(now, record_for(7).eid, false);
  run(seconds{1});
  sent.clear();
  answers = [](const auto&) { return true; };
  client.set(now, record_for(7));
  run(seconds{10});
  ASSERT_EQ(sent.size(), 1u) << "the withdrawal is not repeated after it";
  EXPECT_EQ(sent[0].send.message.records, std::vector{record_for(7)});
  EXPECT_TRUE(client.is_registered(record_for(7).eid, 0));
}

TEST_F(RegistrationTest, LostIsToldOnceAndSoIsTheReturn) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  client.set(now, record_for(7));
  run(seconds{41});
  answers = [](const auto&) { return false; };
  run(seconds{900});
  EXPECT_EQ(count(Kind::lost), 1u);
  EXPECT_FALSE(client.is_registered(record_for(7).eid, 0));
  answers = [](const auto&) { return true; };
  run(seconds{90});
  EXPECT_EQ(count(Kind::registered), 2u);
  EXPECT_TRUE(client.is_registered(record_for(7).eid, 0));
}

TEST_F(RegistrationTest, OtherKeyIsTriedWhenNobodyAnswersToTheFirst) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key, second_key}});
  answers = [](const auto& send) { return send.message.key == second_key; };
  client.set(now, record_for(7));
  run(seconds{60});
  EXPECT_EQ(count(Kind::other_key), 1u);
  EXPECT_TRUE(client.is_registered(record_for(7).eid, 0));
  EXPECT_EQ(sent.back().send.message.key, second_key);
}

TEST_F(RegistrationTest, ManyAreBundledWithinTheLimits) {
  client.add_server({*parse_ip_address("192.0.2.53"), {first_key}});
  constexpr std::uint32_t eids = 10'000;
  for (std::uint32_t i = 0; i < eids; ++i) client.set(now, record_for(i));
  run(milliseconds{1});
  std::set<EidPrefix> seen;
  for (const auto& [when, send] : sent) {
    EXPECT_LE(send.message.records.size(), 20u);
    std::size_t octets = 0;
    for (const MappingRecord& record : send.message.records) {
      octets += record_octets(record);
      seen.insert(record.eid);
    }
    EXPECT_LE(octets, 1200u);
  }
  EXPECT_EQ(seen.size(), eids);
  EXPECT_LE(sent.size(), eids / 20 + 1);
}

TEST(RecordOctets, AsOnTheWire) {
  MappingRecord record = record_for(7);
  EXPECT_EQ(record_octets(record), 16u + 24u);
  record.rlocs.push_back({.address = *parse_ip_address("192.0.2.1")});
  EXPECT_EQ(record_octets(record), 16u + 24u + 12u);
  record.eid.instance = 1;
  EXPECT_EQ(record_octets(record), 28u + 24u + 12u);
}

TEST(GrowingNonce, GrowsOverRestartsAndWhenTheClockGoesBack) {
  GrowingNonce nonces;
  const std::uint64_t a = nonces.next(1'000'000'000);
  EXPECT_EQ(a, 1'000'000'000u);
  EXPECT_EQ(nonces.next(500), a + 1);
  EXPECT_GT(nonces.reserved(), a);
  GrowingNonce after_a_crash{nonces.reserved()};
  EXPECT_GT(after_a_crash.next(500), nonces.next(500));
  const std::uint64_t reserved = nonces.reserved();
  nonces.next(500);
  EXPECT_EQ(nonces.reserved(), reserved) << "not a write for every message";
}

// A Map-Server has them in different sites.
TEST_F(RegistrationTest, HostsAndPrefixesAreNotInOneMessage) {
  client.add_server({*parse_ip_address("2001:db8::53"), {first_key}});
  MappingRecord prefix = record_for(0);
  prefix.eid.prefix.length = 24;
  client.set(now, record_for(1));
  client.set(now, prefix);
  client.set(now, record_for(2));
  run(Duration{});
  ASSERT_EQ(sent.size(), 2u);
  EXPECT_EQ(sent[0].send.message.records.size(), 1u);
  EXPECT_EQ(sent[0].send.message.records[0].eid, prefix.eid);
  EXPECT_EQ(sent[1].send.message.records.size(), 2u);
}

}  // namespace
