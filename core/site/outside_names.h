// SPDX-License-Identifier: Apache-2.0
// What a node is called outside, by every uplink that carries traffic: for Locator Updates (RFC 6743) and for the L64
// records of the site (RFC 6742).
#pragma once

#include <cstdint>
#include <vector>

#include "core/ilnp/locator_update.h"
#include "core/site/subnet_map.h"
#include "core/site/uplinks.h"

namespace ilnp {

/// The names of what has this inside locator, best first. A worse uplink's name has a worse preference by as much as
/// that uplink is worse than the best.
std::vector<AdvertisedLocator> outside_names(const SubnetMap& map, const Uplinks& uplinks,
                                             const AdvertisedLocator& inside);

/// Adds a name; of one that is there the better preference holds.
void add_name(std::vector<AdvertisedLocator>& names, const AdvertisedLocator& wanted);

/// The names that it had at a former home, which are worse than all others. `map` is that site's.
inline constexpr std::uint16_t former_preference = 1000;
void add_former_names(std::vector<AdvertisedLocator>& names, const SubnetMap& map, const AdvertisedLocator& inside);

/// Tells sets of names apart: which they are and how much better one is than the other. Never 0.
std::uint64_t fingerprint(const std::vector<AdvertisedLocator>& names);

}  // namespace ilnp
