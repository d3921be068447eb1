// SPDX-License-Identifier: Apache-2.0
// Finds the first entry of a pair of NIDs, or of a NID and a locator: a flat hash table of (tag, id), linear probing,
// at most half full. Eight octets a slot keep it in the caches when the entries themselves are not; whether an entry
// really is of the pair is for the caller to say. The hash is keyed, because peers choose their NIDs: nobody can aim at
// one slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/keyed_hash.h"

namespace ilnp {

class PairIndex {
 public:
  using Id = std::uint32_t;
  static constexpr Id none = 0xffffffff;

  explicit PairIndex(std::uint64_t seed) : seed_{seed}, slots_(16) {}

  /// The id for which `is_it(id)` holds among those that may be of this pair; none when there is no such.
  template <class F>
  Id find(std::uint64_t a, std::uint64_t b, F&& is_it) const {
    const std::uint64_t h = hash(a, b);
    for (std::size_t at = tag_of(h) & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.id == none) return none;
      if (slot.tag == tag_of(h) && is_it(slot.id)) return slot.id;
    }
  }

  /// find() for this pair will read here soon.
  void prefetch(std::uint64_t a, std::uint64_t b) const { __builtin_prefetch(&slots_[tag_of(hash(a, b)) & mask()]); }
  /// What find() will most likely look at first.
  Id guess(std::uint64_t a, std::uint64_t b) const {
    return find(a, b, [](Id) { return true; });
  }

  /// Precondition: the pair has no id yet.
  void insert(std::uint64_t a, std::uint64_t b, Id id) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    place({tag_of(hash(a, b)), id});
    ++size_;
  }

  /// The pair's first entry is another one now. Precondition: it has `before`.
  void replace(std::uint64_t a, std::uint64_t b, Id before, Id after) { slots_[slot_of(a, b, before)].id = after; }

  /// Precondition: the pair has `id`.
  void erase(std::uint64_t a, std::uint64_t b, Id id) {
    std::size_t hole = slot_of(a, b, id);
    // Later ones of the same run move up, so that no search stops early (Knuth, algorithm R).
    for (std::size_t at = (hole + 1) & mask(); slots_[at].id != none; at = (at + 1) & mask()) {
      const std::size_t wish = slots_[at].tag & mask();
      if (((at - wish) & mask()) < ((at - hole) & mask())) continue;
      slots_[hole] = slots_[at];
      hole = at;
    }
    slots_[hole] = {};
    --size_;
  }

  std::size_t size() const { return size_; }

 private:
  struct Slot {
    std::uint32_t tag = 0;
    Id id = none;
  };

  /// The tag is the low half of the hash, and places the slot: no hash has to be computed again to move it.
  static std::uint32_t tag_of(std::uint64_t h) { return static_cast<std::uint32_t>(h); }
  std::size_t mask() const { return slots_.size() - 1; }

  std::uint64_t hash(std::uint64_t a, std::uint64_t b) const { return keyed_hash(seed_, {a, b}); }

  /// An id may be filed under several pairs.
  std::size_t slot_of(std::uint64_t a, std::uint64_t b, Id id) const {
    const std::uint32_t tag = tag_of(hash(a, b));
    std::size_t at = tag & mask();
    while (slots_[at].id != id || slots_[at].tag != tag) at = (at + 1) & mask();
    return at;
  }

  void place(Slot slot) {
    std::size_t at = slot.tag & mask();
    while (slots_[at].id != none) at = (at + 1) & mask();
    slots_[at] = slot;
  }

  void grow() {
    std::vector<Slot> old(slots_.size() * 2);
    old.swap(slots_);
    for (const Slot& slot : old)
      if (slot.id != none) place(slot);
  }

  std::uint64_t seed_;
  std::vector<Slot> slots_;
  std::size_t size_ = 0;
};

}  // namespace ilnp
