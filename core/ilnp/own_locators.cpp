// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/own_locators.h"

#include <algorithm>
#include <tuple>

#include "core/ilnp/lu_receiver.h"

namespace ilnp {

namespace {

/// Lifetimes that netlink reports are rounded to seconds and come with every router advertisement.
constexpr Duration lifetime_tolerance = seconds{5};
/// Successive advertisements differ by this many seconds of lifetime: more than LuSender takes off (see there).
constexpr std::uint32_t variation_step = 9;
/// Where short lifetimes leave no room to differ, all preferences are shifted by the same 0..9; only their order
/// counts.
constexpr std::size_t preference_room = 10;
/// Not told twice within what a peer remembers (LuMemory).
constexpr std::size_t remembered_advertisements = LuMemory::max_seen;

bool better(const OwnLocator& a, const OwnLocator& b) {
  return std::tuple{a.deprecated, a.preference, b.since} < std::tuple{b.deprecated, b.preference, a.since};
}

Locator first_of(const std::vector<OwnLocator>& list) { return list.empty() ? Locator{} : list.front().locator; }

}  // namespace

OwnLocators::Change OwnLocators::up(TimePoint now, OwnLocator fresh) {
  const Locator best_before = first_of(usable_);
  const auto known = std::find_if(usable_.begin(), usable_.end(), [&](const OwnLocator& l) {
    return l.locator == fresh.locator && l.interface == fresh.interface;
  });
  bool material = true;
  if (known != usable_.end()) {
    fresh.since = known->since;
    // A lifetime that only ran on, or was renewed as always, is not news; one that shrank below what we said is.
    const bool shorter =
        fresh.valid_until < now + tuning_.lu_lifetime && fresh.valid_until < known->valid_until - lifetime_tolerance;
    material = fresh.preference != known->preference || fresh.deprecated != known->deprecated || shorter ||
               fresh.mtu != known->mtu;
    *known = fresh;
  } else {
    fresh.since = now;
    usable_.push_back(fresh);
  }
  std::erase_if(former_, [&](const Former& f) { return f.locator == fresh.locator; });
  if (!material) return {};
  changed(now, best_before);
  return {true, best_before != Locator{} && find(best_before) == nullptr};
}

OwnLocators::Change OwnLocators::down(TimePoint now, Locator locator, std::uint32_t interface) {
  const Locator best_before = first_of(usable_);
  const auto removed =
      std::erase_if(usable_, [&](const OwnLocator& l) { return l.locator == locator && l.interface == interface; });
  if (removed == 0) return {};
  if (find(locator) == nullptr) {
    if (former_.size() >= max_former) former_.erase(former_.begin());
    former_.push_back({locator, now + tuning_.own_locator_memory});
  }
  changed(now, best_before);
  return {true, locator == best_before && find(locator) == nullptr};
}

void OwnLocators::changed(TimePoint now, Locator best_before) {
  std::sort(usable_.begin(), usable_.end(), better);
  const Locator best_now = first_of(usable_);
  if (best_now != best_before) {
    const bool soft = best_before != Locator{} && find(best_before) != nullptr;
    previous_best_ = soft ? best_before : Locator{};
    overlap_until_ = soft ? now + tuning_.soft_overlap_min : now;
  }
  if (usable_.empty()) detached_since_ = now;
  ++generation_;
  advertisement_ = nullptr;
}

const OwnLocator* OwnLocators::find(Locator locator) const {
  const auto it =
      std::find_if(usable_.begin(), usable_.end(), [&](const OwnLocator& l) { return l.locator == locator; });
  return it == usable_.end() ? nullptr : &*it;
}

bool OwnLocators::is_or_was_ours(TimePoint now, Locator locator) const {
  if (find(locator) != nullptr) return true;
  return std::any_of(former_.begin(), former_.end(),
                     [&](const Former& f) { return f.locator == locator && f.until > now; });
}

std::vector<Locator> OwnLocators::locators() const {
  std::vector<Locator> out;
  for (const OwnLocator& l : usable_) out.push_back(l.locator);
  return out;
}

HandoffState OwnLocators::state(TimePoint now) const {
  if (usable_.empty()) return HandoffState::detached;
  return now < overlap_until_ ? HandoffState::overlap : HandoffState::stable;
}

const OwnLocator* OwnLocators::previous(TimePoint now) const {
  return now < overlap_until_ && previous_best_ != Locator{} ? find(previous_best_) : nullptr;
}

Advertisement OwnLocators::advertisement(TimePoint now) {
  if (usable_.empty()) return nullptr;
  if (advertisement_ != nullptr) return advertisement_;
  const auto told = [&](const std::vector<AdvertisedLocator>& list) {
    return std::any_of(told_.begin(), told_.end(), [&](const Advertisement& earlier) { return *earlier == list; });
  };
  std::vector<AdvertisedLocator> list;
  for (std::size_t tries = 0; tries <= told_.size(); ++tries) {
    ++variation_;
    list = list_locators(now, tries % preference_room);
    if (!told(list)) break;
  }
  if (list.empty()) return nullptr;
  advertisement_ = std::make_shared<const std::vector<AdvertisedLocator>>(std::move(list));
  if (told_.size() >= remembered_advertisements) told_.erase(told_.begin());
  told_.push_back(advertisement_);
  return advertisement_;
}

std::vector<AdvertisedLocator> OwnLocators::list_locators(TimePoint now, std::size_t shift) const {
  std::vector<AdvertisedLocator> list;
  for (const OwnLocator& l : usable_) {
    if (list.size() >= tuning_.lu_max_sent_locators) break;
    const bool repeated =
        std::any_of(list.begin(), list.end(), [&](const AdvertisedLocator& a) { return a.locator == l.locator; });
    if (repeated || !tuning_.may_locate(l.locator)) continue;
    const auto remaining =
        l.valid_until == never ? tuning_.lu_lifetime : std::chrono::duration_cast<seconds>(l.valid_until - now);
    auto lifetime = std::min({remaining.count(), tuning_.lu_lifetime.count(), seconds::rep{65535}});
    if (lifetime <= 0) continue;
    // Up to half of the lifetime is room enough to differ.
    const auto room = std::max<seconds::rep>(1, lifetime / 2);
    lifetime -= seconds::rep{variation_} * variation_step % room;
    const auto rank = static_cast<unsigned>(list.size() + 1);
    const auto preference = static_cast<std::uint16_t>(10 * rank + shift + (l.deprecated ? 1000u : 0u));
    list.push_back({l.locator, preference, std::chrono::duration<std::uint16_t>{static_cast<std::uint16_t>(lifetime)}});
  }
  return list;
}

OwnLocators::Change OwnLocators::on_time(TimePoint now) {
  Change total;
  std::erase_if(former_, [&](const Former& f) { return f.until <= now; });
  for (std::size_t i = 0; i < usable_.size();) {
    if (usable_[i].valid_until > now) {
      ++i;
      continue;
    }
    const Change one = down(now, usable_[i].locator, usable_[i].interface);
    total.set_changed = total.set_changed || one.set_changed;
    total.urgent = total.urgent || one.urgent;
  }
  return total;
}

TimePoint OwnLocators::next_deadline() const {
  TimePoint next = never;
  for (const OwnLocator& l : usable_) next = std::min(next, l.valid_until);
  return next;
}

}  // namespace ilnp
