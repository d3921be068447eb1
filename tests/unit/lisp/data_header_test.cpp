// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/data_header.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"
#include "tests/unit/lisp/show.h"

namespace ilnp::lisp {
namespace {

using test::hex;

void expect_both_ways(const char* octets, const DataHeader& header, bool knows_next_protocol = false) {
  SCOPED_TRACE(octets);
  EXPECT_SAME_BYTES(encode_data_header(header), hex(octets));
  const auto read = parse_data_header(hex(octets), knows_next_protocol);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read.value(), header);
}

TEST(DataHeader, EveryField) {
  expect_both_ways("00000000 00000000", {});
  expect_both_ways("80abcdef 00000000", {.nonce = 0xabcdef});
  expect_both_ways("a0abcdef 00000000", {.nonce = 0xabcdef, .requests_echo = true});
  expect_both_ways("10abc123 00000000", {.versions = DataHeader::Versions{0xabc, 0x123}});
  expect_both_ways("40000000 80000001", {.locator_status = 0x80000001});
  expect_both_ways("08000000 00109200", {.instance = 4242});
  expect_both_ways("48000000 00109281", {.locator_status = 0x81, .instance = 4242});
  expect_both_ways("03000000 00000000", {.key_id = 3});
  expect_both_ways("04000002 00000000", {.next_protocol = next_protocol::ipv6}, true);
  expect_both_ways("4c000001 00000701", {.locator_status = 1, .instance = 7, .next_protocol = next_protocol::ipv4},
                   true);
}

TEST(DataHeader, ReservedBitIsIgnoredWhereNextProtocolIsNotSpoken) {
  EXPECT_EQ(parse_data_header(hex("84abcdef 00000000")).value(), (DataHeader{.nonce = 0xabcdef}));
  EXPECT_EQ(parse_data_header(hex("84abcdef 00000000"), true).error(), ReadError::bad_flags);
  for (const char* octets : {"24000001 00000000", "14000001 00000000", "04000101 00000000", "04800001 00000000"})
    EXPECT_EQ(parse_data_header(hex(octets), true).error(), ReadError::bad_flags) << octets;
}

TEST(DataHeader, WhatContradictsItself) {
  EXPECT_EQ(parse_data_header(hex("90abc123 00000000")).value(), (DataHeader{.nonce = 0xabc123})) << "nonce wins";
  EXPECT_EQ(parse_data_header(hex("20000000 00000000")).value(), DataHeader{}) << "an echo of nothing";
  EXPECT_EQ(parse_data_header(hex("00abcdef ffffffff")).value(), DataHeader{}) << "nothing is announced";
}

TEST(DataHeader, NeedsEightOctets) {
  EXPECT_EQ(parse_data_header(hex("000000000000 00")).error(), ReadError::truncated);
  EXPECT_TRUE(parse_data_header(hex("0000000000000000 60")).has_value());
}

TEST(MapVersion, NewerIsAtMostHalfWayRound) {
  EXPECT_TRUE(is_newer_version(2, 1));
  EXPECT_TRUE(is_newer_version(2049, 1));
  EXPECT_FALSE(is_newer_version(2050, 1));
  EXPECT_FALSE(is_newer_version(1, 1));
  EXPECT_FALSE(is_newer_version(1, 2));
  EXPECT_FALSE(is_newer_version(1, 2049));
  EXPECT_TRUE(is_newer_version(1, 2050));
  EXPECT_TRUE(is_newer_version(1, 4095));
  EXPECT_FALSE(is_newer_version(4095, 1));
}

TEST(MapVersion, OfTwoDifferentOnesOneIsNewerUnlessTheyAreOpposite) {
  for (std::uint16_t a = 1; a < 4096; a = static_cast<std::uint16_t>(a + 7))
    for (std::uint16_t b = 1; b < 4096; b = static_cast<std::uint16_t>(b + 5)) {
      const bool opposite = a != b && (a - b == 2048 || b - a == 2048);
      const int newer = opposite ? 0 : is_newer_version(a, b) + is_newer_version(b, a);
      ASSERT_EQ(newer, a != b && !opposite ? 1 : 0) << a << ' ' << b;
    }
}

TEST(MapVersion, NextLeavesOutNone) {
  EXPECT_EQ(next_version(0), 1);
  EXPECT_EQ(next_version(4094), 4095);
  EXPECT_EQ(next_version(4095), 1);
  for (std::uint16_t version = 1; version < 4096; ++version)
    EXPECT_TRUE(is_newer_version(next_version(version), version));
}

}  // namespace
}  // namespace ilnp::lisp
