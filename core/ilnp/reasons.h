// SPDX-License-Identifier: Apache-2.0
// Why a packet went nowhere, and what happened that an operator may want to know. Names are API: counters and events
// appear under them (docs/operations).
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "core/ipv6/address.h"

namespace ilnp {

enum class DropReason : std::uint8_t {
  none,
  // from our own kernel
  out_malformed,
  out_not_unicast,
  out_foreign_source,
  out_foreign_destination,
  out_unknown_peer,
  out_cache_full,
  out_held_too_many,
  out_held_too_long,
  out_too_big,
  out_reassembly,
  out_unusable_quote,
  out_no_locator,
  out_ilnp_peer,
  // from the wire
  in_malformed,
  in_two_nonces,
  in_bad_nonce,
  in_quarantined,
  in_stranger_control,
  in_stranger_segment,
  in_tentative_full,
  in_nonce_size,
  in_forged_icmp,
  in_foreign_locator,
  in_not_our_locator,
  in_bad_checksum,
  in_reassembly,
  in_unconfirmed,
  in_ephemeral_nid,
  lu_malformed,
  lu_bad_length,
  lu_bad_checksum,
  lu_not_established,
  lu_rate,
  lu_replay,
  lu_no_usable_locator,
  lu_unexpected_ack,
  lu_other_ack,
  error_unreadable,
  error_not_ours,
  error_bad_nonce,
  error_bad_mtu,
  error_parameter_problem,
  error_suppressed,
  probe_unexpected,
  count
};

constexpr const char* name_of(DropReason reason) {
  constexpr std::array names{"none",
                             "out_malformed",
                             "out_not_unicast",
                             "out_foreign_source",
                             "out_foreign_destination",
                             "out_unknown_peer",
                             "out_cache_full",
                             "out_held_too_many",
                             "out_held_too_long",
                             "out_too_big",
                             "out_reassembly",
                             "out_unusable_quote",
                             "out_no_locator",
                             "out_ilnp_peer",
                             "in_malformed",
                             "in_two_nonces",
                             "in_bad_nonce",
                             "in_quarantined",
                             "in_stranger_control",
                             "in_stranger_segment",
                             "in_tentative_full",
                             "in_nonce_size",
                             "in_forged_icmp",
                             "in_foreign_locator",
                             "in_not_our_locator",
                             "in_bad_checksum",
                             "in_reassembly",
                             "in_unconfirmed",
                             "in_ephemeral_nid",
                             "lu_malformed",
                             "lu_bad_length",
                             "lu_bad_checksum",
                             "lu_not_established",
                             "lu_rate",
                             "lu_replay",
                             "lu_no_usable_locator",
                             "lu_unexpected_ack",
                             "lu_other_ack",
                             "error_unreadable",
                             "error_not_ours",
                             "error_bad_nonce",
                             "error_bad_mtu",
                             "error_parameter_problem",
                             "error_suppressed",
                             "probe_unexpected"};
  static_assert(names.size() == static_cast<std::size_t>(DropReason::count));
  return names[static_cast<std::size_t>(reason)];
}

enum class EventKind : std::uint8_t {
  session_established,
  session_fallback,
  session_unreachable,
  session_recovered,
  session_ended,
  peer_restarted,
  peer_moved,
  locator_update_sent,
  locator_update_acknowledged,
  locator_update_refused,
  own_locator_up,
  own_locator_down,
  detached,
  attached,
  bad_nonces,
  two_nonces,
  count
};

constexpr const char* name_of(EventKind kind) {
  constexpr std::array names{"session_established",
                             "session_fallback",
                             "session_unreachable",
                             "session_recovered",
                             "session_ended",
                             "peer_restarted",
                             "peer_moved",
                             "locator_update_sent",
                             "locator_update_acknowledged",
                             "locator_update_refused",
                             "own_locator_up",
                             "own_locator_down",
                             "detached",
                             "attached",
                             "bad_nonces",
                             "two_nonces"};
  static_assert(names.size() == static_cast<std::size_t>(EventKind::count));
  return names[static_cast<std::size_t>(kind)];
}

/// One thing that happened. Which fields mean something depends on the kind; a zero one is not shown.
struct HostEvent {
  EventKind kind{};
  NodeId local_nid{};
  NodeId remote_nid{};
  Locator locator{};
  Locator old_locator{};
  std::uint64_t number = 0;  ///< transmissions, interface, ...
  const char* reason = "";
};

}  // namespace ilnp
