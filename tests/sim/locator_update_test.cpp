// SPDX-License-Identifier: Apache-2.0
// Locator Updates that are lost, late, doubled, overtaken, replayed or forged (RFC 6743 sections 3 and 5).
#include "core/ilnp/locator_update.h"
#include "core/ipv6/icmpv6.h"
#include "tests/sim/pair.h"
#include "tests/support/packet_builder.h"

namespace ilnp::sim {
namespace {

using test::PacketBuilder;

/// Operation of a Locator Update; 0 for any other packet.
int lu_operation(Bytes packet) {
  const WalkOutcome outcome = walk_headers(packet);
  if (!outcome.ok || outcome.walk.upper_protocol != next_header::icmpv6 || outcome.walk.upper_length < 8) return 0;
  const std::uint8_t* message = packet.data() + outcome.walk.upper_offset;
  return message[0] == icmpv6::locator_update ? message[5] : 0;
}

ByteVector forged(const Address& from, const Address& to, Bytes nonce, const LocatorUpdate& update) {
  const ByteVector message = encode_locator_update(update);
  PacketBuilder builder{from, to};
  if (!nonce.empty()) builder.nonce(nonce);
  return builder.icmpv6(icmpv6::locator_update, 0, Bytes{message}.subspan(4)).build();
}

AdvertisedLocator entry(Locator locator, std::uint16_t preference = 10, std::uint16_t lifetime = 500) {
  return {locator, preference, std::chrono::duration<std::uint16_t>{lifetime}};
}

class LostUpdates : public ::testing::TestWithParam<int> {};

TEST_P(LostUpdates, AreSentAgainUntilAcknowledged) {
  for (const int operation : {1, 2}) {
    Pair p{static_cast<std::uint64_t>(GetParam())};
    p.names.reachable = true;
    p.connect();
    p.names.reachable = false;  // no help from names
    int lost = 0;
    p.world.lose = [&](const Node&, Bytes packet) { return lu_operation(packet) == operation && lost++ < GetParam(); };
    p.bob.move_hard(p.d);
    EXPECT_TRUE(
        p.world.advance_until([&] { return p.bob.count(EventKind::locator_update_acknowledged) == 1; }, seconds{16}));
    EXPECT_GE(lost, GetParam() + 1);
    p.world.advance(milliseconds{100});
    EXPECT_TRUE(p.agree());
    EXPECT_EQ(p.alice.count(EventKind::peer_moved), 1);
  }
}
INSTANTIATE_TEST_SUITE_P(OneToSix, LostUpdates, ::testing::Range(1, 7));

TEST(LocatorUpdate, EveryPacketTwice) {
  Link doubling;
  doubling.duplicate = 1;
  Pair p{20, {}, doubling};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{20}, 500);
  for (int i = 0; i < 10; ++i) {
    p.bob.move_hard(i % 2 == 0 ? p.d : p.c);
    p.world.advance(seconds{2});
    EXPECT_TRUE(p.agree());
  }
  EXPECT_EQ(p.alice.count(EventKind::peer_moved), 10);
  stream.stop_writing();
  p.world.advance(seconds{20});
  EXPECT_EQ(stream.acknowledged(), stream.written());
}

/// The first update arrives after the second: the peer believes the older one until the sender notices.
TEST(LocatorUpdate, OvertakenOneIsRepaired) {
  for (const bool acknowledgement_lost : {false, true}) {
    Pair p{21};
    p.connect();
    int seen = 0;
    p.world.hold_up = [&](const Node& from, Bytes packet) -> Duration {
      return &from == &p.bob && lu_operation(packet) == 1 && seen++ == 0 ? milliseconds{700} : milliseconds{0};
    };
    int lost = 0;
    p.world.lose = [&](const Node& from, Bytes packet) {
      // The second acknowledgement is that of the late update.
      return acknowledgement_lost && &from == &p.alice && lu_operation(packet) == 2 && ++lost == 2;
    };
    p.bob.attach(p.d, 20);
    p.world.advance(milliseconds{100});
    p.bob.attach(p.b, 5);
    p.bob.detach(p.c);
    p.world.advance(seconds{10});
    EXPECT_TRUE(p.agree()) << "acknowledgement lost: " << acknowledgement_lost;
    const Correspondent* c = p.alice.session(p.bob);
    ASSERT_NE(c, nullptr);
    for (const RemoteLocator& l : c->remote.all())
      if (!l.receive_only) {
        EXPECT_NE(l.locator, p.c.locator);
      }
  }
}

TEST(LocatorUpdate, ReorderedAndLateByRandom) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    Link wild;
    wild.reorder = 0.5;
    wild.reorder_delay = milliseconds{400};
    wild.duplicate = 0.2;
    Pair p{2200 + seed, {}, wild};
    p.connect();
    p.names.reachable = false;
    for (int i = 0; i < 6; ++i) {
      p.bob.move_hard(i % 2 == 0 ? p.d : p.c);
      p.world.advance(milliseconds{30 + static_cast<int>(p.world.random().below(400))});
    }
    p.world.advance(seconds{12});
    EXPECT_TRUE(p.agree()) << "seed " << seed;
  }
}

TEST(LocatorUpdate, ReplayedOneIsDropped) {
  Pair p{23};
  TcpStream& stream = p.connect();
  ByteVector recorded;
  p.world.on_transmit = [&](const Node& from, Bytes packet) {
    if (&from == &p.bob && lu_operation(packet) == 1 && recorded.empty()) recorded.assign(packet.begin(), packet.end());
  };
  p.bob.move_hard(p.d);
  p.world.advance(seconds{2});
  p.bob.move_hard(p.c);
  p.world.advance(seconds{2});
  ASSERT_FALSE(recorded.empty());
  auto& mallory = p.world.add<Attacker>("mallory", p.b, NodeId{0xbad});
  for (int i = 0; i < 5; ++i) mallory.send(recorded);
  p.world.advance(seconds{1});
  EXPECT_EQ(p.alice.drops(DropReason::lu_replay), 5u);
  EXPECT_TRUE(p.agree());
  stream.write(p.world.now(), 10'000);
  p.world.advance(seconds{1});
  EXPECT_EQ(stream.acknowledged(), 10'000u);
}

/// After a minute the digest is forgotten: the old update is believed, and the names bring the session back.
TEST(LocatorUpdate, ReplayAfterTheMemoryHealsByNames) {
  Pair p{24};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{100}, 300);
  ByteVector recorded;
  p.world.on_transmit = [&](const Node& from, Bytes packet) {
    if (&from == &p.bob && lu_operation(packet) == 1 && recorded.empty()) recorded.assign(packet.begin(), packet.end());
  };
  p.bob.move_hard(p.d);
  p.world.advance(seconds{2});
  p.bob.move_hard(p.c);
  p.world.advance(seconds{90});
  auto& mallory = p.world.add<Attacker>("mallory", p.b, NodeId{0xbad});
  mallory.send(recorded);
  EXPECT_TRUE(p.world.advance_until([&] { return !p.agree(); }, seconds{1})) << "nothing to heal";
  EXPECT_TRUE(p.world.advance_until([&] { return p.agree().operator bool(); }, seconds{15}));
  stream.stop_writing();
  p.world.advance(seconds{20});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
}

TEST(LocatorUpdate, OfAStrangerOrWithAWrongNonceIsDropped) {
  Pair p{25};
  p.connect();
  auto& mallory = p.world.add<Attacker>("mallory", p.d, NodeId{0xbad});
  const LocatorUpdate update{LocatorUpdateOperation::advertisement, {entry(p.d.locator)}};
  const Address bob = p.bob.ilv(p.c), alice = p.alice.ilv(p.a);
  const ByteVector wrong(12, 0x55);
  mallory.send(forged(bob, alice, wrong, update));
  mallory.send(forged(bob, alice, {}, update));
  mallory.send(forged(mallory.address(), alice, wrong, update));
  mallory.send(forged({p.d.locator, p.bob.nid()}, alice, wrong, update));
  p.world.advance(seconds{1});
  EXPECT_EQ(p.alice.drops(DropReason::in_bad_nonce), 2u);
  EXPECT_EQ(p.alice.drops(DropReason::in_forged_icmp), 1u);
  EXPECT_EQ(p.alice.drops(DropReason::in_stranger_control), 1u);
  EXPECT_EQ(p.alice.count(EventKind::peer_moved), 0);
  EXPECT_TRUE(p.agree());
  EXPECT_TRUE(mallory.received.empty());
  EXPECT_EQ(p.alice.forwarder().ilcc().size(), 1u);
}

/// Right nonce, impossible locators; sent twice, because a retransmission must not be acknowledged either.
TEST(LocatorUpdate, ImpossibleLocatorsAreRefused) {
  Pair p{26};
  p.connect();
  auto& mallory = p.world.add<Attacker>("mallory", p.d, NodeId{0xbad});
  const Nonce nonce = p.bob.session(p.alice)->nonce_sent;
  int acknowledged = 0;
  p.world.on_transmit = [&](const Node& from, Bytes packet) {
    acknowledged += &from == &p.alice && lu_operation(packet) == 2 ? 1 : 0;
  };
  const Locator multicast{0xff02'0000'0000'0000}, link_local{0xfe80'0000'0000'0000}, local{0xfd00'1234'5678'0001};
  int sent = 0;
  for (const Locator bad : {multicast, link_local, local, p.a.locator, Locator{}, identity_prefix}) {
    const LocatorUpdate update{LocatorUpdateOperation::advertisement, {entry(bad)}};
    for (int twice = 0; twice < 2; ++twice, ++sent)
      mallory.send(forged(p.bob.ilv(p.c), p.alice.ilv(p.a), nonce.octets(), update));
    p.world.advance(milliseconds{300});
  }
  EXPECT_EQ(acknowledged, 0);
  EXPECT_EQ(p.alice.drops(DropReason::lu_no_usable_locator), static_cast<std::uint64_t>(sent));
  EXPECT_TRUE(p.agree());
  // A withdrawal of everything: lifetime 0.
  mallory.send(forged(p.bob.ilv(p.c), p.alice.ilv(p.a), nonce.octets(),
                      {LocatorUpdateOperation::advertisement, {entry(p.c.locator, 10, 0)}}));
  p.world.advance(seconds{1});
  EXPECT_TRUE(p.agree());
}

TEST(LocatorUpdate, ManyLocatorsAreBounded) {
  Pair p{27};
  p.connect();
  auto& mallory = p.world.add<Attacker>("mallory", p.d, NodeId{0xbad});
  const Nonce nonce = p.bob.session(p.alice)->nonce_sent;
  LocatorUpdate update{LocatorUpdateOperation::advertisement, {}};
  for (std::uint64_t i = 0; i < 255; ++i)
    update.locators.push_back(entry(Locator{0x2001'0db8'ff00'0000 + i}, static_cast<std::uint16_t>(10 + i)));
  std::uint64_t probes = 0;
  p.world.on_transmit = [&](const Node& from, Bytes) { probes += &from == &p.alice ? 1 : 0; };
  for (int round = 0; round < 3; ++round) {
    for (auto& l : update.locators) l.locator.bits += 0x1'0000;
    mallory.send(forged(p.bob.ilv(p.c), p.alice.ilv(p.a), nonce.octets(), update));
    p.world.advance(seconds{1});
  }
  EXPECT_LE(p.alice.session(p.bob)->remote.all().size(), p.alice.tuning().lu_max_accepted_locators + 40);
  EXPECT_LE(probes, 3 * 100 * 4u);
}

TEST(LocatorUpdate, ForgedAcknowledgementIsNotBelieved) {
  Pair p{28};
  p.connect();
  auto& mallory = p.world.add<Attacker>("mallory", p.d, NodeId{0xbad});
  const Nonce nonce = p.alice.session(p.bob)->nonce_sent;
  // Nothing was sent.
  const LocatorUpdate never_sent{LocatorUpdateOperation::acknowledgement, {entry(p.c.locator)}};
  mallory.send(forged(p.alice.ilv(p.a), p.bob.ilv(p.c), nonce.octets(), never_sent));
  p.world.advance(seconds{1});
  EXPECT_EQ(p.bob.drops(DropReason::lu_unexpected_ack) + p.bob.drops(DropReason::lu_other_ack), 1u);
  EXPECT_EQ(p.bob.count(EventKind::locator_update_acknowledged), 0);
  // Something was sent, and does not arrive; the forger has no nonce, or the wrong body.
  LocatorUpdate real;
  p.world.lose = [&](const Node& from, Bytes packet) {
    if (&from != &p.bob || lu_operation(packet) != 1) return false;
    const WalkOutcome outcome = walk_headers(packet);
    if (const auto parsed = parse_locator_update(packet.subspan(outcome.walk.upper_offset))) real = parsed.value();
    return true;
  };
  p.bob.move_hard(p.d);
  p.world.advance(milliseconds{100});
  ASSERT_FALSE(real.locators.empty());
  real.operation = LocatorUpdateOperation::acknowledgement;
  mallory.send(forged(p.alice.ilv(p.a), p.bob.ilv(p.d), {}, real));
  mallory.send(forged(p.alice.ilv(p.a), p.bob.ilv(p.d), ByteVector(12, 1), real));
  mallory.send(forged(p.alice.ilv(p.a), p.bob.ilv(p.d), nonce.octets(), never_sent));
  p.world.advance(seconds{3});
  EXPECT_EQ(p.bob.count(EventKind::locator_update_acknowledged), 0);
  EXPECT_TRUE(p.bob.session(p.alice)->lu_sender->unacknowledged());
  p.world.lose = {};
  p.world.advance(seconds{6});
  EXPECT_TRUE(p.agree());
}

}  // namespace
}  // namespace ilnp::sim
