// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/encapsulation.h"

#include <gtest/gtest.h>

#include <set>

#include "core/ipv6/checksum.h"
#include "tests/support/fakes.h"
#include "tests/support/packet_builder.h"

using namespace ilnp;
using namespace ilnp::lisp;
using ilnp::test::PacketBuilder;

namespace {

using Verdict = EncapsulationVerdict;

const Address client = *parse_address("2001:db8:c1e::99"), vm = *parse_address("2001:db8:e1d:0:200:ff:fe00:1234");
const IpAddress client4 = *parse_ip_address("10.9.0.5"), vm4 = *parse_ip_address("10.8.0.7");
const IpAddress rloc6 = *parse_ip_address("2001:db8:a1::1"), rloc4 = *parse_ip_address("192.0.2.10");
const IpAddress own6 = *parse_ip_address("2001:db8:a2::1"), own4 = *parse_ip_address("192.0.2.20");

struct Ipv4 {
  std::uint8_t hop_limit = 64, traffic_class = 0, protocol = 17;
  std::uint16_t fragment = 0x4000;  // DF
  std::size_t options = 0;
  ByteVector build(Bytes payload) const {
    ByteVector out;
    ByteWriter w{out};
    w.u8(static_cast<std::uint8_t>(0x45 + options / 4));
    w.u8(traffic_class);
    w.u16(static_cast<std::uint16_t>(20 + options + payload.size()));
    w.u16(0x1234);
    w.u16(fragment);
    w.u8(hop_limit);
    w.u8(protocol);
    w.u16(0);
    w.bytes(client4.octets());
    w.bytes(vm4.octets());
    for (std::size_t i = 0; i < options; ++i) w.u8(1);
    store_u16(out.data() + 10, ipv4_header_sum(Bytes{out}));
    w.bytes(payload);
    return out;
  }
};

ByteVector udp_of(std::uint16_t from, std::uint16_t to, std::size_t payload = 4) {
  ByteVector out;
  ByteWriter w{out};
  w.u16(from);
  w.u16(to);
  w.u16(static_cast<std::uint16_t>(8 + payload));
  w.u16(0);
  w.zeros(payload);
  return out;
}

PacketBuilder datagram() {
  PacketBuilder builder{client, vm};
  builder.udp(40000, 7, test::text("ping"));
  return builder;
}

bool is_own(const IpAddress& address) { return address == own6 || address == own4; }

Encapsulation enter(ByteVector& packet, const IpAddress& rloc = rloc6, std::size_t mtu = 1500) {
  const InnerPacket inner = parse_inner(packet).value();
  return encapsulate(packet, inner, rloc, mtu, inner.length, 7, is_own);
}

bool header_is_right(Bytes packet) {
  return packet[0] >> 4 == 6 || ipv4_header_sum(packet.first((packet[0] & 0xfu) * 4)) == 0;
}

// --- Reading
// ----------------------------------------------------------------------------------------------------------------

TEST(InnerPacket, BothFamilies) {
  const ByteVector six = datagram().traffic_class(0x2a).hop_limit(63).flow_label(0x12345).build();
  const InnerPacket a = parse_inner(six).value();
  EXPECT_EQ(a.source, IpAddress{client});
  EXPECT_EQ(a.destination, IpAddress{vm});
  EXPECT_EQ(a.traffic_class, 0x2a);
  EXPECT_EQ(a.hop_limit, 63);
  EXPECT_EQ(a.flow_label, 0x12345u);
  EXPECT_EQ(a.source_port, 40000);
  EXPECT_EQ(a.destination_port, 7);
  EXPECT_EQ(a.length, six.size());
  EXPECT_FALSE(a.is_fragment);

  ByteVector four = Ipv4{.hop_limit = 62, .traffic_class = 0x2b, .options = 8}.build(udp_of(40000, 7));
  const std::size_t length = four.size();
  four.resize(length + 6);  // Ethernet padding
  const InnerPacket b = parse_inner(four).value();
  EXPECT_EQ(b.source, client4);
  EXPECT_EQ(b.destination, vm4);
  EXPECT_EQ(b.traffic_class, 0x2b);
  EXPECT_EQ(b.hop_limit, 62);
  EXPECT_EQ(b.source_port, 40000);
  EXPECT_EQ(b.length, length);
  EXPECT_FALSE(b.may_fragment);
}

TEST(InnerPacket, FragmentsHaveNoPorts) {
  for (const std::uint16_t field : {std::uint16_t{0x2000}, std::uint16_t{0x2001}, std::uint16_t{1}}) {
    const InnerPacket inner = parse_inner(Ipv4{.fragment = field}.build(udp_of(40000, 7))).value();
    EXPECT_TRUE(inner.is_fragment);
    EXPECT_EQ(inner.is_first_fragment, field == 0x2000);
    EXPECT_EQ(inner.source_port, 0);
  }
  const InnerPacket six =
      parse_inner(PacketBuilder{client, vm}.fragment(8, true, 1).payload(17, udp_of(40000, 7)).build()).value();
  EXPECT_TRUE(six.is_fragment);
  EXPECT_FALSE(six.is_first_fragment);
  EXPECT_EQ(six.source_port, 0);
}

TEST(InnerPacket, WhatLiesIsRefused) {
  const ByteVector good = Ipv4{}.build(udp_of(40000, 7));
  for (std::size_t cut = 0; cut < good.size(); ++cut) EXPECT_FALSE(parse_inner(Bytes{good}.first(cut))) << cut;
  for (std::size_t bit = 0; bit < 20 * 8; ++bit) {
    ByteVector bad = good;
    bad[bit / 8] = static_cast<std::uint8_t>(bad[bit / 8] ^ 1 << bit % 8);
    EXPECT_FALSE(parse_inner(bad)) << "the header checksum sees bit " << bit;
  }
  const ByteVector six = datagram().build();
  for (std::size_t cut = 0; cut < six.size(); ++cut) EXPECT_FALSE(parse_inner(Bytes{six}.first(cut))) << cut;
  EXPECT_EQ(parse_inner(ByteVector{0x55, 0}).error(), InnerProblem::not_ip);
}

TEST(InnerPacket, FieldsAreSetWithoutHarm) {
  for (ByteVector packet : {Ipv4{.options = 4}.build(udp_of(1, 2)), datagram().flow_label(0xabcde).build()}) {
    for (int value = 0; value < 256; ++value) {
      set_hop_limit(packet, static_cast<std::uint8_t>(value));
      set_traffic_class(packet, static_cast<std::uint8_t>(255 - value));
      const auto inner = parse_inner(packet);
      ASSERT_TRUE(inner) << value;
      EXPECT_EQ(inner.value().hop_limit, value);
      EXPECT_EQ(inner.value().traffic_class, 255 - value);
      if (packet[0] >> 4 == 6) {
        EXPECT_EQ(inner.value().flow_label, 0xabcdeu);
      }
    }
  }
}

// --- Out
// --------------------------------------------------------------------------------------------------------------------

TEST(Encapsulate, OuterHeaderCopiesWhatRoutersLookAt) {
  for (ByteVector packet : {datagram().traffic_class(0x2a).hop_limit(64).build(),
                            Ipv4{.hop_limit = 64, .traffic_class = 0x2a}.build(udp_of(40000, 7))}) {
    const Encapsulation out = enter(packet);
    ASSERT_EQ(out.verdict, Verdict::encapsulate);
    EXPECT_EQ(out.outer.hop_limit, 63) << "one hop is ours";
    EXPECT_EQ(out.outer.traffic_class, 0x2a);
    EXPECT_GE(out.outer.source_port, 0xc000);
    EXPECT_FALSE(out.outer.may_fragment);
    EXPECT_EQ(parse_inner(packet).value().hop_limit, 63);
    EXPECT_TRUE(header_is_right(packet));
  }
}

TEST(Encapsulate, SourcePortIsOneForAFlowAndManyForMany) {
  std::set<std::uint16_t> ports;
  for (std::uint16_t from = 1000; from < 2000; ++from) {
    ByteVector packet = PacketBuilder{client, vm}.udp(from, 7, test::text("ping")).build(), again = packet;
    const std::uint16_t port = enter(packet).outer.source_port;
    EXPECT_EQ(enter(again).outer.source_port, port);
    ports.insert(port);
  }
  EXPECT_GT(ports.size(), 900u);
}

TEST(Encapsulate, AllFragmentsOfADatagramTakeOneWay) {
  std::set<std::uint16_t> ports;
  for (const std::uint16_t field : {std::uint16_t{0x2000}, std::uint16_t{0x2001}, std::uint16_t{0x40}}) {
    ByteVector packet = Ipv4{.fragment = field}.build(udp_of(field, 7));
    ports.insert(enter(packet).outer.source_port);
  }
  EXPECT_EQ(ports.size(), 1u);
  for (const bool first : {true, false}) {
    // Behind the first one's Fragment header are options, and that is all that the others say of the upper layer.
    PacketBuilder builder{client, vm};
    builder.fragment(first ? 0 : 8, true, 1);
    ByteVector packet = first ? builder.destination_options({}).payload(17, udp_of(1, 7)).build()
                              : builder.payload(60, udp_of(2, 7)).build();
    ports.insert(enter(packet).outer.source_port);
  }
  EXPECT_EQ(ports.size(), 2u);
}

TEST(Encapsulate, FlowLabelStandsInWhereThereAreNoPorts) {
  std::set<std::uint16_t> ports;
  for (const std::uint32_t label : {1u, 2u, 3u, 4u}) {
    ByteVector packet = PacketBuilder{client, vm}.flow_label(label).echo_request(1, 1, test::text("x")).build();
    ports.insert(enter(packet).outer.source_port);
  }
  EXPECT_GT(ports.size(), 2u);
}

TEST(Encapsulate, LastHopEndsHere) {
  for (const std::uint8_t hops : {std::uint8_t{0}, std::uint8_t{1}}) {
    ByteVector six = datagram().hop_limit(hops).build(), four = Ipv4{.hop_limit = hops}.build(udp_of(1, 2));
    EXPECT_EQ(enter(six).verdict, Verdict::hop_limit_exceeded);
    EXPECT_EQ(enter(four).verdict, Verdict::hop_limit_exceeded);
  }
}

/// Table of section 3.4 of the specification: sizes S-1, S, S+1 for both outer families.
TEST(Encapsulate, SizeTable) {
  for (const auto& [rloc, limit] : {std::pair{rloc4, 1464u}, std::pair{rloc6, 1444u}}) {
    for (const std::size_t size : {limit - std::size_t{1}, limit + std::size_t{0}, limit + std::size_t{1}}) {
      ByteVector six = PacketBuilder{client, vm}.udp(1, 2, ByteVector(size - 48)).build();
      ByteVector kept = Ipv4{}.build(udp_of(1, 2, size - 28)), cut = Ipv4{.fragment = 0}.build(udp_of(1, 2, size - 28));
      ASSERT_EQ(six.size(), size);
      const bool fits = size <= limit;
      EXPECT_EQ(enter(six, rloc).verdict, fits ? Verdict::encapsulate : Verdict::too_big);
      EXPECT_EQ(enter(kept, rloc).verdict, fits ? Verdict::encapsulate : Verdict::too_big);
      EXPECT_EQ(enter(cut, rloc).verdict, fits ? Verdict::encapsulate : Verdict::fragment_inner);
      EXPECT_EQ(enter(cut, rloc).mtu, limit);
    }
  }
}

TEST(Encapsulate, NobodyIsToldLessThanTheSmallestMtu) {
  ByteVector large = PacketBuilder{client, vm}.udp(1, 2, ByteVector(1281 - 48)).build();
  ByteVector small = PacketBuilder{client, vm}.udp(1, 2, ByteVector(1280 - 48)).build();
  EXPECT_EQ(enter(large, rloc6, 1300).verdict, Verdict::too_big);
  EXPECT_EQ(enter(large, rloc6, 1300).mtu, 1280u);
  const Encapsulation out = enter(small, rloc6, 1300);
  EXPECT_EQ(out.verdict, Verdict::encapsulate);
  EXPECT_TRUE(out.outer.may_fragment);
  small = PacketBuilder{client, vm}.udp(1, 2, ByteVector(1280 - 48)).build();
  EXPECT_FALSE(enter(small, rloc6, 1336).outer.may_fragment) << "1336 is enough";
}

TEST(Encapsulate, SuperPacketIsJudgedByItsSegments) {
  ByteVector packet = PacketBuilder{client, vm}.udp(1, 2, ByteVector(30'000)).build();
  const InnerPacket inner = parse_inner(packet).value();
  EXPECT_EQ(encapsulate(packet, inner, rloc6, 1500, 1444, 7, is_own).verdict, Verdict::encapsulate);
  EXPECT_EQ(encapsulate(packet, inner, rloc6, 1500, 1445, 7, is_own).verdict, Verdict::too_big);
}

ByteVector lisp_packet(const Address& from, const Address& to, const ByteVector& inner,
                       std::uint16_t port = data_port) {
  ByteVector payload(8);
  payload.insert(payload.end(), inner.begin(), inner.end());
  return PacketBuilder{from, to}.udp(50'000, port, payload).build();
}

TEST(Encapsulate, NeverAThirdHeader) {
  const ByteVector plain = datagram().build();
  ByteVector once = lisp_packet(client, vm, plain), twice = lisp_packet(client, vm, once);
  EXPECT_EQ(nesting_depth(plain), 0);
  EXPECT_EQ(nesting_depth(once), 1);
  EXPECT_EQ(nesting_depth(twice), 2);
  EXPECT_EQ(nesting_depth(lisp_packet(client, vm, lisp_packet(client, vm, twice))), 3) << "that is enough counting";
  EXPECT_EQ(enter(once).verdict, Verdict::encapsulate);
  EXPECT_EQ(enter(twice).verdict, Verdict::nested);
}

TEST(Encapsulate, NotToOurselves) {
  ByteVector packet = datagram().build();
  EXPECT_EQ(enter(packet, own6).verdict, Verdict::to_ourselves);
  ByteVector data = lisp_packet(client, own6.ipv6(), datagram().build());
  ByteVector control = lisp_packet(client, own6.ipv6(), {}, control_port);
  EXPECT_EQ(enter(data).verdict, Verdict::to_ourselves);
  EXPECT_EQ(enter(control).verdict, Verdict::to_ourselves);
}

// --- In
// ---------------------------------------------------------------------------------------------------------------------

TEST(Decapsulate, EcnTable) {
  constexpr int dropped = -1;
  constexpr int table[4][4] = {// inner Not-ECT, ECT(1), ECT(0), CE; outer in the same order of the field's values
                               {0, 0, 0, dropped},
                               {1, 1, 1, 3},
                               {2, 1, 2, 3},
                               {3, 3, 3, 3}};
  for (std::uint8_t inner = 0; inner < 4; ++inner)
    for (std::uint8_t outer = 0; outer < 4; ++outer) {
      const auto got = decapsulated_ecn(inner, outer);
      EXPECT_EQ(got ? int{*got} : dropped, table[inner][outer]) << int{inner} << ' ' << int{outer};
    }
}

TEST(Decapsulate, HopLimitIsTheLowerOneForAllPairs) {
  for (int inner = 0; inner < 256; inner += 5)
    for (int outer = 0; outer < 256; outer += 3)
      for (ByteVector packet : {datagram().hop_limit(static_cast<std::uint8_t>(inner)).build(),
                                Ipv4{.hop_limit = static_cast<std::uint8_t>(inner)}.build(udp_of(1, 2))}) {
        const InnerPacket parsed = parse_inner(packet).value();
        ASSERT_TRUE(decapsulate(packet, parsed, static_cast<std::uint8_t>(outer), 0, DscpMode::uniform));
        const auto after = parse_inner(packet);
        ASSERT_TRUE(after);
        EXPECT_EQ(after.value().hop_limit, std::min(inner, outer));
      }
}

TEST(Decapsulate, DscpByMode) {
  for (const auto& [mode, expected] : {std::pair{DscpMode::uniform, 0xb8}, std::pair{DscpMode::pipe, 0x28}})
    for (ByteVector packet :
         {datagram().traffic_class(0x2a).build(), Ipv4{.traffic_class = 0x2a}.build(udp_of(1, 2))}) {
      const InnerPacket inner = parse_inner(packet).value();
      EXPECT_TRUE(decapsulate(packet, inner, 64, 0xbb, mode));
      EXPECT_EQ(parse_inner(packet).value().traffic_class, expected | 3) << "ECN is not DSCP's matter";
    }
}

TEST(Decapsulate, CongestionThatNobodyCouldBeToldOfDrops) {
  ByteVector packet = datagram().build();
  EXPECT_FALSE(decapsulate(packet, parse_inner(packet).value(), 64, 3, DscpMode::uniform));
}

// --- Fragments and errors
// -----------------------------------------------------------------------------------------------------------------

TEST(FragmentIpv4, PiecesFitAndMakeTheWhole) {
  test::FakeRandom random{3};
  for (int turn = 0; turn < 500; ++turn) {
    const std::size_t payload = 600 + random.below(3000), mtu = 68 + random.below(500), options = 4 * random.below(5);
    const auto offset = static_cast<std::uint16_t>(random.below(100));
    const bool more = random.one_in(2);
    const auto field = static_cast<std::uint16_t>(offset | (more ? 0x2000 : 0));
    const ByteVector data = random.octets(payload / 8 * 8);
    const ByteVector packet = Ipv4{.fragment = field, .options = options}.build(data);
    const auto pieces = fragment_ipv4(packet, parse_inner(packet).value(), mtu);
    ByteVector whole;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      ASSERT_LE(pieces[i].size(), mtu);
      const auto inner = parse_inner(pieces[i]);
      ASSERT_TRUE(inner);
      const std::uint16_t got = load_u16(pieces[i].data() + 6);
      EXPECT_EQ(got & 0x1fff, offset + whole.size() / 8);
      EXPECT_EQ((got & 0x2000) != 0, more || i + 1 < pieces.size());
      EXPECT_EQ(load_u16(pieces[i].data() + 4), 0x1234) << "one identification";
      whole.insert(whole.end(), pieces[i].begin() + static_cast<std::ptrdiff_t>(20 + options), pieces[i].end());
    }
    EXPECT_EQ(whole, data);
  }
}

TEST(FragmentIpv4, TwoAreAboutEqual) {
  const ByteVector packet = Ipv4{.fragment = 0}.build(ByteVector(1480));
  const auto pieces = fragment_ipv4(packet, parse_inner(packet).value(), 1464);
  ASSERT_EQ(pieces.size(), 2u);
  EXPECT_EQ(pieces[0].size(), 20u + 744);
  EXPECT_EQ(pieces[1].size(), 20u + 736);
}

TEST(ErrorAbout, TooBigSaysHowMuchFits) {
  const ByteVector six = PacketBuilder{client, vm}.udp(1, 2, ByteVector(1400)).build();
  const auto a = error_about(six, parse_inner(six).value(), InnerError::too_big, 1444, own6);
  ASSERT_TRUE(a);
  EXPECT_LE(a->size(), minimum_mtu);
  const InnerPacket told = parse_inner(*a).value();
  EXPECT_EQ(told.destination, IpAddress{client});
  EXPECT_EQ(told.source, own6);
  EXPECT_EQ((*a)[40], 2);
  EXPECT_EQ(load_u32(a->data() + 44), 1444u);
  EXPECT_TRUE(std::equal(a->begin() + 48, a->end(), six.begin())) << "quotes what was sent";

  const ByteVector four = Ipv4{}.build(udp_of(1, 2, 1400));
  const auto b = error_about(four, parse_inner(four).value(), InnerError::too_big, 1464, own4);
  ASSERT_TRUE(b);
  EXPECT_EQ(b->size(), 576u);
  EXPECT_EQ(parse_inner(*b).value().destination, client4);
  EXPECT_EQ((*b)[20], 3);
  EXPECT_EQ((*b)[21], 4);
  EXPECT_EQ(load_u16(b->data() + 26), 1464);
  EXPECT_EQ(ones_complement_sum(Bytes{*b}.subspan(20)), 0xffff);
  EXPECT_TRUE(std::equal(b->begin() + 28, b->end(), four.begin()));
}

TEST(ErrorAbout, EveryKindInBothFamilies) {
  const ByteVector six = datagram().build(), four = Ipv4{}.build(udp_of(1, 2));
  const struct {
    InnerError error;
    int type6, code6, type4, code4;
  } rows[] = {{InnerError::hop_limit_exceeded, 3, 0, 11, 0},
              {InnerError::host_unreachable, 1, 3, 3, 1},
              {InnerError::prohibited, 1, 1, 3, 13}};
  for (const auto& row : rows) {
    const auto a = error_about(six, parse_inner(six).value(), row.error, 0, own6);
    const auto b = error_about(four, parse_inner(four).value(), row.error, 0, own4);
    EXPECT_EQ((*a)[40], row.type6);
    EXPECT_EQ((*a)[41], row.code6);
    EXPECT_EQ((*b)[20], row.type4);
    EXPECT_EQ((*b)[21], row.code4);
    EXPECT_EQ(load_u32(b->data() + 24), 0u);
  }
}

TEST(ErrorAbout, NotAboutErrorsFragmentsOrGroups) {
  const auto answered = [](const ByteVector& packet, const IpAddress& own) {
    return error_about(packet, parse_inner(packet).value(), InnerError::host_unreachable, 0, own).has_value();
  };
  EXPECT_TRUE(answered(PacketBuilder{client, vm}.echo_request(1, 1, test::text("x")).build(), own6));
  EXPECT_FALSE(answered(PacketBuilder{client, vm}.icmpv6(1, 0, ByteVector(44)).build(), own6));
  EXPECT_FALSE(answered(PacketBuilder{client, vm}.fragment(8, false, 1).payload(17, ByteVector(8)).build(), own6));
  EXPECT_TRUE(answered(PacketBuilder{client, vm}.fragment(0, true, 1).payload(17, ByteVector(8)).build(), own6));
  EXPECT_FALSE(answered(PacketBuilder{client, *parse_address("ff02::1")}.udp(1, 2, {}).build(), own6));
  EXPECT_FALSE(answered(PacketBuilder{Address{}, vm}.udp(1, 2, {}).build(), own6));
  EXPECT_TRUE(answered(Ipv4{.protocol = 1}.build(ByteVector{8, 0, 0, 0, 0, 0, 0, 0}), own4));
  for (const std::uint8_t type : ByteVector{3, 4, 5, 11, 12})
    EXPECT_FALSE(answered(Ipv4{.protocol = 1}.build(ByteVector{type, 0, 0, 0, 0, 0, 0, 0}), own4)) << int{type};
  EXPECT_FALSE(answered(Ipv4{.fragment = 1}.build(udp_of(1, 2)), own4));
}

}  // namespace
