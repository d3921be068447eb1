// SPDX-License-Identifier: Apache-2.0
// What is known about EID-prefixes, found by longest match (RFC 9300 section 5.4). One hash table over (instance,
// family, length, bits), asked for each length in use from the longest: host prefixes, which most entries are, are
// found with the first question. Beside it all entries in order, where the more-specifics of a prefix are neighbours;
// the order owns them, so that they stay where they are. The hash is keyed: strangers choose EIDs.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "core/base/keyed_hash.h"
#include "core/lisp/ip_address.h"

namespace ilnp::lisp {

template <class Value>
class PrefixTable {
 public:
  /// An entry; stays where it is until it is erased.
  using Entry = std::pair<const EidPrefix, Value>;

  /// `seed`: secret.
  explicit PrefixTable(std::uint64_t seed) : seed_{seed}, slots_(64) {}
  PrefixTable(const PrefixTable&) = delete;
  PrefixTable& operator=(const PrefixTable&) = delete;

  std::size_t size() const { return entries_.size(); }

  /// The longest prefix that contains all of `wanted`: an EID, or a prefix.
  const Entry* match(const EidPrefix& wanted) const {
    const Bits all = bits_of(wanted.prefix.address);
    for (const std::uint8_t length : lengths_[family_index(wanted.prefix.family())]) {
      if (length > wanted.prefix.length) continue;
      const Key key{wanted.instance, wanted.prefix.family(), length, masked(all, length)};
      if (const Entry* entry = look_up(key)) return entry;
    }
    return nullptr;
  }
  Entry* match(const EidPrefix& wanted) { return const_cast<Entry*>(std::as_const(*this).match(wanted)); }
  const Entry* match(const Eid& eid) const { return match(EidPrefix::host(eid)); }
  Entry* match(const Eid& eid) { return match(EidPrefix::host(eid)); }

  /// Of exactly this prefix. Precondition, here and below: bits beyond the length are zero.
  const Entry* find(const EidPrefix& prefix) const { return look_up(key_of(prefix)); }
  Entry* find(const EidPrefix& prefix) { return const_cast<Entry*>(std::as_const(*this).find(prefix)); }

  /// Packets to these EIDs are looked up next: fetches the entries of host prefixes into the processor's caches, all
  /// at once instead of one after the other. `fetch_more(entry)` may go on where an entry points. Of an entry its first
  /// 128 octets.
  template <class F>
  void expect(std::span<const Eid> eids, F&& fetch_more) const {
    for (; eids.size() > most_expected; eids = eids.subspan(most_expected))
      expect(eids.first(most_expected), fetch_more);
    std::array<const Slot*, most_expected> slots;
    for (std::size_t i = 0; i < eids.size(); ++i) {
      slots[i] = &slots_[home(hash_of(key_of(EidPrefix::host(eids[i]))))];
      __builtin_prefetch(slots[i]);
    }
    for (std::size_t i = 0; i < eids.size(); ++i) {
      const auto* entry = reinterpret_cast<const char*>(slots[i]->entry);
      for (std::size_t at = 0; at < std::min<std::size_t>(sizeof(Entry), 128); at += 64) __builtin_prefetch(entry + at);
    }
    for (std::size_t i = 0; i < eids.size(); ++i)
      if (slots[i]->entry != nullptr) fetch_more(*slots[i]->entry);
  }

  /// The entry of exactly this prefix; made when there is none (`second`: it is new).
  std::pair<Entry*, bool> insert(const EidPrefix& prefix) {
    const auto [place, is_new] = entries_.try_emplace(prefix);
    if (is_new) {
      count_length(prefix, +1);
      if (entries_.size() * 2 > slots_.size()) rehash(slots_.size() * 2);
      put({hash_of(key_of(prefix)), &*place});
    }
    return {&*place, is_new};
  }

  /// `entry` is of this table; it is gone then.
  void erase(const Entry& entry) {
    const EidPrefix prefix = entry.first;
    close_gap(slot_of(key_of(prefix)));
    count_length(prefix, -1);
    entries_.erase(prefix);
  }

  /// The longest prefix that contains all of `prefix` and is not the same.
  Entry* wider_than(EidPrefix prefix) {
    if (prefix.prefix.length == 0) return nullptr;
    --prefix.prefix.length;
    return match(prefix);
  }
  /// The first entry in `prefix`, itself included; nullptr: none. With next_in() all of them, in order.
  const Entry* first_in(const EidPrefix& prefix) const { return in(prefix, entries_.lower_bound(prefix)); }
  const Entry* next_in(const EidPrefix& prefix, const Entry& entry) const {
    return in(prefix, entries_.upper_bound(entry.first));
  }
  Entry* first_in(const EidPrefix& prefix) { return const_cast<Entry*>(std::as_const(*this).first_in(prefix)); }
  Entry* next_in(const EidPrefix& prefix, const Entry& entry) {
    return const_cast<Entry*>(std::as_const(*this).next_in(prefix, entry));
  }

  /// Calls f(entry) for each, in order; f does not change the table.
  template <class F>
  void for_each(F&& f) const {
    for (const Entry& entry : entries_) f(entry);
  }

 private:
  struct Bits {
    std::uint64_t high, low;
    bool operator==(const Bits&) const = default;
  };
  struct Key {
    std::uint32_t instance;
    Family family;
    std::uint8_t length;
    Bits bits;
    bool operator==(const Key&) const = default;
  };
  struct Slot {
    std::uint64_t hash = 0;
    Entry* entry = nullptr;
  };
  using Order = std::map<EidPrefix, Value>;
  static constexpr std::size_t most_expected = 64;

  static std::size_t family_index(Family family) { return family == Family::ipv4 ? 0 : 1; }
  static Bits bits_of(const IpAddress& address) {
    if (address.is_ipv4()) return {std::uint64_t{address.ipv4()} << 32, 0};
    const Bytes octets = address.octets();
    return {load_u64(octets.data()), load_u64(octets.data() + 8)};
  }
  static std::uint64_t ones(unsigned n) { return n == 0 ? 0 : ~std::uint64_t{0} << (64 - n); }
  static Bits masked(const Bits& bits, unsigned length) {
    return length <= 64 ? Bits{bits.high & ones(length), 0} : Bits{bits.high, bits.low & ones(length - 64)};
  }
  static Key key_of(const EidPrefix& p) {
    return {p.instance, p.prefix.family(), p.prefix.length, bits_of(p.prefix.address)};
  }
  std::uint64_t hash_of(const Key& k) const {
    const std::uint64_t rest = std::uint64_t{k.instance} << 16 | family_index(k.family) << 8 | k.length;
    return keyed_hash(seed_, {k.bits.high, k.bits.low, rest});
  }

  std::size_t slot_of(const Key& key) const {
    const std::uint64_t hash = hash_of(key);
    std::size_t at = home(hash);
    for (; slots_[at].entry != nullptr; at = next(at))
      if (slots_[at].hash == hash && key_of(slots_[at].entry->first) == key) break;
    return at;
  }
  const Entry* look_up(const Key& key) const { return slots_[slot_of(key)].entry; }

  std::size_t home(std::uint64_t hash) const { return hash & (slots_.size() - 1); }
  std::size_t next(std::size_t at) const { return (at + 1) & (slots_.size() - 1); }
  void put(const Slot& slot) {
    std::size_t at = home(slot.hash);
    while (slots_[at].entry != nullptr) at = next(at);
    slots_[at] = slot;
  }
  void rehash(std::size_t slots) {
    const std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots));
    for (const Slot& slot : old)
      if (slot.entry != nullptr) put(slot);
  }
  /// What follows a slot that becomes free moves forward when that brings it nearer to its home.
  void close_gap(std::size_t gap) {
    for (std::size_t at = next(gap); slots_[at].entry != nullptr; at = next(at)) {
      const std::size_t mask = slots_.size() - 1;
      if (((at - home(slots_[at].hash)) & mask) < ((at - gap) & mask)) continue;
      slots_[gap] = slots_[at];
      gap = at;
    }
    slots_[gap] = {};
  }

  void count_length(const EidPrefix& prefix, int by) {
    const std::size_t family = family_index(prefix.prefix.family());
    auto& users = users_[family][prefix.prefix.length];
    const bool was_in_use = users > 0;
    users = static_cast<std::uint32_t>(static_cast<int>(users) + by);
    if (was_in_use == (users > 0)) return;
    lengths_[family].clear();
    for (int length = 128; length >= 0; --length)
      if (users_[family][static_cast<std::size_t>(length)] > 0)
        lengths_[family].push_back(static_cast<std::uint8_t>(length));
  }

  const Entry* in(const EidPrefix& prefix, typename Order::const_iterator at) const {
    return at != entries_.end() && prefix.contains(at->first) ? &*at : nullptr;
  }

  std::uint64_t seed_;
  std::vector<Slot> slots_;  ///< open addressing; at most half of them in use
  Order entries_;
  std::array<std::array<std::uint32_t, 129>, 2> users_{};  ///< entries, by family and length
  std::array<std::vector<std::uint8_t>, 2> lengths_;       ///< in use, the longest first
};

}  // namespace ilnp::lisp
