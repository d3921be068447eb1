// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/packet.h"

#include <gtest/gtest.h>

#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::counting;
using test::hex;
using test::PacketBuffer;

TEST(Packet, GapMovesOnlyWhatIsBeforeIt) {
  PacketBuffer buffer{counting(8), 4};
  const std::uint8_t* tail = buffer.packet.data() + 6;
  buffer.packet.insert_gap(6, 4);
  EXPECT_EQ(buffer.packet.headroom(), 0u);
  EXPECT_EQ(buffer.packet.data() + 10, tail);
  EXPECT_SAME_BYTES(Bytes{buffer.packet.bytes()}.first(6), hex("000102030405"));
  EXPECT_SAME_BYTES(Bytes{buffer.packet.bytes()}.subspan(10), hex("0607"));
  buffer.packet.remove(6, 4);
  EXPECT_SAME_BYTES(buffer.bytes(), counting(8));
  EXPECT_EQ(buffer.packet.headroom(), 4u);
}

TEST(Packet, OffloadOffsetsFollowTheGap) {
  PacketBuffer buffer{counting(80)};
  buffer.packet.offload.partial_checksum = true;
  buffer.packet.offload.checksum_start = 40;
  buffer.packet.offload.checksum_offset = 16;
  buffer.packet.offload.header_length = 60;
  buffer.packet.insert_gap(40, 16);
  EXPECT_EQ(buffer.packet.offload.checksum_start, 56);
  EXPECT_EQ(buffer.packet.offload.checksum_offset, 16);
  EXPECT_EQ(buffer.packet.offload.header_length, 76);
  buffer.packet.remove(40, 16);
  EXPECT_EQ(buffer.packet.offload.checksum_start, 40);
  EXPECT_EQ(buffer.packet.offload.header_length, 60);
}

TEST(Packet, AbsentOffloadStaysAbsent) {
  PacketBuffer buffer{counting(80)};
  buffer.packet.insert_gap(40, 16);
  EXPECT_FALSE(buffer.packet.offload.partial_checksum);
  EXPECT_EQ(buffer.packet.offload.checksum_start, 0);
  EXPECT_EQ(buffer.packet.offload.header_length, 0);
}

}  // namespace
}  // namespace ilnp
