// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/nonce.h"

#include <gtest/gtest.h>

#include <memory>
#include <new>

#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::counting;
using test::hex;
using test::PacketBuffer;
using test::PacketBuilder;

const Address source = test::address("2001:db8:a:1:5c1a:97d3:4be:6f21");
const Address destination = test::address("2001:db8:c0:1:214:4fff:fe20:ee64");
const ByteVector nonce4 = hex("1d9a6b3c"), nonce12 = hex("9f3c5a1e77b204d86ac1e05b");

PacketBuilder packet() { return {source, destination}; }

TEST(Nonce, IsDrawnInBothSizesAndMatchesOnlyItself) {
  test::FakeRandom random{1};
  for (const std::size_t length : {Nonce::short_length, Nonce::long_length}) {
    const Nonce nonce = Nonce::draw(random, length);
    EXPECT_EQ(nonce.length(), length);
    EXPECT_EQ(nonce.header_length(), length == 4 ? 8u : 16u);
    const ByteVector same{nonce.octets().begin(), nonce.octets().end()};
    EXPECT_TRUE(nonce.matches(same));
    EXPECT_FALSE(nonce.matches(Bytes{same}.first(length - 1)));
    ByteVector longer = same;
    longer.push_back(0);
    EXPECT_FALSE(nonce.matches(longer));
    EXPECT_FALSE(nonce.matches(Nonce::draw(random, length).octets()));
  }
}

TEST(Nonce, IsNoTcpDataOffsetThatIsTooLong) {
  // A Linux router takes octet 12 behind the IPv6 header for the data offset of a super-packet's TCP header, of which
  // 36 octets (header with nonce, TCP without options) are there at least.
  test::FakeRandom random{7};
  for (int i = 0; i < 1000; ++i) {
    std::array<std::uint8_t, max_nonce_header_length> header{};
    write_nonce_header(header.data(), next_header::tcp, Nonce::draw(random, Nonce::long_length));
    ASSERT_LE((header[12] >> 4) * 4, 36);
  }
}

TEST(Nonce, UnsetMatchesNothing) {
  EXPECT_FALSE(Nonce{}.is_set());
  EXPECT_FALSE(Nonce{}.matches({}));
}

TEST(Nonce, LeavesNoOctetsBehind) {
  alignas(Nonce) std::array<std::uint8_t, sizeof(Nonce)> memory{};
  Nonce* nonce = new (memory.data()) Nonce{nonce12};
  const volatile std::uint8_t* seen = memory.data();
  EXPECT_EQ(seen[0], 0x9f);
  std::destroy_at(nonce);
  for (std::size_t i = 0; i < Nonce::long_length; ++i) EXPECT_EQ(seen[i], 0) << i;
}

TEST(NonceHeader, IsWrittenAsRfc6744Section2Draws) {
  std::array<std::uint8_t, max_nonce_header_length> out{};
  write_nonce_header(out.data(), next_header::udp, Nonce{nonce4});
  EXPECT_SAME_BYTES(Bytes{out}.first(8), hex("1100 8b04 1d9a6b3c"));
  write_nonce_header(out.data(), next_header::tcp, Nonce{nonce12});
  EXPECT_SAME_BYTES(out, hex("0601 8b0c 9f3c5a1e77b204d86ac1e05b"));
}

TEST(NonceHeader, IsInsertedRightBeforeTheUpperLayer) {
  PacketBuffer buffer{packet().hop_by_hop().routing(4, 0).udp(1, 2, counting(5)).build()};
  insert_nonce_header(buffer.packet, walk_headers(buffer.bytes()).walk, Nonce{nonce12});
  EXPECT_SAME_BYTES(buffer.bytes(), packet().hop_by_hop().routing(4, 0).nonce(nonce12).udp(1, 2, counting(5)).build());
}

TEST(NonceHeader, InsertedAndStrippedGivesThePacketBack) {
  const ByteVector original = packet().hop_by_hop().tcp(1, 2, 3, 4, 0x18, counting(100)).build();
  for (const ByteVector& value : {nonce4, nonce12}) {
    PacketBuffer buffer{original};
    buffer.packet.offload.partial_checksum = true;
    buffer.packet.offload.checksum_start = 48;
    insert_nonce_header(buffer.packet, walk_headers(original).walk, Nonce{value});
    EXPECT_EQ(buffer.packet.offload.checksum_start, 52 + value.size());
    strip_nonce(buffer.packet, walk_headers(buffer.bytes()).walk);
    EXPECT_SAME_BYTES(buffer.bytes(), original);
    EXPECT_EQ(buffer.packet.offload.checksum_start, 48);
  }
}

TEST(NonceHeader, LargestSuperPacketTakesIt) {
  const ByteVector original = packet().tcp(1, 2, 3, 4, 0x10, counting(65535 - 20 - 16)).build();
  PacketBuffer buffer{original};
  insert_nonce_header(buffer.packet, walk_headers(original).walk, Nonce{nonce12});
  EXPECT_EQ(load_u16(buffer.packet.data() + 4), 65535);
  EXPECT_TRUE(walk_headers(buffer.bytes()).ok);
}

TEST(StripNonce, WithoutNonceChangesNothing) {
  const ByteVector original = packet().destination_options(hex("1e04 01020304")).udp(1, 2).build();
  PacketBuffer buffer{original};
  strip_nonce(buffer.packet, walk_headers(original).walk);
  EXPECT_SAME_BYTES(buffer.bytes(), original);
}

TEST(StripNonce, HeaderWithPaddingGoesWhole) {
  PacketBuffer buffer{packet().nonce(counting(7)).udp(1, 2).build()};
  strip_nonce(buffer.packet, walk_headers(buffer.bytes()).walk);
  EXPECT_SAME_BYTES(buffer.bytes(), packet().udp(1, 2).build());
}

TEST(StripNonce, HeaderBeforeAnotherHeaderGoesToo) {
  PacketBuffer buffer{packet().hop_by_hop().nonce(nonce4).authentication().udp(1, 2).build()};
  strip_nonce(buffer.packet, walk_headers(buffer.bytes()).walk);
  EXPECT_SAME_BYTES(buffer.bytes(), packet().hop_by_hop().authentication().udp(1, 2).build());
}

/// The options of a Destination Options header, for comparison: before, after.
struct Mixed {
  const char* options;
  const char* stripped;
};

TEST(StripNonce, OtherOptionsStayWithTheirAlignmentAndShortPadding) {
  const Mixed cases[] = {
      // nonce first, 12 octets: eight go, six become padding
      {"8b0c 9f3c5a1e77b204d86ac1e05b 1e06 000000000001", "0104 00000000 1e06 000000000001"},
      // nonce last: 14 octets, eight go
      {"1e06 000000000001 8b0c 9f3c5a1e77b204d86ac1e05b", "1e06 000000000001 0104 00000000"},
      // four octets: nothing to remove, six octets of padding
      {"8b04 1d9a6b3c 1e06 000000000001", "0104 00000000 1e06 000000000001"},
      // padding beside it is counted: 2 + 6 octets vanish
      {"0100 8b04 1d9a6b3c 1e04 01020304", "1e04 01020304"},
      {"8b04 1d9a6b3c 00 00 1e04 01020304", "1e04 01020304"},
      // padding elsewhere is not touched
      {"0102 0000 1e02 abcd 8b04 1d9a6b3c 1f06 000000000001", "0102 0000 1e02 abcd 0104 00000000 1f06 000000000001"},
      // one octet is left over: Pad1
      {"8b05 0102030405 00 00 1e03 010203", "00 1e03 010203"},
  };
  for (const auto& [options, stripped] : cases) {
    SCOPED_TRACE(options);
    const ByteVector original = packet().destination_options(hex(options)).udp(1, 2, counting(9)).build();
    const HeaderWalk walk = walk_headers(original).walk;
    ASSERT_TRUE(walk.has_nonce());
    PacketBuffer buffer{original};
    strip_nonce(buffer.packet, walk);
    const ByteVector expected = packet().destination_options(hex(stripped)).udp(1, 2, counting(9)).build();
    EXPECT_SAME_BYTES(buffer.bytes(), expected);
  }
}

}  // namespace
}  // namespace ilnp
