// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/mss.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"

using namespace ilnp;
using namespace ilnp::lisp;

namespace {

constexpr std::uint8_t syn = 0x02, syn_ack = 0x12, ack = 0x10;
const Address a = test::address("2001:db8:1::7"), b = test::address("2001:db8:c1e::99");

ByteVector segment(std::uint8_t flags, Bytes options) {
  return test::PacketBuilder{a, b}.tcp(40000, 80, 7, 8, flags, {}, options).build();
}

ByteVector clamped(ByteVector packet, std::size_t most, bool leaves_checksum = false) {
  clamp_mss(packet, parse_inner(packet).value(), most, leaves_checksum);
  return packet;
}

TEST(Mss, OnlyLargerOnesBecomeSmaller) {
  for (const std::uint8_t flags : {syn, syn_ack}) {
    const ByteVector packet = segment(flags, test::hex("020405a0 01010101"));
    EXPECT_EQ(clamped(packet, 1440), packet);
    const ByteVector smaller = clamped(packet, 1384);
    EXPECT_EQ(load_u16(smaller.data() + 62), 1384);
    EXPECT_TRUE(test::checksum_is_good(smaller));
  }
}

TEST(Mss, WhereverTheOptionStands) {
  // At even and odd octets, behind others, and with the end of options after it.
  for (const char* options : {"01 020405a0 000000", "0101 020405a0 0000", "010101 020405a0 00", "0402 020405a0 0101",
                              "080a 0000000100000000 020405a0 0101", "030307 020405a0 00"}) {
    ByteVector expected = test::hex(options);
    for (std::size_t at = 0; at + 4 <= expected.size(); ++at)
      if (load_u16(expected.data() + at) == 0x0204 && load_u16(expected.data() + at + 2) == 0x05a0)
        store_u16(expected.data() + at + 2, 1384);
    EXPECT_EQ(clamped(segment(syn, test::hex(options)), 1384), segment(syn, expected)) << options;
  }
}

TEST(Mss, WhatIsNoSuchOptionStays) {
  // No room, no length, a length of its own, behind the end, behind a liar, in a segment of an open session.
  for (const char* options : {"01010102", "01010204", "0203ffff", "00 020405a0 000000", "0800 020405a0 0000",
                              "08ff 020405a0 0000", "0801 020405a0 0000"}) {
    const ByteVector packet = segment(syn, test::hex(options));
    EXPECT_EQ(clamped(packet, 100), packet) << options;
  }
  const ByteVector later = segment(ack, test::hex("020405a0"));
  EXPECT_EQ(clamped(later, 100), later);
  ByteVector longer = segment(syn, test::hex("020405a0"));
  longer[52] = 0xf0;  // more options than there are octets
  EXPECT_EQ(load_u16(clamped(longer, 100).data() + 62), 100);
  const ByteVector datagram = test::PacketBuilder{a, b}.udp(1, 2, segment(syn, test::hex("020405a0"))).build();
  EXPECT_EQ(clamped(datagram, 100), datagram);
}

TEST(Mss, PiecesStay) {
  const ByteVector whole = segment(syn, test::hex("020405a0"));
  const ByteVector piece =
      test::PacketBuilder{a, b}.fragment(0, true, 7).payload(6, Bytes{whole}.subspan(40)).keep_checksum().build();
  EXPECT_EQ(clamped(piece, 100), piece);
}

TEST(Mss, AChecksumThatIsLeftToADeviceStays) {
  const ByteVector before = segment(syn, test::hex("020405a0")), after = clamped(before, 1000, true);
  EXPECT_EQ(load_u16(after.data() + 62), 1000);
  EXPECT_EQ(load_u16(after.data() + 56), load_u16(before.data() + 56));
}

TEST(Mss, SizesOfBothFamilies) {
  EXPECT_EQ(segment_in(Family::ipv6, 1444), 1384u);
  EXPECT_EQ(segment_in(Family::ipv4, 1464), 1424u);
  EXPECT_EQ(segment_in(Family::ipv4, 30), 0u);
}

}  // namespace
