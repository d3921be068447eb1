// SPDX-License-Identifier: Apache-2.0
// For whom a border router answers neighbour solicitations on an inside link (RFC 4861 section 7.2.8): for nodes whose
// home is there and that are elsewhere, so that their former neighbours reach them through us; and, for guests without
// ILNP, for everybody of the subnet where they believe to be.
#pragma once

#include <set>

#include "core/ipv6/neighbour_discovery.h"
#include "core/site/nid_table.h"

namespace ilnp {

class NeighbourProxy {
 public:
  explicit NeighbourProxy(NidTable& nids) : nids_{nids} {}

  /// Anew from the table.
  void refresh();
  bool has_guests() const { return !guest_locators_.empty(); }
  /// `is_on_link`: the target's locator is one of that link.
  bool answers(const NeighbourSolicitation& solicitation, bool is_on_link) const;

 private:
  NidTable& nids_;
  std::set<Locator> guest_locators_;  ///< of guests here that keep their addresses
};

/// What we say to it: `router` is our address on that link.
NeighbourAdvertisement proxy_answer(const NeighbourSolicitation& solicitation, const Address& router,
                                    const MacAddress& own_mac);

}  // namespace ilnp
