// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/lisp_interworking.h"

#include <gtest/gtest.h>

#include "core/ipv6/icmpv6.h"
#include "core/lisp/change_priority.h"
#include "tests/support/fakes.h"
#include "tests/support/packet_builder.h"
#include "tests/unit/lisp/eids.h"

namespace ilnp {
namespace {

using lisp::eid;
using lisp::eid_prefix;
using lisp::ip;
using lisp::mapping;
using lisp::rloc;
using test::PacketBuffer;
using test::PacketBuilder;
using Kind = LispVerdict::Kind;

constexpr const char *own_rloc = "2001:db8:a1::1", *client_rloc = "2001:db8:c1::1", *new_rloc = "2001:db8:a2::1";
const Address host = test::address("2001:db8:1::7"), client = test::address("2001:db8:c1e::99"),
              guest = test::address("2001:db8:e::200:0:0:a"), world = test::address("2001:db8:99::1");
const ByteVector secret = test::text("a secret of sixteen octets");

lisp::XtrSettings gateway() {
  lisp::XtrSettings settings;
  settings.own = {{1}, 1};
  settings.underlay.rlocs = {ip(own_rloc), ip("192.0.2.10")};
  settings.rlocs = {rloc(own_rloc)};
  settings.site = {eid_prefix("2001:db8:1::/64"), eid_prefix("10.8.0.0/24")};
  settings.mobile = {eid_prefix("2001:db8:e::/64")};
  settings.static_mappings = {mapping("2001:db8:c1e::/64", {rloc(client_rloc)}),
                              mapping("10.9.0.0/24", {rloc("192.0.2.20")}),
                              lisp::negative("2001:db8:99::/48", lisp::Action::natively_forward),
                              lisp::negative("2001:db8:98::/48", lisp::Action::drop_policy)};
  lisp::XtrPeer other;
  other.name = "new owner";
  other.addresses = {ip(new_rloc)};
  other.secrets = {{{7, 2}, secret}};
  other.scope = {eid_prefix("2001:db8:e::/64")};
  other.is_gateway = true;
  settings.peers = {other};
  return settings;
}

class LispInterworkingTest : public ::testing::Test {
 protected:
  void begin(InterworkingSettings settings = {}) {
    xtr.emplace(gateway(), std::nullopt, random, hmac);
    gw.emplace(std::move(settings), *xtr, 77);
    gw->set_inside_addresses({ip("2001:db8:1::1"), ip("10.8.0.1")});
    gw->on_time(at(), actions);
    actions.clear();
  }
  void SetUp() override { begin(); }

  lisp::Instant at() const {
    return {now, 1'700'000'000'000'000 + static_cast<std::uint64_t>(now.time_since_epoch().count() / 1000)};
  }

  LispVerdict out(Bytes packet, Offload offload = {}) {
    sent.emplace(packet);
    sent->packet.offload = offload;
    return gw->from_inside(at(), 0, sent->packet, actions);
  }
  LispVerdict in(Bytes packet, const char* outer = client_rloc, std::uint8_t hops = 60,
                 std::uint8_t traffic_class = 0) {
    received.assign(packet.begin(), packet.end());
    MutableBytes whole = received;
    const LispVerdict verdict = gw->from_tunnel(at(), {ip(outer), hops, traffic_class, 0}, whole, actions);
    received.resize(whole.size());
    return verdict;
  }
  static ByteVector datagram(const Address& from, const Address& to, std::size_t payload = 20) {
    return PacketBuilder{from, to}.udp(5000, 6000, test::counting(payload)).build();
  }
  static ByteVector datagram4(const char* from, const char* to, std::size_t payload, bool may_fragment) {
    ByteVector packet;
    ByteWriter w{packet};
    w.u8(0x45);
    w.u8(0);
    w.u16(static_cast<std::uint16_t>(28 + payload));
    w.u16(0x1234);
    w.u16(may_fragment ? 0 : 0x4000);
    w.u8(64);
    w.u8(17);
    w.u16(0);
    w.bytes(ip(from).octets());
    w.bytes(ip(to).octets());
    store_u16(packet.data() + 10, lisp::ipv4_header_sum(Bytes{packet}));
    w.u16(5000);
    w.u16(6000);
    w.u16(static_cast<std::uint16_t>(8 + payload));
    w.u16(0);
    w.zeros(payload);
    return packet;
  }

  void arrive() {
    xtr->arrived(at(), xtr->own_record(eid_prefix("2001:db8:e::200:0:0:a/128")), actions.control);
    gw->after_control(at(), actions);
  }
  /// The new owner says that the guest is behind it.
  void transfer() {
    lisp::ChangePriority message;
    message.kind = lisp::ChangePriority::Kind::transfer;
    message.wants_ack = true;
    message.nonce = at().unix_microseconds + 1'000'000;
    message.key = {7, 2};
    message.records = {mapping("2001:db8:e::200:0:0:a/128", {rloc(new_rloc)})};
    message.sender = {{2}, 2};
    const ByteVector octets = lisp::encode_change_priority(message, {secret}, hmac);
    xtr->on_control(at(), {ip(new_rloc), ip(own_rloc), lisp::control_port, octets}, actions.control);
    gw->after_control(at(), actions);
  }
  void run(Duration length) {
    const TimePoint end = now + length;
    while (gw->next_deadline() <= end) {
      now = std::max(now, gw->next_deadline());
      gw->on_time(at(), actions);
    }
    now = end;
  }
  std::uint64_t dropped(LispDrop reason) const { return gw->drops(reason); }
  /// Type and code of the ICMPv6 error for the sender inside, and its parameter.
  std::string error_inside() const {
    if (actions.inside.size() != 1) return std::to_string(actions.inside.size()) + " packets";
    const ByteVector& packet = actions.inside[0].bytes;
    return std::to_string(packet[40]) + "/" + std::to_string(packet[41]) + " " +
           std::to_string(load_u32(packet.data() + 44));
  }

  TimePoint now{seconds{1000}};
  test::FakeRandom random{5};
  test::FakeHmac hmac;
  std::optional<lisp::Xtr> xtr;
  std::optional<LispInterworking> gw;
  LispActions actions;
  std::optional<PacketBuffer> sent;
  ByteVector received;
};

// --- From inside

TEST_F(LispInterworkingTest, APacketOfTheSiteGoesIntoATunnel) {
  const LispVerdict verdict = out(PacketBuilder{host, client}.hop_limit(40).traffic_class(0xb8).udp(1, 2).build());
  ASSERT_EQ(verdict.kind, Kind::tunnel);
  EXPECT_EQ(verdict.rloc, ip(client_rloc));
  EXPECT_EQ(verdict.outer.hop_limit, 39);
  EXPECT_EQ(verdict.outer.traffic_class, 0xb8);
  EXPECT_GE(verdict.outer.source_port, 0xc000);
  EXPECT_EQ(sent->packet.data()[7], 39);
  EXPECT_EQ(out(datagram4("10.8.0.7", "10.9.0.5", 20, false)).rloc, ip("192.0.2.20"));
}

TEST_F(LispInterworkingTest, WhoIsNotOfTheSiteIsTunnelledForByAProxyOnly) {
  EXPECT_EQ(out(datagram(world, client)).reason, LispDrop::source_not_eid);
  begin({.is_pitr = true});
  EXPECT_EQ(out(datagram(world, client)).kind, Kind::tunnel);
}

TEST_F(LispInterworkingTest, NoiseOfTheLinkIsNotTunnelled) {
  EXPECT_EQ(out(datagram(host, test::address("ff02::fb"))).reason, LispDrop::not_unicast);
  EXPECT_EQ(out(datagram(test::address("fe80::1"), client)).reason, LispDrop::not_unicast);
  EXPECT_EQ(out(test::counting(30)).reason, LispDrop::malformed);
  EXPECT_TRUE(actions.inside.empty());
}

TEST_F(LispInterworkingTest, WhatTheKernelCouldNotDeliverInsideIsUnreachable) {
  EXPECT_EQ(out(datagram(host, test::address("2001:db8:1::8"))).kind, Kind::answered);
  EXPECT_EQ(error_inside(), "1/3 0");
  EXPECT_EQ(dropped(LispDrop::inside_loop), 1u);
}

TEST_F(LispInterworkingTest, TheWorldOutsideOfLispIsReachedThroughAProxyEtr) {
  EXPECT_EQ(out(datagram(host, world)).kind, Kind::answered);
  EXPECT_EQ(error_inside(), "1/3 0");
  EXPECT_EQ(dropped(LispDrop::native), 1u);
  begin({.proxy_etr = ip("2001:db8:a9::1")});
  EXPECT_EQ(out(datagram(host, world)).rloc, ip("2001:db8:a9::1"));
}

TEST_F(LispInterworkingTest, ARefusalIsToldToTheSender) {
  EXPECT_EQ(out(datagram(host, test::address("2001:db8:98::1"))).kind, Kind::answered);
  EXPECT_EQ(error_inside(), "1/1 0") << "administratively prohibited";
  EXPECT_EQ(dropped(LispDrop::map_cache), 1u);
}

TEST_F(LispInterworkingTest, ErrorsOfOurOwnAreFew) {
  for (int i = 0; i < 500; ++i) out(datagram(host, world));
  EXPECT_EQ(actions.inside.size(), 100u);
  EXPECT_EQ(dropped(LispDrop::native), 500u);
}

TEST_F(LispInterworkingTest, TheHopsEnd) {
  EXPECT_EQ(out(PacketBuilder{host, client}.hop_limit(1).udp(1, 2).build()).kind, Kind::answered);
  EXPECT_EQ(error_inside(), "3/0 0");
}

// --- Sizes

TEST_F(LispInterworkingTest, WhatDoesNotFitIsToldToTheSender) {
  EXPECT_EQ(out(datagram(host, client, 1444 - 48)).kind, Kind::tunnel);
  EXPECT_EQ(out(datagram(host, client, 1445 - 48)).kind, Kind::answered);
  EXPECT_EQ(error_inside(), "2/0 1444") << "1500 without the outer headers";
}

TEST_F(LispInterworkingTest, ThePathMayBeNarrower) {
  gw->set_path_mtu(now, ip(client_rloc), 1400);
  out(datagram(host, client, 1445 - 48));
  EXPECT_EQ(error_inside(), "2/0 1344");
  gw->set_path_mtu(now, ip(client_rloc), 1480);
  actions.clear();
  out(datagram(host, client, 1445 - 48));
  EXPECT_EQ(error_inside(), "2/0 1344") << "nobody outside may say that it is wider";
  gw->set_path_mtu(now, ip(client_rloc), 68);
  EXPECT_EQ(out(datagram(host, client, 1280 - 48)).kind, Kind::tunnel) << "nobody is told less than 1280";
  run(seconds{601});
  EXPECT_EQ(out(datagram(host, client, 1444 - 48)).kind, Kind::tunnel) << "forgotten";
}

TEST_F(LispInterworkingTest, ASuperPacketIsMeasuredByItsSegments) {
  const auto segments = [&](std::uint16_t size) {
    Offload offload;
    offload.partial_checksum = true;
    offload.segmentation = Offload::Segmentation::tcp;
    offload.checksum_start = 40;
    offload.checksum_offset = 16;
    offload.segment_size = size;
    return out(PacketBuilder{host, client}.tcp(1, 2, 3, 4, 0x10, test::counting(20'000)).build(), offload);
  };
  EXPECT_EQ(segments(1384).kind, Kind::tunnel);
  EXPECT_EQ(segments(1385).kind, Kind::answered);
  EXPECT_EQ(error_inside(), "2/0 1444");
}

TEST_F(LispInterworkingTest, Ipv4ThatMayBeCutIsCut) {
  EXPECT_EQ(out(datagram4("10.8.0.7", "10.9.0.5", 3000, true)).kind, Kind::answered);
  ASSERT_EQ(actions.tunnel.size(), 3u);
  std::size_t payload = 0;
  for (const TunnelPacket& piece : actions.tunnel) {
    EXPECT_EQ(piece.rloc, ip("192.0.2.20"));
    EXPECT_LE(piece.bytes.size() + lisp::encapsulation_octets(lisp::Family::ipv4), 1500u);
    EXPECT_EQ(lisp::parse_inner(piece.bytes).value().hop_limit, 63);
    payload += piece.bytes.size() - 20;
  }
  EXPECT_EQ(payload, 3008u);
  EXPECT_EQ(out(datagram4("10.8.0.7", "10.9.0.5", 3000, false)).kind, Kind::answered);
  ASSERT_EQ(actions.inside.size(), 1u);
  EXPECT_EQ(load_u16(actions.inside[0].bytes.data() + 26), 1464) << "fragmentation needed";
}

TEST_F(LispInterworkingTest, SessionsBeginWithWhatFits) {
  const ByteVector options{2, 4, 1440 >> 8, 1440 & 0xff};
  const auto announced = [](Bytes packet) { return load_u16(packet.data() + 62); };
  const ByteVector syn = PacketBuilder{host, client}.tcp(1, 2, 3, 4, 0x02, {}, options).build(),
                   syn_ack = PacketBuilder{client, host}.tcp(2, 1, 3, 4, 0x12, {}, options).build();
  out(syn);
  EXPECT_EQ(announced(sent->packet.bytes()), 1440) << "left alone where not asked for";
  begin({.clamp_mss = true});
  out(syn);
  EXPECT_EQ(announced(sent->packet.bytes()), 1500 - 56 - 60);
  EXPECT_TRUE(test::checksum_is_good(sent->packet.bytes()));
  EXPECT_EQ(in(syn_ack).kind, Kind::inside);
  EXPECT_EQ(announced(received), 1500 - 56 - 60);
  gw->set_path_mtu(now, ip(client_rloc), 1400);
  EXPECT_EQ(in(syn_ack).kind, Kind::inside);
  EXPECT_EQ(announced(received), 1400 - 56 - 60);
}

// --- Out of a tunnel

TEST_F(LispInterworkingTest, APacketForTheSiteGoesInside) {
  EXPECT_EQ(
      in(PacketBuilder{client, host}.hop_limit(200).traffic_class(0x02).udp(1, 2).build(), client_rloc, 50, 0xb9).kind,
      Kind::inside);
  EXPECT_EQ(received[7], 50) << "hops count over the whole way";
  EXPECT_EQ(load_u16(received.data()) >> 4 & 0xff, 0xb9) << "DSCP, and ECT(1) over ECT(0)";
}

TEST_F(LispInterworkingTest, OctetsBehindThePacketEndInTheTunnel) {
  ByteVector padded = datagram(client, host, 20);
  padded.resize(padded.size() + 100);
  EXPECT_EQ(in(padded).kind, Kind::inside);
  EXPECT_EQ(received.size(), 68u);
}

TEST_F(LispInterworkingTest, CongestionThatNobodyCouldBeToldOfDrops) {
  EXPECT_EQ(in(datagram(client, host), client_rloc, 60, 0x03).reason, LispDrop::congestion);
}

TEST_F(LispInterworkingTest, NobodySpeaksForUsAndNothingPassesThrough) {
  EXPECT_EQ(in(datagram(host, test::address("2001:db8:1::8"))).reason, LispDrop::source_is_ours);
  EXPECT_EQ(in(datagram(client, world)).reason, LispDrop::not_our_eid);
  EXPECT_EQ(in(datagram(client, guest)).reason, LispDrop::not_our_eid) << "it has not arrived";
  EXPECT_EQ(in(datagram(client, test::address("ff02::1"))).reason, LispDrop::not_unicast);
  EXPECT_EQ(in(test::counting(60)).reason, LispDrop::malformed);
}

TEST_F(LispInterworkingTest, AProxyEtrHasItsClients) {
  begin({.petr_clients = {lisp::parse_ip_prefix("2001:db8:c1::/48").value()}});
  EXPECT_EQ(in(datagram(client, world)).kind, Kind::inside);
  EXPECT_EQ(in(datagram(client, world), "2001:db8:c2::1").reason, LispDrop::not_our_eid);
}

TEST_F(LispInterworkingTest, TheOtherEndOfTheTunnelIsCheckedWhereAsked) {
  EXPECT_EQ(in(datagram(client, host), "2001:db8:66::1").kind, Kind::inside);
  begin({.check_sources = true});
  EXPECT_EQ(in(datagram(client, host), "2001:db8:66::1").reason, LispDrop::outsider);
  EXPECT_EQ(in(datagram(client, host)).kind, Kind::inside);
}

// --- Nodes that come and go

TEST_F(LispInterworkingTest, AMobileNodeIsServedWhileItIsHere) {
  EXPECT_EQ(out(datagram(guest, client)).reason, LispDrop::source_not_eid);
  arrive();
  EXPECT_EQ(in(datagram(client, guest)).kind, Kind::inside);
  EXPECT_EQ(out(datagram(guest, client)).kind, Kind::tunnel);
}

TEST_F(LispInterworkingTest, LatePacketsGoAfterIt) {
  arrive();
  transfer();
  const LispVerdict verdict = in(PacketBuilder{client, guest}.hop_limit(60).udp(1, 2).build(), client_rloc, 50);
  ASSERT_EQ(verdict.kind, Kind::tunnel);
  EXPECT_EQ(verdict.rloc, ip(new_rloc));
  EXPECT_EQ(verdict.outer.hop_limit, 49) << "a loop of relays would end";
  EXPECT_EQ(in(datagram(client, guest), new_rloc).reason, LispDrop::relay_loop);
  run(seconds{61});
  EXPECT_EQ(in(datagram(client, guest)).reason, LispDrop::not_our_eid);
}

TEST_F(LispInterworkingTest, PacketsOfAStoppedNodeWaitAndGoAfterItInOrder) {
  arrive();
  gw->hold(now, eid("2001:db8:e::200:0:0:a"));
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(in(datagram(client, guest, 20 + i)).kind, Kind::held);
  EXPECT_TRUE(actions.tunnel.empty());
  transfer();
  ASSERT_EQ(actions.tunnel.size(), 3u);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(actions.tunnel[i].rloc, ip(new_rloc));
    EXPECT_EQ(actions.tunnel[i].bytes.size(), 68 + i);
  }
  EXPECT_EQ(gw->held_octets(), 0u);
  EXPECT_EQ(in(datagram(client, guest)).kind, Kind::tunnel) << "nothing waits any more";
}

TEST_F(LispInterworkingTest, WhoStaysGetsWhatWaited) {
  arrive();
  gw->hold(now, eid("2001:db8:e::200:0:0:a"));
  in(datagram(client, guest, 20));
  in(datagram(client, guest, 21));
  gw->release(at(), eid("2001:db8:e::200:0:0:a"), actions);
  ASSERT_EQ(actions.inside.size(), 2u);
  EXPECT_EQ(actions.inside[1].bytes.size(), 69u);
  actions.clear();
  gw->hold(now, eid("2001:db8:e::200:0:0:a"));
  in(datagram(client, guest));
  run(seconds{6});
  EXPECT_EQ(actions.inside.size(), 1u) << "nobody said anything for five seconds";
  EXPECT_EQ(in(datagram(client, guest)).kind, Kind::inside);
}

TEST_F(LispInterworkingTest, WaitingIsBounded) {
  begin({.hold_packets = 4, .hold_octets = 1000});
  arrive();
  gw->hold(now, eid("2001:db8:e::200:0:0:a"));
  for (std::size_t i = 0; i < 6; ++i) in(datagram(client, guest, 20 + i));
  EXPECT_EQ(dropped(LispDrop::hold_full), 2u);
  EXPECT_EQ(in(datagram(client, guest, 900)).reason, LispDrop::hold_full) << "octets of all nodes";
  gw->release(at(), eid("2001:db8:e::200:0:0:a"), actions);
  ASSERT_EQ(actions.inside.size(), 4u) << "nothing makes way for what has no room";
  EXPECT_EQ(actions.inside[0].bytes.size(), 48u + 22) << "the oldest made way";
  gw->hold(now, eid("2001:db8:1::7"));
  EXPECT_EQ(in(datagram(client, host)).kind, Kind::inside) << "only mobile EIDs are held";
  begin({.hold_packets = 0});
  arrive();
  gw->hold(now, eid("2001:db8:e::200:0:0:a"));
  EXPECT_EQ(in(datagram(client, guest)).reason, LispDrop::hold_full);
}

}  // namespace
}  // namespace ilnp
