// SPDX-License-Identifier: Apache-2.0
// Finds the first entry of a pair of NIDs: a flat hash table of (tag, id), linear probing, at most half full. Eight
// octets a slot keep it in the caches when the entries themselves are not; whether an entry really is of the pair is
// for the caller to say. The hash is keyed, because peers choose their NIDs: nobody can aim at one slot.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/ipv6/address.h"

namespace ilnp {

class PairIndex {
 public:
  using Id = std::uint32_t;
  static constexpr Id none = 0xffffffff;

  explicit PairIndex(std::uint64_t seed) : seed_{seed}, slots_(16) {}

  /// The id for which `is_it(id)` holds among those that may be of this pair; none when there is no such.
  template <class F>
  Id find(NodeId local, NodeId remote, F&& is_it) const {
    const std::uint64_t h = hash(local, remote);
    for (std::size_t at = tag_of(h) & mask();; at = (at + 1) & mask()) {
      const Slot& slot = slots_[at];
      if (slot.id == none) return none;
      if (slot.tag == tag_of(h) && is_it(slot.id)) return slot.id;
    }
  }

  /// find() for this pair will read here soon.
  void prefetch(NodeId local, NodeId remote) const {
    __builtin_prefetch(&slots_[tag_of(hash(local, remote)) & mask()]);
  }
  /// What find() will most likely look at first.
  Id guess(NodeId local, NodeId remote) const {
    return find(local, remote, [](Id) { return true; });
  }

  /// Precondition: the pair has no id yet.
  void insert(NodeId local, NodeId remote, Id id) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    place({tag_of(hash(local, remote)), id});
    ++size_;
  }

  /// The pair's first entry is another one now. Precondition: it has `before`.
  void replace(NodeId local, NodeId remote, Id before, Id after) { slots_[slot_of(local, remote, before)].id = after; }

  /// Precondition: the pair has `id`.
  void erase(NodeId local, NodeId remote, Id id) {
    std::size_t hole = slot_of(local, remote, id);
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

  std::uint64_t hash(NodeId local, NodeId remote) const {
    std::uint64_t h = seed_;
    for (const std::uint64_t part : {local.bits, remote.bits}) {
      h ^= part;
      h *= 0x9e3779b97f4a7c15u;
      h ^= h >> 32;
      h += seed_;
    }
    h *= 0xd6e8feb86659fd93u;
    return h ^ h >> 29;
  }

  std::size_t slot_of(NodeId local, NodeId remote, Id id) const {
    std::size_t at = tag_of(hash(local, remote)) & mask();
    while (slots_[at].id != id) at = (at + 1) & mask();
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
