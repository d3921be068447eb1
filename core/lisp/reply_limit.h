// SPDX-License-Identifier: Apache-2.0
// How often a Map-Request is answered. The ITR-RLOC in it may be somebody else's address: he must not be flooded
// through us (RFC 9301 section 5.3 recommends one answer in three seconds; a burst of three lets a lost answer be
// repeated).
#pragma once

#include <cstddef>
#include <utility>

#include "core/base/bounded_map.h"
#include "core/base/rate_limit.h"
#include "core/lisp/ip_address.h"

namespace ilnp::lisp {

/// Octets that answer a request of `asked` octets at most, all answers together: who forges a sender must not make more
/// of what he sends.
constexpr std::size_t most_answer_octets(std::size_t asked) { return 10 * asked; }
/// Of one message: in a packet that every IPv6 path carries.
inline constexpr std::size_t most_message_octets = 1280 - 40 - 8;

/// By requester and the prefix that the answer is about: a thousand questions about one prefix have one answer.
class ReplyLimit {
 public:
  explicit ReplyLimit(double per_second = 1000) : all_{per_second, burst_of_all}, each_{most_requesters} {}

  /// An answer about that prefix may go there now.
  bool allow(TimePoint now, const IpAddress& itr_rloc, const EidPrefix& eid) {
    const std::pair<IpAddress, EidPrefix> who{itr_rloc, eid};
    RateLimit limit{one_in_three_seconds, burst_of_one};
    if (const RateLimit* known = each_.find(who)) limit = *known;
    const bool may = limit.allow(now) && all_.allow(now);
    each_.put(who, limit);
    return may;
  }

 private:
  static constexpr double one_in_three_seconds = 1.0 / 3, burst_of_one = 3, burst_of_all = 100;
  static constexpr std::size_t most_requesters = 10'000;
  RateLimit all_;
  BoundedMap<std::pair<IpAddress, EidPrefix>, RateLimit> each_;
};

}  // namespace ilnp::lisp
