// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/udp_checksum.h"

#include <gtest/gtest.h>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;
using test::PacketBuilder;
using test::text;

const Address alice = address("2001:db8:1::a"), bob = address("2001:db8:2::b");
const std::uint16_t addresses = fold(std::uint64_t{sum_of(alice)} + sum_of(bob));

/// The datagram alone, with its checksum.
ByteVector datagram(std::string_view payload) {
  const ByteVector packet = PacketBuilder{alice, bob}.udp(1, 2, text(payload)).build();
  return {packet.begin() + ipv6_header_length, packet.end()};
}
ByteVector without_checksum(ByteVector udp) {
  store_u16(udp.data() + 6, 0);
  return udp;
}

TEST(UdpChecksum, IsFilledInWhereThereIsNone) {
  for (const char* payload : {"", "odd", "even"}) {
    const ByteVector complete = datagram(payload);
    ByteVector udp = without_checksum(complete);
    EXPECT_EQ(fill_udp_checksum(udp, false, addresses), UdpChecksum::present);
    EXPECT_EQ(udp, complete);
  }
}

TEST(UdpChecksum, OfZeroIsWrittenAsAllOnes) {
  ByteVector udp = without_checksum(datagram("??"));
  // The last two octets make up for all the others.
  store_u16(udp.data() + 8, 0);
  store_u16(udp.data() + 8, upper_layer_checksum(alice, bob, next_header::udp, udp));
  EXPECT_EQ(fill_udp_checksum(udp, false, addresses), UdpChecksum::present);
  EXPECT_EQ(load_u16(udp.data() + 6), 0xffff);
}

TEST(UdpChecksum, ThatIsThereStays) {
  ByteVector udp = datagram("hello");
  udp[6] ^= 0x40;  // wrong, which is for the receiver to see
  const ByteVector before = udp;
  EXPECT_EQ(fill_udp_checksum(udp, false, addresses), UdpChecksum::present);
  EXPECT_EQ(fill_udp_checksum(udp, true, addresses), UdpChecksum::present);
  EXPECT_EQ(udp, before);
}

TEST(UdpChecksum, OctetsBehindTheDatagramDoNotCount) {
  const ByteVector complete = datagram("hello");
  ByteVector udp = without_checksum(complete);
  udp.push_back(0x77);
  EXPECT_EQ(fill_udp_checksum(udp, false, addresses), UdpChecksum::present);
  EXPECT_EQ(load_u16(udp.data() + 6), load_u16(complete.data() + 6));
}

TEST(UdpChecksum, CannotBeKnownFromAPiece) {
  ByteVector udp = without_checksum(datagram("hello"));
  EXPECT_EQ(fill_udp_checksum(udp, true, addresses), UdpChecksum::in_pieces);
}

TEST(UdpChecksum, LengthsThatLieAreSeen) {
  const ByteVector whole = without_checksum(datagram("hello"));
  ByteVector cut{whole.begin(), whole.begin() + 7};
  EXPECT_EQ(fill_udp_checksum(cut, false, addresses), UdpChecksum::malformed);
  for (const std::uint16_t length : {std::uint16_t{7}, static_cast<std::uint16_t>(whole.size() + 1)}) {
    ByteVector udp = whole;
    store_u16(udp.data() + 4, length);
    const ByteVector before = udp;
    EXPECT_EQ(fill_udp_checksum(udp, false, addresses), UdpChecksum::malformed);
    EXPECT_EQ(udp, before);
  }
}

}  // namespace
}  // namespace ilnp
