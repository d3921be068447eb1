// SPDX-License-Identifier: Apache-2.0
// The machine is moved and its link stays up.
#include <gtest/gtest.h>

#include "ilnp-host/src/locator_tracker.h"

namespace ilnp {
namespace {

constexpr Locator here{0x20010db800a10000}, there{0x20010db800a20000};
constexpr Address router{Locator{0xfe80000000000000}, NodeId{1}};
constexpr Address other_router{Locator{0xfe80000000000000}, NodeId{2}};

class LocatorTrackerMoveTest : public testing::Test {
 protected:
  LocatorTrackerMoveTest() {
    arrive(router, here);
    later(seconds{60});
  }
  void later(Duration passed) {
    now_ += passed;
    tracker_.on_time(now_);
    tracker_.take_changes();
  }
  void event(const NetworkEvent& e) { tracker_.on_event(now_, e); }
  void gateway(const Address& by, std::uint8_t protocol = 9) {
    DefaultRouteChanged route;
    route.ifindex = 2;
    route.gateway = by;
    route.protocol = protocol;
    event(route);
  }
  void advertised(Locator prefix) {
    PrefixAdvertised e;
    e.ifindex = 2;
    e.prefix = prefix_of(prefix);
    event(e);
    event(address(prefix));
  }
  static AddressChanged address(Locator locator) {
    AddressChanged e;
    e.ifindex = 2;
    e.address = {locator, NodeId{0x1234567890abcdef}};
    e.prefix_length = 64;
    e.valid_lifetime = e.preferred_lifetime = 3600;
    return e;
  }
  static PrefixInformation prefix_of(Locator prefix) {
    PrefixInformation p;
    p.prefix = {prefix, {}};
    p.length = 64;
    p.autonomous = true;
    p.valid_lifetime = p.preferred_lifetime = 3600;
    return p;
  }
  void arrive(const Address& by, Locator prefix) {
    link_says(false);
    gateway(by);
    advertised(prefix);
    tracker_.take_changes();
  }
  void link_says(bool notify_peers) {
    LinkChanged e;
    e.ifindex = 2;
    e.name = "net2";
    e.up = e.carrier = e.is_ethernet = true;
    e.mtu = 1500;
    e.notify_peers = notify_peers;
    event(e);
  }
  bool hear(const NeighbourMessage& message) { return tracker_.on_neighbour_message(now_, 2, message); }
  RouterAdvertisement advertisement(const Address& by, Locator prefix) {
    RouterAdvertisement ra;
    ra.router = by;
    ra.router_lifetime = 1800;
    ra.prefixes = {prefix_of(prefix)};
    return ra;
  }

  std::vector<Locator> usable() {
    last_ = tracker_.take_changes();
    std::vector<Locator> out;
    for (const auto& u : tracker_.usable()) out.push_back(u.locator.locator);
    return out;
  }

  TimePoint now_{seconds{1000}};
  LocatorTracker tracker_{{}, "ilnp0"};
  LocatorTracker::Changes last_;
};

TEST_F(LocatorTrackerMoveTest, NoticeAsksRoutersAndTakesNothing) {
  link_says(true);
  EXPECT_EQ(usable(), std::vector{here});
  EXPECT_TRUE(last_.moved && last_.solicit.contains(2));
  EXPECT_EQ(last_.probe, (std::vector{std::pair{2u, router}}));
  EXPECT_LT(tracker_.next_deadline(), now_ + seconds{1});
  for (int i = 0; i < 20; ++i) later(seconds{1});
  EXPECT_EQ(usable(), std::vector{here});
  EXPECT_EQ(tracker_.next_deadline(), never);
}

TEST_F(LocatorTrackerMoveTest, OldLocatorGoesInTheMomentInWhichTheNewOneComes) {
  link_says(true);
  hear(advertisement(other_router, there));
  EXPECT_EQ(usable(), std::vector{here}) << "the kernel has nothing yet";
  gateway(other_router);
  EXPECT_EQ(usable(), std::vector{here});
  advertised(there);
  EXPECT_EQ(usable(), std::vector{there});
  EXPECT_EQ(last_.down, (std::vector{std::pair{here, 2u}}));
  EXPECT_EQ(tracker_.usable()[0].gateway, other_router);
}

TEST_F(LocatorTrackerMoveTest, RouterThatStayedBehindLosesItsRoute) {
  link_says(true);
  gateway(other_router);
  advertised(there);
  EXPECT_EQ(usable(), std::vector{there});
  EXPECT_TRUE(last_.dead_gateways.empty()) << "it may answer";
  now_ += MoveCheck::verdict;
  tracker_.on_time(now_);
  usable();
  EXPECT_EQ(last_.dead_gateways, (std::vector{std::pair{2u, router}}));
}

TEST_F(LocatorTrackerMoveTest, RouterThatAnswersKeepsItsRouteAndItsPrefix) {
  link_says(true);
  NeighbourAdvertisement answer;
  answer.source = answer.target = router;
  hear(answer);
  gateway(other_router);
  advertised(there);
  EXPECT_EQ(usable(), (std::vector{here, there}));
  later(MoveCheck::verdict);
  EXPECT_TRUE(last_.dead_gateways.empty());
}

TEST_F(LocatorTrackerMoveTest, OtherMachineWithTheRoutersAddressIsNoAnswer) {
  NeighbourChanged neighbour;
  neighbour.ifindex = 2;
  neighbour.address = router;
  neighbour.state = NeighbourState::reachable;
  neighbour.mac = MacAddress{{2, 0, 0, 0, 0, 1}};
  event(neighbour);
  link_says(true);
  NeighbourAdvertisement answer;
  answer.source = answer.target = router;
  answer.link_layer = MacAddress{{2, 0, 0, 0, 0, 2}};
  hear(answer);
  gateway(other_router);
  advertised(there);
  EXPECT_EQ(usable(), std::vector{there});
}

TEST_F(LocatorTrackerMoveTest, PlaceLeftBeforeComesBackOnlyWithTheKernelsWord) {
  link_says(true);
  hear(advertisement(router, there));
  advertised(there);
  EXPECT_EQ(usable(), std::vector{there});
  later(seconds{60});
  link_says(true);
  hear(advertisement(router, here));
  EXPECT_EQ(usable(), std::vector{there}) << "its address is there, and its router is not known yet";
  advertised(here);
  EXPECT_EQ(usable(), std::vector{here});
}

TEST_F(LocatorTrackerMoveTest, HypervisorsNoticeAsksRouters) {
  HostNotice notice;
  notice.locators = {there};
  EXPECT_TRUE(tracker_.on_notice(now_, notice));
  EXPECT_EQ(usable(), std::vector{here});
  EXPECT_TRUE(last_.moved && last_.solicit.contains(2));
  hear(advertisement(router, there));
  advertised(there);
  EXPECT_EQ(usable(), std::vector{there});
}

TEST_F(LocatorTrackerMoveTest, NoticeAboutAnotherInterfaceAsksNobody) {
  HostNotice notice;
  notice.mac = MacAddress{{2, 0, 0, 0, 0, 9}};
  EXPECT_FALSE(tracker_.on_notice(now_, notice));
  usable();
  EXPECT_TRUE(!last_.moved && last_.solicit.empty());
}

TEST_F(LocatorTrackerMoveTest, ConfiguredAddressAndConfiguredRouteStay) {
  AddressChanged configured = address(here);
  configured.permanent = true;
  event(configured);
  gateway(router, 4);
  link_says(true);
  gateway(other_router);
  advertised(there);
  EXPECT_EQ(usable(), (std::vector{here, there}));
  now_ += seconds{1};
  tracker_.on_time(now_);
  usable();
  EXPECT_TRUE(last_.dead_gateways.empty());
}

}  // namespace
}  // namespace ilnp
