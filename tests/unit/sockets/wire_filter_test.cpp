// SPDX-License-Identifier: Apache-2.0
// The filter is run here by a small interpreter of classic BPF; tests/netns runs it in the kernel.
#include "io/sockets/wire_filter.h"

#include <gtest/gtest.h>
#include <linux/if_packet.h>

#include <array>
#include <stdexcept>

#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "io/sockets/wire_port.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::PacketBuilder;

struct Frame {
  ByteVector octets;
  unsigned kind = PACKET_HOST;
  unsigned vlan = 0;
};

/// What the program returns: the octets accepted. A load beyond the frame ends it with 0, as in the kernel.
std::uint32_t run(const std::vector<sock_filter>& program, const Frame& frame, int* steps = nullptr) {
  std::uint32_t a = 0;
  std::array<std::uint32_t, BPF_MEMWORDS> kept{};
  for (std::size_t at = 0; at < program.size(); ++at) {
    if (steps != nullptr) ++*steps;
    const sock_filter& step = program[at];
    const auto load = [&](std::size_t width) {
      std::uint32_t value = 0;
      for (std::size_t i = 0; i < width; ++i) value = value << 8 | frame.octets[step.k + i];
      return value;
    };
    const auto fits = [&](std::size_t width) { return step.k + width <= frame.octets.size(); };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        if (step.k == static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_PKTTYPE)) {
          a = frame.kind;
        } else if (step.k == static_cast<std::uint32_t>(SKF_AD_OFF + SKF_AD_VLAN_TAG)) {
          a = frame.vlan;
        } else if (fits(4)) {
          a = load(4);
        } else {
          return 0;
        }
        break;
      case BPF_LD | BPF_W | BPF_LEN:
        a = static_cast<std::uint32_t>(frame.octets.size());
        break;
      case BPF_LD | BPF_H | BPF_ABS:
        if (!fits(2)) return 0;
        a = load(2);
        break;
      case BPF_LD | BPF_B | BPF_ABS:
        if (!fits(1)) return 0;
        a = load(1);
        break;
      case BPF_ST:
        kept.at(step.k) = a;
        break;
      case BPF_LD | BPF_MEM:
        a = kept.at(step.k);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        a &= step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += a == step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        at += a >= step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        at += a > step.k ? step.jt : step.jf;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        throw std::logic_error{"unknown instruction"};
    }
  }
  throw std::logic_error{"ran past the end"};
}

const Address peer = test::address("2001:db8:c0::7");
const NodeId nid{0x0214'4fff'fe20'ee64};

Frame frame(const ByteVector& packet) {
  Frame out;
  out.octets = test::hex("020000000001 020000000002 86dd");
  out.octets.insert(out.octets.end(), packet.begin(), packet.end());
  return out;
}
Frame to(const Address& destination) { return frame(PacketBuilder{peer, destination}.udp(1, 2).build()); }
Address with(const char* prefix, NodeId id = nid) { return {test::address(prefix).locator, id}; }

bool takes(const Frame& f, std::vector<NodeId> nids = {nid}) { return run(wire_filter(nids), f) >= 65600; }

TEST(WireFilter, TakesWhatIsForOurNodeIdentifierWhateverTheLocator) {
  EXPECT_TRUE(takes(to(with("2001:db8:a1::"))));
  EXPECT_TRUE(takes(to(with("2001:db8:a2::"))));
  EXPECT_TRUE(takes(to(with("fd00::"))));
}

TEST(WireFilter, LeavesOrdinaryAddressesAlone) {
  for (int bit = 0; bit < 64; ++bit)
    EXPECT_FALSE(takes(to(with("2001:db8:a1::", NodeId{nid.bits ^ std::uint64_t{1} << bit})))) << bit;
}

TEST(WireFilter, AnyOfAllNodeIdentifiers) {
  std::vector<NodeId> nids;
  for (std::uint64_t i = 0; i < max_own_nids; ++i) nids.push_back({0x0200'0000'0000'0000 + (i << 32) + i * i});
  for (std::size_t many = 1; many <= nids.size(); many = many < 20 ? many + 1 : many * 2 - 1) {
    const std::vector<NodeId> some{nids.begin(), nids.begin() + static_cast<std::ptrdiff_t>(many)};
    for (std::size_t i = 0; i < nids.size(); ++i)
      EXPECT_EQ(takes(to(with("2001:db8:a1::", nids[i])), some), i < many) << i << " of " << many;
  }
  // The upper half of one with the lower half of another is nobody.
  EXPECT_FALSE(takes(to(with("2001:db8:a1::", {0x0200'0003'0000'0000 + 4})), nids));
  EXPECT_FALSE(takes(to(with("2001:db8:a1::", {0x0200'0100'0000'0000})), nids));
}

TEST(WireFilter, NodeIdentifiersMayShareTheirUpperHalf) {
  std::vector<NodeId> nids;
  for (std::uint64_t i = 0; i < max_own_nids; ++i) nids.push_back({(0x0200'0000 + i / 100) << 32 | (i * 7 & 0xff)});
  for (const NodeId& one : nids) EXPECT_TRUE(takes(to(with("2001:db8:a1::", one)), nids));
  EXPECT_FALSE(takes(to(with("2001:db8:a1::", {0x0200'0000'0000'0100})), nids));
  EXPECT_FALSE(takes(to(with("2001:db8:a1::", {0x0200'0003'0000'0000})), nids));
}

TEST(WireFilter, ManyNodeIdentifiersCostLittle) {
  std::vector<NodeId> nids;
  for (std::uint64_t i = 0; i < max_own_nids; ++i) nids.push_back({0x9e37'79b9'7f4a'7c15 * (i + 1)});
  const auto program = wire_filter(nids);
  EXPECT_LT(program.size(), std::size_t{BPF_MAXINSNS});
  for (const NodeId& one : nids) {
    int steps = 0;
    EXPECT_GT(run(program, to(with("2001:db8:a1::", one)), &steps), 0u);
    EXPECT_LT(steps, 60);
  }
}

TEST(WireFilter, TakesNothingWithoutANodeIdentifier) { EXPECT_FALSE(takes(to(with("2001:db8:a1::")), {})); }

TEST(WireFilter, LinkLocalStaysTheKernels) {
  EXPECT_FALSE(takes(to(with("fe80::"))));
  EXPECT_FALSE(takes(to(with("febf::"))));
  EXPECT_TRUE(takes(to(with("fec0::"))));
}

TEST(WireFilter, NeighbourDiscoveryStaysTheKernels) {
  const auto icmp = [](std::uint8_t type) {
    return frame(PacketBuilder{peer, with("2001:db8:a1::")}.icmpv6(type, 0, test::counting(20)).build());
  };
  for (int type = 0; type < 256; ++type)
    EXPECT_EQ(takes(icmp(static_cast<std::uint8_t>(type))), type < 133 || type > 137) << type;
}

TEST(WireFilter, OctetsThatOnlyLookLikeNeighbourDiscoveryDoNot) {
  // A TCP source port whose first octet is 135.
  EXPECT_TRUE(takes(frame(PacketBuilder{peer, with("2001:db8:a1::")}.tcp(135 << 8, 80, 1, 2, 2).build())));
  // Behind a nonce header the next header is not ICMPv6.
  EXPECT_TRUE(takes(frame(PacketBuilder{peer, with("2001:db8:a1::")}
                              .nonce(test::hex("01020304"))
                              .icmpv6(135, 0, test::counting(20))
                              .build())));
}

TEST(WireFilter, OnlyFramesForThisHost) {
  Frame f = to(with("2001:db8:a1::"));
  for (const unsigned kind :
       std::initializer_list<unsigned>{PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST, PACKET_OUTGOING}) {
    f.kind = kind;
    EXPECT_FALSE(takes(f)) << kind;
  }
}

TEST(WireFilter, VlanFramesBelongToAnotherInterface) {
  Frame f = to(with("2001:db8:a1::"));
  f.vlan = 0xe000;  // priority only
  EXPECT_TRUE(takes(f));
  f.vlan = 10;
  EXPECT_FALSE(takes(f));
}

TEST(WireFilter, OtherProtocolsAndShortFramesAreRefused) {
  const Frame good = to(with("2001:db8:a1::"));
  Frame f = good;
  f.octets[12] = 0x08, f.octets[13] = 0x00;
  EXPECT_FALSE(takes(f)) << "IPv4";
  f = good;
  f.octets[14] = 0x45;
  EXPECT_FALSE(takes(f)) << "version 4";
  for (std::size_t length = 0; length < 54; ++length) {
    f.octets.assign(good.octets.begin(), good.octets.begin() + static_cast<std::ptrdiff_t>(length));
    EXPECT_FALSE(takes(f)) << length;
  }
}

// --- A router's

bool routes(const Frame& f, std::vector<Address> own, std::vector<Prefix> kernels = {}) {
  return run(router_wire_filter(own, kernels), f) >= 65600;
}

TEST(RouterWireFilter, TakesWhatTheKernelWouldHaveToForward) {
  const std::vector<Address> own{test::address("2001:db8:a1::1"), test::address("2001:db8:a2::1")};
  EXPECT_TRUE(routes(to(test::address("2001:db8:a1::2")), own));
  EXPECT_TRUE(routes(to(test::address("2001:db8:a3::1")), own)) << "the lower half of one of ours";
  EXPECT_TRUE(routes(to(test::address("fd00::1")), own));
  EXPECT_TRUE(routes(to(test::address("2001:db8:a1::1")), {}));
  for (const Address& mine : own) EXPECT_FALSE(routes(to(mine), own));
}

TEST(RouterWireFilter, LeavesLinksAndGroupsToTheKernel) {
  EXPECT_FALSE(routes(to(test::address("fe80::1")), {}));
  EXPECT_FALSE(routes(to(test::address("ff05::1")), {}));
  const Address far = test::address("2001:db8:a1::2");
  EXPECT_FALSE(routes(frame(PacketBuilder{test::address("fe80::7"), far}.udp(1, 2).build()), {}));
  Frame other = to(far);
  other.kind = PACKET_OTHERHOST;
  EXPECT_FALSE(routes(other, {}));
  other = to(far);
  other.vlan = 7;
  EXPECT_FALSE(routes(other, {}));
  for (std::uint8_t type = 128; type < 140; ++type) {
    const ByteVector packet = build_packet(peer, far, next_header::icmpv6, ByteVector{type, 0, 0, 0, 0, 0, 0, 0});
    EXPECT_EQ(routes(frame(packet), {}), !icmpv6::is_neighbour_discovery(type)) << int{type};
  }
}

TEST(RouterWireFilter, LeavesPrefixesOfAnyLengthToTheKernel) {
  const Address inside = test::address("2001:db8:a1:b2c3:d4e5:f607:1829:3a4b");
  for (int length = 0; length <= 128; ++length) {
    const auto bit = [](int n) { return n < 0 || n > 63 ? 0 : std::uint64_t{1} << (63 - n); };
    const auto kept = [](int n) { return n <= 0 ? 0 : n >= 64 ? ~std::uint64_t{0} : ~(~std::uint64_t{0} >> n); };
    const Prefix prefix{{{inside.locator.bits & kept(length)}, {inside.nid.bits & kept(length - 64)}}, length};
    EXPECT_FALSE(routes(to(inside), {}, {prefix})) << length;
    for (int flipped = 0; flipped < 128; ++flipped) {
      const Address near{{inside.locator.bits ^ bit(flipped)}, {inside.nid.bits ^ bit(flipped - 64)}};
      EXPECT_EQ(routes(to(near), {}, {prefix}), flipped < length) << length << " " << flipped;
      EXPECT_EQ(prefix.contains(near), flipped >= length) << length << " " << flipped;
    }
  }
  const Prefix one{test::address("2001:db8:e::"), 48}, two{test::address("2001:db8:f::"), 48};
  EXPECT_FALSE(routes(to(test::address("2001:db8:f::7")), {}, {one, two}));
  EXPECT_TRUE(routes(to(test::address("2001:db8:d::7")), {}, {one, two}));
}

TEST(RouterWireFilter, ManyAddressesOfOurOwn) {
  std::vector<Address> own;
  for (std::uint64_t i = 0; i < max_own_addresses; ++i)
    own.push_back({{0x2001'0db8'0000'0000 + i / 3}, {i % 3 == 0 ? 1 : 0x0200'0000'0000'0000 + (i << 32)}});
  EXPECT_LT(router_wire_filter(own, {}).size(), std::size_t{BPF_MAXINSNS});
  for (const Address& mine : own) {
    EXPECT_FALSE(routes(to(mine), own)) << to_string(mine);
    EXPECT_TRUE(routes(to({{mine.locator.bits ^ 1u << 20}, mine.nid}), own));
    EXPECT_TRUE(routes(to({mine.locator, {mine.nid.bits ^ 8}}), own));
  }
}

}  // namespace
}  // namespace ilnp
