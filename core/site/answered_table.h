// SPDX-License-Identifier: Apache-2.0
// A table of a fixed size for what packets begin: entries in sets of eight; one that finds its set full takes the place
// of the one in it that is idle for longest. What strangers begin and nobody inside answers never takes the place of an
// answered entry, so that a million of them change nothing for the others. Hashes are keyed (by the caller): nobody can
// aim at one set.
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
    for (Entry& entry : set_of(hash))
      if (entry.used && entry.key == key) return &entry;
    return nullptr;
  }

  /// Precondition: it is not there. Nothing when a stranger's entry finds no place.
  Entry* add(const Entry& entry, std::uint64_t hash) {
    const auto set = set_of(hash);
    // Free places first, then unanswered entries, then the one that is idle for longest.
    const auto rank = [](const Entry& e) { return std::tuple{e.used, e.answered, e.last_seen}; };
    Entry& place =
        *std::min_element(set.begin(), set.end(), [&](const Entry& a, const Entry& b) { return rank(a) < rank(b); });
    if (place.used && place.answered && !entry.answered) {
      ++refused_;
      return nullptr;
    }
    if (place.used)
      ++displaced_;
    else
      ++size_;
    place = entry;
    place.used = true;
    return &place;
  }

  void erase(Entry& entry) {
    entry = Entry{};
    --size_;
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
  std::span<Entry> set_of(std::uint64_t hash) {
    return entries_.subspan((hash & (entries_.size() / ways - 1)) * ways, ways);
  }

  std::vector<Entry> own_;
  std::span<Entry> entries_;
  std::size_t size_ = 0;
  std::uint64_t displaced_ = 0, refused_ = 0;
};

}  // namespace ilnp
