// SPDX-License-Identifier: Apache-2.0
// What a move of the whole machine means for its locators: one MoveCheck for each link.
#include <algorithm>

#include "ilnp-host/src/locator_tracker.h"

namespace ilnp {

void LocatorTracker::on_move(TimePoint now, MoveCheck::Sign sign) {
  for (const auto& [ifindex, link] : uplinks_)
    if (link.usable) check_move(now, ifindex, sign);
}

bool LocatorTracker::on_notice(TimePoint now, const HostNotice& notice) {
  bool any = false;
  for (const auto& [ifindex, link] : uplinks_) {
    if (!link.usable || (notice.mac && *notice.mac != link.mac)) continue;
    any = true;
    forget_duplicates(ifindex);
    check_move(now, ifindex, MoveCheck::Sign::strong);
    checks_[ifindex].expect(now, notice.locators);
  }
  pending_.moved = pending_.moved || any;
  return any;
}

void LocatorTracker::check_move(TimePoint now, unsigned ifindex, MoveCheck::Sign sign) {
  MoveCheck& check = checks_[ifindex];
  if (check.begin(now, sign)) take_steps(now, ifindex, check);
}

void LocatorTracker::take_steps(TimePoint now, unsigned ifindex, MoveCheck& check) {
  const MoveCheck::Steps steps = check.on_time(now);
  if (steps.solicit) pending_.solicit.insert(ifindex);
  for (const Address& router : steps.probe) pending_.probe.emplace_back(ifindex, router);
  for (const Address& router : steps.silent) {
    const auto route = routes_.find({ifindex, router});
    // One that somebody configured is used last, and stays.
    if (route != routes_.end() && route->second.protocol == router_advertisement)
      pending_.dead_gateways.push_back(route->first);
  }
}

bool LocatorTracker::on_neighbour_message(TimePoint now, unsigned ifindex, const NeighbourMessage& message) {
  const auto it = checks_.find(ifindex);
  if (it == checks_.end()) return false;
  if (const auto* advertisement = std::get_if<RouterAdvertisement>(&message)) {
    std::vector<Locator> prefixes;
    for (const PrefixInformation& p : advertisement->prefixes)
      if (may_make_locator(p) && p.valid_lifetime != 0) prefixes.push_back(p.prefix.locator);
    it->second.on_router_advertisement(now, advertisement->router, prefixes);
  } else if (const auto* answer = std::get_if<NeighbourAdvertisement>(&message)) {
    const auto known = gateway_macs_.find({ifindex, answer->target});
    // Of another machine with the same address it would say nothing about the one that was here.
    if (known != gateway_macs_.end() && answer->link_layer && *answer->link_layer != known->second) return false;
    it->second.on_answer(now, answer->target);
  }
  return it->second.is_under_way();
}

void LocatorTracker::on_time(TimePoint now) {
  for (auto& [ifindex, check] : checks_) take_steps(now, ifindex, check);
}

TimePoint LocatorTracker::next_deadline() const {
  TimePoint next = never;
  for (const auto& [ifindex, check] : checks_) next = std::min(next, check.next_deadline());
  return next;
}

/// Somebody gave the link an address there by hand.
bool LocatorTracker::is_configured(unsigned ifindex, Locator locator) const {
  return std::any_of(addresses_.begin(), addresses_.end(), [&](const auto& a) {
    return a.first.first == ifindex && a.first.second.locator == locator && a.second.address.permanent;
  });
}

/// While the check goes on, what takes their place may not be complete yet: those in use stay for these moments.
void LocatorTracker::drop_left_behind(std::vector<Usable>& found) const {
  const auto has_left = [&](const Usable& u) {
    const auto check = checks_.find(u.locator.interface);
    return check != checks_.end() && check->second.has_left(u.locator.locator) &&
           !is_configured(u.locator.interface, u.locator.locator);
  };
  std::set<unsigned> somewhere;
  for (const Usable& u : found)
    if (!has_left(u)) somewhere.insert(u.locator.interface);
  const auto is_in_use = [&](const Usable& u) {
    return std::any_of(reported_.begin(), reported_.end(), [&](const Usable& r) {
      return r.locator.locator == u.locator.locator && r.locator.interface == u.locator.interface;
    });
  };
  std::erase_if(found, [&](const Usable& u) {
    const unsigned ifindex = u.locator.interface;
    return has_left(u) && (somewhere.contains(ifindex) || !checks_.at(ifindex).is_under_way() || !is_in_use(u));
  });
}

}  // namespace ilnp
