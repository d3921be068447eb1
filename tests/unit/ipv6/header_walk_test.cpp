// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/header_walk.h"

#include <gtest/gtest.h>

#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

const Address source{{0x20010db8000a0001}, {0x5c1a97d304be6f21}};
const Address destination{{0x20010db800c00001}, {0x02144ffffe20ee64}};

/// A packet whose payload is `headers` (the first of type `first`) followed by 12 octets of upper layer.
ByteVector packet_with(std::uint8_t first, ByteVector headers, std::size_t upper = 12) {
  headers.insert(headers.end(), upper, std::uint8_t{0xee});
  ByteVector packet = build_packet(source, destination, next_header::none, headers);
  packet[6] = first;
  return packet;
}

/// An options header of 8 * (units + 1) octets with `options` and Pad1 up to its end.
ByteVector options_header(std::uint8_t next, std::uint8_t units, const ByteVector& options) {
  ByteVector header{next, units};
  header.insert(header.end(), options.begin(), options.end());
  header.resize(8 * (units + std::size_t{1}));
  return header;
}

ByteVector operator+(ByteVector a, const ByteVector& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

const ByteVector nonce4{0x8b, 4, 1, 2, 3, 4};
const ByteVector padded_to_end{1, 4, 0, 0, 0, 0};

TEST(HeaderWalk, PlainPacketHasItsUpperLayerAtOctet40) {
  const auto out = walk_headers(packet_with(next_header::tcp, {}));
  ASSERT_TRUE(out.ok);
  EXPECT_EQ(out.walk.source, source);
  EXPECT_EQ(out.walk.destination, destination);
  EXPECT_EQ(out.walk.hop_limit, 64);
  EXPECT_EQ(out.walk.upper_protocol, next_header::tcp);
  EXPECT_EQ(out.walk.upper_offset, 40);
  EXPECT_EQ(out.walk.upper_length, 12u);
  EXPECT_EQ(out.walk.upper_pointer, 6);
  EXPECT_FALSE(out.walk.has_nonce());
  EXPECT_FALSE(out.walk.is_fragment);
}

TEST(HeaderWalk, NonceOfFourOctetsIsFound) {
  const auto out = walk_headers(packet_with(60, options_header(6, 0, nonce4)));
  ASSERT_TRUE(out.ok);
  EXPECT_EQ(out.walk.nonce_length, 4);
  EXPECT_EQ(out.walk.nonce_option, 42);
  EXPECT_EQ(out.walk.nonce_offset, 44);
  EXPECT_EQ(out.walk.nonce_header, 40);
  EXPECT_EQ(out.walk.nonce_header_length, 8);
  EXPECT_EQ(out.walk.nonce_header_pointer, 6);
  EXPECT_TRUE(out.walk.nonce_alone);
  EXPECT_EQ(out.walk.upper_offset, 48);
  EXPECT_EQ(out.walk.upper_protocol, 6);
  EXPECT_EQ(out.walk.upper_pointer, 40);
}

TEST(HeaderWalk, HeaderLengthCountsUnitsBeyondTheFirstEight) {
  for (std::uint8_t units : std::initializer_list<std::uint8_t>{0, 1, 3, 255}) {
    const auto out = walk_headers(packet_with(43, options_header(17, units, {4, 0})));
    ASSERT_TRUE(out.ok) << int{units};
    EXPECT_EQ(out.walk.upper_offset, 40 + 8 * (units + 1));
    EXPECT_EQ(out.walk.upper_protocol, 17);
  }
}

TEST(HeaderWalk, AuthenticationHeaderLengthCountsFourOctetUnitsMinusTwo) {
  for (std::uint8_t units : std::initializer_list<std::uint8_t>{1, 3, 4}) {
    ByteVector header(4 * (units + std::size_t{2}));
    header[0] = 6;
    header[1] = units;
    const auto out = walk_headers(packet_with(51, header));
    ASSERT_TRUE(out.ok) << int{units};
    EXPECT_EQ(out.walk.upper_offset, 40 + header.size());
    EXPECT_EQ(out.walk.upper_protocol, 6);
  }
}

TEST(HeaderWalk, TwoNoncesAreRefusedInOneHeaderAndInTwo) {
  const auto one = walk_headers(packet_with(60, options_header(6, 1, nonce4 + nonce4)));
  EXPECT_FALSE(one.ok);
  EXPECT_EQ(one.error, ParseError::two_nonces);
  EXPECT_EQ(one.error_offset, 48);
  const auto two = walk_headers(packet_with(60, options_header(60, 0, nonce4) + options_header(6, 0, nonce4)));
  EXPECT_FALSE(two.ok);
  EXPECT_EQ(two.error, ParseError::two_nonces);
}

}  // namespace
}  // namespace ilnp
