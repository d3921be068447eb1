// SPDX-License-Identifier: Apache-2.0
// What the path does to sizes, checksums and options: path MTU and fragments (RFC 8201, RFC 8200 section 4.5), both
// checksum rules (RFC 6741 section 4.2), when the nonce is there (RFC 6744), nodes and paths without ILNP.
#include "core/ipv6/icmpv6.h"
#include "tests/sim/pair.h"

namespace ilnp::sim {
namespace {

struct Size {
  std::uint16_t path, link;
  std::size_t nonce;
};

class PathMtu : public ::testing::TestWithParam<Size> {};

TEST_P(PathMtu, StreamsAndDatagramsPass) {
  Tuning tuning;
  tuning.nonce_length = GetParam().nonce;
  tuning.nonce_policy = NoncePolicy::always;
  Pair p{60, tuning};
  p.bob.detach(p.c);
  p.c.path_mtu = GetParam().path;
  p.c.link_mtu = p.a.link_mtu = GetParam().link;
  p.alice.detach(p.a);
  p.alice.attach(p.a);
  p.bob.attach(p.c);
  if (GetParam().link < usual_mtu)
    p.alice.kernel().route_mtu = p.bob.kernel().route_mtu = std::max<std::size_t>(GetParam().link - 16u, 1280);
  p.world.advance(seconds{1});
  TcpStream& stream = p.connect();
  TcpStream& server = *p.bob.kernel().accepted(80);
  stream.write(p.world.now(), 400'000);
  server.write(p.world.now(), 400'000);
  UdpSender& small = p.alice.send_every(milliseconds{50}, p.bob, 7000, 1200);
  UdpSender& middle = p.alice.send_every(milliseconds{50}, p.bob, 7001, 1400);
  UdpSender& big = p.bob.send_every(milliseconds{50}, p.alice, 7002, 4000);
  UdpSender& exact = p.bob.send_every(milliseconds{50}, p.alice, 7003, 1280 - 48);
  p.world.advance(seconds{20});
  for (UdpSender* s : {&small, &middle, &big, &exact}) s->stop();
  p.world.advance(seconds{2});
  EXPECT_EQ(stream.acknowledged(), 400'000u) << stream.failure();
  EXPECT_EQ(server.acknowledged(), 400'000u) << server.failure();
  // At most the first of each size is lost to discovery.
  EXPECT_GE(p.bob.kernel().udp(7000).datagrams + 2, small.sent);
  EXPECT_GE(p.bob.kernel().udp(7001).datagrams + 2, middle.sent);
  EXPECT_GE(p.alice.kernel().udp(7002).datagrams + 2, big.sent);
  EXPECT_GE(p.alice.kernel().udp(7003).datagrams + 2, exact.sent);
  EXPECT_EQ(p.alice.kernel().wrong_octets() + p.bob.kernel().wrong_octets(), 0u);
  EXPECT_EQ(p.alice.kernel().bad_checksums() + p.bob.kernel().bad_checksums(), 0u);
}

INSTANTIATE_TEST_SUITE_P(Sizes, PathMtu,
                         ::testing::Values(Size{1500, 1500, 12}, Size{1400, 1500, 4}, Size{1400, 1500, 12},
                                           Size{1280, 1500, 4}, Size{1280, 1500, 12}, Size{1290, 1500, 12},
                                           Size{1280, 1280, 4}, Size{1280, 1280, 12}, Size{1300, 1300, 12}),
                         [](const auto& instance) {
                           return "path" + std::to_string(instance.param.path) + "link" +
                                  std::to_string(instance.param.link) + "nonce" + std::to_string(instance.param.nonce);
                         });

/// A smaller path after a move: the streams learn it, and a larger one is not held back by the old one's size.
TEST(PathMtuAfterAMove, IsThatOfTheNewPath) {
  Pair p{61};
  p.d.path_mtu = 1400;
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{20}, 5000);
  p.world.advance(seconds{2});
  p.bob.move_hard(p.d);
  p.world.advance(seconds{5});
  p.bob.move_hard(p.c);
  p.world.advance(seconds{3});
  stream.stop_writing();
  p.world.advance(seconds{20});
  EXPECT_EQ(stream.acknowledged(), stream.written()) << stream.failure();
}

/// Nodes that follow RFC 6741 to the letter, among themselves and with a node that learns.
TEST(ChecksumMode, Rfc6741AmongEqualsAndWithALearner) {
  for (const bool both : {true, false}) {
    for (const bool prototype_calls : {true, false}) {
      World world{62};
      Directory names;
      Site &a = world.site("a"), &c = world.site("c"), &d = world.site("d");
      Tuning prototype;
      prototype.checksum_mode = ChecksumMode::rfc6741;
      prototype.nonce_policy = NoncePolicy::always;
      prototype.nonce_length = 4;
      prototype.echo_nonce = true;
      auto& fred = world.add<Host>("fred", names, prototype);
      auto& other = world.add<Host>("other", names, both ? prototype : Tuning{});
      fred.allows_rfc6741 = other.allows_rfc6741 = true;
      fred.attach(a);
      other.attach(c);
      world.advance(seconds{1});
      Host& caller = prototype_calls ? fred : other;
      Host& called = prototype_calls ? other : fred;
      called.kernel().listen_tcp(80);
      TcpStream& stream = caller.connect(called, 80);
      stream.write(world.now(), 100'000);
      world.advance(seconds{10});
      if (!both && !prototype_calls) {
        // It sends what every middlebox verifies; a strict prototype would drop that. Ours learns.
        EXPECT_EQ(fred.session(other)->checksum, ChecksumMode::ipv6);
      } else {
        EXPECT_EQ(other.session(fred)->checksum, ChecksumMode::rfc6741);
        EXPECT_EQ(fred.session(other)->checksum, ChecksumMode::rfc6741);
      }
      called.move_hard(d);
      world.advance(seconds{2});
      stream.write(world.now(), 100'000);
      world.advance(seconds{10});
      EXPECT_EQ(stream.acknowledged(), 200'000u) << stream.failure();
      EXPECT_EQ(fred.kernel().bad_checksums() + other.kernel().bad_checksums(), 0u);
      EXPECT_EQ(fred.kernel().wrong_octets() + other.kernel().wrong_octets(), 0u);
    }
  }
}

TEST(ChecksumMode, DamagedPacketsAreNotRepaired) {
  Link dirty;
  dirty.corrupt = 0.02;
  Pair p{63, {}, dirty};
  p.bob.kernel().listen_tcp(80);
  TcpStream& stream = p.alice.connect(p.bob, 80);
  stream.write(p.world.now(), 2'000'000);
  p.world.advance(seconds{300});
  EXPECT_EQ(stream.acknowledged(), 2'000'000u) << stream.failure();
  EXPECT_EQ(p.alice.kernel().wrong_octets() + p.bob.kernel().wrong_octets(), 0u);
  EXPECT_GT(p.bob.kernel().bad_checksums(), 0u);
}

struct NonceCount {
  std::uint64_t with = 0, without = 0;
};

NonceCount* count_nonces(World& world, const Node& from, NonceCount& count) {
  world.on_transmit = [&](const Node& node, Bytes packet) {
    if (&node != &from) return;
    const WalkOutcome outcome = walk_headers(packet);
    ++(outcome.walk.has_nonce() ? count.with : count.without);
  };
  return &count;
}

TEST(NoncePolicyOnTheWire, AdaptiveBulkDataCarriesNone) {
  Pair p{64};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{10}, 1000);
  p.world.advance(seconds{1});
  NonceCount count;
  count_nonces(p.world, p.alice, count);
  p.world.advance(seconds{5});
  EXPECT_EQ(count.with, 0u);
  EXPECT_GT(count.without, 400u);
  // After a change of its own locator: in every packet for three seconds.
  p.alice.move_hard(p.b);
  count = {};
  p.world.advance(milliseconds{2900});
  EXPECT_EQ(count.without, 0u);
  EXPECT_GT(count.with, 200u);
  p.world.advance(seconds{2});
  count = {};
  p.world.advance(seconds{2});
  EXPECT_EQ(count.with, 0u);
  // In every ICMPv6 message.
  p.alice.kernel().ping(p.alice.identity(), stream.ends().remote);
  p.world.advance(milliseconds{5});
  EXPECT_EQ(count.with, 1u);
}

TEST(NoncePolicyOnTheWire, AdaptiveReturnsWhileAnUpdateIsUnanswered) {
  Pair p{65};
  TcpStream& stream = p.connect();
  stream.write_every(p.world.now(), milliseconds{10}, 1000);
  p.world.advance(seconds{4});
  p.world.lose = [&](const Node& from, Bytes packet) {
    const WalkOutcome outcome = walk_headers(packet);
    return &from == &p.alice && outcome.walk.upper_protocol == next_header::icmpv6 &&
           packet[outcome.walk.upper_offset] == 156;
  };
  p.alice.move_hard(p.b);
  NonceCount count;
  count_nonces(p.world, p.alice, count);
  p.world.advance(seconds{20});
  EXPECT_EQ(count.without, 0u);
  EXPECT_EQ(stream.failure(), "");
  EXPECT_GT(p.bob.kernel().accepted(80)->received(), 1'900'000u) << "authenticated packets from a new locator count";
}

TEST(NoncePolicyOnTheWire, AlwaysMeansEveryPacket) {
  Tuning tuning;
  tuning.nonce_policy = NoncePolicy::always;
  Pair p{66, tuning};
  NonceCount count;
  count_nonces(p.world, p.alice, count);
  TcpStream& stream = p.connect();
  stream.write(p.world.now(), 1'000'000);
  p.world.advance(seconds{20});
  EXPECT_EQ(count.without, 0u);
  EXPECT_GT(count.with, 700u);
}

// --- Nodes and paths without ILNP

struct PlainStage {
  explicit PlainStage(OptionReply reply, const Tuning& tuning = {})
      : world{67},
        a{world.site("a")},
        c{world.site("c")},
        alice{world.add<Host>("alice", names, tuning)},
        old{world.add<PlainNode>("old", c, NodeId{0x0214'4fff'fe20'ee64}, reply)} {
    alice.attach(a);
    names.publish("old", old.entry());
    old.kernel().listen_tcp(80);
    world.advance(seconds{1});
  }
  TcpStream* connect() {
    const auto identity = alice.resolved("old");
    return identity ? &alice.kernel().connect(alice.identity(), *identity, 80) : nullptr;
  }
  World world;
  Directory names;
  Site &a, &c;
  Host& alice;
  PlainNode& old;
};

class Fallback : public ::testing::TestWithParam<OptionReply> {};

TEST_P(Fallback, PlainNodeIsReached) {
  PlainStage s{GetParam()};
  const TimePoint start = s.world.now();
  TcpStream* stream = s.connect();
  ASSERT_NE(stream, nullptr);
  stream->write(s.world.now(), 100'000);
  s.world.advance(seconds{20});
  EXPECT_EQ(stream->acknowledged(), 100'000u) << stream->failure();
  const Duration limit = GetParam() == OptionReply::silence ? Duration{seconds{8}} : Duration{milliseconds{200}};
  EXPECT_LT(stream->connected_at() - start, limit);
  ASSERT_NE(s.alice.entry(NodeId{0x0214'4fff'fe20'ee64}), nullptr);
  EXPECT_EQ(s.alice.entry(NodeId{0x0214'4fff'fe20'ee64})->state, PeerState::fallback);
  EXPECT_EQ(s.alice.count(EventKind::session_fallback), 1);
  NonceCount count;
  count_nonces(s.world, s.alice, count);
  stream->write(s.world.now(), 10'000);
  s.world.advance(seconds{5});
  EXPECT_EQ(count.with, 0u);
  EXPECT_EQ(stream->acknowledged(), 110'000u);
}

std::string name_of_reply(const ::testing::TestParamInfo<OptionReply>& instance) {
  if (instance.param == OptionReply::parameter_problem) return "parameter_problem";
  return instance.param == OptionReply::silence ? "silence" : "plain_reply";
}
INSTANTIATE_TEST_SUITE_P(Replies, Fallback,
                         ::testing::Values(OptionReply::parameter_problem, OptionReply::silence,
                                           OptionReply::plain_reply),
                         name_of_reply);

TEST(FallbackRefused, NothingLeavesWithoutTheNonce) {
  Tuning tuning;
  tuning.fallback = FallbackPolicy::refuse;
  for (const OptionReply reply : {OptionReply::parameter_problem, OptionReply::silence, OptionReply::plain_reply}) {
    PlainStage s{reply, tuning};
    NonceCount count;
    count_nonces(s.world, s.alice, count);
    TcpStream* stream = s.connect();
    ASSERT_NE(stream, nullptr);
    s.world.advance(seconds{60});
    EXPECT_EQ(count.without, 0u);
    EXPECT_GT(count.with, 0u);
    EXPECT_FALSE(stream->is_established());
    EXPECT_EQ(s.alice.count(EventKind::session_fallback), 0);
  }
}

TEST(FallbackOnAPath, MiddleboxThatDropsExtensionHeaders) {
  Pair p{68};
  p.c.drops_extension_headers = true;
  p.bob.kernel().listen_tcp(80);
  TcpStream& stream = p.alice.connect(p.bob, 80);
  stream.write(p.world.now(), 50'000);
  p.world.advance(seconds{30});
  EXPECT_EQ(stream.acknowledged(), 50'000u) << stream.failure();
}

TEST(FallbackOnAPath, ForgedParameterProblemIsNotBelieved) {
  Pair p{69};
  TcpStream& stream = p.connect();
  // A whole copy of one of alice's packets, quoted by somebody who saw it, in a session that stands.
  ByteVector seen;
  p.world.on_transmit = [&](const Node& from, Bytes packet) {
    const WalkOutcome outcome = walk_headers(packet);
    if (&from == &p.alice && outcome.walk.has_nonce()) seen.assign(packet.begin(), packet.end());
  };
  p.alice.move_soft(p.b);
  stream.write(p.world.now(), 10'000);
  p.world.advance(seconds{1});
  ASSERT_FALSE(seen.empty());
  auto& mallory = p.world.add<Attacker>("mallory", p.d, NodeId{0xbad});
  const HeaderWalk walk = walk_headers(seen).walk;
  const ByteVector error = build_error(icmpv6::parameter_problem, icmpv6::unrecognised_option, walk.nonce_option, seen);
  mallory.send(build_packet(walk.destination, walk.source, next_header::icmpv6, error));
  mallory.send(build_packet(mallory.address(), walk.source, next_header::icmpv6, error));
  p.world.advance(seconds{1});
  EXPECT_EQ(p.alice.count(EventKind::session_fallback), 0);
  EXPECT_EQ(p.alice.session(p.bob)->state, PeerState::established);
}

/// A plain node calls a host with our shim by its ordinary address: nothing changes for it.
TEST(PlainIpv6, CallFromANodeWithoutIlnp) {
  PlainStage s{OptionReply::parameter_problem};
  s.alice.kernel().listen_tcp(80);
  TcpStream& stream = s.old.kernel().connect(s.old.address(), s.alice.ilv(s.a), 80);
  stream.write(s.world.now(), 100'000);
  s.world.advance(seconds{10});
  EXPECT_EQ(stream.acknowledged(), 100'000u) << stream.failure();
  s.old.kernel().ping(s.old.address(), s.alice.ilv(s.a));
  s.world.advance(seconds{1});
  EXPECT_EQ(s.old.kernel().echo_replies(), 1);
}

}  // namespace
}  // namespace ilnp::sim
