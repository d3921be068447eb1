// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/rloc_choice.h"

#include <algorithm>
#include <array>

namespace ilnp::lisp {
namespace {

/// Of one priority, no more are told apart: RFC 9301 section 5.4 has 255 at most, and nobody has.
constexpr std::size_t most_equals = 16;

template <class Usable>
const RlocRecord* pick(std::span<const RlocRecord> rlocs, const Flow& flow, RlocPolicy::Balancing balancing,
                       const Usable& is_usable) {
  std::array<const RlocRecord*, most_equals> best;
  std::uint32_t count = 0, weight = 0;
  for (const RlocRecord& rloc : rlocs) {
    if (count > 0 && rloc.priority > best[0]->priority) continue;
    if (!is_usable(rloc)) continue;
    if (count > 0 && rloc.priority < best[0]->priority) count = weight = 0;
    if (count == most_equals) continue;
    best[count++] = &rloc;
    weight += rloc.weight;
  }
  if (count <= 1) return count == 0 ? nullptr : best[0];
  if (balancing == RlocPolicy::Balancing::mod_sport) return best[flow.source_port % count];
  if (weight == 0) return best[flow.hash % count];
  std::uint64_t left = flow.hash % weight;
  std::size_t i = 0;
  for (; left >= best[i]->weight; ++i) left -= best[i]->weight;
  return best[i];
}

}  // namespace

bool Underlay::has(Family family) const {
  return std::any_of(rlocs.begin(), rlocs.end(), [&](const IpAddress& own) { return own.family() == family; });
}

bool Underlay::owns(const IpAddress& address) const {
  return std::find(rlocs.begin(), rlocs.end(), address) != rlocs.end();
}

bool is_candidate(const RlocRecord& rloc, const Underlay& underlay) {
  return rloc.priority != never_use && rloc.is_reachable && underlay.has(rloc.address.family()) &&
         !underlay.owns(rloc.address);
}

const RlocRecord* choose_rloc(std::span<const RlocRecord> rlocs, const Flow& flow, const RlocPolicy& policy,
                              const Underlay& underlay, const std::set<IpAddress>& down) {
  const auto* up = pick(rlocs, flow, policy.balancing, [&](const RlocRecord& rloc) {
    return is_candidate(rloc, underlay) && (down.empty() || !down.contains(rloc.address));
  });
  if (up != nullptr || !policy.last_resort) return up;
  return pick(rlocs, flow, policy.balancing, [&](const RlocRecord& rloc) { return is_candidate(rloc, underlay); });
}

}  // namespace ilnp::lisp
