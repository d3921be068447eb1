// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/error_translation.h"

#include <gtest/gtest.h>

#include "core/ipv6/icmpv6.h"
#include "tests/support/fakes.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::counting;
using test::hex;
using test::PacketBuilder;

const Address us_wire = test::address("2001:db8:a:1:5c1a:97d3:4be:6f21");
const Address peer_wire = test::address("2001:db8:c0:1:214:4fff:fe20:ee64");
const Address us = test::address("fd49:4c4e:5036:6631:5c1a:97d3:4be:6f21");
const Address peer = test::address("fd49:4c4e:5036:6631:214:4fff:fe20:ee64");
const Address router = test::address("2001:db8:fe::1");
const ByteVector nonce4 = hex("1d9a6b3c"), nonce12 = hex("9f3c5a1e77b204d86ac1e05b");

ByteVector error_about(Bytes quoted, std::uint8_t type, std::uint8_t code, std::uint32_t parameter,
                       const Address& from = router) {
  return build_packet(from, us_wire, next_header::icmpv6, build_error(type, code, parameter, quoted));
}

QuotedPacket quoted_in(const ByteVector& error) {
  auto quoted = parse_quoted(error, walk_headers(error).walk);
  EXPECT_TRUE(quoted.has_value());
  return quoted.has_value() ? quoted.value() : QuotedPacket{};
}

ByteVector translated(const ByteVector& error, ChecksumMode mode = ChecksumMode::ipv6, std::size_t overhead = 16) {
  return translate_error(error, walk_headers(error).walk, quoted_in(error), {us, peer}, mode, overhead);
}

Bytes quote_of(const ByteVector& error) { return Bytes{error}.subspan(48); }

TEST(ParseQuoted, FindsPortsNonceAndChecksum) {
  const ByteVector sent = PacketBuilder{us_wire, peer_wire}.nonce(nonce12).tcp(40001, 80, 1, 2, 0x10).build();
  const ByteVector error = error_about(sent, icmpv6::destination_unreachable, 3, 0);
  const QuotedPacket quoted = quoted_in(error);
  EXPECT_EQ(quoted.type, icmpv6::destination_unreachable);
  EXPECT_EQ(quoted.code, 3);
  EXPECT_EQ(quoted.offset, 48);
  EXPECT_EQ(quoted.length, sent.size());
  EXPECT_EQ(quoted.addresses(), (AddressPair{us_wire, peer_wire}));
  EXPECT_SAME_BYTES(quoted.nonce(error), nonce12);
  EXPECT_TRUE(quoted.has_ports);
  EXPECT_EQ(quoted.source_port, 40001);
  EXPECT_EQ(quoted.destination_port, 80);
  EXPECT_TRUE(quoted.has_checksum);
}

TEST(ParseQuoted, WhatIsNotAnErrorIsRefused) {
  const auto reason = [](const ByteVector& packet) { return parse_quoted(packet, walk_headers(packet).walk).error(); };
  EXPECT_EQ(reason(PacketBuilder(router, us_wire).echo_request(1, 1, counting(60)).build()), QuoteError::not_an_error);
  EXPECT_EQ(reason(PacketBuilder(router, us_wire).udp(1, 2, counting(60)).build()), QuoteError::not_an_error);
  EXPECT_EQ(reason(PacketBuilder(router, us_wire).payload(58, hex("0200 0000")).build()), QuoteError::not_an_error);
  EXPECT_EQ(reason(PacketBuilder(router, us_wire).fragment(0, true, 1).icmpv6(2, 0, counting(68)).build()),
            QuoteError::not_an_error);
  EXPECT_EQ(reason(error_about(counting(100), 2, 0, 1400)), QuoteError::unreadable);
}

TEST(ParseQuoted, DamagedErrorIsRefused) {
  ByteVector error = error_about(PacketBuilder(us_wire, peer_wire).udp(1, 2).build(), icmpv6::packet_too_big, 0, 1400);
  error[60] ^= 1;
  EXPECT_EQ(parse_quoted(error, walk_headers(error).walk).error(), QuoteError::bad_checksum);
}

TEST(TranslateError, QuoteIsThePacketThatOurKernelMade) {
  // In identity form and back: what the kernel reads must be what it wrote, checksum included.
  for (const ChecksumMode mode : {ChecksumMode::ipv6, ChecksumMode::rfc6741}) {
    for (const std::uint8_t type : {icmpv6::destination_unreachable, icmpv6::time_exceeded}) {
      PacketBuilder on_the_wire{us_wire, peer_wire}, in_the_kernel{us, peer};
      on_the_wire.checksum(mode).nonce(nonce12).udp(40000, 7777, counting(100));
      in_the_kernel.udp(40000, 7777, counting(100));
      EXPECT_SAME_BYTES(translated(error_about(on_the_wire.build(), type, 0, 0), mode),
                        build_packet(router, us, next_header::icmpv6, build_error(type, 0, 0, in_the_kernel.build())));
    }
  }
}

TEST(TranslateError, EchoChecksumCoversWholeAddressesInBothModes) {
  for (const ChecksumMode mode : {ChecksumMode::ipv6, ChecksumMode::rfc6741}) {
    const ByteVector sent = PacketBuilder{us_wire, peer_wire}.nonce(nonce4).echo_request(7, 1, counting(9)).build();
    const ByteVector out = translated(error_about(sent, icmpv6::destination_unreachable, 0, 0), mode);
    EXPECT_SAME_BYTES(quote_of(out), PacketBuilder(us, peer).echo_request(7, 1, counting(9)).build());
  }
}

TEST(TranslateError, ComesFromThePeersIdentityWhenThePeerSentIt) {
  const ByteVector sent = PacketBuilder{us_wire, peer_wire}.nonce(nonce12).udp(1, 2).build();
  const ByteVector out = translated(error_about(sent, icmpv6::destination_unreachable, 4, 0, peer_wire));
  EXPECT_EQ(walk_headers(out).walk.source, peer);
  EXPECT_EQ(walk_headers(out).walk.destination, us);
  EXPECT_TRUE(test::checksum_is_good(out));
}

TEST(TranslateError, HeadersOfTheErrorItselfGo) {
  const ByteVector sent = PacketBuilder{us_wire, peer_wire}.nonce(nonce12).udp(1, 2).build();
  ByteVector body(4);
  body.insert(body.end(), sent.begin(), sent.end());
  const ByteVector error = PacketBuilder(peer_wire, us_wire)
                               .traffic_class(0xb8)
                               .flow_label(0x12345)
                               .hop_limit(3)
                               .nonce(nonce4)
                               .icmpv6(1, 4, body)
                               .build();
  const ByteVector expected = PacketBuilder(us, peer).udp(1, 2).build();
  ByteVector expected_body(4);
  expected_body.insert(expected_body.end(), expected.begin(), expected.end());
  EXPECT_SAME_BYTES(
      translated(error),
      PacketBuilder(peer, us).traffic_class(0xb8).flow_label(0x12345).hop_limit(3).icmpv6(1, 4, expected_body).build());
}

TEST(TranslateError, MtuShrinksByOurHeaderButNotBelowTheMinimum) {
  const ByteVector sent = PacketBuilder{us_wire, peer_wire}.nonce(nonce12).udp(1, 2, counting(1400)).build();
  const std::pair<std::uint32_t, std::uint32_t> cases[] = {{1500, 1484}, {1400, 1384},   {1296, 1280},
                                                           {1290, 1280}, {1280, 1280},   {100, 1280},
                                                           {0, 1280},    {65535, 65519}, {0xffffffff, 0xffffffef}};
  for (const auto& [reported, expected] : cases) {
    const ByteVector out = translated(error_about(sent, icmpv6::packet_too_big, 0, reported));
    EXPECT_EQ(load_u32(out.data() + 44), expected) << reported;
    EXPECT_TRUE(test::checksum_is_good(out));
  }
}

TEST(TranslateError, PointerMovesWithTheQuote) {
  const ByteVector sent = PacketBuilder{us_wire, peer_wire}.nonce(nonce12).udp(1, 2).build();
  const std::pair<std::uint32_t, std::uint32_t> cases[] = {{4, 4},  {6, 6},   {40, 6}, {42, 6},
                                                           {55, 6}, {56, 40}, {60, 44}};
  for (const auto& [reported, expected] : cases) {
    const ByteVector out = translated(error_about(sent, icmpv6::parameter_problem, 1, reported));
    EXPECT_EQ(load_u32(out.data() + 44), expected) << reported;
  }
  const ByteVector bare = PacketBuilder{us_wire, peer_wire}.udp(1, 2).build();
  EXPECT_EQ(load_u32(translated(error_about(bare, icmpv6::parameter_problem, 1, 42)).data() + 44), 42u);
}

TEST(TranslateError, QuoteMayBeCutAnywhere) {
  const ByteVector sent =
      PacketBuilder{us_wire, peer_wire}.nonce(nonce12).tcp(40001, 80, 1, 2, 0x10, counting(50)).build();
  const ByteVector whole = PacketBuilder{us, peer}.tcp(40001, 80, 1, 2, 0x10, counting(50)).build();
  for (std::size_t length = 0; length <= sent.size(); ++length) {
    const ByteVector error = error_about(Bytes{sent}.first(length), icmpv6::packet_too_big, 0, 1400);
    const auto quoted = parse_quoted(error, walk_headers(error).walk);
    if (length < 56) {
      ASSERT_TRUE(quoted.has_error()) << length;
      EXPECT_EQ(quoted.error(), QuoteError::unreadable);
      continue;
    }
    ASSERT_TRUE(quoted.has_value()) << length;
    EXPECT_EQ(quoted.value().has_ports, length >= 60) << length;
    EXPECT_EQ(quoted.value().has_checksum, length >= 74) << length;
    ByteVector expected{whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length - 16)};
    const ByteVector out = translated(error);
    const std::size_t readable = length == 73 ? 56 : expected.size();  // not half a checksum
    EXPECT_SAME_BYTES(quote_of(out).first(readable), Bytes{expected}.first(readable));
    EXPECT_TRUE(test::checksum_is_good(out));
  }
}

TEST(TranslateError, LaterFragmentHasNoPortsAndKeepsItsData) {
  const ByteVector sent =
      PacketBuilder{us_wire, peer_wire}.fragment(1232, false, 9).keep_checksum().payload(17, counting(40)).build();
  const ByteVector error = error_about(sent, icmpv6::packet_too_big, 0, 1280);
  EXPECT_FALSE(quoted_in(error).has_ports);
  EXPECT_FALSE(quoted_in(error).has_checksum);
  EXPECT_SAME_BYTES(quote_of(translated(error)),
                    PacketBuilder(us, peer).fragment(1232, false, 9).keep_checksum().payload(17, counting(40)).build());
}

TEST(TranslateError, AbsentUdpChecksumStaysAbsent) {
  ByteVector sent = PacketBuilder{us_wire, peer_wire}.keep_checksum().udp(1, 2, counting(4)).build();
  const ByteVector out = translated(error_about(sent, icmpv6::destination_unreachable, 4, 0));
  EXPECT_SAME_BYTES(quote_of(out), PacketBuilder(us, peer).keep_checksum().udp(1, 2, counting(4)).build());
}

TEST(TranslateError, ExtensionsOfRfc4884AreLeftOut) {
  const ByteVector sent = PacketBuilder{us_wire, peer_wire}.nonce(nonce12).udp(1, 2, counting(200)).build();
  ByteVector body = hex("10 000000");  // 16 units of 8 octets: 128 of the packet, then extensions
  body.insert(body.end(), sent.begin(), sent.begin() + 128);
  const ByteVector extension = hex("2000 0000 0008 0101 00001140");
  body.insert(body.end(), extension.begin(), extension.end());
  for (const std::uint8_t type : {icmpv6::destination_unreachable, icmpv6::time_exceeded}) {
    const ByteVector out = translated(PacketBuilder(router, us_wire).icmpv6(type, 0, body).build());
    EXPECT_EQ(load_u32(out.data() + 44), 0u);
    EXPECT_EQ(quote_of(out).size(), 112u);
    EXPECT_SAME_BYTES(quote_of(out), Bytes{PacketBuilder(us, peer).udp(1, 2, counting(200)).build()}.first(112));
  }
}

TEST(TranslateError, RandomDamageNeverLeadsOutside) {
  test::FakeRandom random{21};
  const ByteVector sent = PacketBuilder{us_wire, peer_wire}
                              .hop_by_hop()
                              .destination_options(hex("1e06 000000000001 8b0c 9f3c5a1e77b204d86ac1e05b"))
                              .tcp(1, 2, 3, 4, 0x10, counting(60))
                              .build();
  int translations = 0;
  for (int round = 0; round < 50'000; ++round) {
    ByteVector quote = sent;
    for (std::uint64_t flips = random.below(4); flips != 0; --flips)
      quote[random.below(quote.size())] = static_cast<std::uint8_t>(random.u64());
    quote.resize(random.below(quote.size() + 1));
    const auto type = static_cast<std::uint8_t>(1 + random.below(4));
    const ByteVector error = error_about(quote, type, 0, static_cast<std::uint32_t>(random.u64()));
    const auto quoted = parse_quoted(error, walk_headers(error).walk);
    if (!quoted.has_value()) continue;
    ++translations;
    ASSERT_TRUE(test::checksum_is_good(translated(error)));
    const ByteVector own = translate_own_error(error, walk_headers(error).walk, quoted.value(), {us_wire, peer_wire},
                                               ChecksumMode::ipv6, 16);
    ASSERT_TRUE(test::checksum_is_good(own));
  }
  EXPECT_GT(translations, 5'000);
}

TEST(TranslateOwnError, PeerReadsItsOwnWirePacket) {
  for (const ChecksumMode mode : {ChecksumMode::ipv6, ChecksumMode::rfc6741}) {
    const ByteVector received = PacketBuilder{peer, us}.udp(5353, 9, counting(77)).build();  // as our kernel got it
    const ByteVector error =
        build_packet(us, peer, next_header::icmpv6, build_error(icmpv6::destination_unreachable, 4, 0, received));
    const ByteVector out =
        translate_own_error(error, walk_headers(error).walk, quoted_in(error), {peer_wire, us_wire}, mode, 16);
    const ByteVector expected = PacketBuilder{peer_wire, us_wire}.checksum(mode).udp(5353, 9, counting(77)).build();
    EXPECT_SAME_BYTES(out, build_packet(us_wire, peer_wire, next_header::icmpv6,
                                        build_error(icmpv6::destination_unreachable, 4, 0, expected)));
  }
}

TEST(TranslateOwnError, LeavesRoomForOurNonceHeader) {
  const ByteVector received = PacketBuilder{peer, us}.udp(5353, 9, counting(1400)).build();
  const ByteVector error =
      build_packet(us, peer, next_header::icmpv6, build_error(icmpv6::destination_unreachable, 4, 0, received));
  ASSERT_EQ(error.size(), minimum_mtu);
  const ByteVector out = translate_own_error(error, walk_headers(error).walk, quoted_in(error), {peer_wire, us_wire},
                                             ChecksumMode::ipv6, 16);
  EXPECT_EQ(out.size(), minimum_mtu - 16);
  EXPECT_TRUE(test::checksum_is_good(out));
}

TEST(TranslateOwnError, KeepsItsParameter) {
  const ByteVector received = PacketBuilder{peer, us}.destination_options(hex("8001 00")).udp(1, 2).build();
  const ByteVector error =
      build_packet(us, peer, next_header::icmpv6, build_error(icmpv6::parameter_problem, 2, 42, received));
  const ByteVector out = translate_own_error(error, walk_headers(error).walk, quoted_in(error), {peer_wire, us_wire},
                                             ChecksumMode::ipv6, 16);
  EXPECT_EQ(load_u32(out.data() + 44), 42u);
}

}  // namespace
}  // namespace ilnp
