// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/lisp_attributes.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

namespace ilnp {
namespace {

constexpr unsigned best_priority = 1, worst_priority = 254, anchors_behind = 100, all_of_the_flows = 100;
constexpr std::uint32_t most_lifetime = 0xffff;  // seconds

std::uint8_t priority_of_rank(std::size_t rank) {
  return static_cast<std::uint8_t>(std::min<std::size_t>(worst_priority, best_priority + rank));
}

/// RLOCs by address, each with the best priority that it was given.
class Rlocs {
 public:
  void add(const GatewayRloc& rloc, std::uint8_t priority) {
    if (by_address_.size() >= most_record_rlocs && !by_address_.contains(rloc.address)) return;
    auto [place, is_new] = by_address_.try_emplace(rloc.address);
    lisp::RlocRecord& record = place->second;
    if (!is_new && record.priority <= priority) return;
    record.address = rloc.address;
    record.priority = priority;
    record.is_local = rloc.is_own;
    record.is_reachable = priority != lisp::never_use;
  }
  bool empty() const { return by_address_.empty(); }

  /// Sorted by address, each with its share of the flows.
  std::vector<lisp::RlocRecord> take() {
    std::array<unsigned, 256> sharing{};
    for (const auto& [address, record] : by_address_) ++sharing[record.priority];
    std::vector<lisp::RlocRecord> out;
    for (auto& [address, record] : by_address_) {
      const unsigned share = std::max(1u, all_of_the_flows / sharing[record.priority]);
      record.weight = record.priority == lisp::never_use ? std::uint8_t{0} : static_cast<std::uint8_t>(share);
      out.push_back(record);
    }
    return out;
  }

 private:
  std::map<lisp::IpAddress, lisp::RlocRecord> by_address_;
};

std::vector<AdvertisedLocator> best_first(std::vector<AdvertisedLocator> locators) {
  std::ranges::stable_sort(locators, {}, [](const AdvertisedLocator& l) { return std::pair{l.preference, l.locator}; });
  return locators;
}

void add_places(Rlocs& rlocs, std::span<const AdvertisedLocator> live, const LispPlaces& places) {
  std::set<std::uint16_t> preferences;
  for (const AdvertisedLocator& each : live) preferences.insert(each.preference);
  for (const AdvertisedLocator& each : best_first({live.begin(), live.end()})) {
    const auto gateway = places.gateways.find(each.locator);
    if (gateway == places.gateways.end()) continue;
    const auto rank = std::distance(preferences.begin(), preferences.find(each.preference));
    for (const GatewayRloc& rloc : gateway->second) rlocs.add(rloc, priority_of_rank(static_cast<std::size_t>(rank)));
  }
}

std::uint32_t ttl_of(std::span<const AdvertisedLocator> live, std::uint32_t cap) {
  std::uint32_t least = most_lifetime;
  for (const AdvertisedLocator& each : live) least = std::min<std::uint32_t>(least, each.lifetime.count());
  return std::clamp<std::uint32_t>(least / 60, 1, std::max(cap, 1u));
}

}  // namespace

lisp::MappingRecord to_mapping(const lisp::EidPrefix& eid, std::span<const AdvertisedLocator> live,
                               std::span<const Locator> gone, const LispPlaces& places) {
  lisp::MappingRecord record;
  record.eid = eid;
  record.is_authoritative = true;
  if (live.empty()) return record;
  Rlocs rlocs;
  if (places.mode != RlocMode::anchor) add_places(rlocs, live, places);
  const unsigned behind = places.mode == RlocMode::hybrid ? anchors_behind : 0;
  if (places.mode != RlocMode::per_site || rlocs.empty())
    for (const GatewayRloc& anchor : places.anchors) rlocs.add(anchor, priority_of_rank(anchor.rank + behind));
  if (rlocs.empty()) return record;
  if (places.mode != RlocMode::anchor)
    for (const Locator locator : gone)
      if (const auto gateway = places.gateways.find(locator); gateway != places.gateways.end())
        for (const GatewayRloc& rloc : gateway->second) rlocs.add(rloc, lisp::never_use);
  record.ttl = ttl_of(live, places.ttl_cap);
  record.rlocs = rlocs.take();
  return record;
}

std::vector<AdvertisedLocator> to_locators(const lisp::MappingRecord& record, const LispEntries& entries) {
  if (record.ttl == 0) return {};
  const auto life = static_cast<std::uint16_t>(std::min<std::uint64_t>(std::uint64_t{record.ttl} * 60, most_lifetime));
  std::map<Locator, std::uint8_t> best;  // priority of each entry
  for (const lisp::RlocRecord& rloc : record.rlocs) {
    if (rloc.priority == lisp::never_use || !rloc.is_reachable) continue;
    const auto known = entries.by_rloc.find(rloc.address);
    const Locator entry = known == entries.by_rloc.end() ? entries.own : known->second;
    const auto [place, is_new] = best.try_emplace(entry, rloc.priority);
    if (!is_new) place->second = std::min(place->second, rloc.priority);
  }
  std::vector<AdvertisedLocator> out;
  for (const auto& [entry, priority] : best)
    out.push_back({entry, static_cast<std::uint16_t>(priority * 256), std::chrono::duration<std::uint16_t>{life}});
  return best_first(std::move(out));
}

void NodeLocators::replace(TimePoint now, std::span<const AdvertisedLocator> told) {
  std::vector<Live> next;
  std::set<Locator> in_use;
  for (const AdvertisedLocator& each : best_first({told.begin(), told.end()}))
    if (each.lifetime.count() != 0 && next.size() < most && in_use.insert(each.locator).second)
      next.push_back({each, now + seconds{each.lifetime.count()}});
  if (next.empty()) {
    if (!live_.empty() && !is_held()) held_until_ = now + hold_;
    return;
  }
  const auto leave = [&](Locator locator) {
    if (gone_.size() < most && std::ranges::count(gone_, locator) == 0) gone_.push_back(locator);
  };
  for (const Live& before : live_) leave(before.told.locator);
  for (const AdvertisedLocator& each : told) leave(each.locator);
  std::erase_if(gone_, [&](Locator locator) { return in_use.contains(locator); });
  live_ = std::move(next);
  held_until_ = never;
}

void NodeLocators::on_time(TimePoint now) {
  if (is_held()) {
    if (now < held_until_) return;
    live_.clear();
    gone_.clear();
    held_until_ = never;
    return;
  }
  const auto has_ended = [&](const Live& each) { return each.end <= now; };
  if (live_.empty() || !std::ranges::all_of(live_, has_ended))
    std::erase_if(live_, has_ended);
  else
    held_until_ = now + hold_;
}

TimePoint NodeLocators::next_deadline() const {
  if (is_held()) return held_until_;
  TimePoint first = never;
  for (const Live& each : live_) first = std::min(first, each.end);
  return first;
}

std::vector<AdvertisedLocator> NodeLocators::live() const {
  std::vector<AdvertisedLocator> out;
  for (const Live& each : live_) out.push_back(each.told);
  return out;
}

}  // namespace ilnp
