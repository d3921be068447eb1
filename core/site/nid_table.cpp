// SPDX-License-Identifier: Apache-2.0
#include "core/site/nid_table.h"

namespace ilnp {

NidEntry* NidTable::find_key(NodeId nid, Locator locator) {
  const NidEntryId id = index_.find(nid.bits, locator.bits, [&](NidEntryId i) {
    const NidEntry& e = slot(i).entry;
    if (e.nid != nid) return false;
    if (locator == any_locator) return e.owns_nid;
    return e.home == locator || e.now == locator || (e.former && e.former->locator == locator);
  });
  return id == PairIndex::none ? nullptr : &slot(id).entry;
}

void NidTable::prefetch_entry(NodeId nid, Locator locator) const {
  const NidEntryId id = index_.guess(nid.bits, locator.bits);
  if (id != PairIndex::none) __builtin_prefetch(&slot(id), 1);
}

NidEntry* NidTable::find(NodeId nid, Locator home_now_or_former) {
  return home_now_or_former == any_locator ? nullptr : find_key(nid, home_now_or_former);
}

NidEntry* NidTable::find_owner(NodeId nid) { return find_key(nid, any_locator); }

Result<NidEntry*, NidProblem> NidTable::insert(const NidEntry& entry) {
  bool is_taken = entry.owns_nid && find_owner(entry.nid) != nullptr;
  for_each_locator(entry, [&](Locator l) { is_taken = is_taken || find(entry.nid, l) != nullptr; });
  if (is_taken) return NidProblem::taken;
  if (size() >= max_entries_) return NidProblem::full;
  NidEntryId id;
  if (free_.empty()) {
    id = slots_++;
    if (id / chunk == chunks_.size()) chunks_.push_back(std::make_unique<std::array<Slot, chunk>>());
  } else {
    id = free_.back();
    free_.pop_back();
  }
  slot(id) = {entry, true};
  NidEntry& e = slot(id).entry;
  e.id = id;
  for_each_locator(e, [&](Locator l) { index_.insert(e.nid.bits, l.bits, id); });
  if (e.owns_nid) index_.insert(e.nid.bits, any_locator.bits, id);
  return &e;
}

template <class F>
void NidTable::refile(NidEntry& entry, F&& change) {
  for_each_locator(entry, [&](Locator l) { index_.erase(entry.nid.bits, l.bits, entry.id); });
  change();
  for_each_locator(entry, [&](Locator l) { index_.insert(entry.nid.bits, l.bits, entry.id); });
}

Result<void, NidProblem> NidTable::set_home(NidEntry& entry, Locator home) {
  if (home == entry.home) return ok();
  if (const NidEntry* other = find(entry.nid, home); other != nullptr && other != &entry) return NidProblem::taken;
  refile(entry, [&] { entry.home = home; });
  return ok();
}

Result<void, NidProblem> NidTable::set_now(NidEntry& entry, Locator now) {
  if (now == entry.now) return ok();
  if (const NidEntry* other = find(entry.nid, now); other != nullptr && other != &entry) return NidProblem::taken;
  refile(entry, [&] { entry.now = now; });
  return ok();
}

Result<void, NidProblem> NidTable::set_former(NidEntry& entry, const std::optional<Place>& former) {
  if (former == entry.former) return ok();
  if (former)
    if (const NidEntry* other = find(entry.nid, former->locator); other != nullptr && other != &entry)
      return NidProblem::taken;
  refile(entry, [&] { entry.former = former; });
  return ok();
}

void NidTable::erase(NidEntry& entry) {
  for_each_locator(entry, [&](Locator l) { index_.erase(entry.nid.bits, l.bits, entry.id); });
  if (entry.owns_nid) index_.erase(entry.nid.bits, any_locator.bits, entry.id);
  const NidEntryId id = entry.id;
  slot(id) = {};
  free_.push_back(id);
}

}  // namespace ilnp
