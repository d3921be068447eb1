// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/siit.h"

#include <algorithm>
#include <set>

#include "core/ipv6/checksum.h"
#include "core/ipv6/fragments.h"
#include "core/ipv6/icmpv6.h"
#include "core/lisp/inner_packet.h"
#include "tests/support/fakes.h"
#include "tests/unit/lisp/siit_world.h"

using namespace ilnp;
using namespace ilnp::lisp;
using ilnp::test::checksums_are_right;
using ilnp::test::counting;
using ilnp::test::Ipv4Builder;
using ilnp::test::PacketBuilder;
using ilnp::test::text;

namespace {

HeaderWalk walk_of(Bytes packet) {
  const WalkOutcome outcome = walk_headers(packet);
  EXPECT_TRUE(outcome.ok);
  return outcome.walk;
}
Bytes upper_of(const ByteVector& packet) { return Bytes{packet}.subspan(parse_inner(packet).value().upper_offset); }
std::uint16_t flags_of(const ByteVector& ipv4) { return load_u16(ipv4.data() + 6); }

TEST(Siit, HeaderFieldsGoOver) {
  SiitWorld world;
  const auto six = world.to_ipv6(world.from_client().ttl(17).tos(0x2b).udp(4000, 53, text("hello")).build()).only();
  EXPECT_EQ(
      six,
      PacketBuilder(world.client6, world.vm6).hop_limit(17).traffic_class(0x2b).udp(4000, 53, text("hello")).build());
  const auto four = world
                        .to_ipv4(world.from_vm()
                                     .hop_limit(9)
                                     .traffic_class(0xb9)
                                     .flow_label(77)
                                     .tcp(80, 4000, 1, 2, 0x18, text("hello"))
                                     .build())
                        .only();
  const auto read = parse_inner(four).value();
  EXPECT_EQ(read.source, world.vm4);
  EXPECT_EQ(read.destination, world.client4);
  EXPECT_EQ(read.hop_limit, 9);
  EXPECT_EQ(read.traffic_class, 0xb9);
  EXPECT_EQ(read.protocol, 6);
  EXPECT_EQ(read.upper_offset, 20u);
  EXPECT_TRUE(checksums_are_right(four));
}

TEST(Siit, SizesDecideWhoMayCut) {
  SiitWorld world;
  for (const std::size_t total : {1280u, 1281u, 1500u}) {
    const auto four = world.to_ipv4(world.from_vm().udp(1, 2, counting(total - 48)).build()).only();
    EXPECT_EQ(flags_of(four), total <= 1280 ? 0 : 0x4000) << total;
    EXPECT_EQ(load_u16(four.data() + 4) != 0, total <= 1280) << total;
  }
  for (const std::size_t total : {1260u, 1261u, 3000u}) {
    const auto six = world.to_ipv6(world.from_client().may_fragment().udp(1, 2, counting(total - 28)).build());
    EXPECT_EQ(six.packets.size(), total <= 1260 ? 1u : (total - 20 + 1231) / 1232) << total;
    Reassembler whole;
    for (const ByteVector& piece : six.packets) {
      EXPECT_LE(piece.size(), 1280u);
      const HeaderWalk walk = walk_of(piece);
      EXPECT_EQ(walk.fragment_header != 0, total > 1260) << total;
      if (total <= 1260) continue;
      EXPECT_EQ(walk.fragment_id, 0x1234u);
      const auto outcome = whole.on_fragment(TimePoint{}, piece, walk);
      if (&piece != &six.packets.back()) continue;
      ASSERT_EQ(outcome.kind, Reassembler::Outcome::Kind::complete);
      EXPECT_EQ(outcome.packet, PacketBuilder(world.client6, world.vm6).udp(1, 2, counting(total - 28)).build());
    }
    const auto whole_one = world.to_ipv6(world.from_client().udp(1, 2, counting(total - 28)).build()).only();
    EXPECT_EQ(whole_one.size(), total + 20) << "with DF";
  }
}

TEST(Siit, FragmentsStayFragments) {
  SiitWorld world;
  const ByteVector datagram = world.from_client().udp(5, 6, counting(40)).build();
  const Bytes upper = Bytes{datagram}.subspan(20);
  const auto first = world.to_ipv6(world.from_client().fragment(0, true).payload(17, upper.first(32)).build()).only();
  const auto last =
      world.to_ipv6(world.from_client().fragment(32, false).payload(17, upper.subspan(32)).build()).only();
  Reassembler whole;
  EXPECT_EQ(whole.on_fragment(TimePoint{}, first, walk_of(first)).kind, Reassembler::Outcome::Kind::held);
  const auto outcome = whole.on_fragment(TimePoint{}, last, walk_of(last));
  ASSERT_EQ(outcome.kind, Reassembler::Outcome::Kind::complete);
  EXPECT_EQ(outcome.packet, PacketBuilder(world.client6, world.vm6).udp(5, 6, counting(40)).build());

  for (const bool more : {true, false}) {
    const auto back =
        world.to_ipv4(world.from_vm().fragment(64, more, 0xabcd'5678).payload(17, counting(16)).build()).only();
    EXPECT_EQ(flags_of(back), 8 | (more ? 0x2000 : 0));
    EXPECT_EQ(load_u16(back.data() + 4), 0x5678);
    EXPECT_EQ(back.size(), 36u);
  }
  const auto atomic = world.to_ipv4(world.from_vm().fragment(0, false, 9).udp(1, 2, counting(1400)).build()).only();
  EXPECT_EQ(flags_of(atomic), 0) << "its sender was told that somebody will cut it";
}

TEST(Siit, UdpWithoutChecksum) {
  SiitWorld world;
  const auto six = world.to_ipv6(world.from_client().udp(7, 8, text("odd"), false).build()).only();
  EXPECT_EQ(six, PacketBuilder(world.client6, world.vm6).udp(7, 8, text("odd")).build());
  const auto large = world.to_ipv6(world.from_client().may_fragment().udp(7, 8, counting(3000), false).build());
  ASSERT_EQ(large.packets.size(), 3u);
  const auto right = PacketBuilder(world.client6, world.vm6).udp(7, 8, counting(3000)).build();
  EXPECT_EQ(load_u16(large.packets[0].data() + 54), load_u16(right.data() + 46));

  const ByteVector datagram = world.from_client().udp(7, 8, counting(8), false).build();
  const ByteVector piece = world.from_client().fragment(0, true).payload(17, Bytes{datagram}.subspan(20)).build();
  EXPECT_EQ(world.to_ipv6(piece).dropped(), "no_udp_checksum");
  ByteVector lying = datagram;
  store_u16(lying.data() + 24, 400);
  EXPECT_EQ(world.to_ipv6(lying).dropped(), "malformed") << "longer than its packet";
}

TEST(Siit, OtherProtocolsPassAsTheyAre) {
  SiitWorld world;
  const std::set<int> other_meaning{0, 43, 44, 51, 58, 60, 135, 139, 140, 253, 254}, extensions{0, 43, 44, 51, 60};
  const ByteVector body = counting(64);
  for (int number = 0; number < 256; ++number) {
    const auto protocol = static_cast<std::uint8_t>(number);
    if (protocol == 1 || checksum_field_offset(protocol) >= 0) continue;
    const auto six = world.to_ipv6(world.from_client().payload(protocol, body).build());
    if (other_meaning.contains(number)) {
      EXPECT_EQ(six.dropped(), "protocol") << number;
    } else {
      EXPECT_EQ(six.only(), PacketBuilder(world.client6, world.vm6).payload(protocol, body).build()) << number;
    }
    if (other_meaning.contains(number)) continue;
    const auto four = world.to_ipv4(world.from_vm().payload(protocol, body).build()).only();
    EXPECT_EQ(four[9], protocol);
    EXPECT_TRUE(std::ranges::equal(upper_of(four), body)) << number;
  }
  EXPECT_EQ(world.to_ipv4(world.from_vm().payload(1, body).build()).dropped(), "protocol");
  // What a later fragment is of is not looked into; it must not become ICMP or an extension header either.
  for (const std::uint8_t protocol : {std::uint8_t{1}, std::uint8_t{51}, std::uint8_t{60}})
    EXPECT_EQ(world.to_ipv4(world.from_vm().fragment(64, false, 1).payload(protocol, body).build()).dropped(),
              "protocol");
}

TEST(Siit, ExtensionHeadersAndOptionsStayBehind) {
  SiitWorld world;
  const auto plain = world.from_vm().udp(1, 2, text("x")).build();
  const auto behind = [&](PacketBuilder builder) { return world.to_ipv4(builder.udp(1, 2, text("x")).build()); };
  const auto expected = world.to_ipv4(plain).only();
  EXPECT_EQ(behind(world.from_vm().hop_by_hop()).only(), expected);
  EXPECT_EQ(behind(world.from_vm().hop_by_hop().destination_options(ByteVector{1, 4, 0, 0, 0, 0})).only(), expected);
  EXPECT_EQ(behind(world.from_vm().routing(2, 0)).only(), expected);
  EXPECT_EQ(behind(world.from_vm().routing(2, 1)).dropped(), "malformed");
  EXPECT_EQ(behind(world.from_vm().authentication()).dropped(), "authentication");
  ByteVector looks_like_it(22, 51);
  looks_like_it[0] = 1;
  looks_like_it[1] = 20;
  EXPECT_EQ(behind(world.from_vm().destination_options(looks_like_it)).only(), expected);
  EXPECT_EQ(behind(world.from_vm().hop_by_hop().authentication()).dropped(), "authentication");
  EXPECT_EQ(behind(world.from_vm().fragment(0, true, 1).destination_options(ByteVector{1, 4, 0, 0, 0, 0})).dropped(),
            "fragmented_headers");

  const auto with = [&](Bytes options) {
    return world.to_ipv6(world.from_client().options(options).udp(1, 2, text("x")).build());
  };
  const auto six = PacketBuilder(world.client6, world.vm6).udp(1, 2, text("x")).build();
  EXPECT_EQ(with(ByteVector{1, 1, 1, 1}).only(), six);
  EXPECT_EQ(with(ByteVector(40, 1)).only(), six) << "longer than the IPv6 header";
  EXPECT_EQ(with(ByteVector{148, 4, 0, 0}).only(), six) << "router alert";
  EXPECT_EQ(with(ByteVector{131, 7, 4, 10, 0, 0, 1, 0}).dropped(), "source_route");
  EXPECT_EQ(with(ByteVector{1, 137, 7, 4, 10, 0, 0, 1}).dropped(), "source_route");
  EXPECT_EQ(with(ByteVector{131, 7, 8, 10, 0, 0, 1, 0}).only(), six) << "gone to its end";
  EXPECT_EQ(with(ByteVector{0, 131, 7, 4}).only(), six) << "behind the end";
  EXPECT_EQ(with(ByteVector{131, 1, 4, 0}).only(), six) << "malformed: nobody reads it";
}

TEST(Siit, WhoHasNoAddress) {
  SiitWorld world;
  const auto data = text("x");
  EXPECT_EQ(world.to_ipv6(Ipv4Builder(world.client4, ip("10.8.0.9")).udp(1, 2, data).build()).dropped(), "no_mapping");
  EXPECT_EQ(world.to_ipv4(PacketBuilder(world.vm6, *parse_address("2001:db8:77::1")).udp(1, 2, data).build()).dropped(),
            "no_mapping");
  EXPECT_EQ(
      world.to_ipv4(PacketBuilder(*parse_address("2001:db8:77::1"), world.client6).udp(1, 2, data).build()).dropped(),
      "source_not_mapped");
  for (const char* nobody : {"0.0.0.1", "127.0.0.1", "224.0.0.1", "255.255.255.255"}) {
    EXPECT_EQ(world.to_ipv6(Ipv4Builder(ip(nobody), world.vm4).udp(1, 2, data).build()).dropped(), "not_unicast");
    const Address embedded = *world.nodes.ipv6_of_ipv4_node(0, ip(nobody));
    EXPECT_EQ(world.to_ipv4(PacketBuilder(world.vm6, embedded).udp(1, 2, data).build()).dropped(), "no_mapping");
  }
  const Siit siit{world.settings, world.nodes, 1};
  EXPECT_TRUE(siit.is_for(0, world.vm4));
  EXPECT_TRUE(siit.is_for(0, world.client6));
  EXPECT_FALSE(siit.is_for(0, world.client4));
  EXPECT_FALSE(siit.is_for(0, world.vm6));
  EXPECT_FALSE(siit.is_for(1, world.vm4)) << "another tenant";
}

TEST(Siit, HairpinBetweenTwoIpv6Nodes) {
  SiitWorld world;
  const Address other_by_ipv4 = *world.nodes.ipv6_of_ipv4_node(0, world.other4);
  const Address vm_by_ipv4 = *world.nodes.ipv6_of_ipv4_node(0, world.vm4);
  const auto packet = PacketBuilder(world.vm6, other_by_ipv4).tcp(1, 2, 3, 4, 2, text("hi")).build();
  EXPECT_EQ(world.to_ipv4(packet).dropped(), "hairpin");
  world.settings.hairpin = true;
  const auto there = world.to_ipv4(packet).only();
  EXPECT_EQ(there, PacketBuilder(vm_by_ipv4, world.other6).tcp(1, 2, 3, 4, 2, text("hi")).build());
  const auto back =
      world.to_ipv4(PacketBuilder(world.other6, vm_by_ipv4).tcp(2, 1, 4, 5, 2, text("ho")).build()).only();
  EXPECT_EQ(back, PacketBuilder(other_by_ipv4, world.vm6).tcp(2, 1, 4, 5, 2, text("ho")).build())
      << "from whom it was sent to";
  // An error of the other one quotes what the first one sent.
  const ByteVector error = build_packet(world.other6, vm_by_ipv4, 58, build_error(1, 4, 0, there));
  const auto told = world.to_ipv4(error).only();
  EXPECT_EQ(told, build_packet(other_by_ipv4, world.vm6, 58, build_error(1, 4, 0, packet)));
}

TEST(Siit, OffloadMetadataFollow) {
  SiitWorld world;
  const ByteVector data = counting(9000);
  const auto partial = [](ByteVector packet, std::size_t front, const Address& from, const Address& to) {
    store_u16(packet.data() + front + 16,
              pseudo_header_sum(from, to, static_cast<std::uint32_t>(packet.size() - front), 6));
    return packet;
  };
  const auto six = partial(PacketBuilder(world.vm6, world.client6).tcp(1, 2, 3, 4, 0x10, data).build(), 40, world.vm6,
                           world.client6);
  Offload offload{true, Offload::Segmentation::tcp, false, false, 40, 16, 1400, 60};
  const auto four = world.to_ipv4(six, offload);
  EXPECT_EQ(four.offload.checksum_start, 20);
  EXPECT_EQ(four.offload.header_length, 40);
  EXPECT_EQ(four.offload.segment_size, 1400);
  EXPECT_EQ(flags_of(four.only()), 0x4000) << "segments must not be cut";
  const auto sum4 = fold(std::uint64_t{ones_complement_sum(world.vm4.octets())} +
                         ones_complement_sum(world.client4.octets()) + 9020 + 6);
  EXPECT_EQ(load_u16(four.only().data() + 36), sum4);

  offload.segment_size = 100;
  const auto small = PacketBuilder(world.vm6, world.client6).tcp(1, 2, 3, 4, 0x10, counting(500)).build();
  EXPECT_EQ(flags_of(world.to_ipv4(small, offload).only()), 0x4000) << "their identifications are not ours to give";

  // Back as if the client were the sender; the pseudo-header does not say who is.
  const auto reply = Ipv4Builder(world.client4, world.vm4).may_fragment().payload(6, upper_of(four.only())).build();
  const auto again = world.to_ipv6(reply, four.offload);
  EXPECT_EQ(again.offload.checksum_start, 40);
  EXPECT_EQ(again.offload.header_length, 60);
  EXPECT_EQ(again.only().size(), six.size()) << "not cut: its segments fit";
  EXPECT_TRUE(std::ranges::equal(upper_of(again.only()), upper_of(six)));

  // What has to be cut, or is ICMP, is finished by us.
  Offload unfinished{true, Offload::Segmentation::none, false, false, 20, 6, 0, 0};
  ByteVector datagram = world.from_client().may_fragment().udp(1, 2, counting(2000)).build();
  store_u16(datagram.data() + 26, fold(std::uint64_t{ones_complement_sum(world.vm4.octets())} +
                                       ones_complement_sum(world.client4.octets()) + 2008 + 17));
  const auto pieces = world.to_ipv6(datagram, unfinished);
  ASSERT_EQ(pieces.packets.size(), 2u);
  const auto whole = PacketBuilder(world.client6, world.vm6).udp(1, 2, counting(2000)).build();
  EXPECT_EQ(load_u16(pieces.packets[0].data() + 54), load_u16(whole.data() + 46));
}

TEST(Siit, WhatDoesNotFitOrLies) {
  SiitWorld world;
  ByteVector longest = PacketBuilder(world.vm6, world.client6).tcp(1, 2, 3, 4, 2, ByteVector(65535 - 20)).build();
  EXPECT_EQ(world.to_ipv4(longest).dropped(), "too_long");
  const ByteVector good = world.from_client().tcp(1, 2, 3, text("data")).build();
  for (std::size_t length = 0; length < good.size(); ++length)
    EXPECT_EQ(world.to_ipv6(Bytes{good}.first(length)).dropped(), "malformed") << length;
  EXPECT_EQ(world.to_ipv6(world.from_client().payload(6, counting(17)).build()).dropped(), "malformed");
  EXPECT_EQ(world.to_ipv6(world.from_client().payload(17, counting(7)).build()).dropped(), "malformed");
  ByteVector broken = good;
  broken[8] ^= 1;
  EXPECT_EQ(world.to_ipv6(broken).dropped(), "malformed") << "header checksum";
  const ByteVector six = world.from_vm().tcp(1, 2, 3, 4, 2, text("data")).build();
  for (std::size_t length = 0; length < six.size(); ++length)
    EXPECT_EQ(world.to_ipv4(Bytes{six}.first(length)).dropped(), "malformed") << length;
}

/// Random packets; the checksums of what comes out are computed anew, and what was damaged stays damaged.
TEST(Siit, ChecksumsAgreeWithComputingThemAnew) {
  test::FakeRandom random{42};
  int in_pieces = 0;
  for (int round = 0; round < 20'000; ++round) {
    SiitWorld world;
    const IpAddress client = IpAddress::v4(0x0a00'0000 | static_cast<std::uint32_t>(random.below(1 << 24)));
    const Address client6 = *world.nodes.ipv6_of_ipv4_node(0, client);
    if (world.nodes.ipv6_of_ipv6_node(0, client)) continue;
    const ByteVector data = random.octets(random.below(random.one_in(8) ? 3000 : 60));
    const bool udp = random.one_in(3), icmp = !udp && random.one_in(2);
    const auto a = static_cast<std::uint16_t>(random.u64()), b = static_cast<std::uint16_t>(random.u64());

    Ipv4Builder four{client, world.vm4};
    if (random.one_in(2)) four.may_fragment();
    if (random.one_in(4)) four.options(ByteVector(4 * (1 + random.below(10)), 1));
    PacketBuilder six{world.vm6, client6};
    if (random.one_in(4)) six.hop_by_hop();
    if (udp) {
      four.udp(a, b, data, !random.one_in(4));
      six.udp(a, b, data);
    } else if (icmp) {
      four.icmp(random.one_in(2) ? 8 : 0, 0, static_cast<std::uint32_t>(random.u64()), data);
      six.icmpv6(random.one_in(2) ? 128 : 129, 0, random.octets(4 + data.size()));
    } else {
      four.tcp(a, b, static_cast<std::uint32_t>(random.u64()), data);
      six.tcp(a, b, static_cast<std::uint32_t>(random.u64()), 1, 0x10, data);
    }
    const bool damage = data.size() > 1 && random.one_in(10);
    const auto spoil = [&](ByteVector packet) {
      if (damage) packet.back() ^= 0x10;
      return packet;
    };
    const bool no_checksum_before = udp && load_u16(four.build().data() + (four.build()[0] & 15) * 4 + 6) == 0;
    const auto there = world.to_ipv6(spoil(four.build()));
    ASSERT_NE(there.kind, Translation::Kind::dropped) << name_of(there.reason);
    in_pieces += there.packets.size() > 1 ? 1 : 0;
    if (there.packets.size() == 1) {
      ASSERT_EQ(checksums_are_right(there.only()), !damage || no_checksum_before) << round;
    }
    const auto back = world.to_ipv4(spoil(six.build()));
    ASSERT_EQ(checksums_are_right(back.only()), !damage) << round;
  }
  EXPECT_GT(in_pieces, 100);
}

}  // namespace
