// SPDX-License-Identifier: Apache-2.0
// Every row of the sender's table: one update outstanding, the newest wins, 0.2 s doubling to 4 s until acknowledged.
#include "core/ilnp/lu_sender.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"

namespace ilnp {
namespace {

constexpr Locator a{0x20010db8000a0001}, b{0x20010db8000b0001};

class LuSenderTest : public ::testing::Test {
 protected:
  Tuning tuning;
  test::FakeRandom random{1};
  TimePoint now{seconds{100}};
  LuSender sender;

  static Advertisement set_of(Locator l, std::uint16_t lifetime = 600) {
    return std::make_shared<const std::vector<AdvertisedLocator>>(
        1, AdvertisedLocator{l, 10, std::chrono::duration<std::uint16_t>{lifetime}});
  }
  void advertise(const Advertisement& set, Duration jitter = {}, bool urgent = false) {
    sender.advertise(now, set, jitter, urgent, tuning);
  }
  std::optional<LocatorUpdate> due() { return sender.on_time(now, tuning, random); }
  static LocatorUpdate ack_of(LocatorUpdate update) {
    update.operation = LocatorUpdateOperation::acknowledgement;
    return update;
  }
};

TEST_F(LuSenderTest, IdleOneWaitsForNothing) {
  EXPECT_EQ(sender.next_deadline(), never);
  EXPECT_FALSE(due());
  EXPECT_FALSE(sender.unacknowledged());
  EXPECT_EQ(sender.refresh_at(), never);
}

TEST_F(LuSenderTest, ChangeIsSentAtOnceWhenThereIsNoFanOut) {
  advertise(set_of(a));
  EXPECT_EQ(sender.state(), LuSender::State::delay);
  EXPECT_TRUE(sender.unacknowledged());
  EXPECT_EQ(sender.next_deadline(), now);
  const auto body = due();
  ASSERT_TRUE(body);
  EXPECT_EQ(body->operation, LocatorUpdateOperation::advertisement);
  EXPECT_EQ(body->locators, *set_of(a));
  EXPECT_EQ(sender.state(), LuSender::State::wait);
  EXPECT_EQ(sender.first_transmitted(), now);
}

TEST_F(LuSenderTest, JitterDelaysTheFirst) {
  advertise(set_of(a), milliseconds{70});
  now += milliseconds{69};
  EXPECT_FALSE(due());
  now += milliseconds{1};
  EXPECT_TRUE(due());
}

TEST_F(LuSenderTest, RetransmissionsDoubleFrom200MillisecondsTo4SecondsAndNeverEnd) {
  advertise(set_of(a));
  const auto first = due();
  Duration expected = milliseconds{200};
  for (int n = 1; n < 40; ++n) {
    EXPECT_EQ(sender.transmissions(), n);
    const Duration pause = sender.next_deadline() - now;
    EXPECT_GE(pause, expected * 9 / 10) << n;
    EXPECT_LE(pause, expected * 11 / 10) << n;
    now = sender.next_deadline() - microseconds{1};
    EXPECT_FALSE(due());
    now += microseconds{1};
    const auto again = due();
    ASSERT_TRUE(again);
    EXPECT_EQ(again->locators.front().locator, first->locators.front().locator);
    // After two retransmissions the peer may have taken the body for a replay: another one of the same set.
    EXPECT_EQ(again->locators == first->locators, n < 3) << n;
    expected = std::min<Duration>(2 * expected, seconds{4});
  }
}

TEST_F(LuSenderTest, AcknowledgementWithTheSameBodyCommits) {
  advertise(set_of(a));
  const auto body = due();
  now += milliseconds{30};
  EXPECT_EQ(sender.on_acknowledgement(now, ack_of(*body)), LuSender::AckResult::committed);
  EXPECT_EQ(sender.state(), LuSender::State::idle);
  EXPECT_EQ(sender.next_deadline(), never);
  EXPECT_EQ(*sender.committed(), *set_of(a));
  EXPECT_EQ(sender.committed_at(), now);
  EXPECT_EQ(sender.on_acknowledgement(now, ack_of(*body)), LuSender::AckResult::unexpected) << "a second one";
}

TEST_F(LuSenderTest, AcknowledgementBeforeAnythingWasSentIsUnexpected) {
  EXPECT_EQ(sender.on_acknowledgement(now, {LocatorUpdateOperation::acknowledgement, *set_of(a)}),
            LuSender::AckResult::unexpected);
  advertise(set_of(a), milliseconds{50});
  EXPECT_EQ(sender.on_acknowledgement(now, {LocatorUpdateOperation::acknowledgement, *set_of(a)}),
            LuSender::AckResult::unexpected);
}

TEST_F(LuSenderTest, AcknowledgementOfAnotherBodyIsAnsweredWithAFreshOneAtOnce) {
  advertise(set_of(a));
  const auto body = due();
  now += milliseconds{30};
  EXPECT_EQ(sender.on_acknowledgement(now, {LocatorUpdateOperation::acknowledgement, *set_of(b)}),
            LuSender::AckResult::other_body);
  const auto again = due();
  ASSERT_TRUE(again);
  EXPECT_NE(again->locators, body->locators) << "a peer must not take it for a retransmission";
  EXPECT_EQ(again->locators[0].locator, a);
  EXPECT_EQ(again->locators[0].lifetime.count(), 599);
  EXPECT_EQ(sender.on_acknowledgement(now, ack_of(*again)), LuSender::AckResult::committed);
}

TEST_F(LuSenderTest, FreshBodiesAreAtMostTwoASecond) {
  advertise(set_of(a));
  due();
  int sent = 0;
  for (int i = 0; i < 100; ++i) {
    now += milliseconds{10};
    sender.on_acknowledgement(now, {LocatorUpdateOperation::acknowledgement, *set_of(b)});
    const auto body = due();
    if (body && body->locators[0].lifetime.count() != 600) ++sent;
  }
  EXPECT_LE(sent, 2 + 3) << "two fresh ones and the ordinary retransmissions";
  EXPECT_GE(sent, 2);
}

TEST_F(LuSenderTest, NewestChangeWinsAndStartsAnew) {
  advertise(set_of(a));
  const auto old = due();
  now += seconds{1};
  due();
  EXPECT_EQ(sender.transmissions(), 2);
  advertise(set_of(b));
  EXPECT_EQ(sender.transmissions(), 0);
  now = sender.next_deadline();
  const auto body = due();
  ASSERT_TRUE(body);
  EXPECT_EQ(body->locators, *set_of(b));
  EXPECT_EQ(sender.on_acknowledgement(now, ack_of(*old)), LuSender::AckResult::other_body);
}

TEST_F(LuSenderTest, ChangesComeNotFasterThanTheIntervalUnlessUrgent) {
  advertise(set_of(a));
  due();
  const TimePoint sent = now;
  now += milliseconds{10};
  advertise(set_of(b));
  EXPECT_EQ(sender.next_deadline(), sent + tuning.lu_min_interval);
  advertise(set_of(a), {}, true);
  EXPECT_EQ(sender.next_deadline(), sent + tuning.lu_urgent_interval);
  now += seconds{10};
  advertise(set_of(b));
  EXPECT_EQ(sender.next_deadline(), now);
}

TEST_F(LuSenderTest, PeerThatTurnsUpElsewhereIsToldAtOnceAndCountingStartsAnew) {
  advertise(set_of(a));
  for (int n = 0; n < 5; ++n) {
    now = sender.next_deadline();
    ASSERT_TRUE(due());
  }
  now += milliseconds{300};
  ASSERT_GT(sender.next_deadline(), now + seconds{1});
  sender.start_over(now, tuning);
  EXPECT_EQ(sender.next_deadline(), now);
  ASSERT_TRUE(due());
  EXPECT_EQ(sender.transmissions(), 1);
  EXPECT_LE(sender.next_deadline(), now + milliseconds{220});
}

TEST_F(LuSenderTest, StartingOverKeepsTheUrgentInterval) {
  advertise(set_of(a));
  ASSERT_TRUE(due());
  const TimePoint sent = now;
  now += milliseconds{1};
  sender.start_over(now, tuning);
  EXPECT_EQ(sender.next_deadline(), sent + tuning.lu_urgent_interval);
}

TEST_F(LuSenderTest, NothingStartsOverWhenAllIsAcknowledged) {
  advertise(set_of(a));
  ASSERT_EQ(sender.on_acknowledgement(now, ack_of(*due())), LuSender::AckResult::committed);
  sender.start_over(now, tuning);
  EXPECT_EQ(sender.next_deadline(), never);
}

TEST_F(LuSenderTest, RefreshComesAfterTwoThirdsOfTheShortestLifetime) {
  auto set = *set_of(a, 600);
  set.push_back({b, 20, std::chrono::duration<std::uint16_t>{300}});
  advertise(std::make_shared<const std::vector<AdvertisedLocator>>(set));
  const auto body = due();
  sender.on_acknowledgement(now, ack_of(*body));
  EXPECT_EQ(sender.refresh_at(), now + seconds{200});
  advertise(set_of(a, 600));
  EXPECT_EQ(sender.refresh_at(), never) << "while something is outstanding";
}

TEST_F(LuSenderTest, VeryShortLifetimesAreNotRefreshedInAHurry) {
  advertise(set_of(a, 2));
  const auto body = due();
  sender.on_acknowledgement(now, ack_of(*body));
  EXPECT_GE(sender.refresh_at(), now + seconds{10});
}

}  // namespace
}  // namespace ilnp
