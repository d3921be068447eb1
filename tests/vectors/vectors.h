// SPDX-License-Identifier: Apache-2.0
// What is in ilnp.pcap, packet by packet. V is a mobile node, N its correspondent; V moves from locator A to B.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/ilnp/checksum_mode.h"
#include "core/ipv6/address.h"
#include "core/ipv6/header_walk.h"
#include "tests/support/packet_builder.h"
#include "tests/support/pcap.h"

namespace ilnp::vectors {

inline constexpr NodeId nid_v{0x5c1a97d304be6f21}, nid_n{0x02144ffffe20ee64};
inline constexpr Locator locator_a{0x20010db8000a0001}, locator_b{0x20010db8000b0001}, locator_n{0x20010db800c00001};
/// A site border router rewrites inside to outside; the first outside locator has the same checksum as the inside one.
inline constexpr Locator inside{0xfd5a17c09e210001}, neutral_outside{0x20010db800a184e3}, outside{0x20010db800a10001};
inline constexpr Address v_at_a{locator_a, nid_v}, v_at_b{locator_b, nid_v}, n{locator_n, nid_n};
inline constexpr Address v_inside{inside, nid_v}, v_neutral{neutral_outside, nid_v}, v_outside{outside, nid_v};
inline constexpr Address router{{0x20010db800fe0000}, {1}};

inline constexpr std::string_view nonce_v = "9f3c5a1e77b204d86ac1e05b", nonce_n = "41d0c7729e1835fb0a66284c",
                                  short_nonce_v = "1d9a6b3c", none = "";

struct Expected {
  std::string_view what;
  Address source;
  Address destination;
  std::uint8_t hop_limit;
  std::string_view nonce;  ///< hexadecimal
  std::uint8_t upper_protocol;
  std::uint16_t upper_length;
  std::uint16_t checksum;  ///< as it stands in the transport header; 0 = not in this packet
  ChecksumMode mode = ChecksumMode::ipv6;
};

using enum ChecksumMode;
inline constexpr std::uint8_t tcp = next_header::tcp, udp = next_header::udp, icmp = next_header::icmpv6;

// clang-format off
inline constexpr std::array<Expected, 21> expected{{
  {"UDP 40000 -> 7777 \"hello ilnp\", 4-octet nonce",                v_at_a, n, 64, short_nonce_v, udp, 18, 0x26b5},
  {"the same with locators as zero in the checksum",                 v_at_a, n, 64, short_nonce_v, udp, 18, 0x82f3, rfc6741},
  {"1 after the move to B: another checksum",                        v_at_b, n, 64, short_nonce_v, udp, 18, 0x26b4},
  {"2 after the move to B: the same checksum",                       v_at_b, n, 64, short_nonce_v, udp, 18, 0x82f3, rfc6741},
  {"TCP SYN 40001 -> 80, 12-octet nonce, MSS 1424",                  v_at_a, n, 64, nonce_v, tcp, 24, 0xb78d},
  {"the same with locators as zero in the checksum",                 v_at_a, n, 64, nonce_v, tcp, 24, 0x13cc, rfc6741},
  {"TCP SYN ACK with N's own nonce",                                 n, v_at_a, 64, nonce_n, tcp, 24, 0xea8d},
  {"Parameter Problem about 5 at octet 42: N does not speak ILNP",   n, v_at_a, 64, none, icmp, 88, 0x0a42},
  {"Locator Update: B preference 10 for 600 s, A 20 for 10 s",       v_at_b, n, 64, nonce_v, icmp, 32, 0x00f5},
  {"its acknowledgement to B",                                       n, v_at_b, 64, nonce_n, icmp, 32, 0x00f4},
  {"Echo Request to B: is V there?",                                 n, v_at_b, 64, nonce_n, icmp, 16, 0x948e},
  {"Echo Reply from B",                                              v_at_b, n, 64, nonce_v, icmp, 16, 0x938e},
  {"1 from a site-local locator, inside the site",                   v_inside, n, 64, short_nonce_v, udp, 18, 0xa13b},
  {"13 outside, neutral locator: checksum untouched",                v_neutral, n, 63, short_nonce_v, udp, 18, 0xa13b},
  {"13 outside, other locator: checksum updated",                    v_outside, n, 63, short_nonce_v, udp, 18, 0x261e},
  {"Packet Too Big 1400 about 14, outside the site",                 router, v_neutral, 64, none, icmp, 74, 0xed2e},
  {"16 inside the site: checksum still good",                        router, v_inside, 63, none, icmp, 74, 0xed2e},
  {"first fragment of a UDP datagram of 1240 octets, with nonce",    v_at_a, n, 64, short_nonce_v, udp, 1224, 0xe62b},
  {"second fragment: no nonce, no ports",                            v_at_a, n, 64, none, next_header::destination_options, 24, 0},
  {"two nonces in one header: refused",                              v_at_a, n, 64, none, 0, 0, 0},
  {"Locator Update with the 16-octet entries of Linux 4.9: refused", v_at_b, n, 64, nonce_v, icmp, 40, 0},
}};
// clang-format on

/// Packet `number` (from 1) of the capture.
inline const ByteVector& packet(std::size_t number) {
  static const std::vector<ByteVector> packets = test::read_pcap(ILNP_VECTORS);
  return packets.at(number - 1);
}
inline constexpr std::size_t count = expected.size();

}  // namespace ilnp::vectors
