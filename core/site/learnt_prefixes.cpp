// SPDX-License-Identifier: Apache-2.0
#include "core/site/learnt_prefixes.h"

#include <algorithm>
#include <utility>

namespace ilnp {
namespace {

TimePoint after(TimePoint now, std::uint32_t lifetime) {
  return lifetime == infinite_lifetime ? never : now + seconds{lifetime};
}

LocatorPrefix prefix_of(const PrefixInformation& advertised) { return {advertised.prefix.locator, advertised.length}; }

}  // namespace

bool LearntPrefixes::is_usable(const PrefixInformation& advertised) const {
  const unsigned longest = mapping_ == Mapping::neutral ? neutral_limit : 64u;
  const unsigned shortest = mapping_ == Mapping::hide ? 64u : 1u;
  return !advertised.on_link && advertised.length >= shortest && advertised.length <= longest &&
         is_global_unicast(advertised.prefix.locator);
}

bool LearntPrefixes::on_advertisement(TimePoint now, const RouterAdvertisement& message) {
  forget_left(message);
  for (const PrefixInformation& advertised : message.prefixes)
    if (is_usable(advertised)) hear(now, advertised, message);
  return settle(now);
}

/// What this router should have named, if the network were the same.
void LearntPrefixes::forget_left(const RouterAdvertisement& message) {
  const auto names = [&](auto&& matches) {
    return std::any_of(message.prefixes.begin(), message.prefixes.end(), [&](const PrefixInformation& advertised) {
      return is_usable(advertised) && advertised.valid_lifetime != 0 && matches(advertised);
    });
  };
  if (!names([](const auto&) { return true; })) return;
  for (std::optional<Entry>& entry : entries_) {
    if (!entry || names([&](const auto& advertised) { return prefix_of(advertised) == entry->prefix; })) continue;
    const bool is_another_router = entry->router == message.router && entry->router_mac && message.link_layer &&
                                   entry->router_mac != message.link_layer;
    if (entry->is_doubtful || is_another_router) entry.reset();
  }
}

void LearntPrefixes::hear(TimePoint now, const PrefixInformation& advertised, const RouterAdvertisement& message) {
  std::optional<Entry>* place = place_for(now, advertised);
  if (place == nullptr) return;
  if (advertised.valid_lifetime == 0) return place->reset();
  if (!*place || (*place)->prefix != prefix_of(advertised)) *place = Entry{prefix_of(advertised), now};
  Entry& entry = **place;
  entry.heard = now;
  entry.preferred_until = after(now, advertised.preferred_lifetime);
  entry.valid_until = after(now, advertised.valid_lifetime);
  entry.router = message.router;
  entry.router_mac = message.link_layer;
  entry.is_doubtful = false;
}

/// Its own, an empty one, or the worse one when that is deprecated, or silent since the other one came. Nothing: a
/// third prefix beside two good ones.
std::optional<LearntPrefixes::Entry>* LearntPrefixes::place_for(TimePoint now, const PrefixInformation& advertised) {
  for (std::optional<Entry>& entry : entries_)
    if (entry && entry->prefix == prefix_of(advertised)) return &entry;
  if (advertised.valid_lifetime == 0) return nullptr;
  for (std::optional<Entry>& entry : entries_)
    if (!entry) return &entry;
  if (advertised.preferred_lifetime == 0) return nullptr;
  const std::size_t better = view_.current.value_or(0);
  std::optional<Entry>& worse = entries_.at(1 - better);
  const bool is_silent = worse->heard < entries_.at(better)->since;
  return worse->preferred_until <= now || is_silent ? &worse : nullptr;
}

bool LearntPrefixes::on_time(TimePoint now) { return now >= deadline_ && settle(now); }

void LearntPrefixes::on_link_lost() {
  for (std::optional<Entry>& entry : entries_)
    if (entry) entry->is_doubtful = true;
}

/// Ends what is over, and sees which place is the better one.
bool LearntPrefixes::settle(TimePoint now) {
  View view;
  deadline_ = never;
  const auto rank = [&](std::size_t place) {
    return std::pair{entries_.at(place)->preferred_until > now, entries_.at(place)->since};
  };
  for (std::size_t place = 0; place < places; ++place) {
    std::optional<Entry>& entry = entries_.at(place);
    if (entry && entry->valid_until <= now) entry.reset();
    if (!entry) continue;
    view.prefixes.at(place) = entry->prefix;
    deadline_ = std::min(deadline_, entry->valid_until);
    if (entry->preferred_until > now) deadline_ = std::min(deadline_, entry->preferred_until);
    if (!view.current || rank(place) > rank(*view.current)) view.current = place;
  }
  return std::exchange(view_, view) != view;
}

std::optional<LocatorPrefix> LearntPrefixes::at(std::size_t place) const { return view_.prefixes.at(place); }

bool LearntPrefixes::wants_news(TimePoint now) const {
  if (!view_.current) return true;
  const Entry& entry = *entries_.at(*view_.current);
  return entry.is_doubtful || entry.preferred_until <= now;
}

}  // namespace ilnp
