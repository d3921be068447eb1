// SPDX-License-Identifier: Apache-2.0
// Where the nodes are that a border router has been told of, or has learnt of (RFC 6748 section 3; the inter-site moves
// of "Secure & Agile Wide-Area Virtual Machine Mobility", sections V and VI).
//
// A node has a `home`: the inside locator from which its outside locators are made, so that its correspondents see no
// change however often it moves. `now` is the locator that it has at the place where it is; for a node that keeps its
// address when it moves (no ILNP in it), both are the same. When its home changed, sessions that began by the names of
// the `former` home keep them. An entry is found by its NID and any of the three, and, when its node owns the NID, by
// the NID alone. Invariant: no two entries share one of these keys.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/base/time.h"
#include "core/ilnp/pair_index.h"
#include "core/ipv6/address.h"
#include "core/site/locator_prefix.h"

namespace ilnp {

/// A site and the inside locator of a node there.
struct Place {
  SiteId site = 0;
  Locator locator;
  bool operator==(const Place&) const = default;
};

enum class Presence : std::uint8_t {
  here,      ///< inside this site, and this site is its home. Moves away -> away
  away,      ///< it is at `site`, or reached from there. Comes back -> arriving; given up, grace over -> gone
  visiting,  ///< inside this site; `site` is its home and keeps its outside locators. Leaves -> away
  arriving,  ///< on its way to this site: what comes for it is held until it is heard. Heard -> here or visiting
};

using NidEntryId = std::uint32_t;

/// What packets need comes first: it is in one line of the processor's caches.
struct NidEntry {
  NodeId nid;
  Locator home;
  Locator now;
  Presence presence = Presence::here;
  SiteId site = 0;              ///< away: where it is; visiting, and arriving guests: its home
  bool is_expected = false;     ///< away: will come here, and its move is activated as soon as it is heard
  bool is_guest = false;        ///< another site is its home
  bool is_former_home = false;  ///< away: another site is its home now, and late packets by `home` follow it
  bool owns_nid = false;        ///< an ILNP node: nobody else has this NID, whatever the locator
  bool is_learnt = false;       ///< from its packets, not from the table of truth: goes when it is silent
  TimePoint last_heard{};       ///< from inside
  /// Its move is told before it stops: until then it may still send from where it was, this site when none is given.
  TimePoint departs_until{};
  std::optional<SiteId> departs_from{};
  TimePoint until = never;         ///< when the entry ends by itself
  std::optional<Place> former{};   ///< its home before this one: changed by set_former() only
  TimePoint former_until = never;  ///< when nobody goes by those names any more
  std::uint64_t epoch = 0;         ///< of the ownership; a lower one never replaces a higher one
  NidEntryId id = 0;
};

enum class NidProblem : std::uint8_t {
  taken,  ///< another entry has this NID with one of these locators, or owns it
  full,
};

class NidTable {
 public:
  NidTable(std::uint64_t hash_seed, std::size_t max_entries) : index_{hash_seed}, max_entries_{max_entries} {}

  NidEntry* find(NodeId nid, Locator home_now_or_former);
  /// The entry whose node owns that NID.
  NidEntry* find_owner(NodeId nid);
  NidEntry* at(NidEntryId id) { return id < slots_ && slot(id).used ? &slot(id).entry : nullptr; }

  /// find(), or find_owner() with `any_locator`, will read there soon: first its index, then what the index names.
  void prefetch_index(NodeId nid, Locator locator) const { index_.prefetch(nid.bits, locator.bits); }
  void prefetch_entry(NodeId nid, Locator locator) const;

  /// Pointers to entries stay valid until they are erased.
  Result<NidEntry*, NidProblem> insert(const NidEntry& entry);
  Result<void, NidProblem> set_home(NidEntry& entry, Locator home);
  /// The node has another locator where it is.
  Result<void, NidProblem> set_now(NidEntry& entry, Locator now);
  /// Its home was there before; nothing: nobody goes by those names any more.
  Result<void, NidProblem> set_former(NidEntry& entry, const std::optional<Place>& former);
  void erase(NidEntry& entry);

  template <class F>
  void for_each(F&& f) {
    for (NidEntryId id = 0; id < slots_; ++id)
      if (slot(id).used) f(slot(id).entry);
  }
  std::size_t size() const { return slots_ - free_.size(); }

  /// No node has this locator; under it owners are filed.
  static constexpr Locator any_locator{};

 private:
  struct alignas(64) Slot {
    NidEntry entry;
    bool used = false;
  };
  static constexpr std::size_t chunk = 1024;  ///< slots that are allocated at once and stay where they are

  Slot& slot(NidEntryId id) { return (*chunks_[id / chunk])[id % chunk]; }
  const Slot& slot(NidEntryId id) const { return (*chunks_[id / chunk])[id % chunk]; }

  NidEntry* find_key(NodeId nid, Locator locator);
  /// Under each of its locators once.
  template <class F>
  static void for_each_locator(const NidEntry& entry, F&& f) {
    f(entry.home);
    if (entry.now != entry.home) f(entry.now);
    if (entry.former && entry.former->locator != entry.home && entry.former->locator != entry.now)
      f(entry.former->locator);
  }
  /// Changes a locator of a filed entry.
  template <class F>
  void refile(NidEntry& entry, F&& change);

  std::vector<std::unique_ptr<std::array<Slot, chunk>>> chunks_;
  NidEntryId slots_ = 0;  ///< that have been in use
  std::vector<NidEntryId> free_;
  PairIndex index_;
  std::size_t max_entries_;
};

}  // namespace ilnp
