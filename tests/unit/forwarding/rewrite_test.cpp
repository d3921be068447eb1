// SPDX-License-Identifier: Apache-2.0
// The one function that changes addresses: the checksum stays right in both modes, complete and partial.
#include "core/forwarding/rewrite.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/ipv6/checksum.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp::test {
namespace {

constexpr Locator prefix{0xfd494c4e50366631};
constexpr NodeId us{0x5c1a97d304be6f21}, peer{0x02144ffffe20ee64};
constexpr AddressPair identity{{prefix, us}, {prefix, peer}};
constexpr AddressPair wire{{{0x20010db8000a0001}, us}, {{0x20010db800c00001}, peer}};

ByteVector with(std::uint8_t protocol, const AddressPair& addresses, ChecksumMode mode, Bytes payload) {
  PacketBuilder builder{addresses.source, addresses.destination};
  builder.checksum(mode);
  if (protocol == next_header::udp) return builder.udp(1, 2, payload).build();
  if (protocol == next_header::tcp) return builder.tcp(1, 2, 3, 4, 0x10, payload).build();
  return builder.echo_request(5, 6, payload).build();
}

bool rewrite(PacketBuffer& buffer, const AddressPair& to, SumChange change) {
  return rewrite_addresses(buffer.packet, walk_headers(buffer.packet.bytes()).walk, to, change);
}

class RewriteAllProtocols : public ::testing::TestWithParam<std::tuple<int, ChecksumMode>> {};

TEST_P(RewriteAllProtocols, ThereIsWhatThePeerWouldComputeAndBackIsWhatTheKernelMade) {
  const auto protocol = static_cast<std::uint8_t>(std::get<0>(GetParam()));
  const ChecksumMode mode = std::get<1>(GetParam());
  const ByteVector inside = with(protocol, identity, ChecksumMode::ipv6, text("payload of odd length"));
  const ByteVector outside = with(protocol, wire, mode, text("payload of odd length"));
  PacketBuffer buffer{inside};
  ASSERT_TRUE(rewrite(buffer, wire, to_wire_checksum(mode, protocol, identity, wire)));
  EXPECT_SAME_BYTES(buffer.bytes(), outside);
  ASSERT_TRUE(rewrite(buffer, identity, to_identity_checksum(mode, protocol, identity, wire)));
  EXPECT_SAME_BYTES(buffer.bytes(), inside);
}

INSTANTIATE_TEST_SUITE_P(Modes, RewriteAllProtocols,
                         ::testing::Combine(::testing::Values(6, 17, 58),
                                            ::testing::Values(ChecksumMode::ipv6, ChecksumMode::rfc6741)));

RC_GTEST_PROP(Rewrite, AnyAddressesAndPayloadVerifyOnTheWire, ()) {
  const auto protocol = *rc::gen::elementOf(std::vector<std::uint8_t>{6, 17, 58});
  const auto mode = *rc::gen::element(ChecksumMode::ipv6, ChecksumMode::rfc6741);
  const AddressPair out{{{*rc::gen::arbitrary<std::uint64_t>()}, us}, {{*rc::gen::arbitrary<std::uint64_t>()}, peer}};
  const auto payload = *rc::gen::arbitrary<ByteVector>();
  PacketBuffer buffer{with(protocol, identity, ChecksumMode::ipv6, payload)};
  RC_ASSERT(rewrite(buffer, out, to_wire_checksum(mode, protocol, identity, out)));
  const HeaderWalk walk = walk_headers(buffer.packet.bytes()).walk;
  RC_ASSERT(walk.source == out.source && walk.destination == out.destination);
  RC_ASSERT(checksum_verifies(buffer.packet, walk, protocol == next_header::icmpv6 ? ChecksumMode::ipv6 : mode));
  RC_ASSERT(rewrite(buffer, identity, to_identity_checksum(mode, protocol, identity, out)));
  RC_ASSERT(checksum_verifies(buffer.packet, walk_headers(buffer.packet.bytes()).walk, ChecksumMode::ipv6));
}

RC_GTEST_PROP(Rewrite, PartialChecksumStaysTheSumOfThePseudoHeader, ()) {
  const auto mode = *rc::gen::element(ChecksumMode::ipv6, ChecksumMode::rfc6741);
  const AddressPair out{{{*rc::gen::arbitrary<std::uint64_t>()}, us}, {{*rc::gen::arbitrary<std::uint64_t>()}, peer}};
  const auto payload = *rc::gen::arbitrary<ByteVector>();
  PacketBuffer buffer{with(next_header::tcp, identity, ChecksumMode::ipv6, payload)};
  const HeaderWalk walk = walk_headers(buffer.packet.bytes()).walk;
  buffer.packet.offload.partial_checksum = true;
  buffer.packet.offload.checksum_start = walk.upper_offset;
  buffer.packet.offload.checksum_offset = 16;
  std::uint8_t* field = buffer.packet.data() + walk.upper_offset + 16;
  store_u16(field, pseudo_header_sum(identity.source, identity.destination, walk.upper_length, next_header::tcp));
  RC_ASSERT(checksum_verifies(buffer.packet, walk, ChecksumMode::ipv6));
  RC_ASSERT(rewrite(buffer, out, to_wire_checksum(mode, next_header::tcp, identity, out)));
  RC_ASSERT(checksum_verifies(buffer.packet, walk_headers(buffer.packet.bytes()).walk, mode));
  // What the NIC does: the complement of the sum from checksum_start.
  const Bytes upper = std::as_const(buffer.packet).bytes().subspan(walk.upper_offset);
  store_u16(field, static_cast<std::uint16_t>(~ones_complement_sum(upper)));
  buffer.packet.offload = {};
  RC_ASSERT(checksum_verifies(buffer.packet, walk_headers(buffer.packet.bytes()).walk, mode));
}

TEST(Rewrite, UdpWithoutChecksumStaysWithoutOne) {
  ByteVector packet = with(next_header::udp, identity, ChecksumMode::ipv6, text("x"));
  store_u16(packet.data() + 46, 0);
  PacketBuffer buffer{packet};
  ASSERT_TRUE(rewrite(buffer, wire, to_wire_checksum(ChecksumMode::ipv6, next_header::udp, identity, wire)));
  EXPECT_EQ(load_u16(buffer.packet.data() + 46), 0);
}

TEST(Rewrite, UdpChecksumThatBecomesZeroIsWrittenAsOnes) {
  // Find the payload whose checksum on the wire is 0 by search: 65536 two-octet payloads cover every sum.
  int zeros = 0;
  for (unsigned value = 0; value <= 0xffff; ++value) {
    const ByteVector payload{static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)};
    PacketBuffer buffer{with(next_header::udp, identity, ChecksumMode::ipv6, payload)};
    ASSERT_TRUE(rewrite(buffer, wire, to_wire_checksum(ChecksumMode::ipv6, next_header::udp, identity, wire)));
    const std::uint16_t checksum = load_u16(buffer.packet.data() + 46);
    ASSERT_NE(checksum, 0);
    zeros += checksum == 0xffff ? 1 : 0;
  }
  EXPECT_GE(zeros, 1);
}

TEST(Rewrite, HeaderTooShortForItsChecksumIsRefusedUntouched) {
  for (const std::uint8_t protocol : {next_header::tcp, next_header::udp, next_header::icmpv6, next_header::dccp}) {
    const auto field = static_cast<std::size_t>(checksum_field_offset(protocol));
    const ByteVector packet =
        PacketBuilder{identity.source, identity.destination}.payload(protocol, counting(field + 1)).build();
    PacketBuffer buffer{packet};
    EXPECT_FALSE(rewrite(buffer, wire, {1, 2}));
    EXPECT_SAME_BYTES(buffer.bytes(), packet);
    EXPECT_FALSE(checksum_verifies(buffer.packet, walk_headers(packet).walk, ChecksumMode::ipv6));
  }
}

TEST(Rewrite, ProtocolsWithoutAddressesInTheirChecksumKeepTheirOctets) {
  const ByteVector packet =
      PacketBuilder{identity.source, identity.destination}.payload(next_header::sctp, counting(64)).build();
  PacketBuffer buffer{packet};
  ASSERT_TRUE(rewrite(buffer, wire, {0x1234, 0x4321}));
  EXPECT_SAME_BYTES(Bytes{buffer.bytes()}.subspan(40), Bytes{packet}.subspan(40));
  EXPECT_TRUE(checksum_verifies(buffer.packet, walk_headers(packet).walk, ChecksumMode::ipv6));
}

TEST(Rewrite, LaterFragmentsKeepTheirOctets) {
  const ByteVector packet = PacketBuilder{identity.source, identity.destination}
                                .fragment(1280, false, 7)
                                .payload(next_header::udp, counting(64))
                                .keep_checksum()
                                .build();
  PacketBuffer buffer{packet};
  ASSERT_TRUE(rewrite(buffer, wire, {0x1234, 0x4321}));
  EXPECT_SAME_BYTES(Bytes{buffer.bytes()}.subspan(40), Bytes{packet}.subspan(40));
}

TEST(Rewrite, DamageIsNotWhitewashed) {
  ByteVector packet = with(next_header::udp, identity, ChecksumMode::ipv6, text("payload"));
  packet.back() ^= 1;
  PacketBuffer buffer{packet};
  ASSERT_TRUE(rewrite(buffer, wire, to_wire_checksum(ChecksumMode::ipv6, next_header::udp, identity, wire)));
  EXPECT_FALSE(checksum_is_good(buffer.bytes()));
}

}  // namespace
}  // namespace ilnp::test
