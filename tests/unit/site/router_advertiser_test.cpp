// SPDX-License-Identifier: Apache-2.0
#include "core/site/router_advertiser.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/fakes.h"

namespace ilnp {
namespace {

class AdvertiserTest : public ::testing::Test {
 protected:
  /// When advertisements were sent, in steps of a millisecond.
  std::vector<Duration> run(Duration length) {
    std::vector<Duration> sent;
    for (const TimePoint begin = now; now < begin + length; now += milliseconds{1})
      if (advertiser.on_time(now)) sent.push_back(now - begin);
    return sent;
  }

  test::FakeRandom random{1};
  RouterAdvertiser advertiser{{}, random};
  TimePoint now{seconds{1000}};
};

TEST_F(AdvertiserTest, ThreeSoonAndThenNowAndThen) {
  EXPECT_TRUE(run(seconds{100}).empty()) << "the link is down";
  advertiser.on_link(now, true);
  const auto sent = run(seconds{600});
  ASSERT_GT(sent.size(), 20u);
  EXPECT_EQ(sent[0], Duration{});
  EXPECT_EQ(sent[1], seconds{1});
  EXPECT_EQ(sent[2], seconds{2});
  for (std::size_t i = 3; i < sent.size(); ++i) {
    EXPECT_GE(sent[i] - sent[i - 1], seconds{10});
    EXPECT_LE(sent[i] - sent[i - 1], seconds{30} + milliseconds{1});
  }
  advertiser.on_link(now, false);
  EXPECT_EQ(advertiser.next_deadline(), never);
}

TEST_F(AdvertiserTest, SolicitationsAreAnsweredWithinHalfASecondHoweverMany) {
  advertiser.on_link(now, true);
  run(seconds{5});
  for (int i = 0; i < 20; ++i) advertiser.on_solicitation(now);
  const auto sent = run(seconds{2});
  ASSERT_EQ(sent.size(), 1u) << "one answer for all";
  EXPECT_LE(sent[0], milliseconds{501});
}

TEST_F(AdvertiserTest, AnArrivalIsAdvertisedAtOnceButNotWithoutBounds) {
  advertiser.on_link(now, true);
  run(seconds{5});
  std::size_t sent = 0;
  advertiser.announce(now);
  EXPECT_EQ(advertiser.next_deadline(), now);
  for (int i = 0; i < 1000; ++i) {
    advertiser.announce(now);
    sent += run(milliseconds{1}).size();
  }
  EXPECT_GE(sent, 30u);
  EXPECT_LE(sent, 35u) << "30 ms between them";
}

TEST_F(AdvertiserTest, ALinkThatIsDownSaysNothing) {
  advertiser.on_solicitation(now);
  advertiser.announce(now);
  EXPECT_TRUE(run(seconds{1}).empty());
}

}  // namespace
}  // namespace ilnp
