// SPDX-License-Identifier: Apache-2.0
#include "core/site/outside_names.h"

#include <algorithm>

#include "core/base/keyed_hash.h"

namespace ilnp {
namespace {

AdvertisedLocator worse(const AdvertisedLocator& than, Locator locator, unsigned by) {
  const unsigned preference = unsigned{than.preference} + by;
  return {locator, static_cast<std::uint16_t>(std::min(preference, 0xffffu)), than.lifetime};
}

}  // namespace

void add_name(std::vector<AdvertisedLocator>& names, const AdvertisedLocator& wanted) {
  const auto known =
      std::find_if(names.begin(), names.end(), [&](const AdvertisedLocator& l) { return l.locator == wanted.locator; });
  if (known == names.end())
    names.push_back(wanted);
  else
    known->preference = std::min(known->preference, wanted.preference);
}

std::vector<AdvertisedLocator> outside_names(const SubnetMap& map, const Uplinks& uplinks,
                                             const AdvertisedLocator& inside) {
  std::vector<AdvertisedLocator> names;
  std::uint16_t best = 0xffff;
  for (UplinkId id = 0; id < max_uplinks; ++id)
    if (uplinks.is_usable(id)) best = std::min(best, uplinks[id].preference);
  for (UplinkId id = 0; id < max_uplinks; ++id) {
    if (!uplinks.is_usable(id)) continue;
    if (const auto outside = map.to_outside(inside.locator, id))
      add_name(names, worse(inside, *outside, unsigned{uplinks[id].preference} - best));
  }
  std::stable_sort(names.begin(), names.end(),
                   [](const AdvertisedLocator& a, const AdvertisedLocator& b) { return a.preference < b.preference; });
  return names;
}

void add_former_names(std::vector<AdvertisedLocator>& names, const SubnetMap& map, const AdvertisedLocator& inside) {
  for (UplinkId id = 0; id < max_uplinks; ++id)
    if (const auto outside = map.to_outside(inside.locator, id))
      add_name(names, worse(inside, *outside, unsigned{former_preference} + id));
}

std::uint64_t fingerprint(const std::vector<AdvertisedLocator>& names) {
  std::uint16_t best = 0xffff;
  for (const AdvertisedLocator& name : names) best = std::min(best, name.preference);
  std::uint64_t sum = 0;  // in any order
  for (const AdvertisedLocator& name : names)
    sum += keyed_hash(1, {name.locator.bits, std::uint64_t{name.preference} - best});
  return sum | 1;
}

}  // namespace ilnp
