// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/neighbour_discovery_socket.h"

#include <gtest/gtest.h>

#include "core/ipv6/duplicate_address_detection.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "io/loop/loop.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/netns.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;
using test::TestNamespace;

constexpr Duration limit = seconds{10};
const Address ilv = address("2001:db8:a1:0:214:4fff:fe20:ee64");

class NeighbourDiscovery : public ::testing::Test {
 protected:
  NeighbourDiscovery() {
    test::connect(host, "eth0", peer, "eth0");
    host_index = host.ifindex("eth0");
    peer_index = peer.ifindex("eth0");
    host_mac = host.mac("eth0");
    peer_mac = peer.mac("eth0");
    socket = std::make_unique<NeighbourDiscoverySocket>(
        std::move(host.inside([] { return NeighbourDiscoverySocket::open(); }).value()));
    other = std::make_unique<NeighbourDiscoverySocket>(
        std::move(peer.inside([] { return NeighbourDiscoverySocket::open(); }).value()));
  }
  /// The next message of one kind at the host.
  template <class Message>
  std::optional<Message> next(Duration within = limit) {
    const TimePoint end = monotonic_now() + within;
    for (;;) {
      for (const auto& received : socket->receive().messages) {
        EXPECT_EQ(received.ifindex, host_index);
        if (const auto* wanted = std::get_if<Message>(&received.message)) return *wanted;
      }
      if (!test::readable(socket->fd(), end - monotonic_now())) return std::nullopt;
    }
  }
  static bool is_solicitation(Bytes frame) { return frame[20] == 58 && frame[54] == icmpv6::router_solicitation; }
  /// Every action of the detector, with probes sent and answers heard, until one is a verdict.
  DuplicateAddressDetector::Action verdict(DuplicateAddressDetector& detector, const Address& target) {
    auto actions = detector.start(monotonic_now(), host_index, target, host_mac);
    for (;;) {
      for (const auto& action : actions) {
        if (const auto* probe = std::get_if<DuplicateAddressDetector::SendProbe>(&action))
          EXPECT_TRUE(socket->send_probe(probe->ifindex, probe->destination, probe->packet));
        else if (std::holds_alternative<DuplicateAddressDetector::Announce>(action))  // heard by ourselves, as in life
          EXPECT_TRUE(socket->send_probe(host_index, multicast_mac(all_nodes),
                                         build_unsolicited_advertisement(target, host_mac, false)));
        else
          return action;
      }
      actions.clear();
      test::readable(socket->fd(), detector.next_deadline() - monotonic_now());
      for (const auto& received : socket->receive().messages)
        for (auto& action : detector.on_message(monotonic_now(), received.ifindex, received.message))
          actions.push_back(std::move(action));
      for (auto& action : detector.on_time(monotonic_now())) actions.push_back(std::move(action));
    }
  }

  TestNamespace host, peer;
  unsigned host_index = 0, peer_index = 0;
  MacAddress host_mac, peer_mac;
  std::unique_ptr<NeighbourDiscoverySocket> socket, other;
};

TEST_F(NeighbourDiscovery, SolicitationsComeFromTheLinkLocalAddress) {
  host.shell("ip -6 addr flush dev eth0 scope link; ip -6 addr add fe80::99/64 nodad dev eth0");
  test::FrameTap wire{peer, "eth0"};
  ASSERT_TRUE(socket->solicit_routers(host_index, host_mac));
  const auto frame =
      wire.await([](Bytes f) { return is_solicitation(f) && Address::load(f.data() + 22) == address("fe80::99"); });
  ASSERT_TRUE(frame);
  EXPECT_EQ((*frame)[21], 255) << "hop limit";
  EXPECT_EQ(Address::load(frame->data() + 38), all_routers);
  EXPECT_EQ(MacAddress::load(frame->data()), multicast_mac(all_routers));
  const ByteVector packet(frame->begin() + 14, frame->end());
  EXPECT_SAME_BYTES((ByteVector{packet.begin() + 48, packet.end()}), [&] {
    ByteVector option = test::hex("0101");
    option.insert(option.end(), host_mac.octets.begin(), host_mac.octets.end());
    return option;
  }());
  EXPECT_EQ(socket->counters().solicitations_sent, 1u);
}

TEST_F(NeighbourDiscovery, WithoutALinkLocalAddressSolicitationsComeFromTheUnspecifiedOne) {
  host.shell("ip -6 addr flush dev eth0");
  test::FrameTap wire{peer, "eth0"};
  ASSERT_TRUE(socket->solicit_routers(host_index, host_mac));
  const auto frame = wire.await(is_solicitation);
  ASSERT_TRUE(frame);
  EXPECT_SAME_BYTES((ByteVector{frame->begin() + 14, frame->end()}), build_router_solicitation({}, host_mac));
  EXPECT_EQ(MacAddress::load(frame->data() + 6), host_mac);
}

TEST_F(NeighbourDiscovery, ALinkThatIsDownIsAnError) {
  host.shell("ip link set eth0 down");
  const auto sent = socket->solicit_routers(host_index, host_mac);
  ASSERT_FALSE(sent);
  EXPECT_EQ(socket->counters().solicitations_sent, 0u);
}

TEST_F(NeighbourDiscovery, RouterAdvertisementsAreRead) {
  ByteVector message = test::hex("86000000 40080708 00000000 00000000 030440c0 00278d00 00093a80 00000000");
  const auto prefix = address("2001:db8:a1::").octets();
  message.insert(message.end(), prefix.begin(), prefix.end());
  const auto send = [&](std::uint8_t hops) {
    return other->send_probe(peer_index, multicast_mac(all_nodes),
                             build_packet(address("fe80::1"), all_nodes, next_header::icmpv6, message, {}, hops));
  };
  ASSERT_TRUE(send(254));  // from beyond the link: refused
  ASSERT_TRUE(send(255));
  const auto ra = next<RouterAdvertisement>();
  ASSERT_TRUE(ra);
  EXPECT_EQ(ra->router, address("fe80::1"));
  EXPECT_EQ(ra->preference, RouterPreference::high);
  ASSERT_EQ(ra->prefixes.size(), 1u);
  EXPECT_EQ(ra->prefixes[0].prefix, address("2001:db8:a1::"));
  EXPECT_EQ(socket->counters().malformed, 1u);
}

TEST_F(NeighbourDiscovery, AnAddressThatSomebodyElseHasIsADuplicate) {
  peer.shell("ip -6 addr add " + to_string(ilv) + "/64 nodad dev eth0");
  host.shell("ip -6 addr add " + to_string(ilv) + "/128 nodad dev eth0");
  test::FakeRandom random{3};
  DuplicateAddressDetector detector{random};
  const auto action = verdict(detector, ilv);
  const auto* duplicate = std::get_if<DuplicateAddressDetector::Duplicate>(&action);
  ASSERT_NE(duplicate, nullptr);
  EXPECT_EQ(duplicate->address, ilv);
  EXPECT_EQ(duplicate->other, peer_mac);
}

TEST_F(NeighbourDiscovery, AnAddressThatOnlyWeHaveIsUnique) {
  host.shell("ip -6 addr add " + to_string(ilv) + "/128 nodad dev eth0");
  test::FakeRandom random{4};
  DuplicateAddressDetector detector{random};
  const TimePoint start = monotonic_now();
  EXPECT_TRUE(std::holds_alternative<DuplicateAddressDetector::Unique>(verdict(detector, ilv)));
  EXPECT_GE(monotonic_now() - start, DuplicateAddressDetector::wait);
}

TEST_F(NeighbourDiscovery, TwoHostsThatProbeAtOnceBothHear) {
  // The kernel's address makes the interface listen to the solicited-node group.
  host.shell("ip -6 addr add " + to_string(ilv) + "/128 nodad dev eth0");
  test::FakeRandom random{5};
  DuplicateAddressDetector theirs{random};
  const auto probe =
      std::get<DuplicateAddressDetector::SendProbe>(theirs.start(TimePoint{}, peer_index, ilv, peer_mac).at(0));
  DuplicateAddressDetector ours{random};
  const auto own = ours.start(monotonic_now(), host_index, ilv, host_mac);
  ASSERT_TRUE(other->send_probe(peer_index, probe.destination, probe.packet));
  const auto heard = next<NeighbourSolicitation>();
  ASSERT_TRUE(heard);
  const auto actions = ours.on_message(monotonic_now(), host_index, *heard);
  ASSERT_EQ(actions.size(), 1u);
  EXPECT_TRUE(std::holds_alternative<DuplicateAddressDetector::Duplicate>(actions[0]));
}

TEST_F(NeighbourDiscovery, TheKernelDefendsOurAddressAgainstALaterProbe) {
  host.shell("ip -6 addr add " + to_string(ilv) + "/128 nodad dev eth0");
  test::FrameTap wire{peer, "eth0"};
  ASSERT_TRUE(other->send_probe(peer_index, multicast_mac(solicited_node(ilv)),
                                build_duplicate_address_probe(ilv, {9, 9, 9, 9, 9, 9})));
  EXPECT_TRUE(wire.await([&](Bytes f) {
    return f[20] == 58 && f[54] == icmpv6::neighbour_advertisement && Address::load(f.data() + 62) == ilv;
  }));
}

}  // namespace
}  // namespace ilnp
