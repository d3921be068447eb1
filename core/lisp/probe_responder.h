// SPDX-License-Identifier: Apache-2.0
// The ETR's side of RLOC-probing (RFC 9301 section 7.1): every probe is answered, at once and also under load, because
// who gets no answer sends all traffic elsewhere or nowhere. Only a peer who asks more than a hundred times a second is
// left without.
#pragma once

#include <optional>
#include <vector>

#include "core/base/rate_limit.h"
#include "core/lisp/itr_reasons.h"
#include "core/lisp/messages.h"

namespace ilnp::lisp {

class ProbeResponder {
 public:
  /// `seed`: secret.
  ProbeResponder(std::uint64_t seed, ItrDrops& drops, double per_second_of_peer = 100)
      : seed_{seed}, drops_{drops}, limits_(buckets, RateLimit{per_second_of_peer, per_second_of_peer}) {}

  /// The answer, to be sent from `probed`, the address that the probe came to, to `peer`, which sent it, and to its
  /// port. `registered`: our record that covers the EID, or that of one that
  /// has left; nullptr for none. `through_resolver`: it came encapsulated.
  std::optional<MapReply> answer(TimePoint now, const MapRequest& probe, const IpAddress& peer, const IpAddress& probed,
                                 const MappingRecord* registered, bool through_resolver);

 private:
  static constexpr std::size_t buckets = 1024;
  std::optional<ItrDrop> objection(TimePoint now, const MapRequest& probe, const IpAddress& peer,
                                   const MappingRecord* registered, bool through_resolver);

  std::uint64_t seed_;
  ItrDrops& drops_;
  std::vector<RateLimit> limits_;  ///< by keyed hash: peers that share one share its tokens
};

}  // namespace ilnp::lisp
