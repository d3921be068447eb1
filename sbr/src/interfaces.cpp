// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/interfaces.h"

#include <algorithm>

namespace ilnp {
namespace {

bool shares_prefix(const Address& a, const Address& b, std::uint8_t length) {
  const auto differs = [](std::uint64_t x, std::uint64_t y, unsigned bits) {
    return bits != 0 && (x ^ y) >> (64 - bits) != 0;
  };
  if (differs(a.locator.bits, b.locator.bits, std::min<unsigned>(length, 64))) return false;
  return length <= 64 || !differs(a.nid.bits, b.nid.bits, length - 64u);
}

}  // namespace

std::optional<Address> Interface::global_address() const {
  for (const OwnAddress& own : addresses)
    if (own.usable && !own.address.is_link_local()) return own.address;
  return std::nullopt;
}

std::optional<Address> Interface::link_local_address() const {
  for (const OwnAddress& own : addresses)
    if (own.usable && own.address.is_link_local()) return own.address;
  return std::nullopt;
}

std::optional<Address> Interface::gateway() const {
  const Gateway* best = nullptr;
  const auto rank = [](const Gateway& g) { return std::pair{g.metric, -static_cast<int>(g.preference)}; };
  for (const Gateway& gateway : gateways)
    if (best == nullptr || rank(gateway) < rank(*best)) best = &gateway;
  return best == nullptr ? std::nullopt : std::optional{best->address};
}

bool Interface::is_on_link(const Address& destination) const {
  return std::any_of(addresses.begin(), addresses.end(), [&](const OwnAddress& own) {
    return !own.address.is_link_local() && shares_prefix(own.address, destination, own.prefix_length);
  });
}

void Interfaces::on_event(const NetworkEvent& event) {
  std::visit([&](const auto& e) { on(e); }, event);
}

void Interfaces::on(const ResyncStarted&) {
  in_resync_ = true;
  interfaces_.clear();
}

void Interfaces::on(const LinkChanged& link) {
  if (link.removed) {
    interfaces_.erase(link.ifindex);
    return;
  }
  Interface& interface = interfaces_[link.ifindex];
  interface.name = link.name;
  interface.mac = link.mac;
  interface.mtu = link.mtu;
  interface.carrier = link.up && link.carrier;
}

void Interfaces::on(const AddressChanged& address) {
  const auto it = interfaces_.find(address.ifindex);
  if (it == interfaces_.end()) return;
  auto& addresses = it->second.addresses;
  const auto known =
      std::find_if(addresses.begin(), addresses.end(), [&](const auto& own) { return own.address == address.address; });
  if (address.removed) {
    if (known != addresses.end()) addresses.erase(known);
    return;
  }
  const Interface::OwnAddress own{address.address, address.prefix_length, !address.tentative && !address.dad_failed};
  if (known == addresses.end())
    addresses.push_back(own);
  else
    *known = own;
}

void Interfaces::on(const DefaultRouteChanged& route) {
  const auto it = interfaces_.find(route.ifindex);
  if (it == interfaces_.end() || route.gateway.is_unspecified()) return;
  auto& gateways = it->second.gateways;
  std::erase_if(gateways, [&](const auto& g) { return g.address == route.gateway && g.metric == route.metric; });
  if (!route.removed) gateways.push_back({route.gateway, route.metric, route.preference});
}

void Interfaces::on(const RouteChanged& route) {
  const auto it = interfaces_.find(route.ifindex);
  if (it == interfaces_.end() || route.prefix.is_link_local() || route.prefix.is_multicast()) return;
  auto& routes = it->second.routes;
  std::erase_if(routes, [&](const auto& r) {
    return r.prefix == route.prefix && r.length == route.length && r.metric == route.metric;
  });
  if (route.removed) return;
  const auto router = route.gateway.is_unspecified() ? std::nullopt : std::optional{route.gateway};
  routes.push_back({route.prefix, route.length, router, route.metric});
}

const Interface* Interfaces::find(unsigned ifindex) const {
  const auto it = interfaces_.find(ifindex);
  return it == interfaces_.end() ? nullptr : &it->second;
}

unsigned Interfaces::index_of(const std::string& name) const {
  for (const auto& [ifindex, interface] : interfaces_)
    if (interface.name == name) return ifindex;
  return 0;
}

std::vector<Address> Interfaces::own_addresses() const {
  std::vector<Address> out;
  for (const auto& [ifindex, interface] : interfaces_)
    for (const auto& own : interface.addresses)
      if (!own.address.is_link_local()) out.push_back(own.address);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

}  // namespace ilnp
