// SPDX-License-Identifier: Apache-2.0
#include "core/site/uplinks.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace ilnp {
namespace {

/// In (0, 1): what this uplink draws for this flow, the same at every router.
double draw(std::uint64_t flow_hash, UplinkId id) {
  std::uint64_t h = flow_hash ^ (std::uint64_t{id} + 1) * 0x9e3779b97f4a7c15u;
  h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9u;
  h = (h ^ h >> 27) * 0x94d049bb133111ebu;
  h ^= h >> 31;
  return (static_cast<double>(h >> 11) + 0.5) / 9007199254740992.0;  // 2^53
}

}  // namespace

bool PolicyRule::matches(const FlowProperties& flow) const {
  return (!inside || inside->contains(flow.inside.locator)) && (!outside || outside->contains(flow.outside.locator)) &&
         (!inside_nid || *inside_nid == flow.inside.nid) && (!outside_nid || *outside_nid == flow.outside.nid) &&
         (!protocol || *protocol == flow.protocol) && (!dscp || *dscp == flow.dscp) &&
         (!outside_port || *outside_port == flow.outside_port);
}

const PolicyRule* Uplinks::rule_for(const FlowProperties& flow) const {
  const auto it = std::find_if(policy_.begin(), policy_.end(), [&](const PolicyRule& r) { return r.matches(flow); });
  return it == policy_.end() ? nullptr : &*it;
}

/// The winner of the rendezvous among the uplinks of the best preference that are in `worst` state or better.
std::optional<UplinkId> Uplinks::best(std::uint64_t flow_hash, UplinkState worst) const {
  std::optional<UplinkId> winner;
  std::uint32_t preference = std::numeric_limits<std::uint32_t>::max();
  double score = 0;
  for (UplinkId id = 0; id < max_uplinks; ++id) {
    const Uplink& uplink = uplinks_[id];
    if (!uplink.configured || uplink.state > worst || uplink.preference > preference) continue;
    const double own = -uplink.weight / std::log(draw(flow_hash, id));
    if (uplink.preference == preference && own <= score) continue;
    winner = id;
    preference = uplink.preference;
    score = own;
  }
  return winner;
}

std::optional<UplinkId> Uplinks::choose(const FlowProperties& flow, std::uint64_t flow_hash) const {
  const PolicyRule* rule = rule_for(flow);
  for (const UplinkState worst : {UplinkState::up, UplinkState::suspect}) {
    if (rule != nullptr)
      for (const UplinkId id : rule->uplinks)
        if (is_usable(id) && uplinks_[id].state <= worst) return id;
    if (rule != nullptr && rule->strict) continue;
    if (const auto id = best(flow_hash, worst)) return id;
  }
  return std::nullopt;
}

bool Uplinks::has_better(UplinkId id) const {
  return std::any_of(uplinks_.begin(), uplinks_.end(), [&](const Uplink& other) {
    return other.configured && other.state == UplinkState::up && other.preference < uplinks_[id].preference;
  });
}

bool Uplinks::allows(const FlowProperties& flow, UplinkId id) const {
  const PolicyRule* rule = rule_for(flow);
  return rule == nullptr || !rule->strict ||
         std::find(rule->uplinks.begin(), rule->uplinks.end(), id) != rule->uplinks.end();
}

}  // namespace ilnp
