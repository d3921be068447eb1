// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/neighbour_discovery.h"

#include <gtest/gtest.h>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;
using test::hex;

const Address router = address("fe80::1"), host = address("2001:db8:a1::1234:5678");
const MacAddress mac = *parse_mac("02:00:00:00:00:01");

// Hop limit 64, flags M and O, preference high, lifetime 1800 s.
const std::string advertisement = "86000000 40 c8 0708 00000000 00000000";
const std::string source_option = "01 01 020000000001";
const std::string mtu_option = "05 01 0000 000005b0";
// Length 64, flags L and A, valid 2592000 s, preferred 604800 s.
const std::string prefix_option = "03 04 40 c0 00278d00 00093a80 00000000 20010db800a100000000000000000000";

auto parse(const ByteVector& message, const Address& source = router, const Address& destination = all_nodes,
           std::uint8_t hops = 255) {
  return parse_neighbour_message(source, destination, hops, message);
}

RouterAdvertisement advertisement_of(const std::string& digits) {
  const auto parsed = parse(hex(digits));
  if (!parsed) {
    ADD_FAILURE() << "error " << static_cast<int>(parsed.error());
    return {};
  }
  return std::get<RouterAdvertisement>(parsed.value());
}

#define EXPECT_REFUSED(expression, reason) \
  do {                                     \
    const auto refused = expression;       \
    ASSERT_FALSE(refused);                 \
    EXPECT_EQ(refused.error(), reason);    \
  } while (false)

TEST(RouterAdvertisement, EverythingIsRead) {
  const auto ra = advertisement_of(advertisement + source_option + mtu_option + prefix_option);
  EXPECT_EQ(ra.router, router);
  EXPECT_EQ(ra.hop_limit, 64);
  EXPECT_TRUE(ra.managed);
  EXPECT_TRUE(ra.other);
  EXPECT_EQ(ra.preference, RouterPreference::high);
  EXPECT_EQ(ra.router_lifetime, 1800);
  EXPECT_EQ(ra.mtu, 1456u);
  EXPECT_EQ(ra.link_layer, mac);
  ASSERT_EQ(ra.prefixes.size(), 1u);
  EXPECT_EQ(ra.prefixes[0], (PrefixInformation{address("2001:db8:a1::"), 64, true, true, 2592000, 604800}));
}

TEST(RouterAdvertisement, PreferenceBits) {  // RFC 4191 section 2.1 and 2.2
  const auto preference = [](const std::string& flags, const std::string& lifetime = "0708") {
    return advertisement_of("86000000 40" + flags + lifetime + "00000000 00000000").preference;
  };
  EXPECT_EQ(preference("00"), RouterPreference::medium);
  EXPECT_EQ(preference("08"), RouterPreference::high);
  EXPECT_EQ(preference("18"), RouterPreference::low);
  EXPECT_EQ(preference("10"), RouterPreference::medium) << "reserved";
  EXPECT_EQ(preference("08", "0000"), RouterPreference::medium) << "not a default router";
}

TEST(RouterAdvertisement, BitsBeyondThePrefixAreCleared) {
  const auto ra =
      advertisement_of(advertisement + "03 04 30 40 00000e10 00000708 00000000 20010db800a1ffffffffffffffffffff");
  ASSERT_EQ(ra.prefixes.size(), 1u);
  EXPECT_EQ(ra.prefixes[0].prefix, address("2001:db8:a1::"));
  EXPECT_FALSE(ra.prefixes[0].on_link);
  EXPECT_TRUE(ra.prefixes[0].autonomous);
}

TEST(RouterAdvertisement, PrefixOptionsThatMeanNothingAreLeftOut) {
  for (const char* option : {
           "03 04 81 c0 00278d00 00093a80 00000000 20010db800a100000000000000000000",  // 129 bits
           "03 04 40 c0 00000001 00000002 00000000 20010db800a100000000000000000000",  // preferred above valid
           "03 04 40 c0 00278d00 00093a80 00000000 fe800000000000000000000000000000",  // link-local
           "03 04 40 c0 00278d00 00093a80 00000000 ff020000000000000000000000000000",  // multicast
           "03 03 40 c0 00278d00 00093a80 00000000 20010db800a10000",                  // length 3
       })
    EXPECT_TRUE(advertisement_of(advertisement + option).prefixes.empty()) << option;
}

TEST(RouterAdvertisement, UnknownOptionsAreSkipped) {
  const auto ra = advertisement_of(advertisement + "c8 02 0102030405060708090a0b0c0d0e" + mtu_option);
  EXPECT_EQ(ra.mtu, 1456u);
}

TEST(RouterAdvertisement, LinkLayerAddressesOfOtherKindsAreLeftOut) {
  EXPECT_FALSE(advertisement_of(advertisement + "01 02 0102030405060708090a0b0c0d0e").link_layer);
}

TEST(RouterAdvertisement, PrefixesBeyondTheLimitAreCounted) {
  std::string message = advertisement;
  for (std::size_t i = 0; i < max_advertised_prefixes + 3; ++i) message += prefix_option;
  const auto ra = advertisement_of(message);
  EXPECT_EQ(ra.prefixes.size(), max_advertised_prefixes);
  EXPECT_EQ(ra.prefixes_left_out, 3);
}

TEST(RouterAdvertisement, ValidityChecks) {  // RFC 4861 section 6.1.2
  const ByteVector good = hex(advertisement + prefix_option);
  EXPECT_TRUE(parse(good));
  EXPECT_REFUSED(parse(good, host), NeighbourMessageError::bad_source);
  EXPECT_REFUSED(parse(good, {}), NeighbourMessageError::bad_source);
  EXPECT_REFUSED(parse(good, router, all_nodes, 254), NeighbourMessageError::bad_hop_limit);
  ByteVector bad_code = good;
  bad_code[1] = 1;
  EXPECT_REFUSED(parse(bad_code), NeighbourMessageError::bad_code);
  EXPECT_REFUSED(parse(hex(advertisement + "03 00 40c0 00278d00")), NeighbourMessageError::empty_option);
}

TEST(NeighbourMessage, EveryTruncationIsRefused) {
  const std::string whole[] = {advertisement + prefix_option,
                               "87000000 00000000 20010db800a1000000000000 12345678 0101 020000000001",
                               "88000000 60000000 20010db800a1000000000000 12345678 0201 020000000001"};
  for (const std::string& digits : whole) {
    const ByteVector message = hex(digits);
    const std::size_t fixed = message[0] == 134 ? 16 : 24;
    ASSERT_TRUE(parse(message, router, host));
    for (std::size_t length = 0; length < message.size(); ++length) {
      if (length == fixed) continue;  // whole, without its option
      const auto cut =
          parse(ByteVector(message.begin(), message.begin() + static_cast<std::ptrdiff_t>(length)), router, host);
      ASSERT_FALSE(cut) << length;
      EXPECT_EQ(cut.error(), NeighbourMessageError::truncated) << length;
    }
  }
}

TEST(NeighbourMessage, OptionsAreBounded) {
  std::string message = advertisement;
  for (std::size_t i = 0; i <= max_neighbour_discovery_options; ++i) message += mtu_option;
  EXPECT_REFUSED(parse(hex(message)), NeighbourMessageError::too_many_options);
}

TEST(NeighbourMessage, OtherTypesAreNotRelevant) {
  for (const char* type : {"80", "89", "9c", "01"})
    EXPECT_REFUSED(parse(hex(std::string{type} + "000000 00000000 00000000 00000000 00000000 00000000")),
                   NeighbourMessageError::not_relevant);
}

const std::string probe = "87000000 00000000 20010db800a1000000000000 12345678";

TEST(NeighbourSolicitation, ProbeWithNonce) {
  const auto parsed = parse(hex(probe + "0e01 a1a2a3a4a5a6"), {}, solicited_node(host));
  ASSERT_TRUE(parsed);
  const auto& ns = std::get<NeighbourSolicitation>(parsed.value());
  EXPECT_TRUE(ns.source.is_unspecified());
  EXPECT_EQ(ns.target, host);
  EXPECT_EQ(ns.nonce, (DadNonce{0xa1, 0xa2, 0xa3, 0xa4, 0xa5, 0xa6}));
  EXPECT_FALSE(ns.link_layer);
}

TEST(NeighbourSolicitation, ValidityChecks) {  // RFC 4861 section 7.1.1
  EXPECT_REFUSED(parse(hex(probe), {}, host), NeighbourMessageError::bad_destination);
  EXPECT_REFUSED(parse(hex(probe + source_option), {}, solicited_node(host)), NeighbourMessageError::bad_source);
  EXPECT_REFUSED(parse(hex("87000000 00000000 ff020000000000000000000000000001"), router, host),
                 NeighbourMessageError::bad_target);
  EXPECT_REFUSED(parse(hex(probe), all_nodes, host), NeighbourMessageError::bad_source);
}

const std::string answer = "88000000 20000000 20010db800a1000000000000 12345678 0201 020000000001";

TEST(NeighbourAdvertisement, IsRead) {
  const auto parsed = parse(hex(answer), host);
  ASSERT_TRUE(parsed);
  const auto& na = std::get<NeighbourAdvertisement>(parsed.value());
  EXPECT_EQ(na.source, host);
  EXPECT_EQ(na.target, host);
  EXPECT_EQ(na.link_layer, mac);
  EXPECT_TRUE(na.override_cached);
  EXPECT_FALSE(na.from_router);
  EXPECT_FALSE(na.solicited);
}

TEST(NeighbourAdvertisement, ValidityChecks) {  // RFC 4861 section 7.1.2
  EXPECT_REFUSED(parse(hex(answer), {}), NeighbourMessageError::bad_source);
  EXPECT_REFUSED(parse(hex("88000000 60000000 20010db800a1000000000000 12345678"), host, all_nodes),
                 NeighbourMessageError::bad_destination);
  EXPECT_REFUSED(parse(hex("88000000 00000000 ff020000000000000000000000000001"), host, host),
                 NeighbourMessageError::bad_target);
}

TEST(RouterSolicitation, FromALinkLocalAddressNamesItsLinkLayer) {
  const ByteVector packet = build_router_solicitation(router, mac);
  const HeaderWalk walk = walk_headers(packet).walk;
  EXPECT_EQ(walk.source, router);
  EXPECT_EQ(walk.destination, all_routers);
  EXPECT_EQ(walk.hop_limit, 255);
  EXPECT_TRUE(test::checksum_is_good(packet));
  ByteVector message(packet.begin() + 40, packet.end());
  message[2] = message[3] = 0;
  EXPECT_SAME_BYTES(message, hex("85000000 00000000 0101 020000000001"));
}

TEST(RouterSolicitation, FromTheUnspecifiedAddressDoesNot) {  // RFC 4861 section 4.1
  EXPECT_EQ(build_router_solicitation({}, mac).size(), 48u);
}

TEST(DuplicateAddressProbe, IsWhatRfc4862Asks) {  // section 5.4.2
  const ByteVector packet = build_duplicate_address_probe(host, {1, 2, 3, 4, 5, 6});
  const HeaderWalk walk = walk_headers(packet).walk;
  EXPECT_TRUE(walk.source.is_unspecified());
  EXPECT_EQ(walk.destination, address("ff02::1:ff34:5678"));
  EXPECT_EQ(walk.hop_limit, 255);
  EXPECT_TRUE(test::checksum_is_good(packet));
  const auto parsed = parse(ByteVector(packet.begin() + 40, packet.end()), {}, walk.destination);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(std::get<NeighbourSolicitation>(parsed.value()).target, host);
  EXPECT_EQ(std::get<NeighbourSolicitation>(parsed.value()).nonce, (DadNonce{1, 2, 3, 4, 5, 6}));
}

TEST(UnsolicitedAdvertisement, IsWhatRfc4861Asks) {  // section 7.2.6
  const MacAddress own{{2, 0, 0, 0, 0, 9}};
  for (const bool override_cached : {false, true}) {
    const ByteVector packet = build_unsolicited_advertisement(host, own, override_cached);
    const HeaderWalk walk = walk_headers(packet).walk;
    EXPECT_EQ(walk.source, host);
    EXPECT_EQ(walk.destination, address("ff02::1"));
    EXPECT_TRUE(test::checksum_is_good(packet));
    const auto parsed = parse(ByteVector(packet.begin() + 40, packet.end()), host, walk.destination);
    ASSERT_TRUE(parsed);
    const auto& parsed_back = std::get<NeighbourAdvertisement>(parsed.value());
    EXPECT_EQ(parsed_back.target, host);
    EXPECT_EQ(parsed_back.link_layer, own);
    EXPECT_EQ(parsed_back.override_cached, override_cached);
    EXPECT_FALSE(parsed_back.solicited);
    EXPECT_FALSE(parsed_back.from_router);
  }
}

}  // namespace
}  // namespace ilnp
