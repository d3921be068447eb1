// SPDX-License-Identifier: Apache-2.0
#include "io/tun/virtio_header.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

using V = VirtioHeader;

V tcp_super_packet() {
  return {.flags = V::needs_checksum,
          .gso_type = V::gso_tcp6,
          .header_length = 14 + 72,
          .gso_size = 1428,
          .checksum_start = 14 + 40,
          .checksum_offset = 16};
}

TEST(VirtioHeader, OffsetsCountFromTheIpv6Header) {
  const auto offload = offload_from_virtio(tcp_super_packet(), 14, 40000);
  ASSERT_TRUE(offload);
  EXPECT_TRUE(offload->partial_checksum);
  EXPECT_EQ(offload->segmentation, Offload::Segmentation::tcp);
  EXPECT_EQ(offload->checksum_start, 40);
  EXPECT_EQ(offload->checksum_offset, 16);
  EXPECT_EQ(offload->segment_size, 1428);
  EXPECT_EQ(offload->header_length, 72);
  EXPECT_FALSE(offload->ecn);
}

TEST(VirtioHeader, MovesFromOneLinkHeaderToAnother) {
  const auto offload = offload_from_virtio(tcp_super_packet(), 14, 40000);
  const V out = virtio_from_offload(*offload, 0);
  EXPECT_EQ(out.flags, V::needs_checksum);
  EXPECT_EQ(out.gso_type, V::gso_tcp6);
  EXPECT_EQ(out.header_length, 72);
  EXPECT_EQ(out.gso_size, 1428);
  EXPECT_EQ(out.checksum_start, 40);
  EXPECT_EQ(out.checksum_offset, 16);
}

TEST(VirtioHeader, ClaimsOfAVerifiedChecksumAreNotPassedOn) {
  const auto offload = offload_from_virtio({.flags = V::data_valid}, 14, 100);
  ASSERT_TRUE(offload);
  EXPECT_FALSE(offload->partial_checksum);
  EXPECT_EQ(virtio_from_offload(*offload, 0).flags, 0);
}

TEST(VirtioHeader, UdpSegmentsAndEcn) {
  V header = tcp_super_packet();
  header.gso_type = V::gso_udp_l4;
  header.checksum_offset = 6;
  EXPECT_EQ(offload_from_virtio(header, 14, 5000)->segmentation, Offload::Segmentation::udp);
  EXPECT_EQ(virtio_from_offload(*offload_from_virtio(header, 14, 5000), 14).gso_type, V::gso_udp_l4);
  header = tcp_super_packet();
  header.gso_type |= V::gso_ecn_bit;
  EXPECT_TRUE(offload_from_virtio(header, 14, 5000)->ecn);
  EXPECT_EQ(virtio_from_offload(*offload_from_virtio(header, 14, 5000), 14).gso_type, V::gso_tcp6 | V::gso_ecn_bit);
}

TEST(VirtioHeader, Ipv4IsSegmentedAsIpv4Only) {
  V header = tcp_super_packet();
  header.checksum_start = 20;
  EXPECT_FALSE(offload_from_virtio(header, 0, 40000, IpVersion::v4)) << "segments of the other family";
  header.gso_type = V::gso_tcp4;
  const auto offload = offload_from_virtio(header, 0, 40000, IpVersion::v4);
  ASSERT_TRUE(offload);
  EXPECT_EQ(offload->checksum_start, 20);
  EXPECT_EQ(offload->segmentation, Offload::Segmentation::tcp);
  EXPECT_EQ(virtio_from_offload(*offload, 0, IpVersion::v4).gso_type, V::gso_tcp4);
  header.checksum_start = 19;
  EXPECT_FALSE(offload_from_virtio(header, 0, 40000, IpVersion::v4)) << "inside the IPv4 header";
}

TEST(VirtioHeader, SuperPacketsGetAHeaderLengthHint) {
  Offload offload{.partial_checksum = true,
                  .segmentation = Offload::Segmentation::udp,
                  .checksum_start = 40,
                  .checksum_offset = 6,
                  .segment_size = 1200};
  EXPECT_EQ(virtio_from_offload(offload, 14).header_length, 14 + 48);
  offload.segmentation = Offload::Segmentation::none;
  EXPECT_EQ(virtio_from_offload(offload, 14).header_length, 0);
}

TEST(VirtioHeader, WhatMakesNoSenseIsRefused) {
  const auto refused = [](auto change, std::size_t length = 40000) {
    V header = tcp_super_packet();
    change(header);
    return !offload_from_virtio(header, 14, length).has_value();
  };
  EXPECT_FALSE(refused([](V&) {}));
  EXPECT_TRUE(refused([](V& h) { h.checksum_start = 53; })) << "inside the IPv6 header";
  EXPECT_TRUE(refused([](V& h) { h.checksum_start = 3; })) << "inside the Ethernet header";
  EXPECT_TRUE(refused([](V&) {}, 57)) << "field runs past the packet";
  EXPECT_FALSE(refused([](V&) {}, 58));
  EXPECT_TRUE(refused([](V& h) { h.checksum_offset = 0xffff; }));
  EXPECT_TRUE(refused([](V& h) { h.flags = 0; })) << "segments with a finished checksum";
  EXPECT_TRUE(refused([](V& h) { h.gso_size = 0; }));
  EXPECT_TRUE(refused([](V& h) { h.gso_type = 1; })) << "IPv4 segments";
  EXPECT_TRUE(refused([](V& h) { h.gso_type = 3; })) << "UDP fragmentation";
  EXPECT_TRUE(refused([](V& h) { h.gso_type = V::gso_udp_l4 | V::gso_ecn_bit; }));
  EXPECT_TRUE(refused([](V& h) { h.gso_type = V::gso_ecn_bit; }));
}

TEST(VirtioHeader, HeaderLengthIsOnlyAHint) {
  V header = tcp_super_packet();
  header.header_length = 10;
  EXPECT_EQ(offload_from_virtio(header, 14, 40000)->header_length, 0);
  header.header_length = 60000;
  EXPECT_EQ(offload_from_virtio(header, 14, 40000)->header_length, 40000);
}

}  // namespace
}  // namespace ilnp
