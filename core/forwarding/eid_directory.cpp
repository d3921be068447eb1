// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/eid_directory.h"

#include <utility>

namespace ilnp {

std::optional<EidNews::Kind> EidDirectory::meaning_of(const Ownership& record,
                                                      const std::optional<Kind>& before) const {
  const bool other_is_ours = record.other && record.other->site == own_;
  if (record.at.site == own_) return record.phase == MovePhase::prepared && !other_is_ours ? Kind::leaving : Kind::here;
  if (record.phase == MovePhase::prepared && other_is_ours) return Kind::expected;
  const bool was_here = before == Kind::here || before == Kind::leaving;
  if (was_here || before == Kind::left || (record.phase == MovePhase::active && other_is_ours)) return Kind::left;
  return before ? std::optional{Kind::gone} : std::nullopt;
}

std::vector<EidNews> EidDirectory::news(const NodeKey& key, Kind kind) const {
  std::vector<EidNews> out;
  for (const lisp::EidPrefix& block : blocks_) {
    if (block.prefix.family() != lisp::Family::ipv6) continue;
    const Locator upper = block.prefix.address.ipv6().locator;
    const Locator locator = key.address_locator == Locator{} ? upper : key.address_locator;
    const lisp::Eid eid{block.instance, Address{locator, key.nid}};
    if (block.contains(eid)) out.push_back({kind, eid});
  }
  return out;
}

std::vector<EidNews> EidDirectory::apply(const Ownership& record) {
  Known& known = nodes_[record.key];
  known.named_in = resync_;
  if (record.epoch < known.epoch) return {};
  const bool is_newer = record.epoch > std::exchange(known.epoch, record.epoch);
  const std::optional<Kind> before = known.kind, now = meaning_of(record, before);
  known.kind = now == Kind::gone ? std::nullopt : now;
  // A record in between may not have been seen here, and the gateway of the other site has acted on it.
  const bool is_again = now == Kind::here && is_newer;
  return !now || (now == before && !is_again) ? std::vector<EidNews>{} : news(record.key, *now);
}

std::vector<EidNews> EidDirectory::present() const {
  std::vector<EidNews> out;
  for (const auto& [key, known] : nodes_)
    if (known.kind == Kind::here || known.kind == Kind::leaving)
      for (const EidNews& each : news(key, Kind::here)) out.push_back(each);
  return out;
}

bool EidDirectory::is_elsewhere(const lisp::Eid& eid) const {
  if (eid.address.family() != lisp::Family::ipv6) return false;
  const Address address = eid.address.ipv6();
  for (const NodeKey& key : {NodeKey{address.nid, {}}, NodeKey{address.nid, address.locator}}) {
    const auto found = nodes_.find(key);
    if (found != nodes_.end()) return found->second.kind != Kind::here && found->second.kind != Kind::leaving;
  }
  return false;
}

std::vector<EidNews> EidDirectory::gone(const NodeKey& key, std::uint64_t epoch) {
  const auto found = nodes_.find(key);
  if (found == nodes_.end() || epoch < found->second.epoch) return {};
  const bool meant_something = found->second.kind.has_value();
  nodes_.erase(found);
  return meant_something ? news(key, Kind::gone) : std::vector<EidNews>{};
}

std::vector<EidNews> EidDirectory::resync_finished() {
  std::vector<std::pair<NodeKey, std::uint64_t>> unnamed;
  for (const auto& [key, known] : nodes_)
    if (known.named_in != resync_) unnamed.emplace_back(key, known.epoch);
  std::vector<EidNews> out;
  for (const auto& [key, epoch] : unnamed)
    for (const EidNews& each : gone(key, epoch)) out.push_back(each);
  return out;
}

}  // namespace ilnp
