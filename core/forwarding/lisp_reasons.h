// SPDX-License-Identifier: Apache-2.0
// Why a gateway dropped a packet. Names are API: counters appear under them (docs/operations). What the map-cache
// refused is counted by the control plane as well (itr_reasons.h).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ilnp {

enum class LispDrop : std::uint8_t {
  none,
  malformed,            ///< not IP, or cut
  not_unicast,          ///< multicast, link-local
  source_not_eid,       ///< from inside, by nobody whom we tunnel for
  source_is_ours,       ///< out of a tunnel, in the name of one of our EIDs
  inside_loop,          ///< from inside, to one of our own EIDs: the kernel has no route to it
  not_our_eid,          ///< out of a tunnel, for somebody else
  outsider,             ///< out of a tunnel whose other end is no RLOC of the sender
  relay_loop,           ///< its node has gone to where the packet came from
  relay_unreachable,    ///< no RLOC of the place where its node has gone answers
  tunnel_to_ourselves,  ///< a loop
  nested,               ///< it would be the third LISP header
  congestion,           ///< marked, and its sender does not know the marks (RFC 6040)
  hop_limit,
  too_big,
  native,     ///< its destination is not a LISP site, and there is no proxy ETR
  map_cache,  ///< see ItrDrop
  hold_full,
  count
};

constexpr const char* name_of(LispDrop reason) {
  constexpr std::array names{"none",
                             "malformed",
                             "not_unicast",
                             "source_not_eid",
                             "source_is_ours",
                             "inside_loop",
                             "not_our_eid",
                             "outsider",
                             "relay_loop",
                             "relay_unreachable",
                             "tunnel_to_ourselves",
                             "nested",
                             "congestion",
                             "hop_limit",
                             "too_big",
                             "native",
                             "map_cache",
                             "hold_full"};
  static_assert(names.size() == static_cast<std::size_t>(LispDrop::count));
  return names[static_cast<std::size_t>(reason)];
}

}  // namespace ilnp
