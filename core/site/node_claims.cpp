// SPDX-License-Identifier: Apache-2.0
#include "core/site/node_claims.h"

#include <algorithm>

namespace ilnp {

bool NodeClaims::note(TimePoint now, const NodeKey& key) {
  ++signs_;
  auto it = claims_.find(key);
  if (it == claims_.end()) {
    if (claims_.size() == max_nodes)
      std::erase_if(claims_, [now](const auto& claim) { return now >= claim.second.seen + remembered; });
    if (claims_.size() == max_nodes) return false;
    claims_[key] = {now, now};
    return true;
  }
  it->second.seen = now;
  if (now < it->second.told + told_again) return false;
  it->second.told = now;
  return true;
}

std::size_t NodeClaims::nodes(TimePoint now) const {
  return static_cast<std::size_t>(std::count_if(
      claims_.begin(), claims_.end(), [now](const auto& claim) { return now < claim.second.seen + remembered; }));
}

}  // namespace ilnp
