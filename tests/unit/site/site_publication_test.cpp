// SPDX-License-Identifier: Apache-2.0
// One L64 set for a whole subnet, with patience.
#include "core/site/site_publication.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

constexpr LocatorPrefix site{{0xfd5a'17c0'9e21'0000}, 48};
constexpr Locator subnet{0xfd5a'17c0'9e21'0001};
constexpr Locator outside_1{0x2001'0db8'00a1'84e3}, outside_2{0x2001'0db8'00a2'84e2};

class SitePublicationTest : public ::testing::Test {
 protected:
  using Names = std::vector<std::pair<std::uint16_t, Locator>>;

  SitePublicationTest() {
    for (UplinkId id = 0; id < 2; ++id) {
      EXPECT_TRUE(map.add({site, {{0x2001'0db8'00a1'0000 + (std::uint64_t{id} << 16)}, 48}, id}).has_value());
      uplinks[id].configured = true;
      uplinks[id].preference = static_cast<std::uint16_t>(20 + 5 * id);
    }
  }
  void state(UplinkId id, UplinkState to) {
    uplinks[id].state = to;
    publication.names_changed(now, map, uplinks);
  }
  /// What was published in that time; empty: nothing.
  std::vector<Names> wait(Duration time) {
    std::vector<Names> all;
    const TimePoint end = now + time;
    while (publication.next_deadline() <= end) {
      now = std::max(now, publication.next_deadline());
      const auto set = publication.on_time(now);
      if (!set) continue;
      all.emplace_back();
      for (const AdvertisedLocator& l : *set) all.back().emplace_back(l.preference, l.locator);
    }
    now = end;
    return all;
  }

  SubnetMap map;
  Uplinks uplinks;
  TimePoint now{seconds{100}};
  SitePublicationTuning tuning;
  SitePublication publication{subnet, tuning};
};

TEST_F(SitePublicationTest, AllUsableUplinksWithTheirPreferences) {
  state(0, UplinkState::up);
  EXPECT_EQ(wait(milliseconds{200}), (std::vector<Names>{{{10, outside_1}}})) << "the first one at once";
  state(1, UplinkState::up);
  EXPECT_EQ(wait(seconds{10}), (std::vector<Names>{{{10, outside_1}, {15, outside_2}}}));
  EXPECT_EQ(publication.next_deadline(), never);
  state(0, UplinkState::down);
  EXPECT_TRUE(wait(tuning.settle - milliseconds{1}).empty());
  EXPECT_EQ(wait(seconds{1}), (std::vector<Names>{{{10, outside_2}}})) << "the best that there is";
}

TEST_F(SitePublicationTest, FlappingUplinkPublishesNothing) {
  state(0, UplinkState::up);
  state(1, UplinkState::up);
  ASSERT_EQ(wait(seconds{5}).size(), 1u);
  for (int i = 0; i < 600; ++i) {
    state(0, i % 2 == 0 ? UplinkState::down : UplinkState::up);
    EXPECT_TRUE(wait(milliseconds{100}).empty());
  }
}

TEST_F(SitePublicationTest, NothingStaysWrongForeverBecauseAnotherUplinkFlaps) {
  state(0, UplinkState::up);
  ASSERT_EQ(wait(seconds{5}).size(), 1u);
  ASSERT_TRUE(map.add({site, {{0x2001'0db8'00a3'0000}, 48}, 2}).has_value());
  uplinks[2] = uplinks[0];
  uplinks[2].preference = 90;
  state(1, UplinkState::up);
  std::size_t published = 0;
  for (int i = 0; i < 600; ++i) {
    state(2, i % 2 == 0 ? UplinkState::down : UplinkState::up);
    published += wait(milliseconds{100}).size();
  }
  EXPECT_GE(published, 1u);
  EXPECT_LE(published, 3u);
}

TEST_F(SitePublicationTest, NetworkThatMovedIsPublishedAtOnce) {
  state(0, UplinkState::up);
  ASSERT_EQ(wait(seconds{5}).size(), 1u);
  ASSERT_TRUE(map.replace(0, site, {{0x2001'0db8'00a4'0000}, 48}).has_value());
  publication.names_changed(now, map, uplinks);
  EXPECT_EQ(wait(tuning.at_once).size(), 1u);
  EXPECT_EQ(publication.published().size(), 1u);
  EXPECT_EQ(publication.published()[0].locator, map.to_outside(subnet, 0));
}

TEST_F(SitePublicationTest, NetworkThatMovesAllTheTimeIsPublishedAllTheSame) {
  state(0, UplinkState::up);
  ASSERT_EQ(wait(seconds{5}).size(), 1u);
  std::size_t published = 0;
  for (std::uint64_t i = 0; i < 25; ++i) {
    ASSERT_TRUE(map.replace(0, site, {{0x2001'0db8'00b0'0000 + (i << 16)}, 48}).has_value());
    publication.names_changed(now, map, uplinks);
    published += wait(milliseconds{100}).size();
  }
  EXPECT_EQ(published, 1u) << "within settle";
}

TEST_F(SitePublicationTest, WhatChangesNoNameDoesNotDelayAChange) {
  state(0, UplinkState::up);
  ASSERT_EQ(wait(seconds{5}).size(), 1u);
  state(1, UplinkState::up);
  for (Duration passed{}; passed < tuning.settle - milliseconds{100}; passed += milliseconds{100}) {
    EXPECT_TRUE(wait(milliseconds{100}).empty());
    publication.names_changed(now, map, uplinks);
  }
  EXPECT_EQ(wait(milliseconds{100}).size(), 1u);
}

TEST_F(SitePublicationTest, WithoutAnyUplinkTheOldSetStays) {
  state(0, UplinkState::up);
  ASSERT_EQ(wait(seconds{5}).size(), 1u);
  state(0, UplinkState::down);
  EXPECT_TRUE(wait(seconds{100}).empty());
  EXPECT_EQ(publication.published().size(), 1u);
}

}  // namespace
}  // namespace ilnp
