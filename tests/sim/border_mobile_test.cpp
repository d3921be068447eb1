// SPDX-License-Identifier: Apache-2.0
// A network that moves (scenario f; RFC 6748), and uplinks that fail while correspondents are told by the
// border router: the machines inside notice nothing.
#include "core/site/uplink_liveness.h"
#include "tests/sim/border_sites.h"

namespace ilnp::sim {
namespace {

constexpr LocatorPrefix provider_4{{0x2001'0db8'00e4'0000}, 48};
const NodeId plain_nid{0x0200'0000'0000'0077};

/// The machine has neither moved nor said anything.
void expect_nothing_noticed(const Host& vm) {
  EXPECT_EQ(vm.count(EventKind::own_locator_down), 0);
  EXPECT_EQ(vm.count(EventKind::locator_update_sent), 0);
}

TEST(BorderMobile, HardChangeOfThePrefix) {
  for (const Mapping mapping : {Mapping::neutral, Mapping::replace}) {
    Sites s{31, mapping};
    s.uplink(s.router_1, 1, UplinkState::down);
    TcpStream& in = s.connect(s.peer, s.vm);
    TcpStream& out = s.connect(s.vm, s.peer, 81);
    for (int i = 0; i < 3; ++i) {
      const LocatorPrefix prefix = i % 2 == 0 ? provider_4 : provider_1;
      s.router_1.change_prefix(0, site_1, prefix, s.isp_1, s.inside_1);
      s.world.advance(seconds{2});
      EXPECT_TRUE(s.arrives_whole(in, s.vm));
      EXPECT_TRUE(s.arrives_whole(out, s.peer, 81));
      EXPECT_TRUE(prefix.contains(Host::target(*s.peer.session(s.vm))));
    }
    expect_nothing_noticed(s.vm);
    EXPECT_EQ(s.router_1.rewriter().proxy().counters().acknowledged, 3u);
  }
}

TEST(BorderMobile, SoftChangeKeepsWhatKnowsOnlyTheOldName) {
  Sites s{32};
  s.uplink(s.router_1, 1, UplinkState::down);
  TcpStream& in = s.connect(s.peer, s.vm);
  TcpStream& out = s.connect(s.vm, s.peer, 81);
  TcpStream& plain = s.connect_plain("plain", plain_nid, 82);
  // The new prefix is there beside the old one, and better.
  s.router_1.rewriter().uplinks()[0].preference = 50;
  s.uplink(s.router_1, 1, UplinkState::up);
  s.world.advance(seconds{2});
  EXPECT_EQ(Host::target(*s.peer.session(s.vm)), s.isp_2.locator);
  std::array<int, 2> ilnp{}, others{};
  s.world.on_transmit = [&](const Node& from, Bytes packet) {
    if (&from != &s.router_1) return;
    const Locator source = Address::load(packet.data() + 8).locator;
    const bool is_plain = Address::load(packet.data() + 24).nid == plain_nid;
    if (source == s.isp_1.locator) ++(is_plain ? others : ilnp)[0];
    if (source == s.isp_2.locator) ++(is_plain ? others : ilnp)[1];
  };
  EXPECT_TRUE(s.arrives_whole(in, s.vm));
  EXPECT_TRUE(s.arrives_whole(out, s.peer, 81));
  EXPECT_TRUE(s.arrives_whole(plain, s.plain->kernel(), 82));
  EXPECT_EQ(ilnp[0], 0);
  EXPECT_GT(ilnp[1], 500);
  EXPECT_GT(others[0], 500);
  EXPECT_EQ(others[1], 0);
  EXPECT_GE(s.router_1.rewriter().last_used(0), s.world.now() - seconds{1}) << "the old one is not quiet";
  expect_nothing_noticed(s.vm);
  s.uplink(s.router_1, 0, UplinkState::down);
  s.world.advance(seconds{1});
  EXPECT_TRUE(s.arrives_whole(in, s.vm));
  EXPECT_TRUE(s.arrives_whole(out, s.peer, 81));
}

TEST(BorderMobile, CorrespondentLeavesADeadUplinkAsSoonAsItIsDeclaredDead) {
  Sites s{33};
  UdpSender& sender = s.peer.send_every(milliseconds{5}, s.vm, 7000);
  s.world.advance(seconds{3});
  UdpReceived& received = s.vm.kernel().udp(7000);
  s.isp_1.dead_up = s.isp_1.dead_down = true;
  s.world.advance(milliseconds{300});  // three probe intervals
  const std::uint64_t before = received.datagrams;
  s.uplink(s.router_1, 0, UplinkState::down);
  EXPECT_TRUE(s.world.advance_until([&] { return received.datagrams > before + 2; }, milliseconds{100}))
      << "long before its own three seconds of silence are over";
  EXPECT_EQ(Host::target(*s.peer.session(s.vm)), s.isp_2.locator);
  s.isp_1.dead_up = s.isp_1.dead_down = false;
  s.uplink(s.router_1, 0, UplinkState::up);
  s.world.advance(seconds{3});
  EXPECT_EQ(Host::target(*s.peer.session(s.vm)), s.isp_1.locator) << "and back";
  sender.stop();
  expect_nothing_noticed(s.vm);
}

TEST(BorderMobile, UplinkThatFlapsTenTimesASecondIsLeftAlone) {
  Sites s{34};
  TcpStream& in = s.connect(s.peer, s.vm);
  TcpStream& out = s.connect(s.vm, s.peer, 81);
  UplinkLiveness liveness{LivenessTuning{}};
  UplinkState last = UplinkState::up;
  const auto live = [&](Duration time, auto&& is_dead) {
    for (const TimePoint begin = s.world.now(); s.world.now() < begin + time; s.world.advance(milliseconds{5})) {
      s.isp_1.dead_up = s.isp_1.dead_down = is_dead(s.world.now() - begin);
      if (const auto probe = liveness.on_time(s.world.now()); probe && !s.isp_1.dead_up)
        s.world.after(milliseconds{10}, [&, probe] { liveness.on_answer(s.world.now(), *probe); });
      if (liveness.state() == last) continue;
      last = liveness.state();
      s.uplink(s.router_1, 0, last);
    }
  };
  const auto never_dead = [](Duration) { return false; };
  liveness.on_carrier(s.world.now(), true);
  live(seconds{3}, never_dead);
  ASSERT_EQ(last, UplinkState::up);
  const std::uint64_t before = s.router_1.rewriter().proxy().counters().sent;
  live(seconds{60}, [](Duration since) { return since / milliseconds{50} % 2 == 0; });
  EXPECT_LT(s.router_1.rewriter().proxy().counters().sent, before + 20);
  EXPECT_TRUE(s.arrives_whole(in, s.vm)) << "by the other one";
  EXPECT_TRUE(s.arrives_whole(out, s.peer, 81));
  live(seconds{90}, never_dead);
  EXPECT_EQ(last, UplinkState::up);
  EXPECT_EQ(s.router_1.rewriter().proxy().outstanding(), 0u);
  EXPECT_EQ(Host::target(*s.peer.session(s.vm)), s.isp_1.locator);
  EXPECT_TRUE(s.arrives_whole(in, s.vm));
}

TEST(BorderMobile, MachineThatIsAwayIsSpokenForByItsHome) {
  Sites s{35};
  TcpStream& in = s.connect(s.peer, s.vm);
  s.move_unseen(s.inside_2);
  s.world.advance(seconds{2});
  EXPECT_TRUE(s.arrives_whole(in, s.vm));
  s.isp_1.dead_up = s.isp_1.dead_down = true;
  s.uplink(s.router_1, 0, UplinkState::down);
  s.world.advance(seconds{1});
  EXPECT_EQ(Host::target(*s.peer.session(s.vm)), s.isp_2.locator);
  EXPECT_TRUE(s.arrives_whole(in, s.vm));
}

}  // namespace
}  // namespace ilnp::sim
