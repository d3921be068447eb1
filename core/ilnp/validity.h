// SPDX-License-Identifier: Apache-2.0
// States of a peer's Locator: RFC 6741 section 5.1 gives the four words, this file the transitions.
#pragma once

#include <cstdint>

namespace ilnp {

/// valid:   lifetime not over, not in use.          Leaves by: used, ttl_ended.
/// active:  lifetime not over, in use.              Leaves by: idle, ttl_ended.
/// aged:    lifetime over, not in use; packets from it are still accepted. Leaves by: refreshed, or it is deleted.
/// expired: lifetime over while in use and nothing else known: sending goes on (RFC 6741 section 5.2).
enum class Validity : std::uint8_t { valid, active, aged, expired };

enum class LocatorEvent : std::uint8_t { used, idle, ttl_ended, refreshed };

constexpr Validity after(Validity now, LocatorEvent event) {
  using enum Validity;
  const bool in_use = now == active || now == expired;
  const bool fresh = now == valid || now == active;
  switch (event) {
    case LocatorEvent::used:
      return fresh ? active : expired;
    case LocatorEvent::idle:
      return fresh ? valid : aged;
    case LocatorEvent::ttl_ended:
      return in_use ? expired : aged;
    case LocatorEvent::refreshed:
      return in_use ? active : valid;
  }
  return now;
}

/// What is known about whether the peer really receives at a Locator.
/// unverified: nothing; sending is limited.  probing: an Echo Request is out; sending is limited.
/// reachable: it answered something that was sent only there.  failed: probes or ICMPv6 say no; not sent to.
enum class Reach : std::uint8_t { unverified, probing, reachable, failed };

enum class LocatorSource : std::uint8_t { dns, packet, locator_update };

constexpr const char* name_of(Validity v) {
  constexpr const char* names[] = {"valid", "active", "aged", "expired"};
  return names[static_cast<int>(v)];
}
constexpr const char* name_of(Reach r) {
  constexpr const char* names[] = {"unverified", "probing", "reachable", "failed"};
  return names[static_cast<int>(r)];
}
constexpr const char* name_of(LocatorSource s) {
  constexpr const char* names[] = {"dns", "packet", "locator-update"};
  return names[static_cast<int>(s)];
}

}  // namespace ilnp
