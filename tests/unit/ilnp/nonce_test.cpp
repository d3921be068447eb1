// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/nonce.h"

#include <gtest/gtest.h>

#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

const Address source{{0x20010db8000a0001}, {0x5c1a97d304be6f21}};
const Address destination{{0x20010db800c00001}, {0x02144ffffe20ee64}};

TEST(Nonce, InsertedAndStrippedGivesThePacketBack) {
  const ByteVector original = build_packet(source, destination, next_header::udp, ByteVector(20, 7));
  for (const std::size_t length : {Nonce::short_length, Nonce::long_length}) {
    const Nonce nonce{ByteVector(length, 0xa5)};
    ByteVector buffer(packet_headroom + original.size());
    std::copy(original.begin(), original.end(), buffer.begin() + packet_headroom);
    Packet packet{buffer, packet_headroom, original.size()};
    insert_nonce_header(packet, walk_headers(original).walk, nonce);
    EXPECT_EQ(packet.size(), original.size() + nonce.header_length());

    const auto with = walk_headers(packet.bytes());
    ASSERT_TRUE(with.ok);
    EXPECT_TRUE(with.walk.nonce_alone);
    EXPECT_EQ(with.walk.upper_protocol, next_header::udp);
    EXPECT_TRUE(nonce.matches(Bytes{packet.bytes()}.subspan(with.walk.nonce_offset, with.walk.nonce_length)));

    strip_nonce(packet, with.walk);
    EXPECT_TRUE(std::equal(original.begin(), original.end(), packet.bytes().begin(), packet.bytes().end()));
  }
}

}  // namespace
}  // namespace ilnp
