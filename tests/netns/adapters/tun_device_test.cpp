// SPDX-License-Identifier: Apache-2.0
#include "io/tun/tun_device.h"

#include <gtest/gtest.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "io/tun/virtio_header.h"
#include "tests/support/matchers.h"
#include "tests/support/netns.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;
using test::TestNamespace;

constexpr Duration limit = seconds{10};
const Address here = address("fd49:4c4e:5036:6631::1"), there = address("fd49:4c4e:5036:6631::2");

class TunDeviceTest : public ::testing::Test {
 protected:
  Result<TunDevice, TunError> open(const std::string& name = "ilnp0", std::uint32_t mtu = 1500) {
    return host.inside([&] { return TunDevice::open(name, mtu); });
  }
  void configure(const TunDevice& device) {
    host.shell("ip link set " + device.name() + " addrgenmode none up; ip -6 addr add " + to_string(here) +
               "/64 nodad dev " + device.name());
  }
  /// The next UDP packet; others (multicast listener reports) pass by.
  std::optional<Packet> next_udp(TunDevice& device) {
    for (;;) {
      auto result = device.read(buffer);
      if (result.status == TunDevice::ReadStatus::packet && result.packet->data()[6] == next_header::udp)
        return result.packet;
      if (result.status == TunDevice::ReadStatus::failed) return std::nullopt;
      if (result.status == TunDevice::ReadStatus::empty && !test::readable(device.fd(), limit)) return std::nullopt;
    }
  }
  Descriptor udp_socket() {
    return host.inside([&] {
      Descriptor out{::socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
      sockaddr_in6 self{};
      self.sin6_family = AF_INET6;
      self.sin6_port = htons(4000);
      here.store(self.sin6_addr.s6_addr);
      EXPECT_EQ(::bind(out.get(), reinterpret_cast<sockaddr*>(&self), sizeof self), 0);
      sockaddr_in6 other = self;
      other.sin6_port = htons(5000);
      there.store(other.sin6_addr.s6_addr);
      EXPECT_EQ(::connect(out.get(), reinterpret_cast<sockaddr*>(&other), sizeof other), 0);
      return out;
    });
  }

  TestNamespace host;
  ByteVector buffer = ByteVector(packet_buffer_size);
};

TEST_F(TunDeviceTest, EveryOffloadOfThisKernelIsOn) {
  auto device = open();
  ASSERT_TRUE(device) << device.error().message;
  EXPECT_FALSE(device.value().adopted());
  EXPECT_EQ(device.value().ifindex(), host.ifindex("ilnp0"));
  EXPECT_TRUE(device.value().features().checksum);
  EXPECT_TRUE(device.value().features().tcp_segmentation);
  // Linux 6.2 and later know UDP segmentation; the report has to agree with what the kernel shows.
  const bool shown = host.shell("ethtool -k ilnp0").find("tx-udp-segmentation: on") != std::string::npos;
  EXPECT_EQ(device.value().features().udp_segmentation, shown);
  EXPECT_NE(host.shell("ip link show ilnp0").find("mtu 1500"), std::string::npos);
  EXPECT_NE(host.shell("ip link show ilnp0").find("qlen 1000"), std::string::npos);
}

TEST_F(TunDeviceTest, AnUnfinishedChecksumComesWithItsPlace) {
  auto device = open();
  configure(device.value());
  const Descriptor socket = udp_socket();
  ASSERT_EQ(::send(socket.get(), "hello", 5, 0), 5);
  auto packet = next_udp(device.value());
  ASSERT_TRUE(packet);
  EXPECT_EQ(packet->headroom(), packet_headroom);
  EXPECT_EQ(packet->size(), 40u + 8 + 5);
  EXPECT_TRUE(packet->offload.partial_checksum);
  EXPECT_EQ(packet->offload.checksum_start, 40);
  EXPECT_EQ(packet->offload.checksum_offset, 6);
  EXPECT_EQ(load_u16(packet->data() + 46), pseudo_header_sum(here, there, 13, next_header::udp))
      << "the pseudo-header's sum";
}

TEST_F(TunDeviceTest, PacketsComeBackToTheSocket) {
  auto device = open();
  configure(device.value());
  const Descriptor socket = udp_socket();
  test::PacketBuffer whole{test::PacketBuilder{there, here}.udp(5000, 4000, test::text("finished")).build()};
  EXPECT_TRUE(device.value().write(whole.packet));
  ByteVector half = test::PacketBuilder{there, here}.udp(5000, 4000, test::text("unfinished")).build();
  store_u16(half.data() + 46, pseudo_header_sum(there, here, 18, next_header::udp));
  test::PacketBuffer partial{half};
  partial.packet.offload = {.partial_checksum = true, .checksum_start = 40, .checksum_offset = 6};
  EXPECT_TRUE(device.value().write(partial.packet));
  for (const std::string expected : {"finished", "unfinished"}) {
    ASSERT_TRUE(test::readable(socket.get(), limit));
    std::string got(100, '\0');
    got.resize(static_cast<std::size_t>(std::max<ssize_t>(::recv(socket.get(), got.data(), got.size(), 0), 0)));
    EXPECT_EQ(got, expected);
  }
  EXPECT_EQ(device.value().counters().written, 2u);
}

TEST_F(TunDeviceTest, AWrongChecksumIsNotPassedOffAsVerified) {
  auto device = open();
  configure(device.value());
  const Descriptor socket = udp_socket();
  ByteVector bad = test::PacketBuilder{there, here}.udp(5000, 4000, test::text("damaged")).build();
  bad[46] ^= 1;
  test::PacketBuffer packet{bad};
  EXPECT_TRUE(device.value().write(packet.packet));
  EXPECT_EQ(test::await_value([&] { return host.counter("Udp6InCsumErrors"); }, 1u), 1u);
}

TEST_F(TunDeviceTest, WhatTheKernelRefusesIsCounted) {
  auto device = open();  // down
  test::PacketBuffer packet{test::PacketBuilder{there, here}.udp(5000, 4000, {}).build()};
  EXPECT_FALSE(device.value().write(packet.packet));
  EXPECT_EQ(device.value().counters().write_refused, 1u);
}

TEST_F(TunDeviceTest, MorePiecesThanTheKernelTakesAreRefused) {
  auto device = open();
  configure(device.value());
  const ByteVector packet =
      test::PacketBuilder{there, here}.udp(5000, 4000, ByteVector(TunDevice::most_pieces)).build();
  std::vector<Bytes> rest;
  for (std::size_t at = 48; at < packet.size(); ++at) rest.push_back(Bytes{packet}.subspan(at, 1));
  EXPECT_FALSE(device.value().write(Bytes{packet}.first(48), rest, {}));
  EXPECT_FALSE(device.value().write(Bytes{}, {}, {}));
  EXPECT_EQ(device.value().counters().write_refused, 2u);
}

TEST_F(TunDeviceTest, Ipv4IsCountedAndDropped) {
  auto device = open();
  configure(device.value());
  host.shell("ip addr add 192.0.2.1/24 dev ilnp0");
  host.succeeds("ping -c 1 -W 0.01 192.0.2.2");
  while (device.value().read(buffer).status != TunDevice::ReadStatus::empty) {
  }
  EXPECT_GE(device.value().counters().not_ipv6, 1u);
}

TEST_F(TunDeviceTest, Ipv4CrossesADeviceThatCarriesBoth) {
  auto opened = host.inside([] { return TunDevice::open("ilnp0", 1500, {.carries = TunDevice::Carries::both}); });
  ASSERT_TRUE(opened) << opened.error().message;
  TunDevice& device = opened.value();
  EXPECT_TRUE(device.features().tcp_segmentation);
  configure(device);
  host.shell("ip addr add 192.0.2.1/24 dev ilnp0");
  EXPECT_NE(host.shell("ethtool -k ilnp0").find("tx-tcp-segmentation: on"), std::string::npos);
  host.succeeds("ping -c 1 -W 0.01 192.0.2.2");
  std::optional<Packet> request;
  for (auto got = device.read(buffer); got.status != TunDevice::ReadStatus::empty; got = device.read(buffer))
    if (got.packet && got.packet->data()[0] >> 4 == 4) request = got.packet;
  ASSERT_TRUE(request);
  ASSERT_EQ(request->size(), 84u);
  // Answered in two pieces: the sum over both addresses stays when they change places.
  std::uint8_t* ip = request->data();
  std::swap_ranges(ip + 12, ip + 16, ip + 16);
  const auto before = host.counter("Icmp:InEchoReps");
  ip[20] = 0;
  const unsigned sum = load_u16(ip + 22) + 0x0800u;
  store_u16(ip + 22, static_cast<std::uint16_t>(sum + (sum >> 16)));
  const Bytes rest[] = {Bytes{request->bytes()}.subspan(28)};
  EXPECT_TRUE(device.write(Bytes{request->bytes()}.first(28), rest, {}));
  EXPECT_EQ(test::await_value([&] { return host.counter("Icmp:InEchoReps"); }, before + 1), before + 1);
  EXPECT_EQ(host.counter("Icmp:InCsumErrors"), 0u);
}

TEST_F(TunDeviceTest, ASecondInstanceIsRefusedAndSaysWhy) {
  auto first = open();
  ASSERT_TRUE(first);
  const auto second = open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().failure, TunFailure::busy);
  EXPECT_NE(second.error().message.find("second instance"), std::string::npos);
  const auto removal = host.inside([] { return TunDevice::remove("ilnp0"); });
  ASSERT_FALSE(removal) << "a device in use is not taken away";
  EXPECT_EQ(removal.error().failure, TunFailure::busy);
}

TEST_F(TunDeviceTest, ADeviceOfAnotherKindIsRefused) {
  host.shell("ip link add ilnp0 type veth peer name other; ip tuntap add tap0 mode tap");
  for (const char* name : {"ilnp0", "tap0"}) {
    const auto device = open(name);
    ASSERT_FALSE(device);
    EXPECT_EQ(device.error().failure, TunFailure::wrong_kind) << device.error().message;
  }
  EXPECT_FALSE(open("a-name-that-is-too-long"));
  EXPECT_FALSE(open(""));
}

TEST_F(TunDeviceTest, WithoutPermissionSaysSo) {
  host.inside([&] {
    EXPECT_EQ(test::in_child([] {
                if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 1;
                const auto device = TunDevice::open("ilnp0", 1500);
                return !device && device.error().failure == TunFailure::no_permission ? 0 : 2;
              }),
              0);
  });
}

TEST_F(TunDeviceTest, WithoutADeviceFileSaysSo) {
  EXPECT_EQ(test::in_child([] {
              if (::unshare(CLONE_NEWNS) != 0 || ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
                  ::mount("none", "/dev/net", "tmpfs", 0, nullptr) != 0)
                return 1;
              const auto device = TunDevice::open("ilnp0", 1500);
              return !device && device.error().failure == TunFailure::no_device ? 0 : 2;
            }),
            0);
}

TEST_F(TunDeviceTest, APersistentDeviceIsAdoptedWithItsAddressesAndRoutes) {
  {
    auto first = open();
    ASSERT_TRUE(first.value().set_persistent(true));
    configure(first.value());
    host.shell("ip -6 route add 2001:db8:77::/64 dev ilnp0 mtu 1484");
  }
  const std::string routes = host.shell("ip -6 route show 2001:db8:77::/64");
  EXPECT_NE(routes.find("mtu 1484"), std::string::npos) << routes;
  auto second = open("ilnp0", 1400);
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_TRUE(second.value().adopted());
  EXPECT_TRUE(second.value().features().tcp_segmentation);
  EXPECT_NE(host.shell("ip link show ilnp0").find("mtu 1400"), std::string::npos);
  EXPECT_NE(host.shell("ip -6 addr show dev ilnp0").find(to_string(here)), std::string::npos);
  const Descriptor socket = udp_socket();
  ASSERT_EQ(::send(socket.get(), "again", 5, 0), 5);
  EXPECT_TRUE(next_udp(second.value()));
}

TEST_F(TunDeviceTest, RemoveTakesAPersistentDeviceAway) {
  {
    auto device = open();
    ASSERT_TRUE(device.value().set_persistent(true));
  }
  ASSERT_TRUE(host.succeeds("ip link show ilnp0"));
  EXPECT_TRUE(host.inside([] { return TunDevice::remove("ilnp0"); }));
  EXPECT_FALSE(host.succeeds("ip link show ilnp0"));
  EXPECT_TRUE(host.inside([] { return TunDevice::remove("ilnp0"); })) << "nothing there is fine";
}

TEST_F(TunDeviceTest, ADeviceThatIsDeletedUnderUsIsNoticed) {
  auto device = open();
  host.shell("ip link del ilnp0");
  EXPECT_TRUE(test::readable(device.value().fd(), limit));
  EXPECT_EQ(device.value().read(buffer).status, TunDevice::ReadStatus::failed);
}

}  // namespace
}  // namespace ilnp
