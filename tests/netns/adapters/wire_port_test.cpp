// SPDX-License-Identifier: Apache-2.0
// Two hosts on one link. The host under test joins its TUN device and its wire port by hand, packet by packet, with
// the packet filter in force; the other host is the plain kernel.
#include "io/sockets/wire_port.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>

#include "core/ipv6/checksum.h"
#include "core/ipv6/icmpv6.h"
#include "io/loop/loop.h"
#include "io/sockets/ingress_filter.h"
#include "io/sockets/wire_filter.h"
#include "io/tun/tun_device.h"
#include "io/tun/virtio_header.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/netns.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;
using test::PacketBuilder;
using test::TestNamespace;

constexpr Duration limit = seconds{20};
const NodeId nid{0x0214'4fff'fe20'ee64};
const Address ilv{{0x2001'0db8'00a1'0000}, nid};
const Address host_plain = address("2001:db8:a1::1"), peer_plain = address("2001:db8:a1::2");

class WirePortTest : public ::testing::Test {
 protected:
  WirePortTest() {
    test::connect(host, "eth0", peer, "eth0");
    host.shell("ip -6 addr add 2001:db8:a1::1/64 nodad dev eth0");
    peer.shell("ip -6 addr add 2001:db8:a1::2/64 nodad dev eth0");
    peer_mac = peer.mac("eth0");
    host_mac = host.mac("eth0");
  }
  WirePort open_port(const TestNamespace& where, std::vector<NodeId> nids, WirePort::Options options = {}) {
    const unsigned ifindex = where.ifindex("eth0");
    auto port = where.inside([&] { return WirePort::open(ifindex, wire_filter(nids), options); });
    if (!port) throw std::runtime_error{port.error().message};
    return std::move(port.value());
  }
  void apply_filter() {
    const IngressFilter::Plan plan{{"eth0"}, {nid}, {{address("fd49:4c4e::"), 32}}, "ilnp0"};
    const auto done = host.inside([&] { return IngressFilter::apply(plan); });
    if (!done) throw std::runtime_error{done.error().message};
  }
  IngressFilter::Counters filter_counters() {
    return host.inside([] { return IngressFilter::counters(); }).value();
  }
  /// Sends a packet from the other host, byte for byte.
  void inject(WirePort& from, const ByteVector& bytes, std::optional<MacAddress> to = {}) {
    test::PacketBuffer packet{bytes};
    ASSERT_TRUE(from.send(packet.packet, to.value_or(host_mac), peer_mac));
  }
  /// Everything that the port takes until `sentinel` octets arrive.
  std::vector<ByteVector> received_until(WirePort& port, const ByteVector& sentinel) {
    std::vector<ByteVector> out;
    for (;;) {
      if (!test::readable(port.fd(), limit)) throw std::runtime_error{"the sentinel did not arrive"};
      for (ReceivedFrame& frame : port.receive().frames) {
        EXPECT_EQ(frame.source, peer_mac);
        const Bytes bytes = frame.packet.bytes();
        if (std::ranges::equal(bytes, sentinel)) return out;
        out.emplace_back(bytes.begin(), bytes.end());
      }
    }
  }
  static PacketBuilder to(const Address& destination) { return {peer_plain, destination}; }
  static ByteVector sentinel() { return to(ilv).udp(9, 9, test::text("sentinel")).build(); }

  TestNamespace host, peer;
  MacAddress host_mac, peer_mac;
};

TEST_F(WirePortTest, TakesExactlyWhatIsOurs) {
  WirePort port = open_port(host, {nid}), sender = open_port(peer, {});
  const ByteVector ours[] = {
      to(ilv).udp(1, 2, test::text("x")).build(),
      to({{0x2001'0db8'dead'0000}, nid}).udp(1, 2, test::text("another locator")).build(),
      to(ilv).nonce(test::hex("01020304")).udp(1, 2, {}).build(),
      to(ilv).nonce(test::hex("010203040506070809101112")).tcp(1, 2, 3, 4, 2).build(),
      to(ilv).echo_request(1, 1).build(),
      to(ilv).icmpv6(156, 0, test::counting(16)).build(),
      to(ilv).payload(253, {}).build(),  // 40 octets: padded by nobody on veth, still whole
  };
  const ByteVector others[] = {
      to(host_plain).udp(1, 2, {}).build(),
      to({ilv.locator, {nid.bits ^ 1}}).udp(1, 2, {}).build(),
      to({{0xfe80'0000'0000'0000}, nid}).udp(1, 2, {}).build(),
      to(ilv).icmpv6(icmpv6::neighbour_solicitation, 0, test::counting(20)).build(),
      to(ilv).icmpv6(icmpv6::neighbour_advertisement, 0, test::counting(20)).build(),
      to(ilv).icmpv6(icmpv6::redirect, 0, test::counting(36)).build(),
  };
  for (std::size_t i = 0; i < std::max(std::size(ours), std::size(others)); ++i) {
    if (i < std::size(others)) inject(sender, others[i]);
    if (i < std::size(ours)) inject(sender, ours[i]);
  }
  inject(sender, ours[0], parse_mac("02:99:99:99:99:99"));  // for another host
  inject(sender, ours[0], parse_mac("33:33:00:00:00:01"));  // to a group
  inject(sender, sentinel());
  const auto got = received_until(port, sentinel());
  ASSERT_EQ(got.size(), std::size(ours));
  for (std::size_t i = 0; i < got.size(); ++i) EXPECT_SAME_BYTES(got[i], ours[i]);
  EXPECT_EQ(port.counters().received, std::size(ours) + 1);
  EXPECT_EQ(port.counters().malformed, 0u);
}

TEST_F(WirePortTest, WhatArrivedBeforeTheFilterNamedItIsNotTaken) {
  WirePort port = open_port(host, {}), sender = open_port(peer, {});
  inject(sender, to(ilv).udp(1, 2, test::text("early")).build());
  EXPECT_FALSE(test::readable(port.fd(), milliseconds{20}));
  ASSERT_TRUE(port.set_filter(wire_filter(std::array{nid})));
  inject(sender, sentinel());
  EXPECT_TRUE(received_until(port, sentinel()).empty());
  const NodeId other{0x0200'0000'0000'0007};
  ASSERT_TRUE(port.set_filter(wire_filter(std::array{other})));
  inject(sender, to(ilv).udp(1, 2, test::text("late")).build());
  inject(sender, to({ilv.locator, other}).udp(1, 2, {}).build());
  EXPECT_EQ(received_until(port, to({ilv.locator, other}).udp(1, 2, {}).build()).size(), 0u);
}

TEST_F(WirePortTest, TheKernelTakesTheFilterOfAsManyNodeIdentifiersAsMayBe) {
  std::vector<NodeId> nids{nid};
  for (std::uint64_t i = 1; i < max_own_nids; ++i) nids.push_back({0x9e37'79b9'7f4a'7c15 * i});
  WirePort port = open_port(host, nids), sender = open_port(peer, {});
  for (const NodeId one : nids)
    if (one != nid) inject(sender, to({ilv.locator, one}).udp(1, 2, {}).build());
  inject(sender, to({ilv.locator, {0x9e37'79b9'7f4a'7c15}}).udp(1, 2, {}).build());
  inject(sender, to({ilv.locator, {0x9e37'79b9'7f4a'7c16}}).udp(1, 2, {}).build());  // nobody's
  inject(sender, sentinel());
  EXPECT_EQ(received_until(port, sentinel()).size(), nids.size());
}

TEST_F(WirePortTest, LyingPayloadLengthsAreCountedAndDropped) {
  WirePort port = open_port(host, {nid}), sender = open_port(peer, {});
  ByteVector long_claim = to(ilv).udp(1, 2, test::text("0123456789")).build(), short_claim = long_claim;
  store_u16(long_claim.data() + 4, 500);
  store_u16(short_claim.data() + 4, 12);  // what follows is padding
  inject(sender, long_claim);
  inject(sender, short_claim);
  inject(sender, sentinel());
  const auto got = received_until(port, sentinel());
  ASSERT_EQ(got.size(), 1u);
  EXPECT_EQ(got[0].size(), 52u);
  EXPECT_EQ(port.counters().malformed, 1u);
}

TEST_F(WirePortTest, NeighbourDiscoveryForOurAddressIsTheKernels) {
  host.shell("ip -6 addr add " + to_string(ilv) + "/128 nodad dev eth0");
  WirePort port = open_port(host, {nid});
  apply_filter();
  peer.succeeds("ping -c 1 -W 0.1 " + to_string(ilv));  // makes the kernel ask; the echo itself is ours
  const auto is_answered = [&] {
    return peer.shell("ip -6 neigh show " + to_string(ilv)).find(to_string(host_mac)) != std::string::npos;
  };
  EXPECT_TRUE(test::await_value(is_answered, true));
  EXPECT_TRUE(peer.succeeds("ping -c 1 -W 5 2001:db8:a1::1")) << "ordinary addresses are untouched";
}

TEST_F(WirePortTest, TheKernelNeverAnswersAnIlnpPacket) {
  host.shell("ip -6 addr add " + to_string(ilv) + "/128 nodad dev eth0");
  WirePort port = open_port(host, {nid}), sender = open_port(peer, {});
  test::FrameTap answers{peer, "eth0"};
  const ByteVector with_nonce = to(ilv).nonce(test::hex("01020304")).udp(1, 4000, {}).build();
  const ByteVector ping = to(host_plain).echo_request(7, 7).build();
  const auto is_icmp = [](Bytes frame, std::uint8_t type) { return frame[20] == 58 && frame[54] == type; };
  const auto errors_before_pong = [&] {
    std::size_t errors = 0;
    const auto pong = answers.await([&](Bytes frame) {
      if (frame[20] == 58 && frame[54] < 128) ++errors;
      return is_icmp(frame, icmpv6::echo_reply);
    });
    EXPECT_TRUE(pong);
    return errors;
  };
  // Without the filter the kernel refuses the nonce option: this test can fail.
  inject(sender, with_nonce);
  inject(sender, ping);
  EXPECT_EQ(errors_before_pong(), 1u);
  apply_filter();
  for (const ByteVector& packet :
       {with_nonce, to(ilv).udp(1, 4000, {}).build(), to(ilv).tcp(1, 4000, 3, 4, 2).build(),
        to(ilv).echo_request(1, 1).build(), to(ilv).payload(253, test::counting(8)).build()}) {
    inject(sender, packet);
  }
  inject(sender, ping);
  EXPECT_EQ(errors_before_pong(), 0u);
  inject(sender, sentinel());
  EXPECT_EQ(received_until(port, sentinel()).size(), 6u) << "the port sees what the filter drops";
  EXPECT_EQ(test::await_value([&] { return filter_counters().tapped; }, 6u), 6u);
}

TEST_F(WirePortTest, ALinkThatGoesDownIsSurvived) {
  WirePort port = open_port(host, {nid}), sender = open_port(peer, {});
  host.shell("ip link set eth0 down");
  EXPECT_TRUE(port.receive().frames.empty());
  test::PacketBuffer packet{sentinel()};
  EXPECT_FALSE(port.send(packet.packet, peer_mac, host_mac));
  EXPECT_EQ(port.counters().send_down, 1u);
  host.shell("ip link set eth0 up");
  // The pair has its carrier back only when both ends are up.
  EXPECT_TRUE(sender.send(packet.packet, host_mac, peer_mac));
  EXPECT_TRUE(received_until(port, sentinel()).empty());
  host.shell("ip link del eth0");
  EXPECT_TRUE(port.receive().frames.empty());
  EXPECT_FALSE(port.send(packet.packet, peer_mac, host_mac));
  EXPECT_EQ(port.counters().send_down, 2u);
}

TEST_F(WirePortTest, TooLargePacketsAreCounted) {
  WirePort port = open_port(host, {nid});
  test::PacketBuffer packet{to(ilv).udp(1, 2, test::counting(1500)).build()};
  EXPECT_FALSE(port.send(packet.packet, peer_mac, host_mac));
  EXPECT_EQ(port.counters().send_too_big, 1u);
}

TEST_F(WirePortTest, AFloodOverrunsCountedAndBounded) {
  WirePort port = open_port(host, {nid}, {.receive_buffer = 64 << 10, .batch = 8}), sender = open_port(peer, {});
  for (int i = 0; i < 2000; ++i) inject(sender, to(ilv).udp(1, 2, test::counting(1000)).build());
  std::size_t got = 0;
  for (;;) {
    const auto batch = port.receive();
    EXPECT_LE(batch.frames.size(), 8u);
    got += batch.frames.size();
    if (!batch.more) break;
  }
  EXPECT_GT(got, 0u);
  EXPECT_EQ(got + port.counters().overrun, 2000u);
}

// ---- whole sessions through TUN and wire -----------------------------------------------------------------------

struct Offloads {
  const char* name;
  bool host_on, peer_on;
  bool qdisc_bypass;
};
void PrintTo(const Offloads& offloads, std::ostream* out) { *out << offloads.name; }

/// The host's address lies on its TUN device; this class carries its packets, unchanged, between TUN and wire.
class WholePath : public WirePortTest, public ::testing::WithParamInterface<Offloads> {
 protected:
  WholePath() {
    if (!GetParam().host_on) host.shell("ethtool -K eth0 tx off tso off gso off rx off gro off");
    if (!GetParam().peer_on) peer.shell("ethtool -K eth0 tx off tso off gso off rx off gro off");
    tun = std::make_unique<TunDevice>(std::move(host.inside([] { return TunDevice::open("ilnp0", 1500); }).value()));
    host.shell("ip link set ilnp0 addrgenmode none up; ip -6 addr add " + to_string(ilv) + "/128 nodad dev ilnp0");
    host.shell("ip -6 route add 2001:db8:a1::2/128 dev ilnp0 mtu 1484 src " + to_string(ilv));
    peer.shell("ip -6 neigh add " + to_string(ilv) + " lladdr " + to_string(host_mac) + " dev eth0 nud permanent");
    port = std::make_unique<WirePort>(open_port(host, {nid}, {.qdisc_bypass = GetParam().qdisc_bypass}));
    apply_filter();
  }

  /// Carries whatever is there; waits at most a moment for one of `sockets` or a packet.
  void turn(std::span<const pollfd> sockets) {
    for (;;) {
      auto read = tun->read(buffer);
      if (read.status == TunDevice::ReadStatus::empty) break;
      ASSERT_NE(read.status, TunDevice::ReadStatus::failed);
      if (!read.packet || read.packet->data()[6] == 0) continue;  // multicast listener reports
      note(*read.packet, out);
      port->send(*read.packet, peer_mac, host_mac);
    }
    for (bool more = true; more;) {
      const auto batch = port->receive();
      more = batch.more;
      for (ReceivedFrame& frame : batch.frames) {
        note(frame.packet, in);
        tun->write(frame.packet);
      }
    }
    std::vector<pollfd> all(sockets.begin(), sockets.end());
    all.push_back({tun->fd(), POLLIN, 0});
    all.push_back({port->fd(), POLLIN, 0});
    ::poll(all.data(), all.size(), 100);
  }

  struct Seen {
    std::size_t packets = 0, super_packets = 0, partial_checksums = 0, largest = 0;
  };
  static void note(const Packet& packet, Seen& seen) {
    ++seen.packets;
    seen.super_packets += packet.offload.segmentation != Offload::Segmentation::none;
    seen.partial_checksums += packet.offload.partial_checksum;
    seen.largest = std::max(seen.largest, packet.size());
  }

  static sockaddr_in6 socket_address(const Address& a, std::uint16_t port_number) {
    sockaddr_in6 out{};
    out.sin6_family = AF_INET6;
    out.sin6_port = htons(port_number);
    a.store(out.sin6_addr.s6_addr);
    return out;
  }
  static Descriptor bound(const TestNamespace& where, int kind, const Address& a, std::uint16_t port_number) {
    return where.inside([&] {
      Descriptor socket{::socket(AF_INET6, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
      const int size = 4 << 20;
      ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
      const sockaddr_in6 self = socket_address(a, port_number);
      if (::bind(socket.get(), reinterpret_cast<const sockaddr*>(&self), sizeof self) != 0)
        throw std::runtime_error{"bind"};
      return socket;
    });
  }
  static void connect_to(const Descriptor& socket, const Address& a, std::uint16_t port_number) {
    const sockaddr_in6 other = socket_address(a, port_number);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&other), sizeof other) != 0 && errno != EINPROGRESS)
      throw std::runtime_error{"connect"};
  }
  /// Sends `data` from one socket to the other while carrying packets; what arrived.
  ByteVector stream(int from, int to, const ByteVector& data) {
    ByteVector got, piece(256 << 10);
    std::size_t sent = 0;
    const TimePoint end = monotonic_now() + limit;
    while (got.size() < data.size() && monotonic_now() < end && !HasFatalFailure()) {
      if (sent < data.size()) {
        const ssize_t n = ::send(from, data.data() + sent, data.size() - sent, MSG_NOSIGNAL);
        if (n > 0) sent += static_cast<std::size_t>(n);
      }
      const ssize_t n = ::recv(to, piece.data(), piece.size(), 0);
      if (n > 0) got.insert(got.end(), piece.begin(), piece.begin() + n);
      const short interest = sent < data.size() ? POLLOUT : 0;
      const pollfd waits[] = {{from, interest, 0}, {to, POLLIN, 0}};
      turn(waits);
    }
    return got;
  }
  void expect_no_damage() {
    for (const TestNamespace* where : {&host, &peer}) {
      EXPECT_EQ(where->counter("Tcp:InCsumErrors"), 0u);
      EXPECT_EQ(where->counter("Udp6InCsumErrors"), 0u);
      EXPECT_EQ(where->counter("Ip6InHdrErrors"), 0u);
    }
    EXPECT_EQ(tun->counters().malformed + tun->counters().write_full + tun->counters().write_refused, 0u);
    EXPECT_EQ(port->counters().malformed + port->counters().send_failed + port->counters().send_too_big, 0u);
  }

  std::unique_ptr<TunDevice> tun;
  std::unique_ptr<WirePort> port;
  ByteVector buffer = ByteVector(packet_buffer_size);
  Seen in, out;
};

TEST_P(WholePath, TcpStreamsBothWaysArriveIntact) {
  const Descriptor listener = bound(peer, SOCK_STREAM, peer_plain, 8080);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  const Descriptor client = bound(host, SOCK_STREAM, ilv, 0);
  connect_to(client, peer_plain, 8080);
  Descriptor server;
  for (int i = 0; i < 100 && !server.is_open(); ++i) {
    const pollfd wait{listener.get(), POLLIN, 0};
    turn({&wait, 1});
    server = Descriptor{::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK)};
  }
  ASSERT_TRUE(server.is_open());
  test::FakeRandom random{11};
  const ByteVector data = random.octets(8 << 20);
  EXPECT_TRUE(stream(client.get(), server.get(), data) == data) << "host to peer";
  EXPECT_TRUE(stream(server.get(), client.get(), data) == data) << "peer to host";
  expect_no_damage();
  EXPECT_GT(out.super_packets, 10u);
  EXPECT_GT(out.largest, 20'000u);
  EXPECT_GT(out.partial_checksums, 10u);
  if (GetParam().peer_on) {
    EXPECT_GT(in.super_packets, 10u);
    EXPECT_GT(in.largest, 20'000u);
  } else {
    EXPECT_EQ(in.super_packets, 0u);
    EXPECT_EQ(in.partial_checksums, 0u) << "then the checksums were complete on the wire, and verified";
  }
}

TEST_P(WholePath, UdpSegmentsBothWaysArriveIntact) {
  const Descriptor near = bound(host, SOCK_DGRAM, ilv, 4000), far = bound(peer, SOCK_DGRAM, peer_plain, 5000);
  connect_to(near, peer_plain, 5000);
  connect_to(far, ilv, 4000);
  constexpr int datagram = 1000, count = 30;
  const auto exchange = [&](const Descriptor& from, const Descriptor& to) {
    ASSERT_EQ(::setsockopt(from.get(), SOL_UDP, UDP_SEGMENT, &datagram, sizeof datagram), 0);
    const ByteVector data = test::counting(datagram * count);
    ASSERT_EQ(::send(from.get(), data.data(), data.size(), 0), datagram * count);
    for (int i = 0; i < count; ++i) {
      ByteVector got(2 * datagram);
      ssize_t n = -1;
      for (int tries = 0; n < 0 && tries < 100; ++tries) {
        const pollfd wait{to.get(), POLLIN, 0};
        turn({&wait, 1});
        n = ::recv(to.get(), got.data(), got.size(), 0);
      }
      ASSERT_EQ(n, datagram) << i;
      got.resize(datagram);
      EXPECT_SAME_BYTES(got, (ByteVector{data.begin() + i * datagram, data.begin() + (i + 1) * datagram}));
    }
  };
  exchange(near, far);
  if (tun->features().udp_segmentation) {
    EXPECT_EQ(out.super_packets, 1u);
  }
  exchange(far, near);
  if (tun->features().udp_segmentation && GetParam().peer_on) {
    EXPECT_EQ(in.super_packets, 1u);
  }
  expect_no_damage();
}

TEST_P(WholePath, SmallDatagramsBothWaysArriveIntact) {
  const Descriptor near = bound(host, SOCK_DGRAM, ilv, 4000), far = bound(peer, SOCK_DGRAM, peer_plain, 5000);
  connect_to(near, peer_plain, 5000);
  connect_to(far, ilv, 4000);
  // Many contents: a nearly right checksum passes most of them.
  test::FakeRandom random{5};
  for (int i = 0; i < 2000; ++i) {
    const bool outbound = i % 2 == 0;
    const int from = (outbound ? near : far).get(), to = (outbound ? far : near).get();
    const ByteVector data = random.octets(1 + random.below(64));
    ASSERT_EQ(::send(from, data.data(), data.size(), 0), static_cast<ssize_t>(data.size()));
    ByteVector got(100);
    ssize_t n = -1;
    for (int tries = 0; n < 0 && tries < 100; ++tries) {
      const pollfd wait{to, POLLIN, 0};
      turn({&wait, 1});
      n = ::recv(to, got.data(), got.size(), 0);
    }
    ASSERT_GE(n, 0) << i;
    got.resize(static_cast<std::size_t>(n));
    ASSERT_SAME_BYTES(got, data);
  }
  expect_no_damage();
}

INSTANTIATE_TEST_SUITE_P(Offload, WholePath,
                         ::testing::Values(Offloads{"Everywhere", true, true, false},
                                           Offloads{"NotAtTheHost", false, true, false},
                                           Offloads{"NotAtThePeer", true, false, false},
                                           Offloads{"Nowhere", false, false, false},
                                           Offloads{"EverywherePastTheQueue", true, true, true}),
                         [](const auto& parameter) { return parameter.param.name; });

}  // namespace
}  // namespace ilnp
