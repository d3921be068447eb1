// SPDX-License-Identifier: Apache-2.0
// What changes in the host's network, as values. An event states what is so now; it may repeat what was known.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "core/ipv6/address.h"
#include "core/ipv6/mac_address.h"
#include "core/ipv6/neighbour_discovery.h"

namespace ilnp {

struct LinkChanged {
  unsigned ifindex = 0;
  std::string name;
  MacAddress mac;  ///< zero unless is_ethernet
  bool up = false;
  bool carrier = false;
  std::uint32_t mtu = 0;
  bool is_ethernet = false;
  bool is_loopback = false;
  std::string kind;  ///< "veth", "tun", "bridge"...; empty for hardware
  unsigned master = 0;
  bool removed = false;
  bool notify_peers = false;  ///< the host says that it was moved (virtio-net announce, failover)
};

struct AddressChanged {
  unsigned ifindex = 0;
  Address address;
  std::uint8_t prefix_length = 0;
  bool tentative = false;  ///< not usable yet; an optimistic address is usable and not tentative here
  bool optimistic = false;
  bool deprecated = false;
  bool dad_failed = false;
  bool temporary = false;
  bool permanent = false;            ///< configured, not learnt from a router
  bool ours = false;                 ///< marked with our protocol number
  std::uint32_t valid_lifetime = 0;  ///< seconds; infinite_lifetime = for ever
  std::uint32_t preferred_lifetime = 0;
  bool removed = false;
};

/// Default routes of the main table that are not our own.
struct DefaultRouteChanged {
  unsigned ifindex = 0;
  Address gateway;  ///< unspecified: on-link
  std::uint32_t metric = 0;
  RouterPreference preference = RouterPreference::medium;
  std::uint8_t protocol = 0;                  ///< rtm_protocol; 9 = router advertisement
  std::uint32_t expires = infinite_lifetime;  ///< seconds
  bool removed = false;
};

/// Other unicast routes of the main table that are not our own. Of several next hops only the first.
struct RouteChanged {
  unsigned ifindex = 0;
  Address prefix;
  std::uint8_t length = 0;  ///< bits, 1..128
  Address gateway;          ///< unspecified: on-link
  std::uint32_t metric = 0;
  bool removed = false;
};

enum class NeighbourState : std::uint8_t { none, incomplete, reachable, stale, delay, probe, failed, permanent };

struct NeighbourChanged {
  unsigned ifindex = 0;
  Address address;
  MacAddress mac;  ///< zero while unresolved
  NeighbourState state = NeighbourState::none;
  bool is_router = false;
  bool removed = false;

  bool has_mac() const {
    return !removed && !mac.is_zero() && state != NeighbourState::incomplete && state != NeighbourState::failed;
  }
};

/// A router advertised a prefix (sent at every advertisement, also when nothing changed).
struct PrefixAdvertised {
  unsigned ifindex = 0;
  PrefixInformation prefix;
};

/// Everything that is so follows; what is not named before ResyncFinished is gone.
struct ResyncStarted {
  bool events_were_lost = false;
};
struct ResyncFinished {};

using NetworkEvent = std::variant<LinkChanged, AddressChanged, DefaultRouteChanged, RouteChanged, NeighbourChanged,
                                  PrefixAdvertised, ResyncStarted, ResyncFinished>;

}  // namespace ilnp
