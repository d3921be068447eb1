// SPDX-License-Identifier: Apache-2.0
// What the hypervisor says to its guest, one JSON object a line (docs/operations/guest.md):
//
//   {"schema":"ilnp.host-channel/1","event":"moved","locators":["2001-0db8-00a2-0000"],"mac":"52:54:00:00:00:01","id":7}
//
// Only schema and event are needed. Members that nobody knows are for a later version and ignored.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <vector>

#include "core/base/result.h"
#include "core/ipv6/address.h"
#include "core/ipv6/mac_address.h"

namespace ilnp {

inline constexpr std::size_t max_host_line = 4096;  ///< octets
inline constexpr std::size_t max_noticed_locators = 16;

/// The machine was moved.
struct HostNotice {
  std::vector<Locator> locators;  ///< where it is now; empty: not said
  std::optional<MacAddress> mac;  ///< of the interface that it is about; none: all
  std::optional<std::uint64_t> id;
};

/// Takes whatever the other end of the channel may send.
Result<HostNotice> parse_host_notice(std::string_view line);

/// Answers, without the end of the line. `moved`: an interface of ours is meant.
nlohmann::json heard_notice(const HostNotice& notice, bool moved);
nlohmann::json refused_notice(std::string_view reason);

}  // namespace ilnp
