// SPDX-License-Identifier: Apache-2.0
// Two sites with border routers, a machine at home in the first, and correspondents outside.
#pragma once

#include <gtest/gtest.h>

#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "tests/sim/border.h"
#include "tests/sim/host.h"

namespace ilnp::sim {

inline constexpr LocatorPrefix site_1{{0xfd5a'17c0'9e21'0000}, 48}, site_2{{0xfd5b'0000'0002'0000}, 48};
inline constexpr LocatorPrefix provider_1{{0x2001'0db8'00e1'0000}, 48}, provider_2{{0x2001'0db8'00e2'0000}, 48},
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
    for (const auto& [id, prefix] : {std::pair{UplinkId{0}, provider_1}, {UplinkId{1}, provider_2}})
      EXPECT_TRUE(router_2.rewriter().map_of(1).add({site_1, prefix, id, mapping}).has_value());
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

  /// The same, and the place where it goes becomes its home; or (`only_home`) it is there already. Its correspondents
  /// are to be told.
  void move_seen(bool only_home, Duration pause = milliseconds{50}) {
    if (!only_home) vm.detach(inside_1);
    NidEntry& away = router_1.know(vm.nid(), inside_1, Presence::away, inside_2.locator, 2);
    away.is_former_home = true;
    NidEntry& here =
        router_2.know(vm.nid(), inside_2, only_home ? Presence::here : Presence::arriving, inside_2.locator);
    ASSERT_TRUE(router_2.rewriter().nids().set_former(here, Place{1, inside_1.locator}).has_value());
    for (BorderRouter* router : {&router_1, &router_2}) router->rewriter().rehomed(world.now(), vm.nid());
    if (only_home) return;
    world.after(pause, [this] {
      vm.attach(inside_2);
      router_2.hears(vm.nid());
    });
  }

  /// As liveness would see it.
  void uplink(BorderRouter& router, UplinkId id, UplinkState state) {
    router.rewriter().uplinks()[id].state = state;
    router.rewriter().names_changed(world.now());
  }

  /// A correspondent with plain IPv6, to which the machine has opened a connection.
  TcpStream& connect_plain(const std::string& name, NodeId nid, std::uint16_t port = 80) {
    PlainNode& node = world.add<PlainNode>(name, d, nid);
    names.publish(name, node.entry());
    node.kernel().listen_tcp(port);
    const auto address = vm.resolved(name);
    EXPECT_TRUE(address);
    TcpStream& stream = vm.kernel().connect(vm.unbound(), address.value_or(Address{}), port);
    EXPECT_TRUE(world.advance_until([&] { return stream.is_established(); }, seconds{10}));
    stream.write_every(world.now(), milliseconds{10}, 400);
    world.advance(seconds{1});
    plain = &node;
    return stream;
  }

  /// All that `stream` wrote has arrived at `port`, in order and whole.
  ::testing::AssertionResult arrives_whole(TcpStream& stream, Host& at, std::uint16_t port = 80) {
    return arrives_whole(stream, at.kernel(), port);
  }
  ::testing::AssertionResult arrives_whole(TcpStream& stream, Kernel& at, std::uint16_t port = 80) {
    const TcpStream* other = at.accepted(port);
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
  PlainNode* plain = nullptr;
};

inline bool is_locator_update(Bytes packet) {
  const WalkOutcome outcome = walk_headers(packet);
  return outcome.ok && outcome.walk.upper_protocol == next_header::icmpv6 &&
         packet[outcome.walk.upper_offset] == icmpv6::locator_update;
}
inline bool is_advertisement(Bytes packet) {
  return is_locator_update(packet) && packet[walk_headers(packet).walk.upper_offset + 5u] == 1;
}

}  // namespace ilnp::sim
