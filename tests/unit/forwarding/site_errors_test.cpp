// SPDX-License-Identifier: Apache-2.0
// ICMPv6 errors that pass speak of the packet that their reader sent; our own ones are honest and few.
#include "tests/unit/forwarding/site_fixture.h"
#include "tests/vectors/vectors.h"

namespace ilnp::test {
namespace {

class SiteErrors : public SiteTest {
 protected:
  ByteVector error_about(const ByteVector& packet, const Address& from, const Address& to,
                         std::uint8_t type = icmpv6::packet_too_big, std::uint32_t parameter = 1400) const {
    return build_packet(from, to, next_header::icmpv6, build_error(type, 0, parameter, packet));
  }
  static Bytes quote(const Crossing& crossing) { return Bytes{crossing.bytes}.subspan(48); }
  static Bytes quote(const SitePacket& packet) { return Bytes{packet.bytes}.subspan(48); }
};

TEST_F(SiteErrors, NeutralPairIsTheGoldenPacket) {
  EXPECT_SAME_BYTES(cross(up1, vectors::packet(16)).bytes, vectors::packet(17));
}

TEST_F(SiteErrors, QuoteIsWhatItsReaderSent) {
  for (const Mapping mapping : {Mapping::neutral, Mapping::replace})
    for (const ByteVector& sent :
         {udp(node, correspondent), PacketBuilder{node, correspondent}.tcp(1, 2, 3, 4, 0x10, counting(99)).build(),
          PacketBuilder{node, correspondent}.echo_request(1, 2, counting(9)).build()}) {
      restart({{site, provider_1, 0, mapping}});
      const Crossing out = cross(in, sent);
      ASSERT_TRUE(out.left());
      const Crossing error = cross(up1, error_about(out.bytes, vectors::router, out.walk.source));
      ASSERT_TRUE(went(error, in, vectors::router, node));
      ByteVector expected = sent;
      expected[7] = 63;
      EXPECT_SAME_BYTES(quote(error), expected);
    }
}

TEST_F(SiteErrors, QuoteCutBeforeTheChecksumIsStillReadable) {
  restart({{site, provider_1, 0, Mapping::replace}});
  const Crossing out = cross(in, PacketBuilder{node, correspondent}.tcp(1, 2, 3, 4, 0x10, counting(9)).build());
  for (const std::size_t length : {44u, 56u, 57u, 58u, 60u}) {
    const Crossing error = cross(up1, error_about({out.bytes.begin(), out.bytes.begin() + static_cast<int>(length)},
                                                  vectors::router, out.walk.source));
    ASSERT_TRUE(went(error, in, vectors::router, node)) << length;
    EXPECT_EQ(Address::load(quote(error).data() + 8), node);
  }
}

TEST_F(SiteErrors, ErrorsOfNodesInsideQuoteTheOutsideName) {
  restart({{site, provider_1, 0, Mapping::replace}, {site, provider_2, 1, Mapping::replace}});
  const Address called{Locator{0x2001'0db8'00a2'0001}, nid};
  const ByteVector sent = udp(correspondent, called, 5, 6);
  const Crossing inbound = cross(up2, sent);
  const Crossing error = cross(in, error_about(inbound.bytes, node, correspondent, icmpv6::destination_unreachable, 0));
  ASSERT_TRUE(went(error, up2, called, correspondent)) << "by the uplink of the flow that it is about";
  ByteVector expected = sent;
  expected[7] = 63;
  EXPECT_SAME_BYTES(quote(error), expected);
}

TEST_F(SiteErrors, NodeThatMovedRecognisesItsPacket) {
  restart({{site, provider_1, 0, Mapping::replace}});
  know(Presence::away, at_other_site);
  const ByteVector sent = udp({at_other_site, nid}, correspondent);
  const Crossing out = cross(link, sent);
  const Crossing error = cross(up1, error_about(out.bytes, vectors::router, out.walk.source));
  ASSERT_TRUE(went(error, link, vectors::router, {at_other_site, nid}));
  ByteVector expected = sent;
  expected[7] = 63;
  EXPECT_SAME_BYTES(quote(error), expected);
}

TEST_F(SiteErrors, HairpinErrorsSpeakTheWordsOfTheirReader) {
  restart({{site, provider_1, 0, Mapping::replace}});
  const Address their_name{Locator{0x2001'0db8'00a1'0002}, other_nid};
  const ByteVector sent = udp(node, their_name);
  const Crossing there = cross(in, sent);
  const Crossing error =
      cross(in, error_about(there.bytes, neighbour, there.walk.source, icmpv6::destination_unreachable, 0));
  ASSERT_TRUE(went(error, in, their_name, node));
  ByteVector expected = sent;
  expected[7] = 63;
  EXPECT_SAME_BYTES(quote(error), expected);
}

TEST_F(SiteErrors, DamagedErrorsAreNotRepaired) {
  ByteVector error = error_about(udp(node_outside, correspondent), vectors::router, node_outside);
  error.back() ^= 1;
  EXPECT_TRUE(dropped(cross(up1, error), SiteDropReason::error_bad_checksum));
  const ByteVector unreadable = error_about(counting(30), vectors::router, node_outside);
  EXPECT_TRUE(dropped(cross(up1, unreadable), SiteDropReason::error_unreadable));
}

// --- Our own

TEST_F(SiteErrors, PacketTooBigQuotesThePacketAsItWasSent) {
  router->uplinks()[0].mtu = 1400;
  const ByteVector sent = PacketBuilder{node, correspondent}.udp(1, 2, counting(1400)).build();
  EXPECT_TRUE(dropped(cross(in, sent), SiteDropReason::too_big));
  ASSERT_EQ(actions.packets.size(), 1u);
  const SitePacket& error = actions.packets[0];
  EXPECT_EQ(error.to, in);
  const HeaderWalk walk = walk_headers(error.bytes).walk;
  EXPECT_EQ(walk.source, inside_router);
  EXPECT_EQ(walk.destination, node);
  EXPECT_EQ(error.bytes[40], icmpv6::packet_too_big);
  EXPECT_EQ(load_u32(error.bytes.data() + 44), 1400u);
  EXPECT_TRUE(checksum_is_good(error.bytes));
  EXPECT_SAME_BYTES(quote(error), Bytes{sent}.first(quote(error).size()));
  EXPECT_EQ(error.bytes.size(), 1280u);
}

TEST_F(SiteErrors, SuperPacketIsAsBigAsItsSegments) {
  router->uplinks()[0].mtu = 1400;
  const ByteVector sent = PacketBuilder{node, correspondent}.tcp(1, 2, 3, 4, 0x10, counting(9000)).build();
  Offload offload;
  offload.segmentation = Offload::Segmentation::tcp;
  offload.segment_size = 1340;
  EXPECT_TRUE(cross(in, sent, offload).left());
  offload.segment_size = 1341;
  EXPECT_TRUE(dropped(cross(in, sent, offload), SiteDropReason::too_big));
}

TEST_F(SiteErrors, EndOfTheHopsIsToldOnTheSideItCameFrom) {
  EXPECT_TRUE(dropped(cross(up1, PacketBuilder{correspondent, node_outside}.hop_limit(1).udp(1, 2).build()),
                      SiteDropReason::hop_limit));
  ASSERT_EQ(actions.packets.size(), 1u);
  EXPECT_EQ(actions.packets[0].to, up1);
  EXPECT_EQ(Address::load(actions.packets[0].bytes.data() + 8), outside_router);
  EXPECT_EQ(actions.packets[0].bytes[40], icmpv6::time_exceeded);
  EXPECT_TRUE(cross(up1, PacketBuilder{correspondent, node_outside}.hop_limit(2).udp(1, 2).build()).left());
}

TEST_F(SiteErrors, NoErrorAboutAnErrorAndNotTooMany) {
  ByteVector error = error_about(udp(node, correspondent), node, correspondent, icmpv6::destination_unreachable, 0);
  error[7] = 1;
  EXPECT_TRUE(dropped(cross(in, error), SiteDropReason::hop_limit));
  EXPECT_TRUE(actions.packets.empty());
  std::size_t told = 0;
  for (int i = 0; i < 1000; ++i) {
    cross(up1, PacketBuilder{correspondent, node_outside}.hop_limit(1).udp(1, 2).build());
    told += actions.packets.size();
  }
  EXPECT_EQ(told, static_cast<std::size_t>(tuning.errors_per_second));
  EXPECT_EQ(router->drops(SiteDropReason::hop_limit), 1001u);
}

}  // namespace
}  // namespace ilnp::test
