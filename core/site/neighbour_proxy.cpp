// SPDX-License-Identifier: Apache-2.0
#include "core/site/neighbour_proxy.h"

namespace ilnp {

void NeighbourProxy::refresh() {
  guest_locators_.clear();
  nids_.for_each([&](const NidEntry& entry) {
    const bool is_here = entry.presence == Presence::visiting || entry.presence == Presence::arriving;
    if (is_here && entry.is_guest && !entry.owns_nid) guest_locators_.insert(entry.now);
  });
}

bool NeighbourProxy::answers(const NeighbourSolicitation& solicitation, bool is_on_link) const {
  // A probe for duplicates may be that of the node itself, which has come back before anybody said so.
  if (solicitation.source.is_unspecified()) return false;
  const NidEntry* entry = nids_.find(solicitation.target.nid, solicitation.target.locator);
  if (entry != nullptr && entry->presence != Presence::here && entry->presence != Presence::visiting)
    return is_on_link || guest_locators_.contains(solicitation.target.locator);
  return entry == nullptr && !is_on_link && guest_locators_.contains(solicitation.target.locator);
}

NeighbourAdvertisement proxy_answer(const NeighbourSolicitation& solicitation, const Address& router,
                                    const MacAddress& own_mac) {
  NeighbourAdvertisement answer;
  answer.source = router;
  answer.target = solicitation.target;
  answer.solicited = true;
  answer.override_cached = true;  // its own link-layer address may still be cached (as RFC 6275 section 10.4.1)
  answer.link_layer = own_mac;
  return answer;
}

}  // namespace ilnp
