// SPDX-License-Identifier: Apache-2.0
// Which RLOC of a mapping a packet goes to (RFC 9300 section 12, RFC 9301 section 5.4): the lowest priority that can be
// used, and among equals by weight. Nothing is remembered: the same flow gets the same answer as long as the set and
// what is known about it stay the same.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <vector>

#include "core/lisp/mapping.h"

namespace ilnp::lisp {

/// Our end of the tunnels.
struct Underlay {
  std::vector<IpAddress> rlocs;  ///< ours
  bool has(Family family) const;
  bool owns(const IpAddress& address) const;
};

/// What tells flows apart, of the inner packet.
struct Flow {
  std::uint64_t hash = 0;         ///< of addresses, protocol and ports
  std::uint16_t source_port = 0;  ///< 0: none
};

struct RlocPolicy {
  enum class Balancing : std::uint8_t {
    weight,     ///< by the flow's hash, in proportion to the weights
    mod_sport,  ///< source port modulo the number of best RLOCs: whoever chooses ports chooses paths
  };
  Balancing balancing = Balancing::weight;
  bool last_resort = false;  ///< where all are down, use the best of them
};

/// Could ever get packets: priority, R, and a family that we have.
bool is_candidate(const RlocRecord& rloc, const Underlay& underlay);

/// nullptr: none. `down`: RLOCs that do not answer.
const RlocRecord* choose_rloc(std::span<const RlocRecord> rlocs, const Flow& flow, const RlocPolicy& policy,
                              const Underlay& underlay, const std::set<IpAddress>& down);

}  // namespace ilnp::lisp
