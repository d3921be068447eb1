// SPDX-License-Identifier: Apache-2.0
// The sender's and the receiver's side of Change-Priority.
#include <gtest/gtest.h>

#include <algorithm>

#include "core/lisp/change_receiver.h"
#include "core/lisp/change_sender.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

using Kind = ChangePriority::Kind;
using Verdict = ChangeReceiver::Verdict;

IpAddress peer(std::uint32_t n) { return IpAddress::v4(0xc633'6400 + n); }

MappingRecord record_of(std::uint32_t eid, std::uint32_t rloc = 1) {
  MappingRecord record;
  record.ttl = 5;
  record.eid = {0, IpPrefix::host(IpAddress::v4(0x0a08'0000 + eid))};
  record.rlocs.push_back({.address = peer(rloc)});
  return record;
}

ChangePriority update(std::uint32_t eid, std::uint32_t rloc = 1) {
  ChangePriority message;
  message.kind = Kind::update;
  message.records = {record_of(eid, rloc)};
  return message;
}

class ChangeSenderTest : public ::testing::Test {
 protected:
  std::vector<ChangeSend> go_on(Duration by) {
    std::vector<ChangeSend> out;
    const TimePoint end = now + by;
    while (sender.next_deadline() <= end) {
      now = std::max(now, sender.next_deadline());
      std::vector<ChangeSend> sends;
      sender.on_time(now, wall, sends, given_up);
      for (const ChangeSend& send : sends) {
        out.push_back(send);
        when.push_back(now);
      }
    }
    now = end;
    return out;
  }
  ChangePriority ack_of(ChangePriority message) {
    message.is_ack = true;
    message.wants_ack = false;
    return message;
  }

  ChangeSender sender{ChangeSenderTuning{}, XtrIdentity{{1}, 2}, 0};
  TimePoint now{seconds{100}};
  std::uint64_t wall = 1'700'000'000'000'000;
  std::vector<ChangeSend> given_up;
  std::vector<TimePoint> when;
};

TEST_F(ChangeSenderTest, RepeatsTheSameFiveTimesAndGivesUp) {
  const TimePoint begin = now;
  sender.send(now, peer(1), update(7));
  const auto sent = go_on(seconds{40});
  ASSERT_EQ(sent.size(), 5u);
  std::vector<long> seconds_after;
  for (const TimePoint t : when) seconds_after.push_back((t - begin) / seconds{1});
  EXPECT_EQ(seconds_after, (std::vector<long>{0, 1, 3, 7, 15}));
  for (const ChangeSend& one : sent) EXPECT_EQ(one.message, sent[0].message);
  EXPECT_TRUE(sent[0].message.wants_ack);
  EXPECT_EQ(sent[0].message.sender, (XtrIdentity{{1}, 2}));
  ASSERT_EQ(given_up.size(), 1u);
  EXPECT_EQ(given_up[0].to, peer(1));
  EXPECT_EQ(given_up[0].message.records, std::vector{record_of(7)});
  EXPECT_EQ(sender.next_deadline(), never);
}

TEST_F(ChangeSenderTest, AcknowledgementEndsItAndMeasuresTheWay) {
  sender.send(now, peer(1), update(7));
  const auto first = go_on(milliseconds{100});
  ASSERT_EQ(first.size(), 1u);
  EXPECT_EQ(sender.on_acknowledgement(now, peer(1), ack_of(first[0].message)), first[0].message);
  EXPECT_EQ(sender.on_acknowledgement(now, peer(1), ack_of(first[0].message)), std::nullopt);
  EXPECT_TRUE(go_on(seconds{60}).empty());
  EXPECT_TRUE(given_up.empty());
  when.clear();
  const TimePoint begin = now;
  sender.send(now, peer(1), update(8));
  go_on(seconds{1});
  ASSERT_GE(when.size(), 3u);
  EXPECT_EQ(when[1] - begin, milliseconds{200}) << "twice the round trip";
  EXPECT_EQ(when[2] - begin, milliseconds{600});
}

TEST_F(ChangeSenderTest, NearPeerIsNotAskedMoreOftenThanEveryFiftyMilliseconds) {
  sender.send(now, peer(1), update(7));
  const auto first = go_on(milliseconds{1});
  sender.on_acknowledgement(now, peer(1), ack_of(first[0].message));
  when.clear();
  const TimePoint begin = now;
  sender.send(now, peer(1), update(8));
  go_on(milliseconds{60});
  ASSERT_EQ(when.size(), 2u);
  EXPECT_EQ(when[1] - begin, milliseconds{50});
}

TEST_F(ChangeSenderTest, AcknowledgementOfSomethingElseDoesNotCount) {
  sender.send(now, peer(1), update(7));
  const ChangePriority message = go_on(milliseconds{1}).at(0).message;
  ChangePriority wrong = ack_of(message);
  ++wrong.nonce;
  EXPECT_FALSE(sender.on_acknowledgement(now, peer(1), wrong));
  EXPECT_FALSE(sender.on_acknowledgement(now, peer(2), ack_of(message)));
  wrong = ack_of(message);
  wrong.kind = Kind::transfer;
  EXPECT_FALSE(sender.on_acknowledgement(now, peer(1), wrong));
  EXPECT_EQ(sender.outstanding(), 1u);
}

TEST_F(ChangeSenderTest, NewerOneReplacesWhatIsOnItsWay) {
  sender.send(now, peer(1), update(7, 1));
  const auto first = go_on(milliseconds{100});
  sender.send(now, peer(1), update(7, 2));
  const auto second = go_on(milliseconds{100});
  ASSERT_EQ(second.size(), 1u);
  EXPECT_GT(second[0].message.nonce, first[0].message.nonce);
  EXPECT_EQ(second[0].message.records, std::vector{record_of(7, 2)});
  EXPECT_FALSE(sender.on_acknowledgement(now, peer(1), ack_of(first[0].message)));
  EXPECT_TRUE(sender.on_acknowledgement(now, peer(1), ack_of(second[0].message)));
}

TEST_F(ChangeSenderTest, TenThousandHearWithinASecondInOrderAndNotAllAtOnce) {
  for (std::uint32_t i = 0; i < 10'000; ++i) sender.send(now, peer(i), update(7));
  const TimePoint begin = now;
  std::vector<ChangeSend> sends, gone;
  sender.on_time(now, wall, sends, gone);
  EXPECT_LE(sends.size(), 600u);
  while (sends.size() < 10'000 && sender.next_deadline() < begin + seconds{1}) {
    now = sender.next_deadline();
    sender.on_time(now, wall, sends, gone);
  }
  ASSERT_EQ(sends.size(), 10'000u);
  EXPECT_LE(now - begin, seconds{1});
  for (std::uint32_t i = 0; i < 10'000; ++i) ASSERT_EQ(sends[i].to, peer(i));
}

TEST(ChangeReceiver, NewsOnceThenDuplicates) {
  ChangeReceiver receiver;
  ChangePriority message = update(7);
  message.nonce = 1'700'000'000'000'000;
  EXPECT_EQ(receiver.on_message(message), Verdict::fresh);
  EXPECT_EQ(receiver.on_message(message), Verdict::duplicate);
  --message.nonce;
  EXPECT_EQ(receiver.on_message(message), Verdict::replay);
  message.nonce += 2;
  EXPECT_EQ(receiver.on_message(message), Verdict::fresh);
}

TEST(ChangeReceiver, MessagesAboutDifferentEidsMayOvertakeEachOther) {
  ChangeReceiver receiver;
  ChangePriority late = update(7), early = update(8);
  late.nonce = 1'700'000'000'000'000;
  early.nonce = late.nonce - 1'000'000;
  EXPECT_EQ(receiver.on_message(late), Verdict::fresh);
  EXPECT_EQ(receiver.on_message(early), Verdict::fresh);
  ChangePriority old = update(9);
  old.nonce = late.nonce - 60'000'000;
  EXPECT_EQ(receiver.on_message(old), Verdict::replay) << "a minute old";
  ++old.nonce;
  EXPECT_EQ(receiver.on_message(old), Verdict::fresh);
}

TEST(ChangeReceiver, SendersAndKeysCountForThemselves) {
  ChangeReceiver receiver{100, 3};
  ChangePriority message = update(7);
  message.nonce = 1'700'000'000'000'000;
  EXPECT_EQ(receiver.on_message(message), Verdict::fresh);
  message.nonce = 5;
  message.key.key = 1;
  EXPECT_EQ(receiver.on_message(message), Verdict::fresh);
  message.sender.site = 4;
  EXPECT_EQ(receiver.on_message(message), Verdict::fresh);
  message.sender.site = 5;
  EXPECT_EQ(receiver.on_message(message), Verdict::stranger);
  message.sender.site = 4;
  ++message.nonce;
  EXPECT_EQ(receiver.on_message(message), Verdict::fresh) << "the known ones go on";
}

TEST(ChangeReceiver, RestartForgetsNoMoreThanAMinute) {
  ChangeReceiver before, after;
  ChangePriority message = update(7);
  message.nonce = 1'700'000'000'000'000;
  before.on_message(message);
  after.restore(before.highest());
  message.nonce -= 60'000'000;
  EXPECT_EQ(after.on_message(message), Verdict::replay);
}

TEST(ChangeReceiver, SeveralRecordsAreNewsWhenOneIs) {
  ChangeReceiver receiver;
  ChangePriority one = update(7);
  one.nonce = 1'700'000'000'000'000;
  receiver.on_message(one);
  one.records.push_back(record_of(8));
  EXPECT_EQ(receiver.on_message(one), Verdict::fresh);
  EXPECT_EQ(receiver.on_message(one), Verdict::duplicate);
  one.nonce -= 1;
  one.records = {record_of(9), record_of(8)};
  EXPECT_EQ(receiver.on_message(one), Verdict::replay) << "as a whole";
}

}  // namespace
