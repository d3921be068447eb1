// SPDX-License-Identifier: Apache-2.0
// What of a record from outside is believed: no prefix so short that it claims half the world, no RLOC that could not
// be a router's, is our own, or lies where EIDs are (RFC 9301 section 5.4, RFC 7835).
#pragma once

#include <algorithm>
#include <optional>
#include <vector>

#include "core/lisp/itr_reasons.h"
#include "core/lisp/mapping.h"
#include "core/lisp/rloc_choice.h"

namespace ilnp::lisp {

struct MappingRules {
  std::uint8_t shortest_ipv4 = 8, shortest_ipv6 = 16;  ///< bits of an EID-prefix
  std::vector<IpPrefix> eid_blocks;                    ///< an RLOC in one of these would need a look-up itself
  bool is_public = false;                              ///< private RLOCs mean nothing

  bool is_too_short(const IpPrefix& prefix) const {
    return prefix.length < (prefix.family() == Family::ipv4 ? shortest_ipv4 : shortest_ipv6);
  }

  /// Nothing: it may be used.
  std::optional<ItrDrop> objection(const IpAddress& rloc, const Underlay& underlay) const {
    if (!rloc.is_routable_unicast()) return ItrDrop::rloc_not_unicast;
    if (underlay.owns(rloc)) return ItrDrop::rloc_is_own;
    if (is_public && rloc.is_private()) return ItrDrop::rloc_private;
    if (std::any_of(eid_blocks.begin(), eid_blocks.end(), [&](const IpPrefix& b) { return b.contains(rloc); }))
      return ItrDrop::rloc_is_eid;
    return std::nullopt;
  }

  /// The record without such RLOCs, each counted.
  MappingRecord believed(MappingRecord record, const Underlay& underlay, ItrDrops& drops) const {
    std::erase_if(record.rlocs, [&](const RlocRecord& rloc) {
      const auto problem = objection(rloc.address, underlay);
      if (problem) drops.count(*problem);
      return problem.has_value();
    });
    return record;
  }
};

}  // namespace ilnp::lisp
