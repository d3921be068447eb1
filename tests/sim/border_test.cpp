// SPDX-License-Identifier: Apache-2.0
// Two sites with border routers and a correspondent outside, while nodes move and uplinks fail (RFC 6748; scenarios of
// "Secure & Agile Wide-Area Virtual Machine Mobility", sections V to VIII).
#include "tests/sim/border_sites.h"

namespace ilnp::sim {
namespace {

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
  TcpStream& stream = s.connect_plain("plain", NodeId{0x0200'0000'0000'0077});
  s.move_unseen(s.inside_2);
  s.world.advance(seconds{4});
  EXPECT_TRUE(s.arrives_whole(stream, s.plain->kernel()));
}

/// A peer without ILNP; the node's sockets are bound to its identity address (session.bind_ip_only).
struct IpOnlySites : Sites {
  explicit IpOnlySites(std::uint64_t seed)
      : Sites{seed}, plain{world.add<PlainNode>("plain", d, NodeId{0x0200'0000'0000'0077})} {
    vm.forwarder().bind_ip_only({});
    vm.tuning().accept_unique_local = true;
    world.on_transmit = [this](const Node& from, Bytes packet) {
      const Address source = Address::load(packet.data() + 8), destination = Address::load(packet.data() + 24);
      if (destination == plain.address() && &from != &vm && source.nid == vm.nid())
        ++(source.locator == isp_1.locator ? by_its_name : by_another);
    };
  }
  /// Unseen moves there and back, twice; octets go on arriving at `there` in between.
  void move_about(TcpStream& stream, Kernel& there, std::uint16_t port) {
    for (int i = 0; i < 4; ++i) {
      move_unseen(i % 2 == 0 ? inside_2 : inside_1);
      world.advance(seconds{2});
      TcpStream* other = there.accepted(port);
      ASSERT_NE(other, nullptr);
      const std::uint64_t before = other->received();
      world.advance(seconds{2});
      EXPECT_TRUE(stream.is_established()) << i;
      EXPECT_GT(other->received(), before + 40'000) << i;
      EXPECT_EQ(other->wrong_octets(), 0u);
    }
    EXPECT_GT(by_its_name, 500);
    EXPECT_EQ(by_another, 0);
    EXPECT_EQ(vm.forwarder().ilcc().size(), 0u) << "no session of ILNP";
  }
  PlainNode& plain;
  int by_its_name = 0, by_another = 0;
};

TEST(Border, IpOnlyServerSeesNoMoveAndOurSocketSeesNoLocator) {
  for (const std::uint64_t seed : {8u, 9u}) {
    IpOnlySites s{seed};
    s.plain.kernel().listen_tcp(80);
    TcpStream& stream = s.vm.kernel().connect(s.vm.identity(), s.plain.address(), 80);
    ASSERT_TRUE(s.world.advance_until([&] { return stream.is_established(); }, seconds{10}));
    stream.write_every(s.world.now(), milliseconds{10}, 400);
    s.move_about(stream, s.plain.kernel(), 80);
  }
}

TEST(Border, IpOnlyClientSeesNoMoveAndOurSocketSeesNoLocator) {
  for (const std::uint64_t seed : {10u, 11u}) {
    IpOnlySites s{seed};
    s.vm.kernel().listen_tcp(22);
    TcpStream& stream = s.plain.kernel().connect(s.plain.address(), {s.isp_1.locator, s.vm.nid()}, 22);
    ASSERT_TRUE(s.world.advance_until([&] { return stream.is_established(); }, seconds{10}));
    stream.write_every(s.world.now(), milliseconds{10}, 400);
    s.move_about(stream, s.vm.kernel(), 22);
  }
}

TEST(Border, IpOnlyDatagramsWaitWhileTheNodeIsBetweenTwoPlaces) {
  IpOnlySites s{12};
  s.plain.kernel().listen_udp(7000);
  UdpSender& sender = s.vm.kernel().send_every(milliseconds{5}, s.vm.identity(), s.plain.address(), 7000);
  s.world.advance(seconds{1});
  s.move_unseen(s.inside_2, milliseconds{300});
  s.world.advance(seconds{1});
  sender.stop();
  s.world.advance(seconds{1});
  const UdpReceived& received = s.plain.kernel().udp(7000);
  EXPECT_GE(received.datagrams + 1, sender.sent) << "one was between the machine that stopped and the router";
  EXPECT_EQ(received.overtaken, 0u);
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
