// SPDX-License-Identifier: Apache-2.0
// The leak guard; that the filter hides ILNP packets from the kernel is proved with the wire port.
#include "io/sockets/ingress_filter.h"

#include <gtest/gtest.h>

#include "core/ipv6/icmpv6.h"
#include "io/netlink/filter_watch.h"
#include "io/sockets/neighbour_discovery_socket.h"
#include "io/sockets/nft.h"
#include "io/sockets/wire_filter.h"
#include "io/sockets/wire_port.h"
#include "tests/support/matchers.h"
#include "tests/support/netns.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;
using test::TestNamespace;

const IngressFilter::Plan plan{{"eth0"}, {{0x0214'4fff'fe20'ee64}}, {{address("fd49:4c4e::"), 32}}, "ilnp0"};

class IngressFilterTest : public ::testing::Test {
 protected:
  IngressFilterTest() {
    test::connect(host, "eth0", peer, "eth0");
    host.shell("ip -6 addr add 2001:db8:a1::1/64 nodad dev eth0");
    peer.shell("ip -6 addr add 2001:db8:a1::2/64 nodad dev eth0");
  }
  void apply(const IngressFilter::Plan& wanted = plan) {
    const auto done = host.inside([&] { return IngressFilter::apply(wanted); });
    ASSERT_TRUE(done) << done.error().message;
  }
  IngressFilter::Counters counters() {
    return host.inside([] { return IngressFilter::counters(); }).value();
  }

  TestNamespace host, peer;
};

TEST_F(IngressFilterTest, WhatSomebodyTakesAwayIsNoticedAndWhatWeReplaceIsNot) {
  auto opened = host.inside([] { return FilterWatch::open("ilnp"); });
  ASSERT_TRUE(opened) << opened.error().message;
  FilterWatch& watch = opened.value();
  EXPECT_FALSE(watch.something_went());
  for (const char* taken : {"flush ruleset", "delete table netdev ilnp", "delete table ip6 ilnp",
                            "flush chain ip6 ilnp leaving", "flush table netdev ilnp"}) {
    apply();
    apply();
    EXPECT_FALSE(watch.something_went()) << "after our own replacement";
    host.shell(
        "/usr/sbin/nft add table ip6 other; /usr/sbin/nft add chain ip6 other ilnp; "
        "/usr/sbin/nft delete table ip6 other");
    EXPECT_FALSE(watch.something_went()) << "after somebody else's table";
    host.shell(std::string{"/usr/sbin/nft "} + taken);
    EXPECT_TRUE(watch.something_went()) << taken;
    EXPECT_FALSE(watch.something_went()) << "told once";
  }
}

TEST_F(IngressFilterTest, AsManyNodeIdentifiersAsMayBe) {
  auto many = plan;
  many.nids.clear();
  for (std::uint64_t i = 1; i <= max_own_nids; ++i) many.nids.push_back({0x9e37'79b9'7f4a'7c15 * i});
  apply(many);
  const std::string last = to_string(Address{address("2001:db8:a1::").locator, many.nids.back()});
  host.shell("ip -6 addr add " + last + "/64 nodad dev eth0");
  EXPECT_FALSE(peer.succeeds("ping -c 1 -W 0.1 " + last));
  EXPECT_EQ(test::await_value([&] { return counters().tapped; }, 1u), 1u);
  EXPECT_TRUE(peer.succeeds("ping -c 1 -W 5 2001:db8:a1::1"));
}

TEST_F(IngressFilterTest, IdentityAddressesDoNotLeaveByAWire) {
  host.shell(
      "ip -6 addr add fd49:4c4e:5036:6631::1/128 nodad dev lo; ip -6 route add fd49:4c4e:5036:6631::/64 dev eth0");
  host.shell("ip -6 neigh add fd49:4c4e:5036:6631::2 lladdr " + to_string(peer.mac("eth0")) +
             " dev eth0 nud permanent");
  test::FrameTap wire{peer, "eth0"};
  const auto is_ping_from = [](std::uint8_t first_octet) {
    return [=](Bytes frame) { return frame[20] == 58 && frame[54] == 128 && frame[22] == first_octet; };
  };
  // Before: to an identity, and from one. This test can fail.
  host.succeeds("ping -c 1 -W 0.01 -I 2001:db8:a1::1 fd49:4c4e:5036:6631::2");
  EXPECT_TRUE(wire.await(is_ping_from(0x20)));
  host.succeeds("ping -c 1 -W 0.01 -I fd49:4c4e:5036:6631::1 2001:db8:a1::2");
  EXPECT_TRUE(wire.await(is_ping_from(0xfd)));
  apply();
  host.succeeds("ping -c 1 -W 0.01 -I 2001:db8:a1::1 fd49:4c4e:5036:6631::2");
  host.succeeds("ping -c 1 -W 0.01 -I fd49:4c4e:5036:6631::1 2001:db8:a1::2");
  EXPECT_TRUE(host.succeeds("ping -c 1 -W 5 2001:db8:a1::2")) << "ordinary traffic passes";
  for (const ByteVector& frame : wire.drain()) {
    EXPECT_NE(frame[22], 0xfd);
    EXPECT_NE(frame[38], 0xfd);
  }
  EXPECT_EQ(counters().leaks_out, 2u);
  EXPECT_TRUE(host.succeeds("ping -c 1 -W 5 fd49:4c4e:5036:6631::1")) << "inside the host they are free";
  EXPECT_EQ(counters().leaks_out, 2u);
}

TEST_F(IngressFilterTest, IdentityAddressesMayLeaveByOurTun) {
  host.shell(
      "ip tuntap add ilnp0 mode tun; ip link set ilnp0 up; ip -6 addr add fd49:4c4e:5036:6631::1/64 nodad dev ilnp0");
  apply();
  const auto dropped = [&] { return host.shell("ip -s link show ilnp0"); };
  const std::string before = dropped();
  host.succeeds("ping -c 1 -W 0.01 fd49:4c4e:5036:6631::2");
  EXPECT_EQ(counters().leaks_out, 0u);
  EXPECT_NE(dropped(), before) << "the device counted it (nobody reads it)";
}

TEST_F(IngressFilterTest, ForwardedIdentityAddressesDoNotLeaveEither) {
  TestNamespace behind;
  test::connect(host, "eth1", behind, "eth0");
  host.sysctl("net/ipv6/conf/all/forwarding", "1");
  host.shell("ip -6 addr add 2001:db8:b1::1/64 nodad dev eth1; ip -6 route add fd49:4c4e:5036:6631::/64 dev eth0");
  behind.shell("ip -6 addr add 2001:db8:b1::2/64 nodad dev eth0; ip -6 route add default via 2001:db8:b1::1");
  apply();
  behind.succeeds("ping -c 1 -W 0.01 2001:db8:b1::1");  // resolves the router
  behind.succeeds("ping -c 1 -W 0.2 fd49:4c4e:5036:6631::2");
  EXPECT_EQ(test::await_value([&] { return counters().leaks_out; }, 1u), 1u);
}

TEST_F(IngressFilterTest, IdentityAddressesDoNotComeInFromAWire) {
  auto sender = peer.inside([] { return NeighbourDiscoverySocket::open(); });
  const unsigned ifindex = peer.ifindex("eth0");
  const auto send = [&](const char* source, const char* destination) {
    ASSERT_TRUE(sender.value().send_probe(
        ifindex, host.mac("eth0"),
        test::PacketBuilder{address(source), address(destination)}.echo_request(1, 1).build()));
  };
  host.shell("ip -6 addr add fd49:4c4e:5036:6631::1/128 nodad dev lo");
  const auto received = [&] { return host.counter("Icmp6InEchos"); };
  send("fd49:4c4e:5036:6631::9", "2001:db8:a1::1");
  send("2001:db8:a1::2", "fd49:4c4e:5036:6631::1");
  EXPECT_EQ(test::await_value(received, 2u), 2u) << "before";
  apply();
  send("fd49:4c4e:5036:6631::9", "2001:db8:a1::1");
  send("2001:db8:a1::2", "fd49:4c4e:5036:6631::1");
  EXPECT_EQ(test::await_value([&] { return counters().leaks_in; }, 2u), 2u);
  EXPECT_EQ(received(), 2u);
  send("fd4a::9", "2001:db8:a1::1");
  EXPECT_EQ(test::await_value(received, 3u), 3u) << "other unique local addresses pass";
}

TEST_F(IngressFilterTest, OtherPeoplesRulesStay) {
  host.shell("nft add table inet filter; nft add chain inet filter input; nft add rule inet filter input accept");
  const std::string before = host.shell("nft list ruleset");
  apply();
  apply();
  const std::string twice = host.shell("nft list ruleset");
  apply();
  EXPECT_EQ(host.shell("nft list ruleset"), twice) << "idempotent";
  EXPECT_TRUE(host.inside([] { return IngressFilter::remove(); }));
  EXPECT_EQ(host.shell("nft list ruleset"), before);
  EXPECT_TRUE(host.inside([] { return IngressFilter::remove(); })) << "nothing there is fine";
}

TEST_F(IngressFilterTest, AChangeThatFailsChangesNothing) {
  apply();
  const std::string before = host.shell("nft list ruleset");
  auto wrong = plan;
  wrong.nids.clear();
  wrong.identity_prefixes.push_back({address("fd00::"), 200});
  const auto done = host.inside([&] { return IngressFilter::apply(wrong); });
  ASSERT_FALSE(done);
  EXPECT_NE(done.error().message.find("nft failed"), std::string::npos) << done.error().message;
  EXPECT_EQ(host.shell("nft list ruleset"), before) << "all or nothing";
}

TEST_F(IngressFilterTest, AnInterfaceThatCameBackIsFilteredAfterTheNextApply) {
  apply();
  host.shell("ip link del eth0");
  test::connect(host, "eth0", peer, "eth0");
  host.shell("ip -6 addr add 2001:db8:a1::1/64 nodad dev eth0");
  peer.shell("ip -6 addr add 2001:db8:a1::2/64 nodad dev eth0");
  apply();
  peer.succeeds("ping -c 1 -W 5 2001:db8:a1::1");
  auto sender = peer.inside([] { return NeighbourDiscoverySocket::open(); });
  ASSERT_TRUE(sender.value().send_probe(
      peer.ifindex("eth0"), host.mac("eth0"),
      test::PacketBuilder{address("fd49:4c4e::9"), address("2001:db8:a1::1")}.echo_request(1, 1).build()));
  EXPECT_EQ(test::await_value([&] { return counters().leaks_in; }, 1u), 1u);
}

TEST_F(IngressFilterTest, CheckSaysWhetherRulesMayBeChanged) {
  EXPECT_TRUE(host.inside([] { return check_nft(); }));
  host.inside([] {
    EXPECT_EQ(test::in_child([] {
                if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 1;
                return check_nft() ? 2 : 0;
              }),
              0);
  });
}

}  // namespace
}  // namespace ilnp
