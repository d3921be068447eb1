// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/paths.h"

namespace ilnp {
namespace {

constexpr std::uint32_t configured_metric = 0xffff'ffff;  ///< the kernel's routes for the same locators are better

}  // namespace

/// What a routing protocol or the operator says of subnets behind other routers of the site. Only inside interfaces
/// have sides so far.
void Paths::add_kernel_routes(unsigned ifindex, const Interface& interface) {
  for (const Interface::Route& route : interface.routes) {
    if (route.length > 64) continue;
    const LocatorPrefix prefix{route.prefix.locator, route.length};
    auto& known = routes_[route.length];
    const auto it = known.find(prefix.locator.bits);
    if (it == known.end() || route.metric < it->second.metric)
      known[prefix.locator.bits] = {ifindex, route.router, route.metric};
  }
}

void Paths::update(const Interfaces& interfaces) {
  interfaces_ = &interfaces;
  sides_.clear();
  routes_.clear();
  uplink_interfaces_ = {};
  gateways_ = {};
  links_ = {};
  for (const InsideSettings& inside : settings_.inside) {
    const unsigned ifindex = interfaces.index_of(inside.interface);
    if (ifindex == 0) continue;
    sides_[ifindex] = Side::inside();
    for (const LocatorPrefix& prefix : inside.locators)
      routes_[prefix.length][prefix.locator.bits & prefix.mask()] = {ifindex, inside.router, configured_metric};
  }
  for (const auto& [ifindex, side] : sides_) add_kernel_routes(ifindex, *interfaces.find(ifindex));
  for (std::size_t k = 0; k < settings_.uplinks.size(); ++k) {
    const UplinkSettings& uplink = settings_.uplinks[k];
    const unsigned ifindex = interfaces.index_of(uplink.interface);
    if (ifindex == 0) continue;
    sides_[ifindex] = Side::uplink(static_cast<UplinkId>(k));
    for (const UplinkId number : settings_.numbers_of(static_cast<UplinkId>(k))) {
      uplink_interfaces_.at(number) = ifindex;
      gateways_.at(number) = uplink.gateway ? uplink.gateway : interfaces.find(ifindex)->gateway();
    }
  }
  for (const SiteLinkSettings& link : settings_.links) {
    const unsigned ifindex = interfaces.index_of(link.interface);
    if (ifindex == 0) continue;
    sides_[ifindex] = Side::link(link.number);
    links_.at(link.number) = {ifindex, link.router};
  }
}

std::optional<Side> Paths::side_of(unsigned ifindex) const {
  const auto it = sides_.find(ifindex);
  return it == sides_.end() ? std::nullopt : std::optional{it->second};
}

std::vector<unsigned> Paths::inside() const {
  std::vector<unsigned> out;
  for (const auto& [ifindex, side] : sides_)
    if (side == Side::inside()) out.push_back(ifindex);
  return out;
}

unsigned Paths::interface_of(Side side) const {
  for (const auto& [ifindex, its] : sides_)
    if (its == side) return ifindex;
  return 0;
}

std::optional<Address> Paths::gateway(UplinkId uplink) const { return gateways_.at(uplink); }

const Paths::Route* Paths::route_inside(Locator locator) const {
  for (const auto& [length, routes] : routes_) {
    const auto it = routes.find(locator.bits & LocatorPrefix{{}, length}.mask());
    if (it != routes.end()) return &it->second;
  }
  return nullptr;
}

std::optional<NextHop> Paths::next_hop(Side to, const Address& destination) const {
  switch (to.kind) {
    case Side::Kind::uplink: {
      const unsigned ifindex = uplink_interfaces_.at(to.number);
      if (ifindex == 0) return std::nullopt;
      if (interfaces_->find(ifindex)->is_on_link(destination)) return NextHop{ifindex, destination};
      if (!gateways_.at(to.number)) return std::nullopt;
      return NextHop{ifindex, *gateways_.at(to.number)};
    }
    case Side::Kind::link:
      if (links_.at(to.number).ifindex == 0) return std::nullopt;
      return links_.at(to.number);
    case Side::Kind::inside:
      break;
  }
  const Route* route = route_inside(destination.locator);
  // A guest that kept its address is on one of the links.
  if (route == nullptr) return NextHop{0, destination};
  return NextHop{route->ifindex, route->router.value_or(destination)};
}

}  // namespace ilnp
