// SPDX-License-Identifier: Apache-2.0
// Two sites with border routers and a correspondent outside, while nodes move and uplinks fail (RFC 6748; scenarios of
// "Secure & Agile Wide-Area Virtual Machine Mobility", sections V to VIII).
#include <gtest/gtest.h>

#include "tests/sim/border.h"
#include "tests/sim/host.h"

namespace ilnp::sim {
namespace {

constexpr LocatorPrefix site_1{{0xfd5a'17c0'9e21'0000}, 48}, site_2{{0xfd5b'0000'0002'0000}, 48};
constexpr LocatorPrefix provider_1{{0x2001'0db8'00e1'0000}, 48}, provider_2{{0x2001'0db8'00e2'0000}, 48},
    provider_3{{0x2001'0db8'00e3'0000}, 48};

/// Site 1 has two uplinks, site 2 has one; a link joins them.
struct Sites {
  explicit Sites(std::uint64_t seed, Mapping mapping = Mapping::neutral)
      : world{seed},
        inside_1{world.site("inside 1")},
        inside_2{world.site("inside 2")},
        isp_1{world.site("isp 1")},
        isp_2{world.site("isp 2")},
        isp_3{world.site("isp 3", {.delay = milliseconds{30}})},
        c{world.site("c")},
        d{world.site("d")},
        router_1{world.add<BorderRouter>("router 1")},
        router_2{world.add<BorderRouter>("router 2")},
        vm{world.add<Host>("vm", names)},
        peer{world.add<Host>("peer", names)} {
    inside_1.locator = {site_1.locator.bits + 1};
    inside_2.locator = {site_2.locator.bits + 7};
    router_1.add_inside(inside_1);
    router_2.add_inside(inside_2);
    router_1.add_uplink(0, {site_1, provider_1, 0, mapping});
    router_1.add_uplink(1, {site_1, provider_2, 1, mapping});
    router_2.add_uplink(0, {site_2, provider_3, 0, mapping});
    router_1.add_name(0, isp_1, inside_1);
    router_1.add_name(1, isp_2, inside_1);
    router_2.add_name(0, isp_3, inside_2);
    router_1.add_other_site(site_2, 2);
    router_2.add_other_site(site_1, 1);
    BorderRouter::connect(router_1, 2, router_2, 1, milliseconds{8});
    vm.publishes = false;  // its locators are not those of its names: the router publishes
    vm.attach(inside_1);
    peer.attach(c);
    names.publish("vm", {vm.nid(), {{isp_1.locator, 10, {}}, {isp_2.locator, 20, {}}}});
    world.advance(seconds{1});
  }

  TcpStream& connect(Host& from, Host& to, std::uint16_t port = 80) {
    to.kernel().listen_tcp(port);
    TcpStream& stream = from.connect(to, port);
    EXPECT_TRUE(world.advance_until([&] { return stream.is_established(); }, seconds{10}));
    stream.write_every(world.now(), milliseconds{10}, 400);
    world.advance(milliseconds{500});
    return stream;
  }

  /// An orchestrator's invisible move: both routers are told while the machine stands still.
  void move_unseen(Site& to, Duration pause = milliseconds{50}) {
    const bool leaves = &to == &inside_2;
    vm.detach(leaves ? inside_1 : inside_2);
    if (leaves) {
      router_1.know(vm.nid(), inside_1, Presence::away, inside_2.locator, 2);
      router_2.know(vm.nid(), inside_1, Presence::arriving, inside_2.locator, 1, true);
    } else {
      router_1.know(vm.nid(), inside_1, Presence::arriving, inside_1.locator);
      router_2.know(vm.nid(), inside_1, Presence::away, inside_1.locator, 1, true);
    }
    world.after(pause, [this, &to, leaves] {
      vm.attach(to);
      (leaves ? router_2 : router_1).hears(vm.nid());
    });
  }

  /// All that `stream` wrote has arrived at `port`, in order and whole.
  ::testing::AssertionResult arrives_whole(TcpStream& stream, Host& at, std::uint16_t port = 80) {
    const TcpStream* other = at.kernel().accepted(port);
    if (other == nullptr) return ::testing::AssertionFailure() << "no connection";
    const std::uint64_t before = other->received();
    world.advance(seconds{3});
    if (!stream.is_established() || !other->is_established()) return ::testing::AssertionFailure() << "it ended";
    if (other->wrong_octets() != 0) return ::testing::AssertionFailure() << "wrong octets";
    if (other->received() <= before + 40'000)
      return ::testing::AssertionFailure() << other->received() - before << " octets in three seconds";
    return ::testing::AssertionSuccess();
  }

  World world;
  Directory names;
  Site &inside_1, &inside_2, &isp_1, &isp_2, &isp_3, &c, &d;
  BorderRouter &router_1, &router_2;
  Host &vm, &peer;
};

TEST(Border, SessionsBeginInBothDirections) {
  for (const Mapping mapping : {Mapping::neutral, Mapping::replace}) {
    Sites s{1, mapping};
    EXPECT_TRUE(s.arrives_whole(s.connect(s.peer, s.vm), s.vm));
    EXPECT_TRUE(s.arrives_whole(s.connect(s.vm, s.peer, 81), s.peer, 81));
    EXPECT_EQ(s.vm.session(s.peer)->state, PeerState::established);
    EXPECT_EQ(s.peer.session(s.vm)->state, PeerState::established);
  }
}

TEST(Border, UnseenMoveIsUnseen) {
  for (const Mapping mapping : {Mapping::neutral, Mapping::replace}) {
    Sites s{2, mapping};
    TcpStream& stream = s.connect(s.peer, s.vm);
    TcpStream& other = s.connect(s.vm, s.peer, 81);
    int same = 0, others = 0;
    s.world.on_transmit = [&](const Node& from, Bytes packet) {
      const Address source = Address::load(packet.data() + 8), destination = Address::load(packet.data() + 24);
      const Locator seen = &from == &s.peer ? destination.locator : source.locator;
      if (&from == &s.peer || (&from != &s.vm && destination.locator == s.c.locator))
        ++(seen == s.isp_1.locator ? same : others);
    };
    for (int i = 0; i < 3; ++i) {
      s.move_unseen(s.inside_2);
      EXPECT_TRUE(s.arrives_whole(stream, s.vm));
      EXPECT_TRUE(s.arrives_whole(other, s.peer, 81));
      s.move_unseen(s.inside_1);
      EXPECT_TRUE(s.arrives_whole(stream, s.vm));
      EXPECT_TRUE(s.arrives_whole(other, s.peer, 81));
    }
    EXPECT_EQ(s.peer.count(EventKind::session_ended), 0);
    EXPECT_GT(same, 1000);
    EXPECT_EQ(others, 0);
  }
}

TEST(Border, NothingIsLostWhileTheDestinationHolds) {
  Sites s{3};
  UdpSender& sender = s.peer.send_every(milliseconds{5}, s.vm, 7000);
  s.world.advance(seconds{2});
  s.move_unseen(s.inside_2, milliseconds{300});
  s.world.advance(seconds{3});
  sender.stop();
  s.world.advance(seconds{1});
  const UdpReceived& received = s.vm.kernel().udp(7000);
  EXPECT_EQ(received.overtaken, 0u);
  EXPECT_GE(received.datagrams + 1, sender.sent) << "one was between the router and the machine that stopped";
  EXPECT_EQ(s.router_2.rewriter().held_octets(), 0u);
}

TEST(Border, CorrespondentWithoutIlnpSeesNoChangeEither) {
  Sites s{4};
  PlainNode& plain = s.world.add<PlainNode>("plain", s.d, NodeId{0x0200'0000'0000'0077});
  s.names.publish("plain", plain.entry());
  plain.kernel().listen_tcp(80);
  const auto address = s.vm.resolved("plain");
  ASSERT_TRUE(address);
  TcpStream& stream = s.vm.kernel().connect(s.vm.unbound(), *address, 80);
  ASSERT_TRUE(s.world.advance_until([&] { return stream.is_established(); }, seconds{10}));
  stream.write_every(s.world.now(), milliseconds{10}, 400);
  s.world.advance(seconds{2});
  s.move_unseen(s.inside_2);
  s.world.advance(seconds{4});
  TcpStream* other = plain.kernel().accepted(80);
  ASSERT_NE(other, nullptr);
  const std::uint64_t before = other->received();
  s.world.advance(seconds{3});
  EXPECT_GT(other->received(), before + 40'000);
  EXPECT_EQ(other->wrong_octets(), 0u);
}

TEST(Border, NodesInsideListTheirUniqueLocalLocatorsForTheRouterToRewrite) {
  Sites s{7};
  s.vm.tuning().accept_unique_local = true;
  TcpStream& stream = s.connect(s.peer, s.vm);
  s.move_unseen(s.inside_2);
  EXPECT_TRUE(s.arrives_whole(stream, s.vm));
  EXPECT_GT(s.vm.count(EventKind::locator_update_acknowledged), 0);
  for (const RemoteLocator& l : s.peer.session(s.vm)->remote.all()) EXPECT_TRUE(is_global_unicast(l.locator));
  EXPECT_NE(s.peer.session(s.vm)->remote.find(s.isp_1.locator), nullptr);
  EXPECT_NE(s.peer.session(s.vm)->remote.find(s.isp_2.locator), nullptr);
  EXPECT_EQ(Host::target(*s.peer.session(s.vm)), s.isp_1.locator);
}

TEST(Border, DeadUplinkIsLeftWithoutLosingASession) {
  Sites s{5};
  TcpStream& in = s.connect(s.peer, s.vm);
  TcpStream& out = s.connect(s.vm, s.peer, 81);
  s.isp_1.dead_up = s.isp_1.dead_down = true;
  s.world.after(milliseconds{300}, [&] { s.router_1.rewriter().uplinks()[0].state = UplinkState::down; });
  s.world.advance(seconds{8});
  EXPECT_TRUE(s.arrives_whole(in, s.vm));
  EXPECT_TRUE(s.arrives_whole(out, s.peer, 81));
  EXPECT_GT(s.router_1.by_uplink(1), 100u);
  s.isp_1.dead_up = s.isp_1.dead_down = false;
  s.router_1.rewriter().uplinks()[0].state = UplinkState::up;
  s.world.advance(seconds{3});
  EXPECT_TRUE(s.arrives_whole(in, s.vm));
  EXPECT_TRUE(s.arrives_whole(out, s.peer, 81));
}

TEST(Border, BothEndsMayMove) {
  Sites s{6};
  TcpStream& stream = s.connect(s.peer, s.vm);
  for (int i = 0; i < 4; ++i) {
    s.move_unseen(i % 2 == 0 ? s.inside_2 : s.inside_1);
    s.peer.move_hard(i % 2 == 0 ? s.d : s.c);
    s.world.advance(seconds{5});
    EXPECT_TRUE(s.arrives_whole(stream, s.vm)) << i;
  }
}

}  // namespace
}  // namespace ilnp::sim
