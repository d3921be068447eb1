// SPDX-License-Identifier: Apache-2.0
// The golden packets, both ways: what we read out of them, and that our own code makes the same octets.
#include "tests/vectors/vectors.h"

#include <gtest/gtest.h>

#include "core/ilnp/error_translation.h"
#include "core/ilnp/locator_update.h"
#include "core/ilnp/nonce.h"
#include "core/ipv6/fragments.h"
#include "core/ipv6/icmpv6.h"
#include "tests/support/matchers.h"

namespace ilnp {
namespace {

using test::counting;
using test::hex;
using test::PacketBuffer;
using test::PacketBuilder;
using vectors::packet;

constexpr std::uint32_t fragment_id = 0x2f61c07d;

Bytes upper_layer(const ByteVector& bytes, const HeaderWalk& walk) { return Bytes{bytes}.subspan(walk.upper_offset); }

// --- decode ---

TEST(Vectors, EveryPacketHasTheExpectedValues) {
  for (std::size_t number = 1; number <= vectors::count; ++number) {
    if (number == 20) continue;
    const auto& expected = vectors::expected[number - 1];
    SCOPED_TRACE(testing::Message() << "packet " << number << ": " << expected.what);
    const ByteVector& bytes = packet(number);
    const WalkOutcome out = walk_headers(bytes);
    ASSERT_TRUE(out.ok);
    const HeaderWalk& walk = out.walk;
    EXPECT_EQ(walk.source, expected.source);
    EXPECT_EQ(walk.destination, expected.destination);
    EXPECT_EQ(walk.hop_limit, expected.hop_limit);
    EXPECT_EQ(walk.upper_protocol, expected.upper_protocol);
    EXPECT_EQ(walk.upper_length, expected.upper_length);
    EXPECT_SAME_BYTES(Bytes{bytes}.subspan(walk.nonce_offset, walk.nonce_length), hex(expected.nonce));
    if (expected.checksum == 0) continue;
    const auto field = static_cast<std::size_t>(checksum_field_offset(walk.upper_protocol));
    EXPECT_EQ(load_u16(bytes.data() + walk.upper_offset + field), expected.checksum);
    if (walk.is_fragment) continue;
    EXPECT_TRUE(test::checksum_is_good(bytes, expected.mode));
  }
}

TEST(Vectors, LocatorUpdateAndItsAcknowledgementAreRead) {
  using Lifetime = std::chrono::duration<std::uint16_t>;
  LocatorUpdate expected{LocatorUpdateOperation::advertisement,
                         {{vectors::locator_b, 10, Lifetime{600}}, {vectors::locator_a, 20, Lifetime{10}}}};
  for (const std::size_t number : {9u, 10u}) {
    const auto parsed = parse_locator_update(upper_layer(packet(number), walk_headers(packet(number)).walk));
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed.value(), expected);
    expected.operation = LocatorUpdateOperation::acknowledgement;
  }
}

TEST(Vectors, ParameterProblemPointsAtOurNonce) {
  const ByteVector& bytes = packet(8);
  const auto quoted = parse_quoted(bytes, walk_headers(bytes).walk);
  ASSERT_TRUE(quoted.has_value());
  EXPECT_EQ(quoted.value().type, icmpv6::parameter_problem);
  EXPECT_EQ(quoted.value().code, icmpv6::unrecognised_option);
  EXPECT_EQ(quoted.value().parameter, quoted.value().walk.nonce_option);
  EXPECT_SAME_BYTES(quoted.value().nonce(bytes), hex(vectors::nonce_v));
  EXPECT_EQ(quoted.value().source_port, 40001);
  EXPECT_EQ(quoted.value().destination_port, 80);
  EXPECT_EQ(quoted.value().addresses(), (AddressPair{vectors::v_at_a, vectors::n}));
}

TEST(Vectors, PacketTooBigQuotesThePacketOfEachSide) {
  for (const auto& [number, source] : {std::pair{16, vectors::v_neutral}, std::pair{17, vectors::v_inside}}) {
    const ByteVector& bytes = packet(static_cast<std::size_t>(number));
    const auto quoted = parse_quoted(bytes, walk_headers(bytes).walk);
    ASSERT_TRUE(quoted.has_value());
    EXPECT_EQ(quoted.value().parameter, 1400u);
    EXPECT_EQ(quoted.value().addresses(), (AddressPair{source, vectors::n}));
    EXPECT_SAME_BYTES(quoted.value().nonce(bytes), hex(vectors::short_nonce_v));
    // The router quoted the whole packet: it must be the one that was sent.
    ByteVector quote{bytes.begin() + quoted.value().offset, bytes.end()};
    EXPECT_TRUE(test::checksum_is_good(quote));
  }
}

TEST(Vectors, FragmentsReassembleInEitherOrder) {
  for (const bool reversed : {false, true}) {
    Reassembler reassembler;
    Reassembler::Outcome outcome;
    for (const std::size_t number : {reversed ? 19u : 18u, reversed ? 18u : 19u}) {
      EXPECT_EQ(outcome.kind, Reassembler::Outcome::Kind::held);
      outcome = reassembler.on_fragment(TimePoint{}, packet(number), walk_headers(packet(number)).walk);
    }
    ASSERT_EQ(outcome.kind, Reassembler::Outcome::Kind::complete);
    EXPECT_TRUE(test::checksum_is_good(outcome.packet));
    const HeaderWalk walk = walk_headers(outcome.packet).walk;
    EXPECT_SAME_BYTES(Bytes{outcome.packet}.subspan(walk.nonce_offset, walk.nonce_length), hex(vectors::short_nonce_v));
    EXPECT_SAME_BYTES(upper_layer(outcome.packet, walk).subspan(8), counting(1240));
  }
}

TEST(Vectors, TwoNoncesAreRefused) {
  const WalkOutcome out = walk_headers(packet(20));
  EXPECT_FALSE(out.ok);
  EXPECT_EQ(out.error, ParseError::two_nonces);
}

TEST(Vectors, LocatorUpdateWithLongEntriesIsRefused) {
  ASSERT_TRUE(test::checksum_is_good(packet(21)));
  const auto parsed = parse_locator_update(upper_layer(packet(21), walk_headers(packet(21)).walk));
  ASSERT_TRUE(parsed.has_error());
  EXPECT_EQ(parsed.error(), LocatorUpdateError::bad_length);
}

// --- encode ---

/// What the host does with a packet of its kernel: rewrite the addresses, mend the checksum, insert the nonce.
ByteVector sent(ByteVector identity_form, const AddressPair& wire, std::string_view nonce, ChecksumMode mode) {
  const HeaderWalk walk = walk_headers(identity_form).walk;
  const SumChange change = to_wire_checksum(mode, walk.upper_protocol, {walk.source, walk.destination}, wire);
  PacketBuffer buffer{identity_form};
  wire.source.store(buffer.packet.data() + 8);
  wire.destination.store(buffer.packet.data() + 24);
  adjust_field(buffer.packet.data() + walk.upper_offset + checksum_field_offset(walk.upper_protocol),
               walk.upper_protocol, change);
  insert_nonce_header(buffer.packet, walk, Nonce{hex(nonce)});
  return buffer.bytes();
}

constexpr Locator identity_prefix{0xfd494c4e50366631};
constexpr Address identity_v{identity_prefix, vectors::nid_v}, identity_n{identity_prefix, vectors::nid_n};

TEST(Vectors, UdpIsMadeInBothModesAtBothLocations) {
  const ByteVector hello = PacketBuilder{identity_v, identity_n}.udp(40000, 7777, test::text("hello ilnp")).build();
  const auto from = [&](const Address& source, ChecksumMode mode) {
    return sent(hello, {source, vectors::n}, vectors::short_nonce_v, mode);
  };
  EXPECT_SAME_BYTES(from(vectors::v_at_a, ChecksumMode::ipv6), packet(1));
  EXPECT_SAME_BYTES(from(vectors::v_at_a, ChecksumMode::rfc6741), packet(2));
  EXPECT_SAME_BYTES(from(vectors::v_at_b, ChecksumMode::ipv6), packet(3));
  EXPECT_SAME_BYTES(from(vectors::v_at_b, ChecksumMode::rfc6741), packet(4));
  EXPECT_SAME_BYTES(from(vectors::v_inside, ChecksumMode::ipv6), packet(13));
}

TEST(Vectors, TcpHandshakeIsMadeInBothModes) {
  const ByteVector mss = hex("02040590");
  const ByteVector syn = PacketBuilder{identity_v, identity_n}.tcp(40001, 80, 0x11223344, 0, 2, {}, mss).build();
  EXPECT_SAME_BYTES(sent(syn, {vectors::v_at_a, vectors::n}, vectors::nonce_v, ChecksumMode::ipv6), packet(5));
  EXPECT_SAME_BYTES(sent(syn, {vectors::v_at_a, vectors::n}, vectors::nonce_v, ChecksumMode::rfc6741), packet(6));
  const ByteVector syn_ack =
      PacketBuilder{identity_n, identity_v}.tcp(80, 40001, 0x55667788, 0x11223345, 0x12, {}, mss).build();
  EXPECT_SAME_BYTES(sent(syn_ack, {vectors::n, vectors::v_at_a}, vectors::nonce_n, ChecksumMode::ipv6), packet(7));
}

TEST(Vectors, EchoIsMadeWithWholeAddressesInBothModes) {
  const ByteVector data = hex("6a1f02c4d3b85e97");
  for (const ChecksumMode mode : {ChecksumMode::ipv6, ChecksumMode::rfc6741}) {
    const ByteVector request = PacketBuilder{identity_n, identity_v}.echo_request(0x494c, 1, data).build();
    EXPECT_SAME_BYTES(sent(request, {vectors::n, vectors::v_at_b}, vectors::nonce_n, mode), packet(11));
    const ByteVector reply =
        PacketBuilder{identity_v, identity_n}.icmpv6(icmpv6::echo_reply, 0, hex("494c 0001 6a1f02c4d3b85e97")).build();
    EXPECT_SAME_BYTES(sent(reply, {vectors::v_at_b, vectors::n}, vectors::nonce_v, mode), packet(12));
  }
}

TEST(Vectors, LocatorUpdateAndAcknowledgementAreMade) {
  using Lifetime = std::chrono::duration<std::uint16_t>;
  LocatorUpdate update{LocatorUpdateOperation::advertisement,
                       {{vectors::locator_b, 10, Lifetime{600}}, {vectors::locator_a, 20, Lifetime{10}}}};
  const auto made = [&](const Address& source, const Address& destination, std::string_view value) {
    const Nonce nonce{hex(value)};
    ByteVector header(nonce.header_length());
    write_nonce_header(header.data(), next_header::icmpv6, nonce);
    return build_packet(source, destination, next_header::icmpv6, encode_locator_update(update), header);
  };
  EXPECT_SAME_BYTES(made(vectors::v_at_b, vectors::n, vectors::nonce_v), packet(9));
  update.operation = LocatorUpdateOperation::acknowledgement;
  EXPECT_SAME_BYTES(made(vectors::n, vectors::v_at_b, vectors::nonce_n), packet(10));
}

TEST(Vectors, ErrorsAreMade) {
  const ByteVector problem = build_error(icmpv6::parameter_problem, icmpv6::unrecognised_option, 42, packet(5));
  EXPECT_SAME_BYTES(build_packet(vectors::n, vectors::v_at_a, next_header::icmpv6, problem), packet(8));
  const ByteVector too_big = build_error(icmpv6::packet_too_big, 0, 1400, packet(14));
  EXPECT_SAME_BYTES(build_packet(vectors::router, vectors::v_neutral, next_header::icmpv6, too_big), packet(16));
  // Inside the site both sources are those of the inside, and the checksum of 16 is still good: a neutral pair.
  ByteVector inside = packet(13);
  inside[7] = 63;
  const ByteVector inside_too_big = build_error(icmpv6::packet_too_big, 0, 1400, inside);
  EXPECT_SAME_BYTES(build_packet(vectors::router, vectors::v_inside, next_header::icmpv6, inside_too_big, {}, 63),
                    packet(17));
}

TEST(Vectors, FragmentsAreMade) {
  const ByteVector whole = PacketBuilder{vectors::v_at_a, vectors::n}
                               .nonce(hex(vectors::short_nonce_v))
                               .udp(40000, 7777, counting(1240))
                               .build();
  const auto fragments = fragment_packet(whole, walk_headers(whole).walk, 1280, fragment_id);
  ASSERT_EQ(fragments.size(), 2u);
  EXPECT_SAME_BYTES(fragments[0], packet(18));
  EXPECT_SAME_BYTES(fragments[1], packet(19));
}

TEST(Vectors, RefusedPacketsAreMadeByHandOnly) {
  EXPECT_SAME_BYTES(PacketBuilder(vectors::v_at_a, vectors::n)
                        .destination_options(hex("8b04 1d9a6b3c 8b04 1d9a6b3c"))
                        .udp(40000, 7777, test::text("hello ilnp"))
                        .build(),
                    packet(20));
  const ByteVector long_entries =
      hex("02 01 0000"
          "20010db8000b0001 0000000a 00000258"
          "20010db8000a0001 00000014 0000000a");
  EXPECT_SAME_BYTES(PacketBuilder(vectors::v_at_b, vectors::n)
                        .nonce(hex(vectors::nonce_v))
                        .icmpv6(icmpv6::locator_update, 0, long_entries)
                        .build(),
                    packet(21));
}

// --- rewriting ---

TEST(Vectors, LocatorIsRewrittenIncrementally) {
  for (const auto& [outside, number] : {std::pair{vectors::v_neutral, 14}, std::pair{vectors::v_outside, 15}}) {
    ByteVector bytes = packet(13);
    const HeaderWalk walk = walk_headers(bytes).walk;
    bytes[7] = 63;
    outside.store(bytes.data() + 8);
    adjust_field(bytes.data() + walk.upper_offset + 6, next_header::udp,
                 {sum_of(walk.source.locator), sum_of(outside.locator)});
    EXPECT_SAME_BYTES(bytes, packet(static_cast<std::size_t>(number)));
  }
}

TEST(Vectors, PacketTooBigIsTranslatedForTheKernel) {
  const ByteVector& bytes = packet(17);
  const HeaderWalk outer = walk_headers(bytes).walk;
  const auto quoted = parse_quoted(bytes, outer);
  ASSERT_TRUE(quoted.has_value());
  const ByteVector translated =
      translate_error(bytes, outer, quoted.value(), {identity_v, identity_n}, ChecksumMode::ipv6, 8);
  ByteVector original =
      PacketBuilder{identity_v, identity_n}.hop_limit(63).udp(40000, 7777, test::text("hello ilnp")).build();
  ByteVector expected = build_packet(vectors::router, identity_v, next_header::icmpv6,
                                     build_error(icmpv6::packet_too_big, 0, 1392, original), {}, 63);
  EXPECT_SAME_BYTES(translated, expected);
}

}  // namespace
}  // namespace ilnp
