// SPDX-License-Identifier: Apache-2.0
// Out of the site and into it: names, uplinks, flows, hidden subnets, what is refused.
#include "tests/unit/forwarding/site_fixture.h"
#include "tests/vectors/vectors.h"

namespace ilnp::test {
namespace {

using Rewriting = SiteTest;

// --- Names

TEST_F(Rewriting, NeutralPairIsTheGoldenPacket) {
  const Crossing out = cross(in, vectors::packet(13));
  EXPECT_TRUE(went(out, up1, vectors::v_neutral, vectors::n));
  EXPECT_SAME_BYTES(out.bytes, vectors::packet(14));
}

TEST_F(Rewriting, ExchangedPrefixIsTheGoldenPacket) {
  restart({{site, provider_1, 0, Mapping::replace}});
  const Crossing out = cross(in, vectors::packet(13));
  EXPECT_TRUE(went(out, up1, vectors::v_outside, vectors::n));
  EXPECT_SAME_BYTES(out.bytes, vectors::packet(15));
}

TEST_F(Rewriting, WhatComesBackIsForTheInsideLocator) {
  EXPECT_TRUE(went(cross(up1, udp(correspondent, node_outside)), in, correspondent, node));
  EXPECT_TRUE(went(cross(up2, udp(correspondent, node_outside_2)), in, correspondent, node));
}

TEST_F(Rewriting, ThereAndBackRestoresEveryProtocol) {
  for (const Mapping mapping : {Mapping::neutral, Mapping::replace}) {
    restart({{site, provider_1, 0, mapping}});
    const ByteVector payload = counting(37);
    for (const ByteVector& packet :
         {PacketBuilder{node, correspondent}.tcp(40000, 80, 1, 2, 0x10, payload).build(),
          PacketBuilder{node, correspondent}.udp(40000, 80, payload).build(),
          PacketBuilder{node, correspondent}.echo_request(7, 1, payload).build(),
          PacketBuilder{node, correspondent}.nonce(hex("41d0c7729e1835fb0a66284c")).udp(1, 2, payload).build(),
          PacketBuilder{node, correspondent}.payload(132, payload).build(),
          PacketBuilder{node, correspondent}.authentication().udp(1, 2, payload).build(),
          PacketBuilder{node, correspondent}.payload(50, payload).build()}) {
      const Crossing out = cross(in, packet);
      ASSERT_TRUE(out.left());
      ByteVector back = out.bytes;  // the same octets with the ends exchanged have the same checksum
      std::swap_ranges(back.begin() + 8, back.begin() + 24, back.begin() + 24);
      const Crossing home = cross(up1, back);
      ASSERT_TRUE(went(home, in, correspondent, node));
      ByteVector expected = packet;
      std::swap_ranges(expected.begin() + 8, expected.begin() + 24, expected.begin() + 24);
      expected[7] = 62;
      EXPECT_SAME_BYTES(home.bytes, expected);
    }
  }
}

TEST_F(Rewriting, OldChecksumModeIsSeenFromTheNonceAndKept) {
  restart({{site, provider_1, 0, Mapping::replace}});
  const ByteVector value = hex("41d0c7729e1835fb0a66284c");
  const ByteVector first =
      PacketBuilder{node, correspondent}.nonce(value).checksum(ChecksumMode::rfc6741).udp(1, 2).build();
  EXPECT_TRUE(cross(in, first, {}, ChecksumMode::rfc6741).left());
  const ByteVector later = PacketBuilder{node, correspondent}.checksum(ChecksumMode::rfc6741).udp(1, 2).build();
  EXPECT_TRUE(cross(in, later, {}, ChecksumMode::rfc6741).left()) << "the flow is known";
  const ByteVector answer = PacketBuilder{correspondent, {Locator{0x2001'0db8'00a1'0001}, nid}}
                                .checksum(ChecksumMode::rfc6741)
                                .udp(2, 1)
                                .build();
  EXPECT_TRUE(cross(up1, answer, {}, ChecksumMode::rfc6741).left());
}

TEST_F(Rewriting, SuperPacketsStayWholeAndUnfinished) {
  restart({{site, provider_1, 0, Mapping::replace}});
  ByteVector packet = PacketBuilder{node, correspondent}.tcp(40000, 80, 1, 2, 0x10, counting(20000)).build();
  Offload offload;
  offload.partial_checksum = true;
  offload.checksum_start = 40;
  offload.checksum_offset = 16;
  offload.segmentation = Offload::Segmentation::tcp;
  offload.segment_size = 1440;
  const std::uint32_t length = static_cast<std::uint32_t>(packet.size() - 40);
  store_u16(packet.data() + 56, pseudo_header_sum(node, correspondent, length, 6));
  const Crossing out = cross(in, packet, offload);
  ASSERT_TRUE(out.left());
  EXPECT_EQ(load_u16(out.bytes.data() + 56), pseudo_header_sum(out.walk.source, correspondent, length, 6));
  EXPECT_EQ(out.bytes.size(), packet.size());
}

TEST_F(Rewriting, FragmentsFollowTheirAddresses) {
  restart({{site, provider_1, 0, Mapping::replace}});
  const ByteVector whole = PacketBuilder{node, correspondent}.udp(1, 2, counting(200)).build();
  const ByteVector first = PacketBuilder{node, correspondent}
                               .keep_checksum()
                               .fragment(0, true, 9)
                               .payload(17, Bytes{whole}.subspan(40, 104))
                               .build();
  const ByteVector rest = PacketBuilder{node, correspondent}
                              .keep_checksum()
                              .fragment(104, false, 9)
                              .payload(17, Bytes{whole}.subspan(144))
                              .build();
  const Crossing a = cross(in, first), b = cross(in, rest);
  ASSERT_TRUE(a.left() && b.left());
  EXPECT_EQ(a.verdict.to, b.verdict.to);
  ByteVector joined = PacketBuilder{a.walk.source, correspondent}
                          .keep_checksum()
                          .payload(17,
                                   [&] {
                                     ByteVector upper{a.bytes.begin() + 48, a.bytes.end()};
                                     upper.insert(upper.end(), b.bytes.begin() + 48, b.bytes.end());
                                     return upper;
                                   }())
                          .build();
  EXPECT_TRUE(checksum_is_good(joined)) << "the first fragment's checksum is updated, the others have none";
}

// --- Uplinks and flows

TEST_F(Rewriting, AnswersLeaveByTheUplinkThatTheCorrespondentChose) {
  ASSERT_TRUE(cross(up2, udp(correspondent, node_outside_2, 999, 80)).left());
  EXPECT_TRUE(went(cross(in, udp(node, correspondent, 80, 999)), up2, node_outside_2, correspondent));
  EXPECT_TRUE(went(cross(in, udp(node, correspondent, 81, 999)), up1, node_outside, correspondent)) << "another flow";
}

TEST_F(Rewriting, FlowLeavesADeadUplinkAndStaysWhereItWent) {
  EXPECT_EQ(cross(in, udp(node, correspondent)).verdict.to, up1);
  router->uplinks()[0].state = UplinkState::suspect;
  EXPECT_EQ(cross(in, udp(node, correspondent)).verdict.to, up1) << "there is no proof yet";
  router->uplinks()[0].state = UplinkState::down;
  EXPECT_EQ(cross(in, udp(node, correspondent)).verdict.to, up2);
  router->uplinks()[0].state = UplinkState::up;
  EXPECT_EQ(cross(in, udp(node, correspondent)).verdict.to, up2) << "its correspondent knows it by that now";
  EXPECT_EQ(cross(in, udp(node, correspondent, 5)).verdict.to, up1) << "new flows go back";
}

TEST_F(Rewriting, WithoutAnUplinkTheSenderIsTold) {
  router->uplinks()[0].state = router->uplinks()[1].state = UplinkState::down;
  const Crossing out = cross(in, udp(node, correspondent));
  EXPECT_TRUE(dropped(out, SiteDropReason::inside_no_uplink));
  ASSERT_EQ(actions.packets.size(), 1u);
  EXPECT_EQ(actions.packets[0].to, in);
  EXPECT_EQ(actions.packets[0].bytes[40], icmpv6::destination_unreachable);
}

// --- Hairpin

TEST_F(Rewriting, InsideByOutsideNamesNeverLeaves) {
  const auto their_name = router->map().to_outside(subnet_2, 1);
  const Crossing out = cross(in, udp(node, {*their_name, other_nid}));
  EXPECT_TRUE(went(out, in, node_outside_2, neighbour)) << "each sees the other one as those outside do";
  EXPECT_TRUE(went(cross(in, udp(neighbour, node_outside_2)), in, {*their_name, other_nid}, node));
}

TEST_F(Rewriting, InsideByInsideNamesIsForwardedAsItIs) {
  EXPECT_TRUE(went(cross(in, udp(node, neighbour)), in, node, neighbour));
}

// --- Hidden subnets

TEST_F(Rewriting, HiddenNodesAreLearntAndFoundByTheirNid) {
  const LocatorPrefix shared{{0x2001'0db8'00a1'0000}, 64};
  restart({{site, shared, 0, Mapping::hide}});
  EXPECT_TRUE(dropped(cross(up1, udp(correspondent, {shared.locator, nid})), SiteDropReason::outside_hidden_unknown));
  EXPECT_TRUE(went(cross(in, udp(node, correspondent)), up1, {shared.locator, nid}, correspondent));
  EXPECT_TRUE(went(cross(in, udp(neighbour, correspondent)), up1, {shared.locator, other_nid}, correspondent));
  EXPECT_TRUE(went(cross(up1, udp(correspondent, {shared.locator, nid})), in, correspondent, node));
  EXPECT_TRUE(went(cross(up1, udp(correspondent, {shared.locator, other_nid})), in, correspondent, neighbour));
  now += tuning.learnt_lifetime / 2;
  EXPECT_TRUE(cross(in, udp(node, correspondent)).left());
  now += tuning.learnt_lifetime / 2 + seconds{1};
  actions.clear();
  router->on_time(now, actions);
  ASSERT_EQ(actions.events.size(), 1u);
  EXPECT_EQ(actions.events[0].nid, other_nid);
  EXPECT_TRUE(
      dropped(cross(up1, udp(correspondent, {shared.locator, other_nid})), SiteDropReason::outside_hidden_unknown));
  EXPECT_TRUE(cross(up1, udp(correspondent, {shared.locator, nid})).left());
}

TEST_F(Rewriting, LearntNodeThatIsGivenNoEndIsStillForgotten) {
  restart({{site, {{0x2001'0db8'00a1'0000}, 64}, 0, Mapping::hide}});
  ASSERT_TRUE(cross(in, udp(node, correspondent)).left());
  router->set_end(*router->nids().find_owner(nid), never);
  EXPECT_EQ(router->next_deadline(), now + tuning.learnt_lifetime);
}

TEST_F(Rewriting, HiddenNidIsNotTakenByAnotherSubnet) {
  restart({{site, {{0x2001'0db8'00a1'0000}, 64}, 0, Mapping::hide}});
  know(Presence::here, inside);
  const Crossing moved = cross(in, udp({subnet_2, nid}, correspondent));
  EXPECT_TRUE(moved.left()) << "the node went to another subnet: it owns its NID";
  EXPECT_EQ(router->nids().find_owner(nid)->now, subnet_2);
  EXPECT_EQ(router->nids().find_owner(nid)->home, inside);
}

TEST_F(Rewriting, FullTableOfNidsIsADropThatIsCounted) {
  tuning.max_nids = 2;
  restart({{site, {{0x2001'0db8'00a1'0000}, 64}, 0, Mapping::hide}});
  EXPECT_TRUE(cross(in, udp({inside, {1}}, correspondent)).left());
  EXPECT_TRUE(cross(in, udp({inside, {2}}, correspondent)).left());
  EXPECT_TRUE(dropped(cross(in, udp({inside, {3}}, correspondent)), SiteDropReason::nid_table_full));
  EXPECT_TRUE(cross(in, udp({inside, {1}}, correspondent)).left());
}

// --- What is refused

TEST_F(Rewriting, InsideNamesDoNotComeFromOutside) {
  EXPECT_TRUE(dropped(cross(up1, udp(neighbour, node_outside)), SiteDropReason::outside_inside_address));
  EXPECT_TRUE(dropped(cross(up1, udp(correspondent, node)), SiteDropReason::outside_inside_address));
  EXPECT_TRUE(dropped(cross(up1, udp({at_other_site, {1}}, node_outside)), SiteDropReason::outside_inside_address));
  EXPECT_TRUE(dropped(cross(up1, udp(node_outside_2, node_outside)), SiteDropReason::outside_own_source));
  EXPECT_TRUE(dropped(cross(up1, udp(correspondent, correspondent)), SiteDropReason::outside_no_mapping));
}

TEST_F(Rewriting, ForeignNamesDoNotLeave) {
  EXPECT_TRUE(dropped(cross(in, udp(correspondent, correspondent)), SiteDropReason::inside_foreign_source));
  EXPECT_TRUE(dropped(cross(in, udp(node_outside, correspondent)), SiteDropReason::inside_foreign_source));
  EXPECT_TRUE(dropped(cross(in, udp({{0xfd5a'17c0'9e21'ffff}, nid}, correspondent)),
                      SiteDropReason::inside_no_outside_locator));
}

TEST_F(Rewriting, LocalAndGroupAddressesAreNotForwarded) {
  const Address local{{0xfe80'0000'0000'0000}, {1}}, group{{0xff0e'0000'0000'0000}, {1}}, loop{{}, {1}}, none{};
  for (const Address& bad : {local, group, loop, none}) {
    EXPECT_TRUE(dropped(cross(in, udp(bad, correspondent)), SiteDropReason::not_forwardable));
    EXPECT_TRUE(dropped(cross(in, udp(node, bad)), SiteDropReason::not_forwardable));
  }
}

TEST_F(Rewriting, MalformedPacketsAreDropped) {
  ByteVector packet = udp(node, correspondent);
  packet.pop_back();
  EXPECT_TRUE(dropped(cross(in, packet), SiteDropReason::malformed));
  EXPECT_TRUE(dropped(cross(in, {}), SiteDropReason::malformed));
  EXPECT_TRUE(
      dropped(cross(in, PacketBuilder{node, correspondent}.payload(6, counting(7)).build()), SiteDropReason::malformed))
      << "no room for a checksum";
}

}  // namespace
}  // namespace ilnp::test
