// SPDX-License-Identifier: Apache-2.0
// A table of a fixed size for what packets begin: entries in sets of eight; one that finds its set full takes the place
// of the one in it that is idle for longest. Where in its set a search begins is a matter of the hash too, and it ends
// at a free place, so that it mostly looks at one entry: no place becomes free again. What strangers begin and nobody
// inside answers never takes the place of an answered entry, so that a million of them change nothing for the others.
// Hashes are keyed (by the caller): nobody can aim at one set.
//
// The entries may lie in memory that outlives the process, such as a mapped file: they are plain octets. One that was
// being written when the process ended is at worst an entry that nobody asks for.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cassert>
#include <cstddef>
#include <cstdint>
#include <span>
#include <tuple>
#include <type_traits>
#include <vector>

#include "core/base/time.h"

namespace ilnp {

/// Entry has `key`, and `used`, `answered` and `last_seen`, which the table reads.
template <class Entry>
class AnsweredTable {
  static_assert(std::is_trivially_copyable_v<Entry>);

 public:
  static constexpr std::size_t ways = 8;

  /// Entries that a table for `wanted` has: a power of two, at least 64.
  static std::size_t rounded(std::size_t wanted) { return std::bit_ceil(std::max<std::size_t>(wanted, 64)); }

  explicit AnsweredTable(std::size_t entries) : own_(rounded(entries)), entries_{own_} {}
  /// What `memory` holds stays; all zeros: an empty table. Precondition: memory.size() is a rounded() number.
  explicit AnsweredTable(std::span<Entry> memory) : entries_{memory} {
    assert(memory.size() == rounded(memory.size()));
    size_ =
        static_cast<std::size_t>(std::count_if(memory.begin(), memory.end(), [](const Entry& e) { return e.used; }));
  }

  template <class Key>
  Entry* find(const Key& key, std::uint64_t hash) {
    const auto set = set_of(hash);
    for (std::size_t i = 0; i < ways; ++i) {
      Entry& entry = set[way(hash, i)];
      if (!entry.used) return nullptr;
      if (entry.key == key) return &entry;
    }
    return nullptr;
  }
  /// find() with this hash will most likely read there soon.
  void prefetch(std::uint64_t hash) const {
    const auto* entry = reinterpret_cast<const char*>(&set_of(hash)[way(hash, 0)]);
    for (std::size_t at = 0; at < sizeof(Entry); at += 64) __builtin_prefetch(entry + at, 1);
  }

  /// Precondition: it is not there. Nothing when a stranger's entry finds no place. The entry that makes way is shown
  /// to `on_leaving` before.
  template <class OnLeaving>
  Entry* add(const Entry& entry, std::uint64_t hash, OnLeaving on_leaving) {
    const auto set = set_of(hash);
    // The first free place, else an unanswered entry's, else that of the one that is idle for longest.
    const auto rank = [](const Entry& e) { return std::tuple{e.used, e.answered, e.last_seen}; };
    Entry* best = &set[way(hash, 0)];
    for (std::size_t i = 1; i < ways && best->used; ++i)
      if (Entry& other = set[way(hash, i)]; !other.used || rank(other) < rank(*best)) best = &other;
    Entry& place = *best;
    if (place.used && place.answered && !entry.answered) {
      ++refused_;
      return nullptr;
    }
    if (place.used) {
      on_leaving(static_cast<const Entry&>(place));
      ++displaced_;
    } else {
      ++size_;
    }
    Entry filled = entry;
    filled.used = true;  // before it is written: a place never looks free again
    place = filled;
    return &place;
  }
  Entry* add(const Entry& entry, std::uint64_t hash) {
    return add(entry, hash, [](const Entry&) {});
  }

  /// Nobody asks for it any more. Its place is not free, but the first to be taken.
  void erase(Entry& entry) {
    Entry nobody{};
    nobody.used = true;
    entry = nobody;
  }

  /// Where an entry is; another one may come to be there.
  std::uint32_t index_of(const Entry& entry) const { return static_cast<std::uint32_t>(&entry - entries_.data()); }
  /// Nothing: that place is free.
  Entry* at(std::uint32_t index) { return entries_[index].used ? &entries_[index] : nullptr; }

  template <class F>
  void for_each(F&& f) {
    for (Entry& entry : entries_)
      if (entry.used) f(entry);
  }

  std::size_t size() const { return size_; }
  std::size_t capacity() const { return entries_.size(); }
  std::uint64_t displaced() const { return displaced_; }
  std::uint64_t refused() const { return refused_; }

 private:
  /// Where a search looks as its i-th, from 0.
  static std::size_t way(std::uint64_t hash, std::size_t i) { return ((hash >> 61) + i) % ways; }
  std::span<Entry> set_of(std::uint64_t hash) const {
    return entries_.subspan((hash & (entries_.size() / ways - 1)) * ways, ways);
  }

  std::vector<Entry> own_;
  std::span<Entry> entries_;
  std::size_t size_ = 0;
  std::uint64_t displaced_ = 0, refused_ = 0;
};

}  // namespace ilnp
