// SPDX-License-Identifier: Apache-2.0
// Moves that ILNP correspondents see (scenario c): told by the machine itself or by the border router on its behalf.
// Correspondents without ILNP go on by the names that they know.
#include "tests/sim/border_sites.h"
#include "tests/support/packet_builder.h"

namespace ilnp::sim {
namespace {

const NodeId plain_nid{0x0200'0000'0000'0077};

/// A machine that has only inside locators says nothing about them by itself, unless it is told to
/// (accept_unique_local). Sessions in both directions with an ILNP peer, and one with a plain node, begun at site 1.
struct Visible : Sites {
  explicit Visible(std::uint64_t seed, Mapping mapping = Mapping::neutral)
      : Sites{seed, mapping},
        in{connect(peer, vm)},
        out{connect(vm, peer, 81)},
        other{connect_plain("plain", plain_nid, 82)} {
    world.on_transmit = [this](const Node& from, Bytes packet) {
      const Locator source = Address::load(packet.data() + 8).locator;
      const Locator destination = Address::load(packet.data() + 24).locator;
      const bool is_plain = Address::load(packet.data() + 24).nid == plain_nid;
      if (&from == &router_2 && source == isp_3.locator) ++(is_plain ? plain_by_new : by_new);
      if (&from == &router_1 && (source == isp_1.locator || source == isp_2.locator))
        ++(is_plain ? plain_by_old : by_old);
      if (&from == &peer && destination == isp_3.locator) ++to_new;
      if (&from == &peer && (destination == isp_1.locator || destination == isp_2.locator)) ++to_old;
      if (&from == &router_2 && is_advertisement(packet) && source == isp_3.locator) ++updates;
    };
  }
  /// Both directions of the ILNP sessions go by the new names only, the plain one by the old ones, and nothing is lost.
  void expect_moved() {
    EXPECT_TRUE(arrives_whole(in, vm));
    EXPECT_TRUE(arrives_whole(out, peer, 81));
    by_new = by_old = to_new = to_old = plain_by_new = plain_by_old = 0;
    EXPECT_TRUE(arrives_whole(in, vm));
    EXPECT_TRUE(arrives_whole(other, plain->kernel(), 82));
    EXPECT_GT(by_new, 200);
    EXPECT_GT(to_new, 200);
    EXPECT_EQ(by_old + to_old, 0);
    EXPECT_GT(plain_by_old, 200);
    EXPECT_EQ(plain_by_new, 0);
    EXPECT_EQ(peer.count(EventKind::session_ended), 0);
    EXPECT_EQ(vm.count(EventKind::session_ended), 0);
  }

  TcpStream &in, &out, &other;
  int by_new = 0, by_old = 0, to_new = 0, to_old = 0, plain_by_new = 0, plain_by_old = 0, updates = 0;
};

TEST(BorderVisible, MachineTellsItsCorrespondentItself) {
  for (const Mapping mapping : {Mapping::neutral, Mapping::replace}) {
    Visible s{11, mapping};
    s.vm.tuning().accept_unique_local = true;
    s.move_seen(false);
    s.world.advance(seconds{2});
    s.expect_moved();
    EXPECT_EQ(Host::target(*s.peer.session(s.vm)), s.isp_3.locator);
    EXPECT_EQ(s.router_2.rewriter().proxy().counters().acknowledged, 0u) << "it was heard itself";
    EXPECT_GE(s.vm.count(EventKind::locator_update_acknowledged), 1);
  }
}

TEST(BorderVisible, RouterTellsTheCorrespondentOfASilentMachine) {
  for (const Mapping mapping : {Mapping::neutral, Mapping::replace}) {
    Visible s{12, mapping};
    s.move_seen(false);
    s.world.advance(seconds{2});
    s.expect_moved();
    EXPECT_GE(s.router_2.rewriter().proxy().counters().acknowledged, 1u);
    EXPECT_EQ(s.router_2.rewriter().proxy().outstanding(), 0u);
    EXPECT_EQ(s.vm.count(EventKind::locator_update_acknowledged), 0) << "the answers are the router's";
  }
}

TEST(BorderVisible, FirstUnseenThenSeen) {
  for (const Mapping mapping : {Mapping::neutral, Mapping::replace}) {
    Visible s{13, mapping};
    s.move_unseen(s.inside_2);
    s.world.advance(seconds{3});
    EXPECT_EQ(s.by_new + s.to_new + s.updates, 0);
    EXPECT_TRUE(s.arrives_whole(s.in, s.vm));
    s.move_seen(true);
    s.world.advance(seconds{2});
    s.expect_moved();
    EXPECT_GE(s.router_2.rewriter().proxy().counters().acknowledged, 1u);
    EXPECT_EQ(Host::target(*s.peer.session(s.vm)), s.isp_3.locator);
  }
}

TEST(BorderVisible, CorrespondentIsOnTheDirectPathWithinTwoRoundTrips) {
  Visible s{14};
  s.move_unseen(s.inside_2);
  s.world.advance(seconds{3});
  s.move_seen(true);
  const Duration round_trip = 2 * (s.isp_3.up.delay + s.c.down.delay);
  EXPECT_TRUE(s.world.advance_until([&] { return s.to_new > 0 && s.by_new > s.updates; }, 2 * round_trip));
}

TEST(BorderVisible, LostAndDoubledUpdatesAreMadeUpFor) {
  for (std::uint64_t seed = 20; seed < 26; ++seed) {
    Visible s{seed};
    s.move_unseen(s.inside_2);
    s.world.advance(seconds{2});
    for (Link* link : {&s.isp_3.up, &s.isp_3.down}) link->loss = 0.3, link->duplicate = 0.3, link->reorder = 0.3;
    s.move_seen(true);
    EXPECT_TRUE(
        s.world.advance_until([&] { return s.router_2.rewriter().proxy().counters().acknowledged > 0; }, seconds{30}));
    for (Link* link : {&s.isp_3.up, &s.isp_3.down}) *link = {.delay = milliseconds{30}};
    s.world.advance(seconds{10});
    s.expect_moved();
  }
}

TEST(BorderVisible, MachineThatSpeaksForItselfEndsTheProxy) {
  Visible s{15};
  s.vm.tuning().accept_unique_local = true;
  s.move_unseen(s.inside_2);
  s.world.advance(seconds{2});
  s.world.lose = [&s](const Node& from, Bytes packet) { return &from == &s.router_2 && is_advertisement(packet); };
  s.move_seen(true);
  s.world.advance(seconds{4});
  const ProxyCounters& counters = s.router_2.rewriter().proxy().counters();
  EXPECT_EQ(s.router_2.rewriter().proxy().outstanding(), 1u);
  EXPECT_GE(counters.sent, 4u);
  s.world.lose = nullptr;
  const int acknowledged = s.vm.count(EventKind::locator_update_acknowledged);
  s.vm.detach(s.inside_2);
  s.vm.attach(s.inside_2);
  s.world.advance(seconds{2});
  EXPECT_GT(s.vm.count(EventKind::locator_update_acknowledged), acknowledged);
  EXPECT_EQ(s.router_2.rewriter().proxy().outstanding(), 0u);
  EXPECT_EQ(counters.acknowledged, 0u);
  s.expect_moved();
}

TEST(BorderVisible, ForgedAcknowledgementsDoNotStopIt) {
  Visible s{16};
  s.move_unseen(s.inside_2);
  s.world.advance(seconds{2});
  Attacker& attacker = s.world.add<Attacker>("attacker", s.d, s.peer.nid());
  ByteVector update;
  s.world.lose = [&](const Node& from, Bytes packet) {
    if (&from == &s.router_2 && is_advertisement(packet)) update.assign(packet.begin(), packet.end());
    return is_advertisement(packet) && &from == &s.router_2;
  };
  s.move_seen(true);
  ASSERT_TRUE(s.world.advance_until([&] { return !update.empty(); }, seconds{1}));
  // The names are no secret; the nonce is, which this router has not seen yet, and so are the lifetimes.
  for (int i = 0; i < 20; ++i) {
    const HeaderWalk walk = walk_headers(update).walk;
    ByteVector body{update.begin() + walk.upper_offset, update.end()};
    body[5] = 2;
    store_u16(body.data() + 18, static_cast<std::uint16_t>(600 - i));
    const Nonce guess{test::counting(12)};
    ByteVector header(guess.header_length());
    write_nonce_header(header.data(), next_header::icmpv6, guess);
    attacker.send(build_packet(walk.destination, walk.source, next_header::icmpv6, body, header));
    s.world.advance(milliseconds{100});
  }
  EXPECT_EQ(s.router_2.rewriter().proxy().counters().acknowledged, 0u);
  EXPECT_GE(s.router_2.rewriter().proxy().counters().other_ack, 20u);
  EXPECT_TRUE(s.arrives_whole(s.in, s.vm)) << "by the old names";
  s.world.lose = nullptr;
  s.world.advance(seconds{6});
  s.expect_moved();
}

}  // namespace
}  // namespace ilnp::sim
