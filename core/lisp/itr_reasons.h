// SPDX-License-Identifier: Apache-2.0
// Why an ITR dropped a packet, or did not believe a message. Names are API: counters appear under them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ilnp::lisp {

enum class ItrDrop : std::uint8_t {
  // packets
  source_limit,        ///< its sender asks for too many new EIDs
  too_many_requests,   ///< no room for another question
  too_many_waiting,    ///< EIDs whose packets wait
  queue_full,          ///< of its EID
  unanswered,          ///< waited for an answer that never came
  mapping_gone,        ///< waited, and the answer was that there is no such mapping
  negative_no_action,  ///< RFC 9301 section 5.4, here to negative_authentication
  negative_ask_again,
  negative_drop,
  negative_policy,
  negative_authentication,
  no_rloc,  ///< none of the mapping can be used
  // mappings
  cache_full,        ///< of entries that must not go
  own_prefix,        ///< somebody maps what is configured here
  prefix_too_short,  ///< claims too much
  rloc_not_unicast,
  rloc_is_own,
  rloc_is_eid,
  rloc_private,
  // Map-Replies
  reply_unknown_nonce,
  reply_is_probe,
  reply_security_data,  ///< RFC 9303, which was not asked for
  reply_other_eid,
  // SMR
  smr_malformed,
  smr_no_mapping,
  smr_stranger,
  smr_prefix_limit,
  smr_limit,
  // Change-Priority UPDATE
  update_not_one,
  update_out_of_scope,
  update_distrusted,
  update_replayed,
  update_no_mapping,
  update_broader,
  update_sender,
  update_no_rloc,
  // probes
  probe_malformed,
  probe_through_resolver,
  probe_unknown_eid,
  probe_limit,
  probe_reply_unknown_nonce,
  probe_reply_not_authoritative,
  probe_reply_other_eid,
  probe_table_full,
  // Map-Notify for subscriptions
  notify_unknown,
  notify_replayed,
  count
};

constexpr const char* name_of(ItrDrop reason) {
  constexpr std::array names{"source_limit",
                             "too_many_requests",
                             "too_many_waiting",
                             "queue_full",
                             "unanswered",
                             "mapping_gone",
                             "negative_no_action",
                             "negative_ask_again",
                             "negative_drop",
                             "negative_policy",
                             "negative_authentication",
                             "no_rloc",
                             "cache_full",
                             "own_prefix",
                             "prefix_too_short",
                             "rloc_not_unicast",
                             "rloc_is_own",
                             "rloc_is_eid",
                             "rloc_private",
                             "reply_unknown_nonce",
                             "reply_is_probe",
                             "reply_security_data",
                             "reply_other_eid",
                             "smr_malformed",
                             "smr_no_mapping",
                             "smr_stranger",
                             "smr_prefix_limit",
                             "smr_limit",
                             "update_not_one",
                             "update_out_of_scope",
                             "update_distrusted",
                             "update_replayed",
                             "update_no_mapping",
                             "update_broader",
                             "update_sender",
                             "update_no_rloc",
                             "probe_malformed",
                             "probe_through_resolver",
                             "probe_unknown_eid",
                             "probe_limit",
                             "probe_reply_unknown_nonce",
                             "probe_reply_not_authoritative",
                             "probe_reply_other_eid",
                             "probe_table_full",
                             "notify_unknown",
                             "notify_replayed"};
  static_assert(names.size() == static_cast<std::size_t>(ItrDrop::count));
  return names[static_cast<std::size_t>(reason)];
}

class ItrDrops {
 public:
  void count(ItrDrop reason, std::uint64_t n = 1) { counters_[static_cast<std::size_t>(reason)] += n; }
  std::uint64_t of(ItrDrop reason) const { return counters_[static_cast<std::size_t>(reason)]; }

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(ItrDrop::count)> counters_{};
};

}  // namespace ilnp::lisp
