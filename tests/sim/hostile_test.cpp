// SPDX-License-Identifier: Apache-2.0
// What strangers and malicious peers can do, and cannot (RFC 6740 section 9, RFC 6743 section 5, RFC 6744 section 5).
#include <map>

#include "core/ilnp/locator_update.h"
#include "core/ipv6/checksum.h"
#include "core/ipv6/icmpv6.h"
#include "tests/sim/pair.h"
#include "tests/support/packet_builder.h"

namespace ilnp::sim {
namespace {

using test::PacketBuilder;

bool is_icmpv6(Bytes packet) {
  const WalkOutcome outcome = walk_headers(packet);
  return outcome.ok && outcome.walk.upper_protocol == next_header::icmpv6;
}

/// A peer that says that it moved to a victim: the stream must not follow.
TEST(Victim, GetsThreePacketsOfAStream) {
  Pair p{80};
  UdpSender& sender = p.alice.send_every(milliseconds{1}, p.bob, 7000, 1000);
  p.world.advance(seconds{3});
  std::uint64_t packets = 0, octets = 0, probes = 0;
  p.world.on_transmit = [&](const Node& from, Bytes packet) {
    if (&from != &p.alice || Address::load(packet.data() + 24).locator != p.d.locator) return;
    if (is_icmpv6(packet)) {
      ++probes;
      return;
    }
    ++packets;
    octets += packet.size();
  };
  auto& mallory = p.world.add<Attacker>("mallory", p.c, NodeId{0xbad});
  const Nonce nonce = p.bob.session(p.alice)->nonce_sent;
  const ByteVector message = encode_locator_update(
      {LocatorUpdateOperation::advertisement, {{p.d.locator, 10, std::chrono::duration<std::uint16_t>{600}}}});
  mallory.send(PacketBuilder{p.bob.ilv(p.c), p.alice.ilv(p.a)}
                   .nonce(nonce)
                   .icmpv6(icmpv6::locator_update, 0, Bytes{message}.subspan(4))
                   .build());
  p.world.advance(milliseconds{3500});
  EXPECT_GT(packets, 0u);
  EXPECT_LE(packets, 3u);
  EXPECT_LE(octets, 4096u);
  EXPECT_LE(probes, 5u);
  // Nor does it grow when nobody answers for a minute.
  p.world.advance(seconds{60});
  EXPECT_LE(packets, 3u * 20);
  EXPECT_LE(probes, 5u * 20);
  sender.stop();
}

/// Told by the names instead: the peer's own zone may lie too.
TEST(Victim, GetsLittleWhenTheNameNamesIt) {
  Pair p{81};
  p.bob.publishes = false;
  p.names.publish("bob", {p.bob.nid(), {{p.d.locator, 10, seconds{0}}}});
  const auto bob = p.alice.resolved("bob");
  ASSERT_TRUE(bob);
  p.alice.tuning().fallback = FallbackPolicy::refuse;
  std::uint64_t packets = 0;
  p.world.on_transmit = [&](const Node& from, Bytes) { packets += &from == &p.alice ? 1 : 0; };
  TcpStream& stream = p.alice.kernel().connect(p.alice.identity(), *bob, 80);
  p.world.advance(seconds{60});
  EXPECT_FALSE(stream.is_established());
  EXPECT_LE(packets, 10u);
}

TEST(Flood, AMillionStrangersLeaveSessionsAlone) {
  Pair p{82};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{100}, 500);
  p.world.advance(seconds{1});
  auto& mallory = p.world.add<Attacker>("mallory", p.d, NodeId{0xbad});
  const ByteVector base = PacketBuilder{{p.d.locator, NodeId{0x0200'ffff'0000'0001}}, p.alice.ilv(p.a)}
                              .nonce(ByteVector(12, 7))
                              .tcp(1000, 22, 1, 0, 0x02)
                              .build();
  const Locator first_site = p.d.locator;
  std::size_t most = 0;
  for (std::uint64_t i = 0; i < 1'000'000; ++i) {
    ByteVector packet = base;
    // Another /48 and another NID with the same sums, so that checksums stay good.
    const auto site = static_cast<std::uint16_t>(i % 2 == 0 ? 0 : i / 200 % 5000),
               node = static_cast<std::uint16_t>(i % 60'000);
    const std::uint64_t moved = first_site.bits + (std::uint64_t{site} << 16);
    store_u64(packet.data() + 8, moved);
    store_u16(packet.data() + 18, static_cast<std::uint16_t>(0xffff - site));
    store_u16(packet.data() + 16, static_cast<std::uint16_t>(0x0200 + node));
    const std::size_t walk_nonce = 44;
    packet[walk_nonce] = static_cast<std::uint8_t>(i);
    store_u16(packet.data() + 20, static_cast<std::uint16_t>(0xffff - node));
    p.alice.receive(std::move(packet), p.a);
    if (i % 10'000 == 0) {
      p.world.advance(milliseconds{10});
      most = std::max(most, p.alice.forwarder().ilcc().size());
    }
  }
  EXPECT_LE(most, p.alice.tuning().max_tentative + 1);
  EXPECT_GT(most, 1000u) << "the flood did not arrive";
  EXPECT_GT(p.alice.drops(DropReason::in_tentative_full), 100'000u);
  ASSERT_NE(p.alice.session(p.bob), nullptr);
  stream.stop_writing();
  p.world.advance(seconds{5});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
  p.bob.move_hard(p.b);
  p.world.advance(seconds{2});
  EXPECT_TRUE(p.agree());
  p.world.advance(seconds{20});
  EXPECT_EQ(p.alice.forwarder().ilcc().size(), 1u) << "tentative entries do not end";
  (void)mallory;
}

TEST(BadNonces, AreLimitedAndDoNotHurtTheSession) {
  for (const std::size_t length : {std::size_t{4}, std::size_t{12}}) {
    Tuning tuning;
    tuning.nonce_length = length;
    Pair p{83, tuning};
    TcpStream& stream = p.connect();
    p.bob.kernel().accepted(80)->write_every(p.world.now(), milliseconds{20}, 500);
    auto& mallory = p.world.add<Attacker>("mallory", p.d, NodeId{0xbad});
    for (int i = 0; i < 3000; ++i) {
      ByteVector guess(length);
      p.world.random().fill(guess);
      mallory.send(PacketBuilder{p.bob.ilv(p.c), p.alice.ilv(p.a)}.nonce(guess).udp(1, 2, test::counting(20)).build());
      p.world.advance(milliseconds{1});
    }
    EXPECT_GE(p.alice.count(EventKind::bad_nonces), 1);
    EXPECT_LE(p.alice.count(EventKind::bad_nonces), 4) << "the log would be flooded";
    EXPECT_GT(p.alice.drops(DropReason::in_quarantined), 2900u);
    EXPECT_LE(p.alice.forwarder().ilcc().size(), 1u + 8 * 4);
    EXPECT_EQ(p.alice.kernel().udp_remotes(2), 0u);
    // The peer's packets, with the nonce and without, are still taken.
    p.bob.move_soft(p.b);
    p.world.advance(seconds{3});
    EXPECT_TRUE(p.agree());
    p.bob.kernel().accepted(80)->stop_writing();
    p.world.advance(seconds{3});
    EXPECT_EQ(stream.received(), p.bob.kernel().accepted(80)->written());
  }
}

/// Somebody off the path pretends to be the peer at its own place: the session's packets without nonce still count.
TEST(Impostor, AtThePeersPlaceCannotBlockTheSession) {
  Pair p{84};
  TcpStream& stream = p.connect();
  TcpStream& server = *p.bob.kernel().accepted(80);
  server.write_every(p.world.now(), milliseconds{20}, 500);
  p.world.advance(seconds{5});
  stream.forget_gap(p.world.now());
  auto& mallory = p.world.add<Attacker>("mallory", p.d, NodeId{0xbad});
  for (int i = 0; i < 60; ++i) {
    ByteVector guess(12);
    p.world.random().fill(guess);
    mallory.send(PacketBuilder{p.bob.ilv(p.c), p.alice.ilv(p.a)}.nonce(guess).tcp(5, 80, 1, 0, 0x02).build());
    mallory.send(PacketBuilder{p.bob.ilv(p.c), p.alice.ilv(p.a)}.nonce(guess).echo_request(9, 9).build());
    p.world.advance(milliseconds{250});
  }
  EXPECT_LT(stream.longest_gap(), milliseconds{300});
  EXPECT_EQ(stream.failure(), "");
  server.stop_writing();
  p.world.advance(seconds{3});
  EXPECT_EQ(stream.received(), server.written());
  EXPECT_EQ(p.alice.count(EventKind::peer_restarted), 0);
  EXPECT_EQ(p.alice.session(p.bob)->identity, p.bob.identity());
}

/// A reset without the nonce is nobody's: a kernel behind a restarted shim sends such ones, and so may anybody.
TEST(Impostor, ResetWithoutTheNonceDoesNotEndAConnection) {
  Pair p{85};
  TcpStream& stream = p.connect();
  p.bob.kernel().accepted(80)->write_every(p.world.now(), milliseconds{20}, 500);
  p.world.advance(seconds{5});
  ByteVector last;
  p.world.on_transmit = [&](const Node& from, Bytes packet) {
    if (&from == &p.bob) last.assign(packet.begin(), packet.end());
  };
  p.world.advance(milliseconds{50});
  ASSERT_FALSE(last.empty());
  const HeaderWalk walk = walk_headers(last).walk;
  const std::uint8_t* tcp = last.data() + walk.upper_offset;
  const std::uint32_t next = load_u32(tcp + 4) + walk.upper_length - 20;
  auto& mallory = p.world.add<Attacker>("mallory", p.d, NodeId{0xbad});
  mallory.send(
      PacketBuilder{walk.source, walk.destination}.tcp(load_u16(tcp), load_u16(tcp + 2), next, 0, tcp_rst).build());
  p.world.advance(seconds{1});
  EXPECT_EQ(stream.failure(), "");
}

/// Any packet of the network, damaged at random: no crash, nothing wrong delivered.
TEST(Noise, DamagedCopiesOfRealPackets) {
  Pair p{86};
  std::vector<ByteVector> recorded;
  p.world.on_transmit = [&](const Node&, Bytes packet) {
    if (recorded.size() < 400) recorded.emplace_back(packet.begin(), packet.end());
  };
  TcpStream& stream = p.connect();
  p.alice.send_every(milliseconds{100}, p.bob, 7000, 2000);
  stream.write(p.world.now(), 100'000);
  p.bob.move_soft(p.d);
  p.world.advance(seconds{3});
  p.world.on_transmit = {};
  auto& random = p.world.random();
  for (int i = 0; i < 20'000; ++i) {
    ByteVector packet = recorded[random.below(recorded.size())];
    for (std::uint64_t n = 0; n <= random.below(4); ++n)
      packet[random.below(packet.size())] = static_cast<std::uint8_t>(random.u64());
    if (random.one_in(4)) packet.resize(random.below(packet.size()) + 1);
    (random.one_in(2) ? p.alice : p.bob).receive(std::move(packet), random.one_in(2) ? p.a : p.d);
    if (i % 100 == 0) p.world.advance(milliseconds{5});
  }
  p.world.advance(seconds{30});
  stream.write(p.world.now(), 10'000);
  p.world.advance(seconds{60});
  // Damage that a 16-bit sum does not see passes any stack: one packet in 65536.
  EXPECT_LE(p.alice.kernel().wrong_octets() + p.bob.kernel().wrong_octets(), 8u);
}

}  // namespace
}  // namespace ilnp::sim
