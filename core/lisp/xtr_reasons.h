// SPDX-License-Identifier: Apache-2.0
// Why a LISP router's control plane did nothing about a message. Names are API: counters appear under them. What one of
// the machines refused is counted there (ItrDrop, MapServerReason, RequestReason), what could not be read as ReadError.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/lisp/reasons.h"

namespace ilnp::lisp {

enum class XtrDrop : std::uint8_t {
  unused_type,            ///< Map-Referral, Info-Request: not for us
  hint_through_resolver,  ///< a probe or an SMR that came encapsulated
  no_map_server,          ///< for one, and none is embedded here
  not_configured,         ///< a Map-Register about an EID of no site, or under the key of another site
  register_limit,         ///< more Map-Registers from one source than are looked at
  stranger,               ///< under a secret, and from nobody that we share one with
  unasked_notify,         ///< a Map-Notify about nothing of ours
  unasked_acknowledgement,
  change_limit,         ///< more Change-Priority messages from one source than are looked at
  change_own,           ///< our own message came back
  change_not_allowed,   ///< ARRIVE from who must not say so
  change_out_of_scope,  ///< about EIDs that its sender must not speak about
  change_foreign_rloc,  ///< TRANSFER to RLOCs that are not its sender's
  change_replayed,
  change_outdated,   ///< TRANSFER that is older than the arrival here
  not_mobile,        ///< about an EID that cannot be here
  too_many_mobile,   ///< EIDs
  too_many_asked,    ///< questions about who has an EID
  handover_full,     ///< messages from us to ourselves
  answer_too_large,  ///< for the question that it answers
  reminder_limit,    ///< clients that nobody knows, and that send here what is elsewhere
  no_key,            ///< nothing to authenticate with what was to be sent
  count
};

constexpr const char* name_of(XtrDrop reason) {
  constexpr std::array names{"unused_type",         "hint_through_resolver",
                             "no_map_server",       "not_configured",
                             "register_limit",      "stranger",
                             "unasked_notify",      "unasked_acknowledgement",
                             "change_limit",        "change_own",
                             "change_not_allowed",  "change_out_of_scope",
                             "change_foreign_rloc", "change_replayed",
                             "change_outdated",     "not_mobile",
                             "too_many_mobile",     "too_many_asked",
                             "handover_full",       "answer_too_large",
                             "reminder_limit",      "no_key"};
  static_assert(names.size() == static_cast<std::size_t>(XtrDrop::count));
  return names[static_cast<std::size_t>(reason)];
}

class ControlCounters {
 public:
  void count(XtrDrop reason) { ++drops_[static_cast<std::size_t>(reason)]; }
  void count(ReadError reason) { ++unread_[static_cast<std::size_t>(reason)]; }
  std::uint64_t of(XtrDrop reason) const { return drops_[static_cast<std::size_t>(reason)]; }
  std::uint64_t of(ReadError reason) const { return unread_[static_cast<std::size_t>(reason)]; }

 private:
  std::array<std::uint64_t, static_cast<std::size_t>(XtrDrop::count)> drops_{};
  std::array<std::uint64_t, static_cast<std::size_t>(ReadError::count)> unread_{};
};

}  // namespace ilnp::lisp
