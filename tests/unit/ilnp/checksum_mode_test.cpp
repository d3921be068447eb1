// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/checksum_mode.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::PacketBuilder;

constexpr NodeId us{0x5c1a97d304be6f21}, peer{0x02144ffffe20ee64};
constexpr Locator neutral_prefix{0xfd494c4e50366631}, other_prefix{0xfd00123456780001};
constexpr AddressPair wire{{{0x20010db8000a0001}, us}, {{0x20010db800c00001}, peer}};

std::uint16_t checksum_field(const ByteVector& packet, std::size_t offset) { return load_u16(packet.data() + offset); }

std::uint16_t on_the_wire(ChecksumMode mode, const AddressPair& identity, const ByteVector& payload) {
  ByteVector packet = PacketBuilder{identity.source, identity.destination}.udp(1, 2, payload).build();
  adjust_field(packet.data() + 46, next_header::udp, to_wire_checksum(mode, next_header::udp, identity, wire));
  return checksum_field(packet, 46);
}

TEST(ChecksumMode, WireFormIsWhatEachModeDefinesForAnyIdentityPrefix) {
  test::FakeRandom random{31};
  for (int round = 0; round < 1000; ++round) {
    const ByteVector payload = random.octets(1 + random.below(40));
    for (const Locator prefix : {neutral_prefix, other_prefix}) {
      for (const ChecksumMode mode : {ChecksumMode::ipv6, ChecksumMode::rfc6741}) {
        const ByteVector expected =
            PacketBuilder{wire.source, wire.destination}.checksum(mode).udp(1, 2, payload).build();
        ASSERT_EQ(on_the_wire(mode, {{prefix, us}, {prefix, peer}}, payload), checksum_field(expected, 46));
      }
    }
  }
}

TEST(ChecksumMode, ZeroLocatorChecksumDoesNotSeeALocatorChange) {
  test::FakeRandom random{32};
  for (int round = 0; round < 1000; ++round) {
    const ByteVector payload = random.octets(random.below(60));
    const Address moved{{random.u64()}, us};
    PacketBuilder before{wire.source, wire.destination}, after{moved, wire.destination};
    before.checksum(ChecksumMode::rfc6741).tcp(1, 2, 3, 4, 0x10, payload);
    after.checksum(ChecksumMode::rfc6741).tcp(1, 2, 3, 4, 0x10, payload);
    ASSERT_EQ(checksum_field(before.build(), 56), checksum_field(after.build(), 56));
  }
}

TEST(ChecksumMode, NeutralPrefixNeedsNoChangeInZeroLocatorMode) {
  const AddressPair identity{{neutral_prefix, us}, {neutral_prefix, peer}};
  const SumChange change = to_wire_checksum(ChecksumMode::rfc6741, next_header::tcp, identity, wire);
  for (std::uint32_t checksum = 0; checksum < 0xffff; ++checksum)
    ASSERT_EQ(adjust(static_cast<std::uint16_t>(checksum), change), checksum);
}

TEST(ChecksumMode, IcmpAlwaysCoversWholeAddresses) {
  for (const ChecksumMode mode : {ChecksumMode::ipv6, ChecksumMode::rfc6741})
    EXPECT_EQ(wire_sum(mode, next_header::icmpv6, wire),
              fold(std::uint64_t{sum_of(wire.source)} + sum_of(wire.destination)));
  EXPECT_NE(wire_sum(ChecksumMode::rfc6741, next_header::tcp, wire),
            wire_sum(ChecksumMode::ipv6, next_header::tcp, wire));
}

TEST(ChecksumMode, IdentityFormIsTheWayBack) {
  const AddressPair identity{{other_prefix, us}, {other_prefix, peer}};
  for (const ChecksumMode mode : {ChecksumMode::ipv6, ChecksumMode::rfc6741}) {
    const SumChange there = to_wire_checksum(mode, next_header::udp, identity, wire);
    const SumChange back = to_identity_checksum(mode, next_header::udp, identity, wire);
    EXPECT_EQ(adjust(adjust(0x1234, there), back), 0x1234);
  }
}

}  // namespace
}  // namespace ilnp
