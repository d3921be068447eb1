// SPDX-License-Identifier: Apache-2.0
// Many EIDs and many clients, in virtual time.
#include <algorithm>

#include "tests/unit/lisp/xtr_world.h"

namespace ilnp::lisp {
namespace {

using Kind = XtrEvent::Kind;
using State = EidPresence::State;

class XtrScaleTest : public XtrWorld {
 protected:
  static EidPrefix node(std::uint64_t n) { return {0, IpPrefix::host(Address{{0x2001'0db8'0e1d'0000}, {n}})}; }
};

TEST_F(XtrScaleTest, TenThousandEidsAreRegisteredWithinFiveSeconds) {
  build(false);
  world.default_delay = milliseconds{10};
  world.run(seconds{1});
  const TimePoint began = world.now;
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) {
    for (std::uint64_t n = 1; n <= 10'000; ++n) xtr.arrived(at, xtr.own_record(node(n)), actions);
  });
  while (world.events_of("g1", Kind::registered) < 10'000 && world.now - began < seconds{20})
    world.run(milliseconds{100});
  EXPECT_LE(world.now - began, seconds{5});
  EXPECT_EQ(world["server"].xtr->server()->registrations(), 10'001u);
}

TEST_F(XtrScaleTest, TenThousandEidsThatArriveOneByOne) {
  build(false);
  world.default_delay = milliseconds{10};
  const TimePoint began = world.now;
  for (std::uint64_t n = 1; n <= 10'000; ++n) {
    world.arrive("g1", node(n));
    world.run(microseconds{100});
  }
  while (world.events_of("g1", Kind::registered) < 10'000 && world.now - began < seconds{20})
    world.run(milliseconds{100});
  EXPECT_LE(world.now - began, seconds{5});
}

TEST_F(XtrScaleTest, TenThousandClientsAreToldWithinASecond) {
  build(true);
  XtrSettings settings = world["g1"].xtr->settings();
  settings.clients.most_of_one_eid = 20'000;
  world.add("g1", std::move(settings));
  settle();
  for (std::uint32_t i = 0; i < 10'000; ++i)
    world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) {
      xtr.on_data(at, vm_eid, IpAddress{Address{{0x2001'0db8'ffff'0000}, {i + 1}}}, actions);
    });
  const TimePoint began = world.now;
  world.arrive("g2", vm);
  world.run(seconds{1});
  const auto solicited = world.sent("g1", 1);
  EXPECT_EQ(solicited.size(), 10'000u);
  EXPECT_EQ(way(), g2_address);
  for (const auto& sent : solicited) EXPECT_LE(sent.at - began, seconds{1});
}

TEST_F(XtrScaleTest, PeersThatUnderstandAreUpdatedAtAPace) {
  build(true);
  XtrSettings settings = world["g1"].xtr->settings();
  settings.peers.resize(3);
  for (std::uint32_t i = 0; i < 10'000; ++i) {
    XtrPeer one = peer("client", client_address);
    one.addresses = {IpAddress{Address{{0x2001'0db8'ffff'0000}, {i + 1}}}};
    settings.peers.push_back(std::move(one));
  }
  world.add("g1", std::move(settings));
  settle();
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) {
    for (std::uint32_t i = 0; i < 10'000; ++i)
      xtr.on_data(at, vm_eid, IpAddress{Address{{0x2001'0db8'ffff'0000}, {i + 1}}}, actions);
  });
  const TimePoint began = world.now;
  world.arrive("g2", vm);
  world.run(milliseconds{990});
  std::size_t updated = 0;
  for (const auto& sent : world.sent("g1", 15))
    updated += sent.at - began <= seconds{1} && sent.datagram.message[2] == 0x15 ? 1 : 0;
  EXPECT_GE(updated, 9'900u) << "the first two of a client's messages may be one";
}

// What a peer says rightly does not count as a flood: neither its TRANSFERs, nor the acknowledgements of ours.
TEST_F(XtrScaleTest, FiveThousandEidsAreHandedOverAtOnce) {
  build(true);
  const auto arrive_all = [&](const char* where) {
    world.act(where, [](Xtr& xtr, Instant at, XtrActions& actions) {
      for (std::uint64_t n = 1; n <= 5'000; ++n) xtr.arrived(at, xtr.own_record(node(n)), actions);
    });
  };
  arrive_all("g1");
  world.run(seconds{60});
  arrive_all("g2");
  world.run(seconds{10});
  std::size_t gone = 0;
  world["g1"].xtr->for_each_presence(
      [&](const EidPrefix&, const EidPresence& one) { gone += one.state() == State::away; });
  EXPECT_EQ(gone, 5'000u);
  EXPECT_EQ(world["g1"].xtr->dropped(XtrDrop::change_limit), 0u);
  EXPECT_EQ(world["g2"].xtr->dropped(XtrDrop::change_limit), 0u);
  EXPECT_EQ(world.events_of("g2", Kind::transfer_unanswered), 0u);
}

TEST_F(XtrScaleTest, MobileEidsAreBounded) {
  build(false);
  world.act("g1", [&](Xtr& xtr, Instant at, XtrActions& actions) {
    for (std::uint64_t n = 1; n <= 100'001; ++n) xtr.will_move(at, node(n), actions);
  });
  std::size_t count = 0;
  world["g1"].xtr->for_each_presence([&](const EidPrefix&, const EidPresence&) { ++count; });
  EXPECT_LE(count, 100'000u);
}

}  // namespace
}  // namespace ilnp::lisp
