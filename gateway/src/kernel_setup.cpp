// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/kernel_setup.h"

#include <net/if.h>

#include <algorithm>
#include <fstream>

#include "io/telemetry/log.h"

namespace ilnp {
namespace {

/// Without an MTU: the kernel's own errors would be routed by the main table, whatever table their receiver is in.
RouteSpec route_into(const TunSettings& settings, const TunDevice& device, const lisp::IpPrefix& prefix) {
  RouteSpec route;
  route.prefix = prefix.address;
  route.prefix_length = prefix.length;
  route.ifindex = device.ifindex();
  route.table = settings.table;
  route.protocol = gateway_protocol;
  return route;
}

/// ICMP errors of ours come out of the device from an address that the kernel has itself: without this it takes them
/// for forged. Nobody else can send so: what comes out of tunnels in our name is dropped.
void accept_own_errors(const GatewaySettings& all, const TunSettings& settings) {
  const auto is_ipv4 = [](const lisp::IpAddress& address) { return address.is_ipv4(); };
  if (std::ranges::none_of(settings.addresses, is_ipv4) && !all.xtr.underlay.has(lisp::Family::ipv4)) return;
  const std::string path = "/proc/sys/net/ipv4/conf/" + settings.name + "/accept_local";
  std::ofstream file{path};
  file << 1 << std::flush;
  if (!file.good())
    log_event(LogLevel::warning, "accept_local_not_set",
              {{"interface", settings.name}, {"next", "set net.ipv4.conf." + settings.name + ".accept_local to 1"}});
}

}  // namespace

Result<void> KernelSetup::set_up(const TunSettings& settings, const TunDevice& device) {
  if (auto done = commands_.disable_link_local(device.ifindex()); !done) return done;
  if (auto done = commands_.set_link_up(device.ifindex()); !done) return done;
  for (const lisp::IpAddress& own : settings.addresses) {
    AddressSpec address;
    address.ifindex = device.ifindex();
    address.address = own;
    address.prefix_length = lisp::address_bits(own.family());
    address.no_dad = true;
    if (auto done = commands_.add_address(address); !done) return done;
  }
  accept_own_errors(settings_, settings);
  return set_routes(settings, device);
}

Result<void> KernelSetup::set_routes(const TunSettings& settings, const TunDevice& device) {
  routes_[device.ifindex()].table = settings.table;
  std::set<lisp::IpPrefix>& there = routes_[device.ifindex()].prefixes;
  const std::set<lisp::IpPrefix> wanted{settings.routes.begin(), settings.routes.end()};
  for (auto it = there.begin(); it != there.end();) {
    if (wanted.contains(*it)) {
      ++it;
      continue;
    }
    if (auto done = commands_.delete_route(route_into(settings, device, *it)); !done) return done;
    it = there.erase(it);
  }
  for (const lisp::IpPrefix& prefix : wanted) {
    if (auto done = commands_.replace_route(route_into(settings, device, prefix)); !done) return done;
    there.insert(prefix);
  }
  return ok();
}

Result<void> KernelSetup::remove_stale_routes() {
  std::set<NetworkCommands::FoundRoute> ours;
  const auto add = [&](const RouteSpec& route) {
    ours.insert({route.ifindex, route.table, {route.prefix, route.prefix_length}});
  };
  for (const lisp::Eid& eid : delivered_)
    if (const auto route = host_route(eid)) add(*route);
  for (const auto& [ifindex, device] : routes_)
    for (const lisp::IpPrefix& prefix : device.prefixes) ours.insert({ifindex, device.table, prefix});
  const auto keep = [&](const NetworkCommands::FoundRoute& route) { return ours.contains(route); };
  if (auto removed = commands_.delete_routes(gateway_protocol, keep); !removed) return removed.error();
  return ok();
}

std::optional<RouteSpec> KernelSetup::host_route(const lisp::Eid& eid) const {
  const MobileSettings* block = settings_.block_of(eid);
  const TunSettings* inside = settings_.interface_of(eid.instance);
  if (block == nullptr || inside == nullptr) return std::nullopt;
  const unsigned ifindex = if_nametoindex(block->interface.c_str());
  if (ifindex == 0) return std::nullopt;
  RouteSpec route;
  route.prefix = eid.address;
  route.prefix_length = lisp::address_bits(eid.address.family());
  route.ifindex = ifindex;
  route.gateway = block->next_hop;
  route.table = inside->table;
  route.protocol = gateway_protocol;
  return route;
}

Result<void> KernelSetup::deliver(const lisp::Eid& eid) {
  delivered_.insert(eid);
  const auto route = host_route(eid);
  if (!route) return error("the interface of its [[mobile]] block does not exist");
  queues_.widen(settings_.block_of(eid)->interface, route->gateway.value_or(eid.address).family());
  return commands_.replace_route(*route);
}

void KernelSetup::stop_delivering(const lisp::Eid& eid) {
  if (delivered_.erase(eid) == 0) return;
  if (const auto route = host_route(eid)) (void)commands_.delete_route(*route);
}

void KernelSetup::restore(unsigned ifindex) {
  for (const lisp::Eid& eid : delivered_)
    if (const auto route = host_route(eid); route && route->ifindex == ifindex) (void)commands_.replace_route(*route);
}

void KernelSetup::take_down() {
  if (auto deleted = commands_.delete_routes(gateway_protocol); !deleted)
    log_event(LogLevel::error, "routes_not_set", {{"reason", deleted.error().message}});
  queues_.take_back();
  delivered_.clear();
  routes_.clear();
}

Result<void> KernelSetup::clean_up(const GatewaySettings& settings) {
  auto commands = NetworkCommands::open();
  if (!commands) return commands.error();
  for (const TunSettings& one : settings.interfaces)
    if (auto removed = TunDevice::remove(one.name); !removed) return error(removed.error().message);
  if (!settings.nodes.nodes.empty())
    if (auto removed = TunDevice::remove(settings.ilnp.name); !removed) return error(removed.error().message);
  if (auto deleted = commands.value().delete_routes(gateway_protocol); !deleted) return deleted.error();
  return ok();
}

}  // namespace ilnp
