// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/header_walk.h"

#include <gtest/gtest.h>

#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::counting;
using test::hex;
using test::PacketBuilder;

const Address source = test::address("2001:db8:a:1:5c1a:97d3:4be:6f21");
const Address destination = test::address("2001:db8:c0:1:214:4fff:fe20:ee64");
const ByteVector nonce4 = hex("1d9a6b3c"), nonce12 = hex("9f3c5a1e77b204d86ac1e05b");
const ByteVector nonce_option = hex("8b04 1d9a6b3c");

PacketBuilder packet() { return {source, destination}; }

HeaderWalk walk_of(const ByteVector& bytes) {
  const WalkOutcome out = walk_headers(bytes);
  EXPECT_TRUE(out.ok) << ::testing::PrintToString(out.error);
  return out.walk;
}

#define EXPECT_REFUSED(bytes, reason, offset)        \
  do {                                               \
    const WalkOutcome refused = walk_headers(bytes); \
    EXPECT_FALSE(refused.ok);                        \
    EXPECT_EQ(refused.error, reason);                \
    EXPECT_EQ(refused.error_offset, offset);         \
  } while (false)

TEST(HeaderWalk, PlainPacketHasItsUpperLayerAtOctet40) {
  const HeaderWalk walk = walk_of(packet().hop_limit(61).tcp(1, 2, 3, 4, 0x10).build());
  EXPECT_EQ(walk.source, source);
  EXPECT_EQ(walk.destination, destination);
  EXPECT_EQ(walk.hop_limit, 61);
  EXPECT_EQ(walk.upper_protocol, next_header::tcp);
  EXPECT_EQ(walk.upper_offset, 40);
  EXPECT_EQ(walk.upper_length, 20u);
  EXPECT_EQ(walk.upper_pointer, 6);
  EXPECT_FALSE(walk.has_nonce());
  EXPECT_FALSE(walk.is_fragment);
  EXPECT_EQ(walk.fragment_header, 0);
}

TEST(HeaderWalk, NonceIsFoundWithItsHeader) {
  for (const ByteVector& value : {nonce4, nonce12}) {
    const ByteVector bytes = packet().nonce(value).udp(1, 2).build();
    const HeaderWalk walk = walk_of(bytes);
    EXPECT_EQ(walk.nonce_length, value.size());
    EXPECT_EQ(walk.nonce_option, 42);
    EXPECT_SAME_BYTES(Bytes{bytes}.subspan(walk.nonce_offset, walk.nonce_length), value);
    EXPECT_EQ(walk.nonce_header, 40);
    EXPECT_EQ(walk.nonce_header_length, value.size() + 4);
    EXPECT_EQ(walk.nonce_header_pointer, 6);
    EXPECT_TRUE(walk.nonce_alone);
    EXPECT_EQ(walk.upper_offset, 44 + value.size());
    EXPECT_EQ(walk.upper_protocol, next_header::udp);
    EXPECT_EQ(walk.upper_pointer, 40);
  }
}

TEST(HeaderWalk, NonceIsFoundBehindOtherHeadersAndOptions) {
  const ByteVector bytes =
      packet().hop_by_hop().destination_options(hex("0000 1e02 abcd 8b04 1d9a6b3c")).udp(1, 2).build();
  const HeaderWalk walk = walk_of(bytes);
  EXPECT_EQ(walk.nonce_header, 48);
  EXPECT_EQ(walk.nonce_header_pointer, 40);
  EXPECT_EQ(walk.nonce_header_length, 16);
  EXPECT_EQ(walk.nonce_option, 56);
  EXPECT_FALSE(walk.nonce_alone);
  EXPECT_EQ(walk.upper_pointer, 48);
}

TEST(HeaderWalk, PaddingLeavesTheNonceAlone) {
  for (const char* options : {"00 00 8b04 1d9a6b3c", "0100 8b04 1d9a6b3c", "8b04 1d9a6b3c 0104 00000000 00 00"})
    EXPECT_TRUE(walk_of(packet().destination_options(hex(options)).udp(1, 2).build()).nonce_alone) << options;
}

TEST(HeaderWalk, NonceLengthIs4To64) {
  for (const std::size_t length : {std::size_t{4}, std::size_t{5}, std::size_t{12}, std::size_t{16}, std::size_t{64}})
    EXPECT_EQ(walk_of(packet().nonce(counting(length)).udp(1, 2).build()).nonce_length, length);
  for (const std::size_t length : {std::size_t{0}, std::size_t{3}, std::size_t{65}, std::size_t{255}})
    EXPECT_REFUSED(packet().nonce(counting(length)).udp(1, 2).build(), ParseError::bad_option, 42);
}

TEST(HeaderWalk, TwoNoncesAreRefusedInOneHeaderAndInTwo) {
  EXPECT_REFUSED(packet().destination_options(hex("8b04 1d9a6b3c 8b04 1d9a6b3c")).udp(1, 2).build(),
                 ParseError::two_nonces, 48);
  EXPECT_REFUSED(packet().nonce(nonce4).nonce(nonce12).udp(1, 2).build(), ParseError::two_nonces, 50);
  EXPECT_REFUSED(packet().nonce(nonce4).authentication().nonce(nonce4).udp(1, 2).build(), ParseError::two_nonces, 74);
}

TEST(HeaderWalk, NonceInHopByHopIsRefused) {
  EXPECT_REFUSED(packet().hop_by_hop(nonce_option).udp(1, 2).build(), ParseError::bad_option, 42);
}

TEST(HeaderWalk, NonceBeforeARoutingHeaderIsRefusedAndBehindItAccepted) {
  EXPECT_REFUSED(packet().nonce(nonce4).routing(4, 0).udp(1, 2).build(), ParseError::header_not_allowed, 42);
  EXPECT_TRUE(walk_of(packet().routing(4, 0).nonce(nonce4).udp(1, 2).build()).has_nonce());
}

TEST(HeaderWalk, UnknownOptionsAreLeftToTheKernel) {
  EXPECT_EQ(walk_of(packet().destination_options(hex("c502 0000 4a00")).udp(1, 2).build()).upper_protocol, 17);
}

TEST(HeaderWalk, HeaderLengthCountsUnitsBeyondTheFirstEight) {
  for (const std::size_t octets : {8u, 16u, 32u, 2048u}) {
    const HeaderWalk walk = walk_of(packet().routing(4, 0, octets).udp(1, 2).build());
    EXPECT_EQ(walk.upper_offset, 40 + octets);
    EXPECT_EQ(walk.upper_protocol, next_header::udp);
  }
}

TEST(HeaderWalk, AuthenticationHeaderLengthCountsFourOctetUnitsMinusTwo) {
  for (const std::size_t octets : {12u, 16u, 20u, 24u, 32u, 1028u})
    EXPECT_EQ(walk_of(packet().authentication(octets).udp(1, 2).build()).upper_offset, 40 + octets);
  EXPECT_REFUSED(packet().authentication(8).udp(1, 2).build(), ParseError::bad_extension_header, 41);
}

TEST(HeaderWalk, SecurityPayloadNoneAndUnknownProtocolsEndTheWalk) {
  for (const std::uint8_t protocol : {next_header::esp, next_header::none, next_header::sctp, next_header::dccp,
                                      next_header::udp_lite, std::uint8_t{4}, std::uint8_t{41}}) {
    const HeaderWalk walk = walk_of(packet().nonce(nonce4).payload(protocol, counting(8)).build());
    EXPECT_EQ(walk.upper_protocol, protocol);
    EXPECT_EQ(walk.upper_offset, 48);
    EXPECT_EQ(walk.upper_length, 8u);
  }
  EXPECT_EQ(walk_of(packet().build()).upper_length, 0u);
}

TEST(HeaderWalk, HeadersOutsideTheAllowListAreRefused) {
  for (const int type : {135, 139, 140, 253, 254})
    EXPECT_REFUSED(packet().extension(static_cast<std::uint8_t>(type), counting(7)).udp(1, 2).build(),
                   ParseError::header_not_allowed, 6);
  EXPECT_REFUSED(packet().nonce(nonce4).hop_by_hop().udp(1, 2).build(), ParseError::header_not_allowed, 40);
  EXPECT_REFUSED(packet().hop_by_hop().hop_by_hop().udp(1, 2).build(), ParseError::header_not_allowed, 40);
  EXPECT_REFUSED(packet().fragment(0, false, 1).fragment(0, false, 2).udp(1, 2).build(), ParseError::header_not_allowed,
                 40);
}

TEST(HeaderWalk, RoutingHeaderMustBeAtItsEndAndNotTypeZero) {
  EXPECT_REFUSED(packet().routing(0, 0).udp(1, 2).build(), ParseError::header_not_allowed, 42);
  EXPECT_REFUSED(packet().routing(4, 1).udp(1, 2).build(), ParseError::header_not_allowed, 43);
}

TEST(HeaderWalk, FirstFragmentShowsItsUpperLayerAndLaterOnesDoNot) {
  const HeaderWalk first = walk_of(packet().fragment(0, true, 77).nonce(nonce4).udp(1, 2, counting(32)).build());
  EXPECT_TRUE(first.is_fragment);
  EXPECT_TRUE(first.more_fragments);
  EXPECT_TRUE(first.has_upper_layer());
  EXPECT_TRUE(first.has_nonce());
  EXPECT_EQ(first.fragment_header, 40);
  EXPECT_EQ(first.fragment_pointer, 6);
  EXPECT_EQ(first.fragment_id, 77u);
  EXPECT_EQ(first.upper_offset, 56);

  // The data of a later fragment looks like a Destination Options header: it must not be read as one.
  const HeaderWalk later =
      walk_of(packet().hop_by_hop().fragment(1232, false, 77).payload(60, hex("ff ff ff ff")).build());
  EXPECT_TRUE(later.is_fragment);
  EXPECT_FALSE(later.more_fragments);
  EXPECT_FALSE(later.has_upper_layer());
  EXPECT_FALSE(later.has_nonce());
  EXPECT_EQ(later.fragment_offset, 1232);
  EXPECT_EQ(later.fragment_header, 48);
  EXPECT_EQ(later.fragment_pointer, 40);
  EXPECT_EQ(later.upper_protocol, next_header::destination_options);
  EXPECT_EQ(later.upper_offset, 56);
}

TEST(HeaderWalk, AtomicFragmentIsNotAFragment) {
  const HeaderWalk walk = walk_of(packet().fragment(0, false, 5).udp(1, 2).build());
  EXPECT_FALSE(walk.is_fragment);
  EXPECT_EQ(walk.fragment_header, 40);
  EXPECT_EQ(walk.upper_protocol, next_header::udp);
}

TEST(HeaderWalk, LengthMustBeWhatArrived) {
  ByteVector bytes = packet().nonce(nonce4).udp(1, 2, counting(10)).build();
  bytes.push_back(0);
  EXPECT_REFUSED(bytes, ParseError::length_mismatch, 4);
  bytes.resize(bytes.size() - 2);
  EXPECT_REFUSED(bytes, ParseError::truncated, 4);
  EXPECT_REFUSED(ByteVector(39, 0x60), ParseError::truncated, 0);
  EXPECT_REFUSED(ByteVector{}, ParseError::truncated, 0);
  ByteVector version4(40, 0);
  version4[0] = 0x45;
  EXPECT_REFUSED(version4, ParseError::not_ipv6, 0);
}

TEST(HeaderWalk, JumboPayloadIsRefused) {
  ByteVector bytes = packet().hop_by_hop(hex("c204 00010000")).udp(1, 2).build();
  store_u16(bytes.data() + 4, 0);
  EXPECT_REFUSED(bytes, ParseError::length_mismatch, 4);
}

TEST(HeaderWalk, SuperPacketOf64KiBIsWalked) {
  const ByteVector bytes = packet().nonce(nonce12).tcp(1, 2, 3, 4, 0x10, counting(65535 - 16 - 20)).build();
  EXPECT_EQ(walk_of(bytes).upper_length, 65535u - 16);
}

TEST(HeaderWalk, HeaderRunningPastThePacketIsRefused) {
  ByteVector bytes = packet().destination_options(nonce_option).build();
  bytes[41] = 1;
  EXPECT_REFUSED(bytes, ParseError::bad_extension_header, 41);
  EXPECT_REFUSED(packet().extension(60, hex("00 0102 0000")).build(), ParseError::bad_extension_header, 40);
}

TEST(HeaderWalk, OptionRunningPastItsHeaderIsRefused) {
  EXPECT_REFUSED(packet().extension(60, hex("00 1e05 00000000")).udp(1, 2).build(), ParseError::bad_option, 43);
  EXPECT_REFUSED(packet().extension(60, hex("00 8b05 00000000")).udp(1, 2).build(), ParseError::bad_option, 43);
  EXPECT_REFUSED(packet().extension(60, hex("00 0103 000000 1e")).udp(1, 2).build(), ParseError::bad_option, 47);
}

TEST(HeaderWalk, ChainsAndOptionsAreBounded) {
  PacketBuilder eight = packet();
  for (int i = 0; i < max_extension_headers; ++i) eight.authentication();
  EXPECT_TRUE(walk_headers(eight.udp(1, 2).build()).ok);
  EXPECT_REFUSED(eight.authentication().udp(1, 2).build(), ParseError::too_many_headers, 40 + 7 * 24);

  ByteVector many(39);
  many[0] = 4;  // 40 octets, 38 of them Pad1
  EXPECT_REFUSED(packet().extension(60, many).udp(1, 2).build(), ParseError::too_many_headers, 42 + max_options);
  ByteVector few(31);
  few[0] = 3;  // 30 of them
  EXPECT_TRUE(walk_headers(packet().extension(60, few).udp(1, 2).build()).ok);
  // The bound holds for all headers together.
  EXPECT_FALSE(walk_headers(packet().extension(60, few).extension(60, few).udp(1, 2).build()).ok);
}

TEST(HeaderWalk, QuoteMayEndAnywhereBehindItsHeaders) {
  const ByteVector whole = packet().hop_by_hop().nonce(nonce12).udp(1, 2, counting(40)).build();
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const WalkOutcome out = walk_headers(Bytes{whole}.first(length), true);
    EXPECT_EQ(out.ok, length >= 64) << length;
    if (out.ok) {
      EXPECT_EQ(out.walk.upper_length, length - 64);
      continue;
    }
    EXPECT_EQ(out.error, ParseError::truncated) << length;
    if (length >= 40) {
      EXPECT_EQ(out.walk.source, source);
    }
  }
}

TEST(HeaderWalk, QuoteEndsWhereItsOwnLengthSays) {
  ByteVector bytes = packet().udp(1, 2, counting(8)).build();
  bytes.resize(bytes.size() + 100, 0xee);
  const WalkOutcome out = walk_headers(bytes, true);
  ASSERT_TRUE(out.ok);
  EXPECT_EQ(out.walk.upper_length, 16u);
}

TEST(HeaderWalk, EveryTruncationOfAPacketIsRefused) {
  const ByteVector whole = packet().hop_by_hop().routing(4, 0).fragment(0, false, 1).nonce(nonce12).udp(1, 2).build();
  ASSERT_TRUE(walk_headers(whole).ok);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    ByteVector cut{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)};
    EXPECT_FALSE(walk_headers(cut).ok) << length;
    if (length < 40) continue;
    store_u16(cut.data() + 4, static_cast<std::uint16_t>(length - 40));  // and with a length that hides it
    EXPECT_EQ(walk_headers(cut).ok, length >= whole.size() - 8) << length;
  }
}

TEST(HeaderWalk, RandomDamageNeverLeadsOutsideThePacket) {
  test::FakeRandom random{11};
  const ByteVector whole =
      packet().hop_by_hop().routing(4, 0).fragment(0, true, 1).nonce(nonce12).authentication().udp(1, 2).build();
  for (int round = 0; round < 100'000; ++round) {
    ByteVector bytes = whole;
    for (std::uint64_t flips = 1 + random.below(4); flips != 0; --flips)
      bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.u64());
    bytes.resize(random.below(bytes.size() + 1));
    bytes.shrink_to_fit();  // the next octet belongs to somebody else
    for (const bool quoted : {false, true}) {
      const WalkOutcome out = walk_headers(bytes, quoted);
      if (!out.ok) continue;
      ASSERT_LE(out.walk.upper_offset + out.walk.upper_length, bytes.size());
      ASSERT_LE(out.walk.nonce_offset + out.walk.nonce_length, out.walk.upper_offset);
      ASSERT_LT(out.walk.upper_pointer, out.walk.upper_offset);
      ASSERT_EQ(bytes[out.walk.upper_pointer], out.walk.upper_protocol);
    }
  }
}

}  // namespace
}  // namespace ilnp
