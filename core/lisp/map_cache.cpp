// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/map_cache.h"

#include <algorithm>
#include <cassert>

namespace ilnp::lisp {
namespace {

constexpr int ends_at_once = 1000;

}  // namespace

void MapCache::expect(std::span<const Eid> eids) const {
  table_.expect(eids, [](const auto& entry) {
    const std::vector<RlocRecord>& rlocs = entry.second.rlocs;
    __builtin_prefetch(rlocs.data());
    __builtin_prefetch(rlocs.data() + rlocs.size());  // few, but mostly not in one line
  });
}

MapCache::Found MapCache::look_up(TimePoint now, const Eid& eid) {
  Mapping* mapping = match(eid);
  if (mapping == nullptr) return {};
  const bool is_first = now - mapping->last_used >= tuning_.use_granularity;
  if (is_first) {
    mapping->last_used = now;
    if (mapping->is_in_order) order_.splice(order_.begin(), order_, mapping->place);
  }
  return {mapping, is_first};
}

Mapping* MapCache::match(const EidPrefix& prefix) {
  auto* entry = table_.match(prefix);
  return entry == nullptr ? nullptr : &entry->second;
}

Mapping* MapCache::find(const EidPrefix& prefix) {
  auto* entry = table_.find(prefix);
  return entry == nullptr ? nullptr : &entry->second;
}

Mapping* MapCache::install(TimePoint now, const MappingRecord& record, MappingOrigin origin, Duration longest) {
  const bool is_fixed = origin == MappingOrigin::configured || origin == MappingOrigin::own;
  Mapping* mapping = find(record.eid);
  if (mapping != nullptr && mapping->is_fixed() && !is_fixed) {
    drops_.count(ItrDrop::own_prefix);
    return nullptr;
  }
  if (record.ttl == 0) {
    if (mapping != nullptr) erase(*mapping);
    return nullptr;
  }
  if (mapping == nullptr) mapping = add(record.eid);
  if (mapping == nullptr) return nullptr;
  const Duration ttl = std::min(lifetime_of(record.ttl), longest);
  const TimePoint expiry = is_fixed ? never : std::min(now + ttl, first_end_in(record.eid));
  mapping->origin = origin;
  mapping->is_negative = record.is_negative();
  mapping->asks_no_more = false;
  mapping->action = record.action;
  mapping->version = record.version;
  mapping->rlocs = record.rlocs;
  mapping->state = origin == MappingOrigin::change_priority ? MappingState::tentative
                   : record.is_negative()                   ? MappingState::negative
                                                            : MappingState::active;
  mapping->expiry = expiry;
  mapping->ttl = is_fixed ? Duration{} : expiry - now;
  mapping->refresh_at = mapping->state == MappingState::active && !is_fixed ? now + mapping->ttl / 10 * 9 : never;
  if (is_fixed)
    take_from_order(*mapping);
  else
    put_in_order(*mapping);
  set_timer(*mapping);
  return mapping;
}

Mapping* MapCache::begin_pending(TimePoint now, const Eid& eid) {
  Mapping* mapping = add(EidPrefix::host(eid));
  if (mapping != nullptr) mapping->last_used = now;
  return mapping;
}

Mapping* MapCache::add(const EidPrefix& prefix) {
  if (!make_room()) {
    drops_.count(ItrDrop::cache_full);
    return nullptr;
  }
  Mapping& mapping = table_.insert(prefix).first->second;
  mapping.eid = prefix;
  if (free_timers_.empty()) {
    mapping.timer = static_cast<TimerHeap::Id>(by_timer_.size());
    by_timer_.push_back(&mapping);
  } else {
    mapping.timer = free_timers_.back();
    free_timers_.pop_back();
    by_timer_[mapping.timer] = &mapping;
  }
  return &mapping;
}

bool MapCache::make_room() {
  if (table_.size() < tuning_.capacity) return true;
  if (order_.empty()) return false;
  ++evicted_;
  erase(*order_.back());
  return true;
}

void MapCache::erase(const Mapping& mapping) {
  auto* entry = table_.find(mapping.eid);
  assert(entry != nullptr && &entry->second == &mapping);
  take_from_order(entry->second);
  timers_.remove(mapping.timer);
  free_timers_.push_back(mapping.timer);
  table_.erase(*entry);
}

void MapCache::put_in_order(Mapping& mapping) {
  if (mapping.is_in_order) return;
  mapping.place = order_.insert(order_.begin(), &mapping);
  mapping.is_in_order = true;
}

void MapCache::take_from_order(Mapping& mapping) {
  if (mapping.is_in_order) order_.erase(mapping.place);
  mapping.is_in_order = false;
}

void MapCache::set_timer(Mapping& mapping) {
  const TimePoint when = std::min(mapping.refresh_at, mapping.expiry);
  if (when == never)
    timers_.remove(mapping.timer);
  else
    timers_.set(mapping.timer, when);
}

Duration MapCache::lifetime_of(std::uint32_t ttl) const {
  constexpr std::uint32_t bit_31 = 0x8000'0000;
  if (ttl == ttl_unlimited) return tuning_.longest_ttl;
  const bool in_seconds = tuning_.bit_31_means_seconds && (ttl & bit_31) != 0;
  // In seconds, as 2^32 minutes are more nanoseconds than a Duration holds.
  const seconds lifetime{in_seconds ? ttl & ~bit_31 : std::int64_t{ttl} * 60};
  return std::min(lifetime, std::chrono::duration_cast<seconds>(tuning_.longest_ttl));
}

TimePoint MapCache::first_end_in(const EidPrefix& prefix) {
  TimePoint first = never;
  for (auto* entry = table_.first_in(prefix); entry != nullptr; entry = table_.next_in(prefix, *entry))
    if (entry->first != prefix) first = std::min(first, entry->second.expiry);
  return first;
}

void MapCache::mark_answered(Mapping& mapping) {
  if (mapping.state == MappingState::stale)
    mapping.state = mapping.is_negative ? MappingState::negative : MappingState::active;
}

void MapCache::mark_unanswered(TimePoint now, Mapping& mapping) {
  if (mapping.state != MappingState::pending) {
    mapping.asks_no_more = true;
    return;
  }
  mapping.state = MappingState::negative;
  mapping.is_negative = true;
  mapping.expiry = now + tuning_.unanswered_ttl;
  put_in_order(mapping);
  set_timer(mapping);
}

void MapCache::on_time(TimePoint now, std::vector<EidPrefix>& refresh) {
  for (int i = 0; i < ends_at_once && timers_.next() <= now; ++i) {
    Mapping& mapping = *by_timer_[timers_.earliest()];
    if (mapping.expiry > now ? on_refresh(now, mapping) : on_expiry(now, mapping)) refresh.push_back(mapping.eid);
  }
}

/// True: it has to be asked for again.
bool MapCache::on_refresh(TimePoint now, Mapping& mapping) {
  mapping.refresh_at = never;
  set_timer(mapping);
  return mapping.state == MappingState::active && now - mapping.last_used <= mapping.ttl / 2;
}

/// The same; otherwise the entry is gone.
bool MapCache::on_expiry(TimePoint now, Mapping& mapping) {
  const bool is_useful = !mapping.is_negative && !mapping.asks_no_more;
  if (!is_useful || now - mapping.last_used > tuning_.recently_used) {
    erase(mapping);
    return false;
  }
  mapping.asks_no_more = true;  // once
  mapping.expiry = now + tuning_.grace;
  set_timer(mapping);
  return true;
}

}  // namespace ilnp::lisp
