// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/waiting_packets.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/lisp/eids.h"

namespace ilnp::lisp {
namespace {

class WaitingPacketsTest : public ::testing::Test {
 protected:
  bool keep(const Eid& destination, std::size_t octets, std::uint8_t first = 0) {
    ByteVector buffer(octets);
    buffer[0] = first;
    Packet packet{buffer, 0, buffer.size()};
    packet.offload.segment_size = 1400;
    return waiting.keep(eid("2001:db8:c1e::99"), destination, packet);
  }
  ItrDrops drops;
  WaitingPackets waiting{WaitingTuning{}, drops};
};

TEST_F(WaitingPacketsTest, ComeBackInOrder) {
  for (std::uint8_t i = 0; i < 3; ++i) {
    keep(eid("2001:db8:e1d::1"), 100, i);
    keep(eid("2001:db8:e1d::2"), 100, static_cast<std::uint8_t>(10 + i));
    keep(eid("2001:db8:e1e::1"), 100);
  }
  std::string order;
  for (const WaitingPacket& packet : waiting.take(eid_prefix("2001:db8:e1d::/64"))) {
    order += std::to_string(packet.octets[0]) + ' ';
    EXPECT_EQ(packet.offload.segment_size, 1400);
    EXPECT_EQ(packet.source, eid("2001:db8:c1e::99"));
  }
  EXPECT_EQ(order, "0 1 2 10 11 12 ");
  EXPECT_EQ(waiting.size(), 1u);
  EXPECT_TRUE(waiting.take(eid_prefix("2001:db8:e1d::/64")).empty());
}

TEST_F(WaitingPacketsTest, SixtyFourPacketsOr64KiBForAnEid) {
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(keep(eid("10.0.0.1"), 100));
  EXPECT_FALSE(keep(eid("10.0.0.1"), 100));
  EXPECT_TRUE(keep(eid("10.0.0.2"), 65'000));
  EXPECT_TRUE(keep(eid("10.0.0.2"), 536));
  EXPECT_FALSE(keep(eid("10.0.0.2"), 1));
  EXPECT_EQ(drops.of(ItrDrop::queue_full), 2u);
  waiting.drop_all(eid_prefix("10.0.0.1/32"), ItrDrop::unanswered);
  EXPECT_EQ(drops.of(ItrDrop::unanswered), 64u);
  EXPECT_EQ(waiting.octets(), 65'536u);
}

TEST_F(WaitingPacketsTest, SixteenMiBInAll) {
  for (std::uint32_t i = 0; i < 256; ++i) EXPECT_TRUE(keep({0, IpAddress::v4(i)}, 1u << 16));
  EXPECT_FALSE(keep(eid("10.0.0.1"), 20));
  EXPECT_EQ(drops.of(ItrDrop::too_many_waiting), 1u);
  EXPECT_EQ(waiting.take({0, IpPrefix::host(IpAddress::v4(7))}).size(), 1u);
  EXPECT_TRUE(keep(eid("10.0.0.1"), 20)) << "there is room again";
}

TEST_F(WaitingPacketsTest, For512Eids) {
  for (std::uint32_t i = 0; i < 512; ++i) EXPECT_TRUE(keep({0, IpAddress::v4(i)}, 100));
  EXPECT_FALSE(keep(eid("10.0.0.1"), 100));
  EXPECT_TRUE(keep({0, IpAddress::v4(7)}, 100));
  EXPECT_EQ(drops.of(ItrDrop::too_many_waiting), 1u);
}

}  // namespace
}  // namespace ilnp::lisp
