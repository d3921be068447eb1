// SPDX-License-Identifier: Apache-2.0
// session.bind_ip_only in the kernel: sockets that nobody bound get the identity address towards the whole IPv6 world,
// as far as only a default route, or the link of a locator, leads there. Bound sockets, tunnels and private networks
// with routes of their own, link-local traffic and DNS (which must work without us) are untouched. Rules and two tables
// with our protocol number.
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "core/base/result.h"
#include "core/ipv6/address.h"
#include "ilnp-host/src/locator_tracker.h"
#include "io/netlink/network_commands.h"

namespace ilnp {

class IpOnlyRouting {
 public:
  static constexpr std::size_t max_ports = 16;

  /// `tun` carries `identity`. `except`: ports of services that are reached without us, at most max_ports.
  IpOnlyRouting(NetworkCommands& commands, unsigned tun, const Address& identity, std::vector<std::uint16_t> except)
      : commands_{commands}, tun_{tun}, identity_{identity}, except_{std::move(except)} {}

  /// Also after a run with other settings.
  Result<void> add_rules();
  /// What any run left; no rule: what the tables hold means nothing.
  static Result<void> remove_rules(NetworkCommands& commands);

  /// Routes of the identity prefixes are the same in our table and in the main one.
  static constexpr std::uint32_t table = 0x494c0000;
  Result<void> set_mtu(std::uint32_t link_mtu);
  /// Neighbours on the links of our locators are reached by our I-LV too.
  void set_links(const std::vector<LocatorTracker::Usable>& usable);

 private:
  RouteSpec route(const Address& prefix, std::uint8_t length, std::uint32_t in_table) const;

  NetworkCommands& commands_;
  unsigned tun_;
  Address identity_;
  std::vector<std::uint16_t> except_;
  std::uint32_t mtu_ = 0;
  std::set<Locator> links_;
};

}  // namespace ilnp
