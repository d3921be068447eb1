// SPDX-License-Identifier: Apache-2.0
// The truth that border routers and gateways share: which site has a node, and whose outside names it goes by. One
// record for each node that moves or is claimed; nodes without one are where their locator says.
//
// A record changes by one compare-and-swap in a TruthStore and by nothing else. Its epoch is the revision that the
// store gave that change: a router never obeys a lower one than it has seen.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>

#include "core/ipv6/address.h"
#include "core/site/nid_table.h"

namespace ilnp {

/// A node with ILNP owns its NID. One without keeps its address, and others may have the same lower half.
struct NodeKey {
  NodeId nid;
  Locator address_locator{};  ///< of a node without ILNP; zero for one with it
  bool operator==(const NodeKey&) const = default;
  auto operator<=>(const NodeKey&) const = default;
};

enum class MovePhase : std::uint8_t {
  settled,   ///< it is at `at`. prepare -> prepared; rehome -> active
  prepared,  ///< it is at `at` and will go to `other`. activate -> active; abort, or its time is over -> settled
  active,    ///< it has gone from `other` to `at`, or (no `other`) only its home changes. release -> settled; abort ->
             ///< settled as it was before
};

struct Ownership {
  NodeKey key;
  Place home;  ///< its outside names are made of this; its border router sends and receives for it
  Place at;
  MovePhase phase = MovePhase::settled;
  std::optional<Place> other{};   ///< prepared: where it will go; active: where it came from
  std::optional<Place> former{};  ///< active: the home before, by whose names sessions may still run
  bool visible = false;           ///< prepared: `other` becomes its home as well, and its correspondents are told
  bool when_heard = false;        ///< prepared: activated by the destination itself when it hears the node
  std::uint64_t epoch = 0;        ///< the store's revision; not part of what is stored
  bool operator==(const Ownership&) const = default;

  bool is_ilnp() const { return key.address_locator == Locator{}; }
};

}  // namespace ilnp
