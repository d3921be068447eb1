// SPDX-License-Identifier: Apache-2.0
#include "core/site/flow_table.h"

#include <algorithm>
#include <bit>

#include "core/base/keyed_hash.h"

namespace ilnp {

FlowTable::FlowTable(std::uint64_t hash_seed, std::size_t flows)
    : seed_{hash_seed}, sets_(std::bit_ceil(std::max<std::size_t>(flows, 64)) / ways) {}

std::uint64_t FlowTable::hash(const FlowKey& key) const {
  const std::uint64_t ports =
      std::uint64_t{key.inside_port} << 32 | std::uint64_t{key.outside_port} << 16 | key.protocol;
  return keyed_hash(seed_, {key.inside.bits, key.outside.locator.bits, key.outside.nid.bits, ports});
}

Flow* FlowTable::find(const FlowKey& key, std::uint64_t hash) {
  for (auto& flow : sets_[hash & (sets_.size() - 1)])
    if (flow && flow->key == key) return &*flow;
  return nullptr;
}

Flow* FlowTable::add(const Flow& flow, std::uint64_t hash) {
  Set& set = sets_[hash & (sets_.size() - 1)];
  std::optional<Flow>* place = nullptr;
  for (auto& other : set) {
    if (!other) {
      place = &other;
      break;
    }
    if (other->answered && !flow.answered) continue;
    // Unanswered ones go first, then the one that is idle for longest.
    const auto rank = [](const Flow& f) { return std::pair{f.answered, f.last_seen}; };
    if (place == nullptr || rank(*other) < rank(**place)) place = &other;
  }
  if (place == nullptr) {
    ++refused_;
    return nullptr;
  }
  if (*place)
    ++displaced_;
  else
    ++size_;
  *place = flow;
  return &**place;
}

}  // namespace ilnp
