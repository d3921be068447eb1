// SPDX-License-Identifier: Apache-2.0
// What a name says of a node's place, for the node engine.
#pragma once

#include <algorithm>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "core/records/resolution.h"

namespace ilnp {

/// (LP preference, L64 preference) in that order: the list of the answer is sorted, so the rank is the preference.
inline std::vector<ResolvedLocator> ranked(const std::vector<LocatorRecord>& records) {
  std::vector<ResolvedLocator> out;
  for (const LocatorRecord& record : records) {
    const auto rank = static_cast<std::uint16_t>(std::min<std::size_t>(10 * (out.size() + 1), 0xfffe));
    out.push_back({record.locator, rank, record.ttl});
  }
  return out;
}

}  // namespace ilnp
