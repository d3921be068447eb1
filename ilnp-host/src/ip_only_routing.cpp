// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/ip_only_routing.h"

#include "core/ipv6/header_walk.h"
#include "io/telemetry/log.h"

namespace ilnp {

namespace {

constexpr std::uint32_t link_table = IpOnlyRouting::table - 1;
/// Behind every rule that somebody may have made for other purposes, right before that of the main table (32766). Each
/// rule has one of its own.
constexpr std::uint32_t first_priority = 32'720, priorities = 40;
static_assert(2 * IpOnlyRouting::max_ports + 4 <= priorities);
/// See kernel_state.cpp: one neighbour entry in the kernel instead of one for every peer.
constexpr Address identity_gateway{{0xfe80'0000'0000'0000}, {1}};

}  // namespace

/// Who has an identity address is ours. For sockets without an address the kernel asks further: DNS is not ours, links
/// of locators are, what another route of the main table leads to is not, the rest is.
Result<void> IpOnlyRouting::add_rules() {
  if (auto removed = remove_rules(commands_); !removed) return removed;
  const Address identities{identity_.locator, {}};
  std::vector<RuleSpec> rules;
  rules.push_back({.from = identities, .table = table});
  for (const std::uint16_t port : except_)
    for (const std::uint8_t protocol : {next_header::udp, next_header::tcp})
      rules.push_back({.from_length = 0, .table = main_table, .upper_protocol = protocol, .destination_port = port});
  rules.push_back({.from = identities, .table = link_table, .find_source = true});
  rules.push_back({.from_length = 0, .table = main_table, .no_default_route = true});
  rules.push_back({.from = identities, .table = table, .find_source = true});
  std::uint32_t priority = first_priority;
  for (RuleSpec& rule : rules) {
    rule.priority = priority++;
    if (auto added = commands_.add_rule(rule); !added) return added;
  }
  return ok();
}

Result<void> IpOnlyRouting::remove_rules(NetworkCommands& commands) {
  for (std::uint32_t i = 0; i < priorities; ++i)
    if (auto gone = commands.delete_rule({.from_length = 0, .priority = first_priority + i}); !gone) return gone;
  return ok();
}

RouteSpec IpOnlyRouting::route(const Address& prefix, std::uint8_t length, std::uint32_t in_table) const {
  RouteSpec out;
  out.prefix = prefix;
  out.prefix_length = length;
  out.ifindex = tun_;
  out.gateway = identity_gateway;
  out.table = in_table;
  out.mtu = mtu_;
  out.source = identity_;
  return out;
}

Result<void> IpOnlyRouting::set_mtu(std::uint32_t link_mtu) {
  mtu_ = link_mtu;
  for (const Locator link : links_)
    if (auto r = commands_.replace_route(route({link, {}}, 64, link_table)); !r) return r;
  return commands_.replace_route(route({}, 0, table));
}

void IpOnlyRouting::set_links(const std::vector<LocatorTracker::Usable>& usable) {
  std::set<Locator> wanted;
  for (const LocatorTracker::Usable& u : usable) wanted.insert(u.locator.locator);
  const auto report = [](const Result<void>& done) {
    if (!done) log_event(LogLevel::error, "link_not_routed", {{"reason", done.error().message}});
  };
  for (const Locator link : wanted)
    if (!links_.contains(link)) report(commands_.replace_route(route({link, {}}, 64, link_table)));
  for (const Locator link : links_)
    if (!wanted.contains(link)) report(commands_.delete_route(route({link, {}}, 64, link_table)));
  links_ = std::move(wanted);
}

}  // namespace ilnp
