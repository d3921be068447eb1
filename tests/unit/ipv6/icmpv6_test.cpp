// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/icmpv6.h"

#include <gtest/gtest.h>

#include "core/ipv6/header_walk.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::counting;
using test::hex;

const Address source = test::address("2001:db8:a:1::1");
const Address destination = test::address("2001:db8:c0:1::2");

TEST(BuildPacket, FillsHeaderAndChecksum) {
  const ByteVector echo = hex("8000 1234 0001 0002");  // a stale checksum
  const ByteVector packet = build_packet(source, destination, next_header::icmpv6, echo, {}, 255);
  const WalkOutcome out = walk_headers(packet);
  ASSERT_TRUE(out.ok);
  EXPECT_EQ(out.walk.source, source);
  EXPECT_EQ(out.walk.destination, destination);
  EXPECT_EQ(out.walk.hop_limit, 255);
  EXPECT_EQ(out.walk.upper_protocol, next_header::icmpv6);
  EXPECT_EQ(out.walk.upper_length, 8u);
  EXPECT_TRUE(test::checksum_is_good(packet));
}

TEST(BuildPacket, PutsTheExtensionHeaderBetween) {
  const ByteVector header = hex("3a00 8b04 01020304");
  const ByteVector packet = build_packet(source, destination, next_header::icmpv6, hex("8000 0000 0001 0002"), header);
  const WalkOutcome out = walk_headers(packet);
  ASSERT_TRUE(out.ok);
  EXPECT_TRUE(out.walk.has_nonce());
  EXPECT_EQ(out.walk.upper_offset, 48);
  EXPECT_TRUE(test::checksum_is_good(packet));
}

TEST(BuildPacket, ShortUpperLayerHasNoChecksumToFill) {
  const ByteVector packet = build_packet(source, destination, next_header::tcp, counting(17));
  EXPECT_SAME_BYTES(Bytes{packet}.subspan(40), counting(17));
}

TEST(BuildError, QuotesAsMuchAsFitsTheMinimumMtu) {
  const ByteVector quoted = counting(2000);
  for (const std::size_t overhead : {std::size_t{40}, std::size_t{56}}) {
    const ByteVector error = build_error(icmpv6::packet_too_big, 0, 1400, quoted, overhead);
    EXPECT_EQ(error.size() + overhead, minimum_mtu);
    EXPECT_SAME_BYTES(Bytes{error}.first(8), hex("0200 0000 00000578"));
    EXPECT_SAME_BYTES(Bytes{error}.subspan(8), Bytes{quoted}.first(error.size() - 8));
  }
  EXPECT_EQ(build_error(1, 4, 0, counting(100)).size(), 108u);
}

}  // namespace
}  // namespace ilnp
