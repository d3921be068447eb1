// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/duplicate_address_detection.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using Detector = DuplicateAddressDetector;
using namespace std::chrono_literals;

const Address ilv = test::address("2001:db8:a1::1234:5678"), other_ilv = test::address("2001:db8:a1::9");
const MacAddress own = *parse_mac("02:00:00:00:00:01"), stranger = *parse_mac("02:00:00:00:00:02");
constexpr unsigned eth0 = 2, eth1 = 3;

class DuplicateAddressDetection : public ::testing::Test {
 protected:
  TimePoint at(Duration since) const { return TimePoint{} + 100s + since; }
  Detector::SendProbe start(const Address& address = ilv, unsigned ifindex = eth0, Duration when = 0s) {
    const auto actions = detector.start(at(when), ifindex, address, own);
    EXPECT_EQ(actions.size(), 1u);
    return std::get<Detector::SendProbe>(actions.at(0));
  }
  NeighbourAdvertisement claim(const Address& target, std::optional<MacAddress> mac) {
    return {.source = target, .target = target, .override_cached = true, .link_layer = mac};
  }
  NeighbourSolicitation foreign_probe(const Address& target, std::optional<DadNonce> nonce = {}) {
    return {.source = {}, .target = target, .link_layer = {}, .nonce = nonce};
  }
  DadNonce nonce_in(const Detector::SendProbe& probe) {
    DadNonce nonce{};
    std::copy_n(probe.packet.end() - 6, 6, nonce.begin());
    return nonce;
  }
  void expect_duplicate(const Detector::Actions& actions, const Address& address, std::optional<MacAddress> by) {
    ASSERT_EQ(actions.size(), 1u);
    const auto* duplicate = std::get_if<Detector::Duplicate>(&actions[0]);
    ASSERT_NE(duplicate, nullptr);
    EXPECT_EQ(duplicate->ifindex, eth0);
    EXPECT_EQ(duplicate->address, address);
    EXPECT_EQ(duplicate->other, by);
  }

  test::FakeRandom random{1};
  Detector detector{random};
};

TEST_F(DuplicateAddressDetection, SendsOneProbeToTheSolicitedNodeGroup) {
  const auto probe = start();
  EXPECT_EQ(probe.ifindex, eth0);
  EXPECT_EQ(to_string(probe.destination), "33:33:ff:34:56:78");
  EXPECT_SAME_BYTES(probe.packet, build_duplicate_address_probe(ilv, nonce_in(probe)));
  EXPECT_NE(nonce_in(probe), DadNonce{});
}

TEST_F(DuplicateAddressDetection, SilenceForASecondMakesTheAddressUnique) {
  start();
  detector.on_time(at(320ms));
  detector.on_time(at(320ms));
  detector.on_time(at(320ms));
  EXPECT_EQ(detector.next_deadline(), at(1s));
  EXPECT_TRUE(detector.on_time(at(1s - 1ns)).empty());
  const auto actions = detector.on_time(at(1s));
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_EQ(std::get<Detector::Unique>(actions[0]).address, ilv);
  EXPECT_EQ(detector.next_deadline(), never);
  EXPECT_TRUE(detector.on_time(at(5s)).empty()) << "said once";
}

TEST_F(DuplicateAddressDetection, UntilThenItIsSaidAFewTimesWhoHasIt) {
  start();
  for (const Duration when : {20ms, 80ms, 320ms}) {
    EXPECT_EQ(detector.next_deadline(), at(when));
    EXPECT_TRUE(detector.on_time(at(when - 1ns)).empty());
    const auto actions = detector.on_time(at(when));
    ASSERT_EQ(actions.size(), 1u);
    EXPECT_EQ(std::get<Detector::Announce>(actions[0]).address, ilv);
    EXPECT_EQ(std::get<Detector::Announce>(actions[0]).ifindex, eth0);
  }
  EXPECT_EQ(detector.next_deadline(), at(1s));
}

TEST_F(DuplicateAddressDetection, AnAdvertisementFromAnotherMacIsADuplicate) {
  start();
  expect_duplicate(detector.on_message(at(10ms), eth0, claim(ilv, stranger)), ilv, stranger);
  EXPECT_EQ(detector.pending(), 0u);
  EXPECT_TRUE(detector.on_time(at(2s)).empty()) << "no longer unique";
}

TEST_F(DuplicateAddressDetection, AnAdvertisementThatHidesItsMacIsADuplicate) {
  start();
  expect_duplicate(detector.on_message(at(10ms), eth0, claim(ilv, std::nullopt)), ilv, std::nullopt);
}

TEST_F(DuplicateAddressDetection, OurOwnAdvertisementIsNone) {
  start();
  EXPECT_TRUE(detector.on_message(at(10ms), eth0, claim(ilv, own)).empty());
  EXPECT_EQ(detector.pending(), 1u);
}

TEST_F(DuplicateAddressDetection, SomebodyElsesProbeIsADuplicate) {
  start();
  expect_duplicate(detector.on_message(at(10ms), eth0, foreign_probe(ilv)), ilv, std::nullopt);
  const auto again = start();
  DadNonce different = nonce_in(again);
  different[0] ^= 1;
  expect_duplicate(detector.on_message(at(10ms), eth0, foreign_probe(ilv, different)), ilv, std::nullopt);
}

TEST_F(DuplicateAddressDetection, OurProbeSentBackByASwitchIsNone) {  // RFC 7527
  const auto probe = start();
  EXPECT_TRUE(detector.on_message(at(10ms), eth0, foreign_probe(ilv, nonce_in(probe))).empty());
  EXPECT_EQ(detector.pending(), 1u);
}

TEST_F(DuplicateAddressDetection, SomebodyLookingForTheAddressIsNone) {
  start();
  NeighbourSolicitation looking{.source = test::address("fe80::9"), .target = ilv, .link_layer = stranger, .nonce = {}};
  EXPECT_TRUE(detector.on_message(at(10ms), eth0, looking).empty());
}

TEST_F(DuplicateAddressDetection, OtherLinksAndAddressesDoNotMatter) {
  start();
  EXPECT_TRUE(detector.on_message(at(10ms), eth1, claim(ilv, stranger)).empty());
  EXPECT_TRUE(detector.on_message(at(10ms), eth0, claim(other_ilv, stranger)).empty());
  EXPECT_EQ(detector.pending(), 1u);
}

TEST_F(DuplicateAddressDetection, ALateObjectionComesAfterTheVerdict) {
  start();
  const auto actions = detector.on_message(at(1s), eth0, claim(ilv, stranger));
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<Detector::Unique>(actions[0]));
}

TEST_F(DuplicateAddressDetection, StartingAgainWaitsAgainWithAnotherNonce) {
  const auto first = start();
  const auto second = start(ilv, eth0, 500ms);
  EXPECT_NE(nonce_in(first), nonce_in(second));
  EXPECT_EQ(detector.pending(), 1u);
  EXPECT_EQ(detector.next_deadline(), at(520ms));
}

TEST_F(DuplicateAddressDetection, StoppingForgets) {
  start();
  start(other_ilv);
  start(ilv, eth1);
  detector.stop(eth0, ilv);
  EXPECT_EQ(detector.pending(), 2u);
  detector.stop(eth0);
  EXPECT_EQ(detector.pending(), 1u);
  EXPECT_TRUE(detector.on_message(at(10ms), eth0, claim(ilv, stranger)).empty());
}

TEST_F(DuplicateAddressDetection, ProbesUnderWayAreBounded) {
  for (std::size_t i = 0; i < Detector::max_pending; ++i) start({ilv.locator, {i + 1}});
  EXPECT_TRUE(detector.start(at(0s), eth0, {ilv.locator, {1u << 20}}, own).empty());
  EXPECT_EQ(detector.pending(), Detector::max_pending);
}

}  // namespace
}  // namespace ilnp
