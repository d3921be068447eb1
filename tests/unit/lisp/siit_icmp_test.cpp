// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/siit_icmp.h"

#include <map>
#include <set>

#include "core/ipv6/icmpv6.h"
#include "tests/unit/lisp/siit_world.h"

using namespace ilnp;
using namespace ilnp::lisp;
using ilnp::test::checksums_are_right;
using ilnp::test::counting;
using ilnp::test::Ipv4Builder;
using ilnp::test::PacketBuilder;
using ilnp::test::text;

namespace {

/// Type, code and second word of an ICMP message of either family.
struct Head {
  int type, code;
  std::uint32_t word;
  bool operator==(const Head&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Head& h) { return out << h.type << "/" << h.code << "/" << h.word; }
Head head_of(const ByteVector& packet) {
  const std::uint8_t* icmp = packet.data() + (packet[0] >> 4 == 4 ? 20 : 40);
  return {icmp[0], icmp[1], load_u32(icmp + 4)};
}
Bytes quote_of(const ByteVector& packet) { return Bytes{packet}.subspan(packet[0] >> 4 == 4 ? 28 : 48); }

struct IcmpWorld : SiitWorld {
  /// What the VM sent, as both see it; the router's error about it.
  ByteVector sent6 = from_vm().tcp(80, 4000, 7, 8, 0x10, counting(1400)).build();
  ByteVector sent4 = to_ipv4(sent6).only();
  const IpAddress router = ip("192.0.2.99");
  const Address router_embedded = *parse_address("2001:db8:64::c000:263");

  Result error4(std::uint8_t type, std::uint8_t code, std::uint32_t word, Bytes quote) {
    return to_ipv6(Ipv4Builder(router, vm4).icmp(type, code, word, quote).build());
  }
  Result error4(std::uint8_t type, std::uint8_t code, std::uint32_t word = 0) {
    return error4(type, code, word, Bytes{sent4}.first(28));
  }
  /// What a client sent, and the error of the VM, or of a router on the way to it.
  ByteVector asked4 = from_client().udp(4000, 53, counting(100)).build();
  ByteVector asked6 = to_ipv6(asked4).only();
  Result error6(std::uint8_t type, std::uint8_t code, std::uint32_t word, Bytes quote, const Address& from) {
    return to_ipv4(build_packet(from, client6, 58, build_error(type, code, word, quote)));
  }
  Result error6(std::uint8_t type, std::uint8_t code, std::uint32_t word = 0) {
    return error6(type, code, word, asked6, vm6);
  }
};

TEST(SiitIcmp, EchoesBothWays) {
  SiitWorld world;
  for (const bool reply : {false, true}) {
    const auto six =
        world.to_ipv6(world.from_client().icmp(reply ? 0 : 8, 0, 0x1234'0001, counting(56)).build()).only();
    EXPECT_EQ(head_of(six), (Head{reply ? 129 : 128, 0, 0x1234'0001}));
    EXPECT_EQ(six[6], 58);
    EXPECT_TRUE(checksums_are_right(six));
    ByteVector body{0x12, 0x34, 0, 1, 'x'};
    const auto four = world.to_ipv4(world.from_vm().icmpv6(reply ? 129 : 128, 0, body).build()).only();
    EXPECT_EQ(head_of(four), (Head{reply ? 0 : 8, 0, 0x1234'0001}));
    EXPECT_EQ(four[9], 1);
    EXPECT_TRUE(checksums_are_right(four));
  }
  const auto large = world.to_ipv6(world.from_client().may_fragment().icmp(8, 0, 1, counting(3000)).build());
  EXPECT_EQ(large.packets.size(), 3u) << "cut behind the translation: its checksum is that of the whole";
}

TEST(SiitIcmp, EveryOtherMessageIsDropped) {
  IcmpWorld world;
  const std::set<int> four{0, 8, 3, 11, 12}, six{128, 129, 1, 2, 3, 4};
  for (int type = 0; type < 256; ++type) {
    const auto octet = static_cast<std::uint8_t>(type);
    const auto there = world.error4(octet, 0);
    EXPECT_EQ(there.dropped(), four.contains(type) ? "not dropped" : "icmp_type") << type;
    const auto back = world.error6(octet, 0);
    EXPECT_EQ(back.dropped(), six.contains(type) ? "not dropped" : "icmp_type") << type;
  }
}

/// All codes of these types: `translated(type, code)` is what the table says, and dropped where it says nothing.
template <class Translated>
void expect_codes(const std::map<std::pair<int, int>, Head>& table, std::initializer_list<int> types,
                  Translated translated) {
  for (const int type : types)
    for (int code = 0; code < 256; ++code) {
      const auto out = translated(static_cast<std::uint8_t>(type), static_cast<std::uint8_t>(code));
      const auto expected = table.find({type, code});
      if (expected == table.end()) {
        EXPECT_EQ(out.dropped(), "icmp_type") << type << " " << code;
      } else {
        EXPECT_EQ(head_of(out.only()), expected->second) << type << " " << code;
        EXPECT_TRUE(checksums_are_right(out.only()));
      }
    }
}

TEST(SiitIcmp, CodesToIpv6) {
  IcmpWorld world;
  std::map<std::pair<int, int>, Head> table;
  for (const int code : {0, 1, 5, 6, 7, 8, 11, 12}) table[{3, code}] = {1, 0, 0};
  for (const int code : {9, 10, 13, 15}) table[{3, code}] = {1, 1, 0};
  table[{3, 2}] = {4, 1, 6};
  table[{3, 3}] = {1, 4, 0};
  table[{3, 4}] = {2, 0, 1420};
  for (int code = 0; code < 256; ++code) table[{11, code}] = {3, code, 0};
  table[{12, 0}] = table[{12, 2}] = {4, 0, 0};
  expect_codes(table, {3, 11, 12},
               [&](std::uint8_t type, std::uint8_t code) { return world.error4(type, code, type == 3 ? 1400 : 0); });
}

TEST(SiitIcmp, CodesToIpv4) {
  IcmpWorld world;
  std::map<std::pair<int, int>, Head> table;
  table[{1, 0}] = table[{1, 2}] = table[{1, 3}] = {3, 1, 0};
  table[{1, 1}] = {3, 10, 0};
  table[{1, 4}] = {3, 3, 0};
  for (int code = 0; code < 256; ++code) table[{3, code}] = {11, code, 0};
  for (int code = 0; code < 256; ++code) table[{2, code}] = {3, 4, 68};
  table[{4, 0}] = {12, 0, 0};
  table[{4, 1}] = {3, 2, 0};
  expect_codes(table, {1, 2, 3, 4}, [&](std::uint8_t type, std::uint8_t code) { return world.error6(type, code); });
}

TEST(SiitIcmp, Pointers) {
  IcmpWorld world;
  const std::map<int, int> to6{{0, 0},  {1, 1},  {2, 4},  {3, 4},   {8, 7},   {9, 6},   {12, 8},
                               {13, 8}, {14, 8}, {15, 8}, {16, 24}, {17, 24}, {18, 24}, {19, 24}};
  for (int octet = 0; octet < 256; ++octet) {
    const auto out = world.error4(12, 0, static_cast<std::uint32_t>(octet) << 24);
    if (const auto there = to6.find(octet); there != to6.end())
      EXPECT_EQ(head_of(out.only()), (Head{4, 0, static_cast<std::uint32_t>(there->second)})) << octet;
    else
      EXPECT_EQ(out.dropped(), "icmp_type") << octet;
  }
  const auto to4 = [](std::uint32_t octet) -> int {
    const std::map<std::uint32_t, int> fields{{0, 0}, {1, 1}, {4, 2}, {5, 2}, {6, 9}, {7, 8}};
    if (const auto there = fields.find(octet); there != fields.end()) return there->second;
    return octet < 8 || octet >= 40 ? -1 : octet < 24 ? 12 : 16;
  };
  for (const std::uint32_t octet : {0u, 1u, 2u, 3u, 4u, 5u, 6u, 7u, 8u, 23u, 24u, 39u, 40u, 300u, 0xffff'ffffu}) {
    const auto out = world.error6(4, 0, octet);
    if (to4(octet) >= 0)
      EXPECT_EQ(head_of(out.only()), (Head{12, 0, static_cast<std::uint32_t>(to4(octet)) << 24})) << octet;
    else
      EXPECT_EQ(out.dropped(), "icmp_type") << octet;
  }
}

TEST(SiitIcmp, Mtus) {
  IcmpWorld world;
  const auto told6 = [&](std::uint32_t mtu, std::uint16_t quoted_length) {
    ByteVector quote{world.sent4.begin(), world.sent4.begin() + 28};
    store_u16(quote.data() + 2, quoted_length);
    return head_of(world.error4(3, 4, mtu, quote).only()).word;
  };
  EXPECT_EQ(told6(1400, 1480), 1420u);
  EXPECT_EQ(told6(1260, 1480), 1280u);
  EXPECT_EQ(told6(576, 1480), 1280u) << "nobody is told less";
  EXPECT_EQ(told6(9000, 1480), 1500u) << "no more than our own networks";
  // Routers older than RFC 1191 tell nothing: the next plateau below the packet.
  EXPECT_EQ(told6(0, 1480), 1280u);
  EXPECT_EQ(told6(0, 1492), 1280u);
  EXPECT_EQ(told6(0, 1493), 1500u);
  world.settings.mtus = {9000, 9000};
  for (const auto& [length, mtu] : {std::pair{1493, 1512},
                                    {2002, 1512},
                                    {2003, 2022},
                                    {4352, 2022},
                                    {4353, 4372},
                                    {8167, 8186},
                                    {17915, 9000},
                                    {65535, 9000}})
    EXPECT_EQ(told6(0, static_cast<std::uint16_t>(length)), static_cast<std::uint32_t>(mtu)) << length;
  world.settings.mtus = {1400, 1500};
  EXPECT_EQ(told6(1480, 1480), 1420u);

  const auto told4 = [&](std::uint32_t mtu) { return head_of(world.error6(2, 0, mtu).only()).word; };
  world.settings.mtus = {};
  EXPECT_EQ(told4(1400), 1380u);
  EXPECT_EQ(told4(1500), 1480u);
  EXPECT_EQ(told4(0xffff'ffff), 1480u);
  EXPECT_EQ(told4(0), 68u);
  world.settings.mtus = {1300, 1500};
  EXPECT_EQ(told4(1500), 1300u);
}

TEST(SiitIcmp, SenderRecognisesWhatIsQuoted) {
  IcmpWorld world;
  const auto there = world.error4(11, 0, 0, Bytes{world.sent4}.first(528)).only();
  EXPECT_EQ(Address::load(there.data() + 8), world.router_embedded);
  EXPECT_EQ(Address::load(there.data() + 24), world.vm6);
  EXPECT_TRUE(std::ranges::equal(quote_of(there), Bytes{world.sent6}.first(548)));

  const auto back = world.error6(1, 4).only();
  EXPECT_EQ(back.size(), 56 + 100u);
  EXPECT_TRUE(std::ranges::equal(quote_of(back).subspan(0, 4), Bytes{world.asked4}.first(4)));
  EXPECT_TRUE(std::ranges::equal(quote_of(back).subspan(8, 2), Bytes{world.asked4}.subspan(8, 2)));
  EXPECT_TRUE(std::ranges::equal(quote_of(back).subspan(12), Bytes{world.asked4}.subspan(12)));
  EXPECT_TRUE(checksums_are_right(quote_of(back)));
  EXPECT_EQ(IpAddress::load(Bytes{back}.subspan(12, 4)), world.vm4);
}

TEST(SiitIcmp, QuotedEchoesAreTranslatedToo) {
  IcmpWorld world;
  const auto ping6 = world.from_vm().echo_request(7, 8, counting(20)).build();
  const auto ping4 = world.to_ipv4(ping6).only();
  EXPECT_TRUE(std::ranges::equal(quote_of(world.error4(11, 0, 0, ping4).only()), ping6));
  EXPECT_TRUE(
      std::ranges::equal(quote_of(world.error4(11, 0, 0, Bytes{ping4}.first(28)).only()), Bytes{ping6}.first(48)))
      << "the least that is quoted";
}

TEST(SiitIcmp, RoutersWithoutIpv4) {
  IcmpWorld world;
  const Address router = *parse_address("2001:db8:77::1");
  const auto out = world.error6(3, 0, 0, world.asked6, router).only();
  EXPECT_EQ(IpAddress::load(Bytes{out}.subspan(12, 4)), world.router4);
  EXPECT_TRUE(checksums_are_right(out));
  EamTable& nodes = world.nodes;
  Siit without{{}, nodes, 1};
  test::PacketBuffer buffer{build_packet(router, world.client6, 58, build_error(3, 0, 0, world.asked6))};
  EXPECT_EQ(without.to_ipv4(0, buffer.packet).reason, SiitDrop::source_not_mapped);
}

TEST(SiitIcmp, QuotesThatCannotBeOurs) {
  IcmpWorld world;
  const auto quoting4 = [&](const ByteVector& quote) { return world.error4(3, 1, 0, quote).dropped(); };
  EXPECT_EQ(quoting4(Ipv4Builder(ip("10.8.0.9"), world.client4).udp(1, 2, text("x")).build()), "icmp_quote");
  EXPECT_EQ(quoting4(Ipv4Builder(world.vm4, world.client4).icmp(3, 1, 0, world.sent4).build()), "icmp_quote")
      << "an error about an error";
  EXPECT_EQ(quoting4(Ipv4Builder(world.vm4, world.client4).fragment(0, true).icmp(8, 0, 0, counting(64)).build()),
            "icmp_quote");
  EXPECT_EQ(quoting4(ByteVector(world.sent4.begin(), world.sent4.begin() + 19)), "icmp_quote");
  EXPECT_EQ(quoting4({}), "icmp_quote");
  EXPECT_EQ(quoting4(ByteVector(world.sent4.begin(), world.sent4.begin() + 20)), "not dropped") << "a header is enough";
  const auto quoting6 = [&](Bytes quote) { return world.error6(1, 0, 0, quote, world.vm6).dropped(); };
  EXPECT_EQ(quoting6(world.sent6), "icmp_quote") << "it came from the VM";
  EXPECT_EQ(quoting6(build_packet(world.client6, world.vm6, 58, build_error(1, 0, 0, world.sent6))), "icmp_quote");
  EXPECT_EQ(quoting6(Bytes{world.asked6}.first(39)), "icmp_quote");
  EXPECT_EQ(quoting6(Bytes{world.asked6}.first(40)), "not dropped");
}

TEST(SiitIcmp, DamageIsNotWhitewashed) {
  IcmpWorld world;
  auto four = Ipv4Builder(world.router, world.vm4).icmp(3, 1, 0, world.sent4).build();
  four.back() ^= 1;
  EXPECT_EQ(world.to_ipv6(four).dropped(), "icmp_checksum");
  auto six = build_packet(world.vm6, world.client6, 58, build_error(1, 0, 0, world.asked6));
  six.back() ^= 1;
  EXPECT_EQ(world.to_ipv4(six).dropped(), "icmp_checksum");
}

TEST(SiitIcmp, ErrorsStaySmallAndLeaveExtensionsOut) {
  IcmpWorld world;
  EXPECT_EQ(world.error4(3, 1, 0, world.sent4).only().size(), 1280u);
  const auto long6 = world.to_ipv6(world.from_client().udp(1, 2, counting(1400)).build()).only();
  EXPECT_EQ(world.error6(1, 0, 0, long6, world.vm6).only().size(), 576u);

  // RFC 4884: 128 octets of the packet, then an extension.
  ByteVector extended{world.sent4.begin(), world.sent4.begin() + 128};
  const ByteVector extension = counting(12);
  extended.insert(extended.end(), extension.begin(), extension.end());
  const auto out = world.error4(11, 0, std::uint32_t{128 / 4} << 16, extended).only();
  EXPECT_TRUE(std::ranges::equal(quote_of(out), Bytes{world.sent6}.first(148)));
  EXPECT_EQ(head_of(out), (Head{3, 0, 0}));
}

TEST(SiitIcmp, FragmentsOfIcmpAreDropped) {
  SiitWorld world;
  EXPECT_EQ(world.to_ipv6(world.from_client().fragment(0, true).icmp(8, 0, 1, counting(16)).build()).dropped(),
            "icmp_fragment");
  EXPECT_EQ(world.to_ipv6(world.from_client().fragment(64, false).payload(1, counting(16)).build()).dropped(),
            "icmp_fragment");
  EXPECT_EQ(world.to_ipv4(world.from_vm().fragment(0, true, 1).echo_request(1, 2, counting(16)).build()).dropped(),
            "icmp_fragment");
}

}  // namespace
