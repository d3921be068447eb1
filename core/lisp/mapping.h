// SPDX-License-Identifier: Apache-2.0
// What the mapping system says about an EID-prefix (RFC 9301 section 5.4), as values.
#pragma once

#include <cstdint>
#include <vector>

#include "core/lisp/ip_address.h"

namespace ilnp::lisp {

inline constexpr std::uint8_t never_use = 255;  ///< priority of a locator that gets no packets

/// A locator of a record: where packets for the EID may be sent, and how it compares with the others.
struct RlocRecord {
  IpAddress address;
  std::uint8_t priority = 1;  ///< lower is better; never_use
  std::uint8_t weight = 100;  ///< share of the flows among equal priorities
  std::uint8_t multicast_priority = never_use;
  std::uint8_t multicast_weight = 0;
  bool is_local = false;     ///< L: of the sender of the record
  bool is_probed = false;    ///< p: this one was probed
  bool is_reachable = true;  ///< R: the sender has a route to it
  bool operator==(const RlocRecord&) const = default;
};

/// What an ITR does with packets for an EID-prefix without locators. The numbers of the field ACT.
enum class Action : std::uint8_t {
  no_action = 0,
  natively_forward = 1,
  send_map_request = 2,
  drop = 3,
  drop_policy = 4,
  drop_authentication = 5,
};

inline constexpr std::uint32_t ttl_unlimited = 0xffff'ffff;  ///< the receiver decides

struct MappingRecord {
  std::uint32_t ttl = 0;  ///< minutes; 0: there is no such mapping any more
  EidPrefix eid;
  Action action = Action::no_action;
  bool is_authoritative = false;  ///< A: by the ETR itself, not by a Map-Server on its behalf
  std::uint16_t version = 0;      ///< 12 bits, 0: none (RFC 9302)
  std::vector<RlocRecord> rlocs;  ///< sorted by address
  bool operator==(const MappingRecord&) const = default;

  bool is_negative() const { return rlocs.empty(); }
};

/// Who registers or subscribes (RFC 9301 section 5.6, RFC 9437): zero where it was not said.
struct XtrIdentity {
  std::array<std::uint8_t, 16> xtr{};
  std::uint64_t site = 0;
  auto operator<=>(const XtrIdentity&) const = default;
};

}  // namespace ilnp::lisp
