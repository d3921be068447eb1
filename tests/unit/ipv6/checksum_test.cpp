// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/checksum.h"

#include <gtest/gtest.h>

#include "core/ipv6/header_walk.h"
#include "tests/support/fakes.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::FakeRandom;

/// RFC 1071 as it is written down: 16 bits at a time.
std::uint16_t plain_sum(Bytes bytes) {
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    sum += i % 2 == 0 ? std::uint32_t{bytes[i]} << 8 : bytes[i];
    sum = (sum & 0xffff) + (sum >> 16);
  }
  return static_cast<std::uint16_t>(sum);
}

TEST(Checksum, SumOfRfc1071Example) { EXPECT_EQ(ones_complement_sum(test::hex("0001 f203 f4f5 f6f7")), 0xddf2); }

TEST(Checksum, SumAgreesWithThePlainOneForEveryLength) {
  FakeRandom random{1};
  for (std::size_t length = 0; length < 70; ++length) {
    const ByteVector octets = random.octets(length);
    EXPECT_EQ(ones_complement_sum(octets), plain_sum(octets)) << length;
  }
  const ByteVector all_ones(65535, 0xff);  // the most that can be carried
  EXPECT_EQ(ones_complement_sum(all_ones), plain_sum(all_ones));
}

TEST(Checksum, InitialSumMayBeAnyNumber) {
  EXPECT_EQ(ones_complement_sum({}, ~std::uint64_t{0}), 0xffff);
  EXPECT_EQ(ones_complement_sum(test::hex("0001"), 0xffff), 1);
}

TEST(Checksum, AdjustCarriesAround) {
  // RFC 1624 section 4: the example on which equation 2 of RFC 1141 fails.
  EXPECT_EQ(adjust(0xdd2f, {0x5555, 0x3285}), 0x0000);
  // ~m + m' overflows twice: one folding alone would lose a carry.
  EXPECT_EQ(adjust(0x0000, {0x0000, 0xffff}), 0x0000);
  EXPECT_EQ(adjust(0x0001, {0x0000, 0xffff}), 0x0001);
}

TEST(Checksum, IncrementalEqualsFullOverRandomPackets) {
  FakeRandom random{2};
  for (int round = 0; round < 100'000; ++round) {
    const std::uint8_t protocol = random.one_in(2) ? next_header::tcp : next_header::udp;
    ByteVector upper = random.octets(20 + random.below(40));
    const auto field = static_cast<std::size_t>(checksum_field_offset(protocol));
    store_u16(upper.data() + field, 0);
    // Sparse addresses: many equal, zero and all-ones words, where carries and the two zeros live.
    const auto word = [&] { return random.one_in(3) ? (random.one_in(2) ? 0 : ~std::uint64_t{0}) : random.u64(); };
    const Address source{{word()}, {word()}}, destination{{word()}, {word()}};
    const Address new_source{{word()}, source.nid}, new_destination{{word()}, destination.nid};

    store_u16(upper.data() + field, upper_layer_checksum(source, destination, protocol, upper));
    const SumChange change = SumChange{sum_of(source.locator), sum_of(new_source.locator)}.then(
        {sum_of(destination.locator), sum_of(new_destination.locator)});
    adjust_field(upper.data() + field, protocol, change);
    const std::uint16_t incremental = load_u16(upper.data() + field);

    store_u16(upper.data() + field, 0);
    ASSERT_EQ(incremental, upper_layer_checksum(new_source, new_destination, protocol, upper)) << "round " << round;
  }
}

TEST(Checksum, AdjustedThereAndBackIsTheSameUpToTheTwoZeros) {
  FakeRandom random{3};
  for (int round = 0; round < 100'000; ++round) {
    const auto checksum = static_cast<std::uint16_t>(random.u64());
    const SumChange there{static_cast<std::uint16_t>(random.u64()), static_cast<std::uint16_t>(random.u64())};
    const std::uint16_t back = adjust(adjust(checksum, there), {there.added, there.removed});
    ASSERT_EQ(back % 0xffff, checksum % 0xffff);
  }
}

TEST(Checksum, PartialSumFinishedLaterEqualsTheFullChecksum) {
  FakeRandom random{4};
  for (int round = 0; round < 10'000; ++round) {
    ByteVector upper = random.octets(20 + random.below(40));
    const Address source{{random.u64()}, {random.u64()}}, destination{{random.u64()}, {random.u64()}};
    const Address moved{{random.u64()}, source.nid};
    const auto length = static_cast<std::uint32_t>(upper.size());
    const std::uint16_t partial = pseudo_header_sum(source, destination, length, next_header::tcp);
    store_u16(upper.data() + 16, adjust_partial(partial, {sum_of(source), sum_of(moved)}));
    const auto finished = static_cast<std::uint16_t>(~ones_complement_sum(upper));  // as a NIC does it
    store_u16(upper.data() + 16, 0);
    ASSERT_EQ(finished, upper_layer_checksum(moved, destination, next_header::tcp, upper));
  }
}

TEST(Checksum, UdpWritesAllOnesForZeroAndLeavesAnAbsentChecksumAbsent) {
  std::array<std::uint8_t, 2> field{0x12, 0x34};
  const SumChange to_zero{0, 0x1234};  // HC' = ~(~0x1234 + 0xffff + 0x1234) = 0
  adjust_field(field.data(), next_header::udp, to_zero);
  EXPECT_EQ(load_u16(field.data()), 0xffff);
  field = {0x12, 0x34};
  adjust_field(field.data(), next_header::tcp, to_zero);
  EXPECT_EQ(load_u16(field.data()), 0);
  field = {0, 0};
  adjust_field(field.data(), next_header::udp, {0, 0x4321});
  EXPECT_EQ(load_u16(field.data()), 0);
}

TEST(Checksum, FullUdpChecksumIsNeverZero) {
  // The payload word is chosen so that the sum is 0xffff, whose complement is 0.
  const Address source{{1}, {2}}, destination{{3}, {4}};
  ByteVector upper = test::hex("0000 0000 000a 0000 0000");
  const std::uint16_t sum = ones_complement_sum(upper, pseudo_header_sum(source, destination, 10, 17));
  store_u16(upper.data() + 8, static_cast<std::uint16_t>(0xffff - sum));
  EXPECT_EQ(upper_layer_checksum(source, destination, next_header::udp, upper), 0xffff);
  EXPECT_EQ(upper_layer_checksum(source, destination, 11, Bytes{upper}),
            adjust(0, {17, 11}));  // the same bytes under another protocol number
}

TEST(Checksum, PseudoHeaderCountsAllFourParts) {
  const Address a{{0x0001000000000000}, {0x0000000000000002}}, b{{0x0000000400000000}, {0x0000000000080000}};
  EXPECT_EQ(pseudo_header_sum(a, b, 0x00100020, 0x40), 1 + 2 + 4 + 8 + 0x10 + 0x20 + 0x40);
}

}  // namespace
}  // namespace ilnp
