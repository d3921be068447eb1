// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>

#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "io/loop/loop.h"
#include "io/netlink/network_commands.h"
#include "io/netlink/network_monitor.h"
#include "io/sockets/ingress_filter.h"
#include "io/sockets/neighbour_discovery_socket.h"
#include "io/tun/tun_device.h"
#include "tests/support/matchers.h"
#include "tests/support/netns.h"
#include "tests/support/packet_builder.h"

namespace ilnp {
namespace {

using test::address;
using test::TestNamespace;

constexpr Duration limit = seconds{10};
const Address ilv = address("2001:db8:a1:0:214:4fff:fe20:ee64");
const Address router = address("fe80::1");

class Netlink : public ::testing::Test {
 protected:
  Netlink() {
    test::connect(host, "eth0", peer, "eth0");
    eth0 = host.ifindex("eth0");
    commands =
        std::make_unique<NetworkCommands>(std::move(host.inside([] { return NetworkCommands::open(); }).value()));
  }
  void start_monitor() {
    monitor = std::make_unique<NetworkMonitor>(std::move(host.inside([] { return NetworkMonitor::open(); }).value()));
    first = monitor->read().value().events;
  }
  /// The next event that is `wanted`.
  template <class Event>
  std::optional<Event> await(const std::function<bool(const Event&)>& wanted) {
    const TimePoint end = monotonic_now() + limit;
    for (;;) {
      while (!pending.empty()) {
        const NetworkEvent event = std::move(pending.front());
        pending.erase(pending.begin());
        if constexpr (std::is_same_v<Event, NetworkEvent>) {
          if (wanted(event)) return event;
        } else {
          if (const auto* it = std::get_if<Event>(&event); it != nullptr && wanted(*it)) return *it;
        }
      }
      if (!test::readable(monitor->fd(), end - monotonic_now())) return std::nullopt;
      pending = monitor->read().value().events;
    }
  }
  /// Router advertisement from the other end: lifetime 1800 s, preference high, 2001:db8:a1::/64.
  void advertise(std::uint16_t router_lifetime = 1800, std::uint32_t valid = 86400) {
    ByteVector message = test::hex("86000000 40080000 00000000 00000000 030440c0");
    store_u16(message.data() + 6, router_lifetime);
    ByteWriter out{message};
    out.u32(valid);
    out.u32(valid);
    out.u32(0);
    out.bytes(address("2001:db8:a1::").octets());
    out.bytes(test::hex("0101"));
    out.bytes(peer.mac("eth0").octets);
    auto socket = peer.inside([] { return NeighbourDiscoverySocket::open(); });
    ASSERT_TRUE(socket.value().send_probe(peer.ifindex("eth0"), multicast_mac(all_nodes),
                                          build_packet(router, all_nodes, next_header::icmpv6, message, {}, 255)));
  }

  TestNamespace host, peer;
  unsigned eth0 = 0;
  std::unique_ptr<NetworkCommands> commands;
  std::unique_ptr<NetworkMonitor> monitor;
  std::vector<NetworkEvent> first, pending;
};

TEST_F(Netlink, TheFirstReadSaysEverything) {
  host.shell("ip -6 addr add 2001:db8:a1::1/64 nodad dev eth0; ip -6 route add default via fe80::1 dev eth0 metric 77");
  host.shell("ip -6 neigh add fe80::1 lladdr 02:00:00:00:00:07 dev eth0");
  start_monitor();
  ASSERT_GE(first.size(), 4u);
  EXPECT_FALSE(std::get<ResyncStarted>(first.front()).events_were_lost);
  EXPECT_TRUE(std::holds_alternative<ResyncFinished>(first.back()));
  bool link = false, loopback = false, own = false, route = false, neighbour = false;
  for (const NetworkEvent& event : first) {
    if (const auto* l = std::get_if<LinkChanged>(&event)) {
      loopback |= l->is_loopback && l->name == "lo";
      link |= l->ifindex == eth0 && l->name == "eth0" && l->up && l->carrier && l->is_ethernet && l->mtu == 1500 &&
              l->kind == "veth" && l->mac == host.mac("eth0");
    } else if (const auto* a = std::get_if<AddressChanged>(&event)) {
      own |= a->address == address("2001:db8:a1::1") && a->ifindex == eth0 && a->prefix_length == 64 && a->permanent &&
             !a->tentative && a->valid_lifetime == infinite_lifetime;
    } else if (const auto* r = std::get_if<DefaultRouteChanged>(&event)) {
      route |= r->gateway == router && r->ifindex == eth0 && r->metric == 77;
    } else if (const auto* n = std::get_if<NeighbourChanged>(&event)) {
      neighbour |= n->address == router && n->mac == parse_mac("02:00:00:00:00:07") && n->has_mac();
    }
  }
  EXPECT_TRUE(link);
  EXPECT_TRUE(loopback);
  EXPECT_TRUE(own);
  EXPECT_TRUE(route);
  EXPECT_TRUE(neighbour);
}

TEST_F(Netlink, ARouterAdvertisementIsSeenAsPrefixAddressAndRoute) {
  start_monitor();
  advertise();
  // In whatever order they come.
  std::optional<DefaultRouteChanged> route;
  std::optional<AddressChanged> learnt;
  std::optional<PrefixAdvertised> prefix;
  await<NetworkEvent>([&](const NetworkEvent& event) {
    if (const auto* r = std::get_if<DefaultRouteChanged>(&event); r != nullptr && r->gateway == router) route = *r;
    if (const auto* a = std::get_if<AddressChanged>(&event);
        a != nullptr && a->address.locator == ilv.locator && !a->tentative)
      learnt = *a;
    if (const auto* p = std::get_if<PrefixAdvertised>(&event)) prefix = *p;
    return route && learnt && prefix;
  });
  ASSERT_TRUE(route);
  EXPECT_EQ(route->ifindex, eth0);
  EXPECT_FALSE(route->removed);
  EXPECT_EQ(route->preference, RouterPreference::high);
  EXPECT_EQ(route->protocol, 9);
  EXPECT_GT(route->expires, 1700u);
  EXPECT_LE(route->expires, 1800u);
  ASSERT_TRUE(learnt);
  EXPECT_EQ(learnt->ifindex, eth0);
  EXPECT_FALSE(learnt->permanent);
  EXPECT_FALSE(learnt->ours);
  EXPECT_LE(learnt->valid_lifetime, 86400u);
  EXPECT_GT(learnt->valid_lifetime, 86000u);
  ASSERT_TRUE(prefix);
  EXPECT_EQ(prefix->ifindex, eth0);
  EXPECT_EQ(prefix->prefix, (PrefixInformation{address("2001:db8:a1::"), 64, true, true, 86400, 86400}));
  advertise(0);
  EXPECT_TRUE(await<DefaultRouteChanged>([](const auto& r) { return r.gateway == router && r.removed; }))
      << "lifetime 0 withdraws the router";
}

TEST_F(Netlink, CarrierLossAndReturnAreSeen) {
  start_monitor();
  peer.shell("ip link set eth0 down");
  const auto lost = await<LinkChanged>([&](const auto& l) { return l.ifindex == eth0 && !l.carrier; });
  ASSERT_TRUE(lost);
  EXPECT_TRUE(lost->up);
  peer.shell("ip link set eth0 up");
  EXPECT_TRUE(await<LinkChanged>([&](const auto& l) { return l.ifindex == eth0 && l.carrier; }));
  host.shell("ip link del eth0");
  EXPECT_TRUE(await<LinkChanged>([&](const auto& l) { return l.ifindex == eth0 && l.removed; }));
}

TEST_F(Netlink, NeighboursAreResolvedOnRequest) {
  host.shell("ip -6 addr add 2001:db8:a1::1/64 nodad dev eth0");
  peer.shell("ip -6 addr add 2001:db8:a1::2/64 nodad dev eth0");
  start_monitor();
  ASSERT_TRUE(commands->resolve_neighbour(eth0, address("2001:db8:a1::2")));
  const auto found =
      await<NeighbourChanged>([](const auto& n) { return n.address == address("2001:db8:a1::2") && n.has_mac(); });
  ASSERT_TRUE(found);
  EXPECT_EQ(found->mac, peer.mac("eth0"));
  host.sysctl("net/ipv6/neigh/eth0/retrans_time_ms", "20");
  ASSERT_TRUE(commands->resolve_neighbour(eth0, address("2001:db8:a1::3")));
  EXPECT_TRUE(await<NeighbourChanged>(
      [](const auto& n) { return n.address == address("2001:db8:a1::3") && n.state == NeighbourState::failed; }));
  ASSERT_TRUE(commands->delete_neighbour(eth0, address("2001:db8:a1::2")));
  EXPECT_TRUE(
      await<NeighbourChanged>([](const auto& n) { return n.address == address("2001:db8:a1::2") && !n.has_mac(); }));
  EXPECT_TRUE(commands->delete_neighbour(eth0, address("2001:db8:a1::77"))) << "unknown is fine";
}

TEST_F(Netlink, LostNotificationsLeadToAResyncThatSaysSo) {
  start_monitor();
  // Nobody reads while the receive buffer fills.
  for (int i = 0; i < 20'000 && monitor->counters().overruns == 0; ++i) {
    ASSERT_TRUE(commands->set_mtu(eth0, 1400 + static_cast<std::uint32_t>(i % 2)));
    if (i % 5000 == 4999) static_cast<void>(monitor->read());
  }
  ASSERT_EQ(monitor->counters().overruns, 1u);
  ASSERT_TRUE(commands->set_mtu(eth0, 1333));
  pending = monitor->read().value().events;
  const auto started = await<ResyncStarted>([](const auto&) { return true; });
  ASSERT_TRUE(started);
  EXPECT_TRUE(started->events_were_lost);
  EXPECT_TRUE(await<LinkChanged>([&](const auto& l) { return l.ifindex == eth0 && l.mtu == 1333; }));
  EXPECT_TRUE(await<ResyncFinished>([](const auto&) { return true; }));
  ASSERT_TRUE(commands->set_mtu(eth0, 1444));
  EXPECT_TRUE(await<LinkChanged>([&](const auto& l) { return l.mtu == 1444; })) << "events go on";
}

TEST_F(Netlink, AResyncOnRequest) {
  start_monitor();
  monitor->request_resync();
  const auto events = monitor->read().value().events;
  ASSERT_GE(events.size(), 2u);
  EXPECT_FALSE(std::get<ResyncStarted>(events.front()).events_were_lost);
}

TEST_F(Netlink, AnAddressOfOursIsUsableAtOnceAndNeverChosen) {
  host.sysctl("net/ipv6/conf/all/accept_dad", "1");
  host.sysctl("net/ipv6/conf/eth0/accept_dad", "1");
  host.shell("ip -6 addr add 2001:db8:a1::1/64 nodad dev eth0");
  start_monitor();
  ASSERT_TRUE(commands->add_address({.ifindex = eth0,
                                     .address = ilv,
                                     .prefix_length = 64,
                                     .deprecated = true,
                                     .no_dad = true,
                                     .no_prefix_route = true}));
  const auto added = await<AddressChanged>([](const auto& a) { return a.address == ilv; });
  ASSERT_TRUE(added);
  EXPECT_FALSE(added->tentative);
  EXPECT_TRUE(added->deprecated);
  EXPECT_TRUE(added->ours);
  EXPECT_NE(host.shell("ip -6 route get 2001:db8:a1::2").find("src 2001:db8:a1::1"), std::string::npos);
  const AddressSpec again{
      .ifindex = eth0, .address = ilv, .prefix_length = 64, .no_dad = true, .no_prefix_route = true};
  EXPECT_TRUE(commands->add_address(again)) << "replaces";
  EXPECT_EQ(host.shell("ip -6 addr show dev eth0 deprecated"), "");
  ASSERT_TRUE(commands->delete_address(eth0, ilv, 64));
  EXPECT_TRUE(await<AddressChanged>([](const auto& a) { return a.address == ilv && a.removed; }));
  EXPECT_TRUE(commands->delete_address(eth0, ilv, 64)) << "twice is fine";
  EXPECT_TRUE(commands->delete_address(9999, ilv, 64)) << "so is a link that is gone";
}

TEST_F(Netlink, RoutesCarryTableMtuSourceAndOurProtocol) {
  host.shell("ip -6 addr add 2001:db8:a1::1/64 nodad dev eth0");
  RouteSpec route{.prefix = address("2001:db8:77::"),
                  .prefix_length = 64,
                  .ifindex = eth0,
                  .gateway = router,
                  .table = 10'106,
                  .metric = 5,
                  .mtu = 1484,
                  .source = address("2001:db8:a1::1")};
  ASSERT_TRUE(commands->replace_route(route));
  const std::string shown = host.shell("ip -6 route show table 10106");
  for (const char* part :
       {"2001:db8:77::/64", "via fe80::1", "dev eth0", "proto 106", "src 2001:db8:a1::1", "metric 5", "mtu 1484"})
    EXPECT_NE(shown.find(part), std::string::npos) << shown;
  route.mtu = 1400;
  ASSERT_TRUE(commands->replace_route(route));
  const std::string replaced = host.shell("ip -6 route show table 10106");
  EXPECT_NE(replaced.find("mtu 1400"), std::string::npos) << replaced;
  EXPECT_EQ(std::count(replaced.begin(), replaced.end(), '\n'), 1);
  ASSERT_TRUE(commands->delete_route(route));
  EXPECT_EQ(host.shell("ip -6 route show table all proto 106"), "");
  EXPECT_TRUE(commands->delete_route(route)) << "twice is fine";
}

TEST_F(Netlink, Ipv4AddressesAndRoutes) {
  const auto v4 = [](const char* text) { return *lisp::parse_ip_address(text); };
  ASSERT_TRUE(commands->add_address({.ifindex = eth0, .address = v4("192.0.2.1"), .prefix_length = 24}));
  EXPECT_NE(host.shell("ip -4 addr show dev eth0").find("192.0.2.1/24"), std::string::npos);
  RouteSpec on_link{.prefix = v4("10.8.0.0"), .prefix_length = 16, .ifindex = eth0, .protocol = 107};
  RouteSpec behind{
      .prefix = v4("10.9.0.7"), .prefix_length = 32, .ifindex = eth0, .gateway = v4("192.0.2.9"), .protocol = 107};
  RouteSpec other{.prefix = address("2001:db8:77::"), .prefix_length = 64, .ifindex = eth0, .protocol = 107};
  RouteSpec not_meant{.prefix = v4("10.10.0.0"), .prefix_length = 16, .ifindex = eth0};
  for (const RouteSpec& route : {on_link, behind, other, not_meant}) ASSERT_TRUE(commands->replace_route(route));
  ASSERT_TRUE(commands->replace_route(on_link)) << "twice is once";
  const std::string shown = host.shell("ip -4 route show proto 107");
  EXPECT_NE(shown.find("10.8.0.0/16 dev eth0"), std::string::npos) << shown;
  EXPECT_NE(shown.find("10.9.0.7 via 192.0.2.9"), std::string::npos) << shown;
  ASSERT_TRUE(commands->delete_route(behind));
  EXPECT_TRUE(commands->delete_route(behind)) << "twice is fine";
  const auto deleted = commands->delete_routes(107);
  ASSERT_TRUE(deleted) << deleted.error().message;
  EXPECT_EQ(deleted.value(), 2u);
  EXPECT_EQ(host.shell("ip -4 route show proto 107; ip -6 route show proto 107"), "");
  EXPECT_NE(host.shell("ip -4 route show"), "") << "those of others stay";
  ASSERT_TRUE(commands->delete_address(eth0, v4("192.0.2.1"), 24));
}

TEST_F(Netlink, ADefaultRouteOfARouterCanBeTakenAway) {
  start_monitor();
  advertise();
  ASSERT_TRUE(await<DefaultRouteChanged>([](const auto& r) { return r.gateway == router; }));
  ASSERT_TRUE(commands->delete_default_route(eth0, router));
  EXPECT_TRUE(await<DefaultRouteChanged>([](const auto& r) { return r.gateway == router && r.removed; }));
  EXPECT_EQ(host.shell("ip -6 route show default"), "");
}

TEST_F(Netlink, RulesSendALocatorsTrafficToItsTable) {
  const RuleSpec rule{.from = address("2001:db8:a1::"), .from_length = 64, .table = 10'106, .priority = 1060};
  ASSERT_TRUE(commands->add_rule(rule));
  ASSERT_TRUE(commands->add_rule(rule)) << "twice is once";
  const std::string shown = host.shell("ip -6 rule show");
  const auto at = shown.find("1060:\tfrom 2001:db8:a1::/64 lookup 10106");
  ASSERT_NE(at, std::string::npos) << shown;
  EXPECT_EQ(shown.find("1060:", at + 1), std::string::npos) << shown;
  EXPECT_NE(shown.find("proto 106"), std::string::npos) << shown;
  ASSERT_TRUE(commands->delete_rule(rule));
  EXPECT_EQ(host.shell("ip -6 rule show").find("1060:"), std::string::npos);
  EXPECT_TRUE(commands->delete_rule(rule));
}

TEST_F(Netlink, RulesForSocketsThatNobodyBoundAndForAllButDefaultRoutes) {
  // Towards the world by eth0 the source found is one of its /64: the rule holds, and its table leads elsewhere.
  ASSERT_TRUE(commands->add_address(
      {.ifindex = eth0, .address = address("2001:db8:a1::7"), .prefix_length = 64, .no_dad = true}));
  ASSERT_TRUE(
      commands->add_rule({.from = address("2001:db8:a1::"), .table = 10'106, .priority = 1060, .find_source = true}));
  ASSERT_TRUE(commands->replace_route({.ifindex = eth0, .gateway = router, .table = 10'106}));
  EXPECT_NE(host.shell("ip -6 route get 2001:db8:ff::1").find("table 10106"), std::string::npos);
  ASSERT_TRUE(commands->delete_rule({.from_length = 0, .priority = 1060}));
  ASSERT_TRUE(commands->add_rule({.from = address("2001:db8:a1::"), .table = 10'106, .priority = 1060}));
  const std::string unbound = host.shell("! ip -6 route get 2001:db8:ff::1 2>&1");
  EXPECT_NE(unbound.find("Network is unreachable"), std::string::npos)
      << "without an address it holds only for those who have one: " << unbound;

  ASSERT_TRUE(commands->add_rule({.from_length = 0, .table = main_table, .priority = 1061, .no_default_route = true}));
  ASSERT_TRUE(commands->add_rule(
      {.from_length = 0, .table = main_table, .priority = 1062, .upper_protocol = 17, .destination_port = 53}));
  const std::string shown = host.shell("ip -6 rule show");
  EXPECT_NE(shown.find("1061:\tfrom all lookup main suppress_prefixlength 0"), std::string::npos) << shown;
  EXPECT_NE(shown.find("1062:\tfrom all ipproto udp dport 53 lookup main"), std::string::npos) << shown;
}

TEST_F(Netlink, OurTunHasNoLinkLocalAddress) {
  const auto ours = host.inside([] { return TunDevice::open("ilnp0", 1500); });
  const auto ordinary = host.inside([] { return TunDevice::open("other0", 1500); });
  start_monitor();
  ASSERT_TRUE(commands->disable_link_local(ours.value().ifindex()));
  ASSERT_TRUE(commands->set_link_up(ours.value().ifindex()));
  ASSERT_TRUE(commands->set_link_up(ordinary.value().ifindex()));
  EXPECT_TRUE(await<AddressChanged>([&](const auto& a) { return a.ifindex == ordinary.value().ifindex(); }))
      << "a device that came up later has one by now";
  EXPECT_EQ(host.shell("ip -6 addr show dev ilnp0"), "");
}

TEST_F(Netlink, LinksAreConfigured) {
  const auto device = host.inside([] { return TunDevice::open("ilnp0", 1500); });
  const unsigned tun = device.value().ifindex();
  ASSERT_TRUE(commands->set_link_up(tun));
  EXPECT_NE(host.shell("ip link show up dev ilnp0"), "");
  ASSERT_TRUE(commands->set_mtu(tun, 1400));
  EXPECT_NE(host.shell("ip link show ilnp0").find("mtu 1400"), std::string::npos);
  ASSERT_TRUE(commands->set_link_up(tun, false));
  EXPECT_EQ(host.shell("ip link show up dev ilnp0"), "");
  const auto index = host.inside([] { return interface_index("ilnp0"); });
  EXPECT_EQ(index.value(), tun);
  EXPECT_FALSE(host.inside([] { return interface_index("ilnp7"); }));
}

TEST_F(Netlink, ErrorsSayWhatWasTriedAndWhy) {
  const auto address_error = host.inside([&] { return commands->add_address({.ifindex = 9999, .address = ilv}); });
  ASSERT_FALSE(address_error);
  EXPECT_NE(address_error.error().message.find(to_string(ilv)), std::string::npos) << address_error.error().message;
  const auto mtu_error = host.inside([&] { return commands->set_mtu(eth0, 10); });
  ASSERT_FALSE(mtu_error);
  EXPECT_NE(mtu_error.error().message.find("eth0"), std::string::npos) << mtu_error.error().message;
  EXPECT_NE(mtu_error.error().message.find("mtu"), std::string::npos)
      << "the kernel's own words: " << mtu_error.error().message;
}

TEST_F(Netlink, WithoutPermissionCommandsFail) {
  host.inside([&] {
    EXPECT_EQ(test::in_child([&] {
                if (::setgid(65534) != 0 || ::setuid(65534) != 0) return 1;
                auto own = NetworkCommands::open();
                if (!own) return 2;
                const auto done = own.value().set_mtu(eth0, 1400);
                return !done && done.error().message.find("not permitted") != std::string::npos ? 0 : 3;
              }),
              0);
  });
}

// ---- taking everything back -------------------------------------------------------------------------------------

std::string everything(const TestNamespace& where) {
  return where.shell(
      "ip -o link | sed 's/ qdisc.*//'; ip -6 -o addr; ip -6 route show table all; ip -6 rule; nft list ruleset");
}

TEST_F(Netlink, CleanupLeavesNoTraceAndTouchesNothingElse) {
  host.shell(
      "ip -6 addr add 2001:db8:a1::1/64 nodad dev eth0; ip -6 route add default via fe80::1 dev eth0;"
      "ip -6 route add 2001:db8:99::/64 via fe80::1 dev eth0 table 99; ip -6 rule add from 2001:db8:99::/64 lookup 99 "
      "prio 99;"
      "nft add table inet filter");
  const std::string before = everything(host);
  const Address other_ilv = address("2001:db8:a1:0:200::1");
  {
    auto tun = host.inside([] { return TunDevice::open("ilnp0", 1500); });
    ASSERT_TRUE(tun.value().set_persistent(true));
    ASSERT_TRUE(commands->disable_link_local(tun.value().ifindex()));
    ASSERT_TRUE(commands->set_link_up(tun.value().ifindex()));
    ASSERT_TRUE(commands->add_address({.ifindex = tun.value().ifindex(),
                                       .address = address("fd49:4c4e:5036:6631::1"),
                                       .prefix_length = 128,
                                       .no_dad = true}));
    ASSERT_TRUE(commands->replace_route(
        {.prefix = address("fd49:4c4e::"), .prefix_length = 32, .ifindex = tun.value().ifindex(), .mtu = 1484}));
    ASSERT_TRUE(host.inside([] {
      return IngressFilter::apply({{"eth0"}, {ilv.nid}, {{address("fd49:4c4e::"), 32}}, "ilnp0"});
    }));
  }
  for (const Address& one : {ilv, other_ilv})
    ASSERT_TRUE(commands->add_address(
        {.ifindex = eth0, .address = one, .deprecated = true, .no_dad = true, .no_prefix_route = true}));
  ASSERT_TRUE(commands->replace_route({.ifindex = eth0, .gateway = router, .table = 10'106}));
  ASSERT_TRUE(commands->replace_route(
      {.prefix = address("2001:db8:a1::"), .prefix_length = 64, .ifindex = eth0, .table = 10'106}));
  ASSERT_TRUE(
      commands->add_rule({.from = address("2001:db8:a1::"), .from_length = 64, .table = 10'106, .priority = 1060}));
  EXPECT_NE(everything(host), before);
  // As after a crash: another process, which knows nothing but the names.
  auto fresh = host.inside([] { return NetworkCommands::open(); });
  const auto removed = fresh.value().remove_everything_ours();
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(removed.value().rules, 1u);
  EXPECT_EQ(removed.value().routes, 3u);
  EXPECT_EQ(removed.value().addresses, 3u);
  ASSERT_TRUE(host.inside([] { return IngressFilter::remove(); }));
  ASSERT_TRUE(host.inside([] { return TunDevice::remove("ilnp0"); }));
  EXPECT_EQ(everything(host), before);
  const auto again = fresh.value().remove_everything_ours();
  EXPECT_EQ(again.value().routes + again.value().rules + again.value().addresses, 0u);
}

TEST_F(Netlink, AddressesWithoutOurMarkAreRemovedByName) {  // as kernels before 5.18 leave them
  host.shell("ip -6 addr add " + to_string(ilv) +
             "/128 nodad dev eth0; ip -6 addr add 2001:db8:a1::1/64 nodad dev eth0");
  const auto removed = commands->remove_everything_ours(std::array{ilv});
  EXPECT_EQ(removed.value().addresses, 1u);
  EXPECT_EQ(host.shell("ip -6 addr show to " + to_string(ilv)), "");
  EXPECT_NE(host.shell("ip -6 addr show to 2001:db8:a1::1"), "");
}

}  // namespace
}  // namespace ilnp
