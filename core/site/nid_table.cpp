// SPDX-License-Identifier: Apache-2.0
#include "core/site/nid_table.h"

namespace ilnp {

NidEntry* NidTable::find_key(NodeId nid, Locator locator) {
  const NidEntryId id = index_.find(nid.bits, locator.bits, [&](NidEntryId i) {
    const NidEntry& e = slots_[i].entry;
    if (e.nid != nid) return false;
    return locator == any_locator ? e.owns_nid : e.home == locator || e.now == locator;
  });
  return id == PairIndex::none ? nullptr : &slots_[id].entry;
}

NidEntry* NidTable::find(NodeId nid, Locator home_or_now) {
  return home_or_now == any_locator ? nullptr : find_key(nid, home_or_now);
}

NidEntry* NidTable::find_owner(NodeId nid) { return find_key(nid, any_locator); }

Result<NidEntry*, NidProblem> NidTable::insert(const NidEntry& entry) {
  if (find(entry.nid, entry.home) != nullptr || find(entry.nid, entry.now) != nullptr) return NidProblem::taken;
  if (entry.owns_nid && find_owner(entry.nid) != nullptr) return NidProblem::taken;
  if (size() >= max_entries_) return NidProblem::full;
  NidEntryId id;
  if (free_.empty()) {
    id = static_cast<NidEntryId>(slots_.size());
    slots_.emplace_back();
  } else {
    id = free_.back();
    free_.pop_back();
  }
  slots_[id] = {entry, true};
  NidEntry& e = slots_[id].entry;
  e.id = id;
  index_.insert(e.nid.bits, e.home.bits, id);
  if (e.now != e.home) index_.insert(e.nid.bits, e.now.bits, id);
  if (e.owns_nid) index_.insert(e.nid.bits, any_locator.bits, id);
  return &e;
}

Result<void, NidProblem> NidTable::set_now(NidEntry& entry, Locator now) {
  if (now == entry.now) return ok();
  if (const NidEntry* other = find(entry.nid, now); other != nullptr && other != &entry) return NidProblem::taken;
  if (entry.now != entry.home) index_.erase(entry.nid.bits, entry.now.bits, entry.id);
  entry.now = now;
  if (now != entry.home) index_.insert(entry.nid.bits, now.bits, entry.id);
  return ok();
}

void NidTable::erase(NidEntry& entry) {
  index_.erase(entry.nid.bits, entry.home.bits, entry.id);
  if (entry.now != entry.home) index_.erase(entry.nid.bits, entry.now.bits, entry.id);
  if (entry.owns_nid) index_.erase(entry.nid.bits, any_locator.bits, entry.id);
  const NidEntryId id = entry.id;
  slots_[id] = {};
  free_.push_back(id);
}

}  // namespace ilnp
