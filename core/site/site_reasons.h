// SPDX-License-Identifier: Apache-2.0
// Why a border router did not forward a packet. Names are API: counters appear under them (docs/operations).
#pragma once

#include <array>
#include <cstdint>

namespace ilnp {

enum class SiteDropReason : std::uint8_t {
  none,
  malformed,
  not_forwardable,
  hop_limit,
  too_big,
  inside_foreign_source,
  inside_source_elsewhere,
  inside_no_outside_locator,
  inside_no_uplink,
  outside_inside_address,
  outside_own_source,
  outside_no_mapping,
  outside_hidden_unknown,
  link_stranger,
  link_loop,
  hold_full,
  hold_too_long,
  error_unreadable,
  error_bad_checksum,
  locator_update_malformed,
  nid_table_full,
  count
};

constexpr const char* name_of(SiteDropReason reason) {
  constexpr std::array names{"none",
                             "malformed",
                             "not_forwardable",
                             "hop_limit",
                             "too_big",
                             "inside_foreign_source",
                             "inside_source_elsewhere",
                             "inside_no_outside_locator",
                             "inside_no_uplink",
                             "outside_inside_address",
                             "outside_own_source",
                             "outside_no_mapping",
                             "outside_hidden_unknown",
                             "link_stranger",
                             "link_loop",
                             "hold_full",
                             "hold_too_long",
                             "error_unreadable",
                             "error_bad_checksum",
                             "locator_update_malformed",
                             "nid_table_full"};
  static_assert(names.size() == static_cast<std::size_t>(SiteDropReason::count));
  return names[static_cast<std::size_t>(reason)];
}

}  // namespace ilnp
