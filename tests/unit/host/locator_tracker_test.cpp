// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/locator_tracker.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

constexpr TimePoint now{seconds{1000}};
constexpr Locator here{0x20010db800a10000}, there{0x20010db800a20000};
constexpr NodeId own_nid{0x020000fffe000001}, other_nid{0x1234567890abcdef};
constexpr Address router{Locator{0xfe80000000000000}, NodeId{1}};

class LocatorTrackerTest : public testing::Test {
 protected:
  LocatorTrackerTest() { tracker_.set_own_nids({own_nid}); }

  void link(unsigned ifindex, bool carrier, bool notify_peers = false) {
    LinkChanged event;
    event.notify_peers = notify_peers;
    event.ifindex = ifindex;
    event.name = "net" + std::to_string(ifindex);
    event.up = true;
    event.carrier = carrier;
    event.mtu = 1500;
    event.is_ethernet = true;
    tracker_.on_event(now, event);
  }
  void route(unsigned ifindex, std::uint8_t protocol = 9) {
    DefaultRouteChanged event;
    event.ifindex = ifindex;
    event.gateway = router;
    event.protocol = protocol;
    tracker_.on_event(now, event);
  }
  void advertise(unsigned ifindex, Locator prefix, std::uint32_t valid = 3600) {
    PrefixAdvertised event;
    event.ifindex = ifindex;
    event.prefix.prefix = {prefix, {}};
    event.prefix.length = 64;
    event.prefix.autonomous = true;
    event.prefix.valid_lifetime = event.prefix.preferred_lifetime = valid;
    tracker_.on_event(now, event);
  }
  void gateway_is(std::uint8_t last_octet) {
    NeighbourChanged event;
    event.ifindex = 2;
    event.address = router;
    event.state = NeighbourState::stale;
    event.mac = MacAddress{{2, 0, 0, 0, 0, last_octet}};
    tracker_.on_event(now, event);
  }
  AddressChanged address(unsigned ifindex, Locator locator, NodeId nid = other_nid) {
    AddressChanged event;
    event.ifindex = ifindex;
    event.address = {locator, nid};
    event.prefix_length = 64;
    event.valid_lifetime = event.preferred_lifetime = 3600;
    return event;
  }
  std::vector<Locator> usable() {
    last_ = tracker_.take_changes();
    std::vector<Locator> out;
    for (const auto& u : tracker_.usable()) out.push_back(u.locator.locator);
    return out;
  }

  LocatorTracker tracker_{{}, "ilnp0"};
  LocatorTracker::Changes last_;
};

TEST_F(LocatorTrackerTest, AdvertisedPrefixIsALocatorBeforeTheKernelHasMadeAnAddress) {
  link(2, true);
  route(2);
  advertise(2, here);
  EXPECT_EQ(usable(), std::vector{here});
}

TEST_F(LocatorTrackerTest, AnotherRouterWithTheSameAddressMeansAnotherPlace) {
  link(2, true);
  route(2);
  gateway_is(1);
  advertise(2, here);
  tracker_.on_event(now, address(2, here));
  EXPECT_EQ(usable(), std::vector{here});
  gateway_is(1);
  EXPECT_TRUE(usable() == std::vector{here} && last_.solicit.empty());

  // By itself it proves nothing: two machines may share one router's address. It is asked.
  gateway_is(2);
  EXPECT_EQ(usable(), std::vector{here});
  EXPECT_EQ(last_.solicit, std::set<unsigned>{2});
  advertise(2, there);
  EXPECT_EQ(usable(), std::vector{there});
  advertise(2, here);
  EXPECT_EQ(usable(), (std::vector{here, there})) << "it has both";

  gateway_is(1);
  advertise(2, here);
  EXPECT_EQ(usable(), std::vector{here});
}

TEST_F(LocatorTrackerTest, DuplicateIsForgottenWhenTheMachineMayHaveMoved) {
  link(2, true);
  route(2);
  gateway_is(1);
  advertise(2, here);
  EXPECT_EQ(usable(), std::vector{here});
  const auto taken = [&] {
    tracker_.on_duplicate(2, here);
    link(2, true);
    gateway_is(1);
    return usable().empty();
  };
  EXPECT_TRUE(taken()) << "nothing has changed";
  link(2, true, true);
  EXPECT_EQ(usable(), std::vector{here}) << "the hypervisor says that it was moved";
  EXPECT_TRUE(taken());
  gateway_is(2);
  EXPECT_EQ(usable(), std::vector{here}) << "another router, another link";
}

TEST_F(LocatorTrackerTest, OnlyPrefixesThatMayLocateCount) {
  const Locator inside{0xfd5a17c09e210001}, identities{0xfd494c4e50366631};
  link(2, true);
  route(2);
  for (const Locator prefix : {inside, identities}) {
    advertise(2, prefix);
    tracker_.on_event(now, address(2, prefix));
  }
  EXPECT_TRUE(usable().empty());
  tracker_ = LocatorTracker{{}, "ilnp0", [&](Locator l) { return l != identities; }};
  link(2, true);
  route(2);
  for (const Locator prefix : {inside, identities}) {
    advertise(2, prefix);
    EXPECT_EQ(usable(), std::vector{inside});
    tracker_.on_event(now, address(2, prefix));
    EXPECT_EQ(usable(), std::vector{inside});
  }
}

TEST_F(LocatorTrackerTest, NoLocatorWithoutARouter) {
  link(2, true);
  advertise(2, here);
  EXPECT_TRUE(usable().empty());
}

TEST_F(LocatorTrackerTest, AddressTakesThePlaceOfThePrefix) {
  link(2, true);
  route(2);
  advertise(2, here);
  EXPECT_EQ(usable().size(), 1u);
  EXPECT_FALSE(tracker_.usable()[0].kernel_has_address);
  tracker_.on_event(now + seconds{1}, address(2, here));
  EXPECT_EQ(usable(), std::vector{here});
  EXPECT_TRUE(tracker_.usable()[0].kernel_has_address);
  EXPECT_TRUE(last_.down.empty());
  advertise(2, here);
  EXPECT_EQ(usable(), std::vector{here});
  EXPECT_TRUE(last_.up.empty());
}

TEST_F(LocatorTrackerTest, TentativeAddressIsNoSourceYet) {
  link(2, true);
  route(2);
  AddressChanged tentative = address(2, here);
  tentative.tentative = true;
  tracker_.on_event(now, tentative);
  EXPECT_EQ(usable(), std::vector{here});
  EXPECT_FALSE(tracker_.usable()[0].kernel_has_address);
}

TEST_F(LocatorTrackerTest, RemovedAddressTakesItsLocatorAway) {
  link(2, true);
  route(2);
  advertise(2, here);
  AddressChanged gone = address(2, here);
  tracker_.on_event(now, gone);
  gone.removed = true;
  tracker_.on_event(now, gone);
  EXPECT_TRUE(usable().empty());
}

TEST_F(LocatorTrackerTest, PrefixOfALinkThatWasLostCountsOnlyWhenItIsAdvertisedAgain) {
  link(2, true);
  route(2);
  advertise(2, here);
  EXPECT_EQ(usable().size(), 1u);
  link(2, false);
  EXPECT_TRUE(usable().empty());
  link(2, true);
  EXPECT_TRUE(usable().empty());
  advertise(2, here);
  EXPECT_EQ(usable(), std::vector{here});
}

TEST_F(LocatorTrackerTest, PrefixesThatGiveNoLocatorAreIgnored) {
  link(2, true);
  route(2);
  advertise(2, Locator{0xfd00000000000000});  // unique local
  advertise(2, here, 0);                      // invalid now
  PrefixAdvertised event;
  event.ifindex = 2;
  event.prefix.prefix = {there, {}};
  event.prefix.length = 64;
  event.prefix.valid_lifetime = 3600;  // not autonomous
  tracker_.on_event(now, event);
  event.prefix.autonomous = true;
  event.prefix.length = 56;
  tracker_.on_event(now, event);
  advertise(3, here);  // not an interface of ours
  EXPECT_TRUE(usable().empty());
}

TEST_F(LocatorTrackerTest, PrefixesPerInterfaceAreBounded) {
  link(2, true);
  route(2);
  for (std::uint64_t n = 0; n < 1000; ++n) advertise(2, Locator{here.bits + (n << 16)});
  EXPECT_EQ(usable().size(), 16u);
}

TEST_F(LocatorTrackerTest, LostLinkCutsTheRoutersThatWereLearntThere) {
  link(2, true);
  link(3, true);
  route(2);
  route(3);
  usable();
  EXPECT_TRUE(last_.cut_gateways.empty());
  link(2, false);
  usable();
  ASSERT_EQ(last_.cut_gateways.size(), 1u);
  EXPECT_EQ(last_.cut_gateways[0], (std::pair{2u, router}));
  link(2, false);
  usable();
  EXPECT_TRUE(last_.cut_gateways.empty());
}

TEST_F(LocatorTrackerTest, ConfiguredRouteStaysWhenItsLinkIsLost) {
  link(2, true);
  route(2, 4);  // static
  link(2, false);
  usable();
  EXPECT_TRUE(last_.cut_gateways.empty());
}

TEST_F(LocatorTrackerTest, OwnVectorMakesNoLocator) {
  link(2, true);
  route(2);
  tracker_.on_event(now, address(2, here, own_nid));
  EXPECT_TRUE(usable().empty());
}

}  // namespace
}  // namespace ilnp
