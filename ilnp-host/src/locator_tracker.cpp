// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/locator_tracker.h"

#include <algorithm>
#include <utility>

namespace ilnp {

namespace {

/// RFC 4191 preference as the base of ours.
std::uint16_t base_preference(RouterPreference preference) {
  switch (preference) {
    case RouterPreference::high:
      return 10;
    case RouterPreference::low:
      return 30;
    default:
      return 20;
  }
}

TimePoint end_of(TimePoint from, std::uint32_t lifetime) {
  return lifetime == infinite_lifetime ? never : from + seconds{lifetime};
}

/// Lifetimes are restated at every advertisement: a second more or less is no change.
bool same_end(TimePoint a, TimePoint b) {
  if (a == never || b == never) return a == b;
  return a - b < seconds{2} && b - a < seconds{2};
}

}  // namespace

bool LocatorTracker::may_make_locator(const PrefixInformation& prefix) const {
  return prefix.autonomous && prefix.length == 64 && may_locate_(prefix.prefix.locator);
}

bool LocatorTracker::Usable::operator==(const Usable& o) const {
  const OwnLocator &a = locator, &b = o.locator;
  return a.locator == b.locator && a.interface == b.interface && a.preference == b.preference && a.mtu == b.mtu &&
         a.deprecated == b.deprecated && gateway == o.gateway && kernel_has_address == o.kernel_has_address &&
         same_end(a.valid_until, b.valid_until);
}

const InterfaceSettings* LocatorTracker::settings_of(const std::string& name) const {
  const auto it = std::find_if(wanted_.begin(), wanted_.end(), [&](const auto& i) { return i.name == name; });
  return it == wanted_.end() ? nullptr : &*it;
}

bool LocatorTracker::is_wanted(const LinkChanged& link) const {
  if (!link.is_ethernet || link.is_loopback || link.name == tun_ || link.master != 0) return false;
  return wanted_.empty() || settings_of(link.name) != nullptr;
}

void LocatorTracker::on_event(TimePoint now, const NetworkEvent& event) {
  std::visit([&](const auto& e) { on(now, e); }, event);
}

void LocatorTracker::on(TimePoint now, const LinkChanged& link) {
  if (in_resync_) seen_links_.insert(link.ifindex);
  if (link.removed || !is_wanted(link)) {
    forget(link.ifindex);
    return;
  }
  Uplink& uplink = uplinks_[link.ifindex];
  const bool usable = link.up && link.carrier;
  const bool came_up = usable && !uplink.usable;
  if (uplink.usable && !usable) {
    forget_prefixes(link.ifindex);
    // The kernel would go on using its routers for as long as their entries last. A router that is still there when the
    // link comes back says so: it is solicited then. Routes that somebody configured are left alone.
    for (const auto& [place, route] : routes_)
      if (place.first == link.ifindex && route.protocol == router_advertisement) pending_.cut_gateways.push_back(place);
  }
  if (came_up || !usable || link.notify_peers) forget_duplicates(link.ifindex);
  uplink = {link.ifindex, link.name, link.mac, link.mtu, usable};
  if (came_up || link.notify_peers) check_move(now, link.ifindex, MoveCheck::Sign::strong);
  pending_.moved = pending_.moved || link.notify_peers;
}

void LocatorTracker::on(TimePoint now, const AddressChanged& address) {
  const Place place{address.ifindex, address.address};
  if (in_resync_) seen_addresses_.insert(place);
  const bool is_ilv = std::find(own_nids_.begin(), own_nids_.end(), address.address.nid) != own_nids_.end();
  const bool locates = !address.removed && !is_ilv && !address.ours && address.prefix_length == 64 &&
                       may_locate_(address.address.locator) && !address.dad_failed && address.valid_lifetime != 0;
  if (locates) {
    addresses_[place] = {address, now};
    if (!address.permanent) checks_[address.ifindex].on_prefix(now, address.address.locator, false);
  } else {
    addresses_.erase(place);
  }
  // From here on the kernel's address says how long the prefix is good for.
  if (!is_ilv && !address.ours && !address.dad_failed) prefixes_.erase({address.ifindex, address.address.locator});
}

void LocatorTracker::on(TimePoint now, const PrefixAdvertised& advertised) {
  const PrefixInformation& prefix = advertised.prefix;
  const Locator locator = prefix.prefix.locator;
  const auto link = uplinks_.find(advertised.ifindex);
  if (link == uplinks_.end() || !link->second.usable) return;
  if (!may_make_locator(prefix)) return;
  const auto made = [&](const auto& a) {
    return a.first.first == advertised.ifindex && a.first.second.locator == locator;
  };
  MoveCheck& check = checks_[advertised.ifindex];
  if (prefix.valid_lifetime == 0) {
    prefixes_.erase({advertised.ifindex, locator});
    check.on_prefix_gone(locator);
    return;
  }
  check.on_prefix(now, locator, true);
  if (std::any_of(addresses_.begin(), addresses_.end(), made)) return;
  const auto on_link = [&](const auto& p) { return p.first.first == advertised.ifindex; };
  if (std::count_if(prefixes_.begin(), prefixes_.end(), on_link) >= static_cast<std::ptrdiff_t>(max_prefixes)) return;
  AddressChanged stand_in;
  stand_in.ifindex = advertised.ifindex;
  stand_in.address = {locator, {}};
  stand_in.valid_lifetime = prefix.valid_lifetime;
  stand_in.deprecated = prefix.preferred_lifetime == 0;
  prefixes_[{advertised.ifindex, locator}] = {stand_in, now};
}

void LocatorTracker::forget_duplicates(unsigned ifindex) {
  std::erase_if(duplicates_, [&](const auto& d) { return d.first == ifindex; });
}

void LocatorTracker::forget_prefixes(unsigned ifindex) {
  std::erase_if(prefixes_, [&](const auto& p) { return p.first.first == ifindex; });
}

void LocatorTracker::on(TimePoint now, const DefaultRouteChanged& route) {
  const Place place{route.ifindex, route.gateway};
  if (in_resync_) seen_routes_.insert(place);
  if (route.removed || route.gateway.is_unspecified()) {
    routes_.erase(place);
    gateways_.erase(place);
    checks_[route.ifindex].on_router_gone(route.gateway);
  } else {
    routes_[place] = route;
    checks_[route.ifindex].on_router(now, route.gateway);
  }
}

void LocatorTracker::on(TimePoint now, const NeighbourChanged& neighbour) {
  const Place place{neighbour.ifindex, neighbour.address};
  if (routes_.count(place) == 0) return;
  if (neighbour.has_mac()) {
    const auto [known_mac, fresh] = gateway_macs_.try_emplace(place, neighbour.mac);
    if (!fresh && known_mac->second != neighbour.mac) {
      known_mac->second = neighbour.mac;
      forget_duplicates(neighbour.ifindex);
      MoveCheck& check = checks_[neighbour.ifindex];
      check.on_other_mac(now, neighbour.address);
      take_steps(now, neighbour.ifindex, check);
    }
  }
  const NeighbourState state = neighbour.removed ? NeighbourState::none : neighbour.state;
  NeighbourState& known = gateways_[place];
  if (state == NeighbourState::failed && known != NeighbourState::failed) {
    // The router is gone: the kernel would go on trying it for seconds, another one may answer at once.
    pending_.dead_gateways.push_back(place);
    pending_.solicit.insert(neighbour.ifindex);
  }
  known = state;
}

void LocatorTracker::on(TimePoint, const ResyncStarted&) {
  in_resync_ = true;
  seen_links_.clear();
  seen_addresses_.clear();
  seen_routes_.clear();
}

void LocatorTracker::on(TimePoint, const ResyncFinished&) {
  in_resync_ = false;
  std::erase_if(addresses_, [&](const auto& a) { return seen_addresses_.count(a.first) == 0; });
  std::erase_if(routes_, [&](const auto& r) { return seen_routes_.count(r.first) == 0; });
  std::vector<unsigned> gone;
  for (const auto& [ifindex, uplink] : uplinks_)
    if (seen_links_.count(ifindex) == 0) gone.push_back(ifindex);
  for (unsigned ifindex : gone) forget(ifindex);
}

void LocatorTracker::forget(unsigned ifindex) {
  const auto is_there = [&](const auto& entry) { return entry.first.first == ifindex; };
  uplinks_.erase(ifindex);
  std::erase_if(addresses_, is_there);
  std::erase_if(routes_, is_there);
  std::erase_if(gateways_, is_there);
  std::erase_if(gateway_macs_, is_there);
  checks_.erase(ifindex);
  forget_duplicates(ifindex);
  forget_prefixes(ifindex);
}

NeighbourState LocatorTracker::gateway_state(unsigned ifindex, const Address& gateway) const {
  const auto it = gateways_.find({ifindex, gateway});
  return it == gateways_.end() ? NeighbourState::none : it->second;
}

const DefaultRouteChanged* LocatorTracker::best_route(unsigned ifindex) const {
  const auto check = checks_.find(ifindex);
  const auto rank = [&](const DefaultRouteChanged& r) {
    const bool last = check != checks_.end() && check->second.is_left_behind(r.gateway);
    return std::tuple{last, base_preference(r.preference), r.metric};
  };
  const DefaultRouteChanged* best = nullptr;
  for (const auto& [place, route] : routes_) {
    if (place.first != ifindex || gateway_state(ifindex, place.second) == NeighbourState::failed) continue;
    if (best == nullptr || rank(route) < rank(*best)) best = &route;
  }
  return best;
}

std::vector<LocatorTracker::Usable> LocatorTracker::compute() const {
  std::map<std::pair<Locator, unsigned>, Usable> found;
  std::vector<Learnt> all;
  for (const auto& [place, learnt] : addresses_) all.push_back(learnt);
  for (const auto& [place, learnt] : prefixes_) all.push_back(learnt);
  for (const Learnt& learnt : all) {
    const unsigned ifindex = learnt.address.ifindex;
    const Address address = learnt.address.address;
    const Uplink* link = uplink(ifindex);
    const DefaultRouteChanged* route = best_route(ifindex);
    if (link == nullptr || !link->usable || route == nullptr) continue;
    if (duplicates_.count({ifindex, address.locator}) != 0) continue;
    const InterfaceSettings* settings = settings_of(link->name);
    Usable usable;
    usable.gateway = route->gateway;
    usable.locator.locator = address.locator;
    usable.locator.interface = ifindex;
    usable.locator.mtu = static_cast<std::uint16_t>(std::min<std::uint32_t>(link->mtu, 0xffff));
    usable.locator.preference =
        settings != nullptr && settings->preference ? *settings->preference : base_preference(route->preference);
    usable.locator.valid_until = end_of(learnt.at, learnt.address.valid_lifetime);
    usable.locator.deprecated = learnt.address.deprecated;
    usable.kernel_has_address = address.nid != NodeId{} && !learnt.address.tentative && !learnt.address.deprecated;
    const auto [it, fresh] = found.try_emplace({address.locator, ifindex}, usable);
    if (fresh) continue;
    it->second.kernel_has_address = it->second.kernel_has_address || usable.kernel_has_address;
    // Several addresses of one prefix (stable, temporary): the longest-lived counts.
    it->second.locator.valid_until = std::max(it->second.locator.valid_until, usable.locator.valid_until);
    it->second.locator.deprecated = it->second.locator.deprecated && usable.locator.deprecated;
  }
  std::vector<Usable> out;
  for (auto& [key, usable] : found) out.push_back(usable);
  drop_left_behind(out);
  return out;
}

LocatorTracker::Changes LocatorTracker::take_changes() {
  Changes changes = std::exchange(pending_, {});
  std::vector<Usable> usable_now = compute();
  const auto find = [](const std::vector<Usable>& list, const Usable& wanted) {
    return std::find_if(list.begin(), list.end(), [&](const Usable& u) {
      return u.locator.locator == wanted.locator.locator && u.locator.interface == wanted.locator.interface;
    });
  };
  for (const Usable& usable : usable_now) {
    const auto before = find(reported_, usable);
    if (before == reported_.end() || !(*before == usable)) changes.up.push_back(usable);
    const std::uint32_t mtu = usable.locator.mtu;
    changes.smallest_mtu = changes.smallest_mtu == 0 ? mtu : std::min(changes.smallest_mtu, mtu);
  }
  for (const Usable& before : reported_)
    if (find(usable_now, before) == usable_now.end())
      changes.down.push_back({before.locator.locator, before.locator.interface});
  std::set<unsigned> interfaces;
  for (const auto& [ifindex, link] : uplinks_)
    if (link.usable) interfaces.insert(ifindex);
  std::set_difference(interfaces.begin(), interfaces.end(), reported_interfaces_.begin(), reported_interfaces_.end(),
                      std::back_inserter(changes.interfaces_up));
  std::set_difference(reported_interfaces_.begin(), reported_interfaces_.end(), interfaces.begin(), interfaces.end(),
                      std::back_inserter(changes.interfaces_down));
  reported_ = std::move(usable_now);
  reported_interfaces_ = std::move(interfaces);
  return changes;
}

const LocatorTracker::Uplink* LocatorTracker::uplink(unsigned ifindex) const {
  const auto it = uplinks_.find(ifindex);
  return it == uplinks_.end() ? nullptr : &it->second;
}

std::vector<unsigned> LocatorTracker::without_router() const {
  std::vector<unsigned> out;
  for (const auto& [ifindex, link] : uplinks_) {
    const bool located = std::any_of(reported_.begin(), reported_.end(),
                                     [&, index = ifindex](const Usable& u) { return u.locator.interface == index; });
    if (link.usable && !located) out.push_back(ifindex);
  }
  return out;
}

}  // namespace ilnp
