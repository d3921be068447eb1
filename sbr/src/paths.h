// SPDX-License-Identifier: Apache-2.0
// Which side an interface is, and by which neighbour a packet leaves for a side: an uplink's gateway, the router of
// another site, the node itself inside or the router that it is behind.
#pragma once

#include <map>
#include <unordered_map>

#include "io/wire/next_hops.h"
#include "sbr/src/interfaces.h"
#include "sbr/src/settings.h"

namespace ilnp {

class Paths {
 public:
  explicit Paths(const SbrSettings& settings) : settings_{settings} {}

  /// After every change of the network.
  void update(const Interfaces& interfaces);

  /// Interfaces that are there and their sides.
  const std::map<unsigned, Side>& sides() const { return sides_; }
  std::optional<Side> side_of(unsigned ifindex) const;
  std::vector<unsigned> inside() const;
  /// 0: it is not there. Inside: the first.
  unsigned interface_of(Side side) const;
  std::optional<Address> gateway(UplinkId uplink) const;

  /// Nothing: the interface is not there, or the gateway not known.
  std::optional<NextHop> next_hop(Side to, const Address& destination) const;

 private:
  struct Route {
    unsigned ifindex = 0;
    std::optional<Address> router;  ///< nothing: on the link
    std::uint32_t metric = 0;
  };
  void add_kernel_routes(unsigned ifindex, const Interface& interface);
  const Route* route_inside(Locator locator) const;

  const SbrSettings& settings_;
  const Interfaces* interfaces_ = nullptr;
  std::map<unsigned, Side> sides_;
  std::array<unsigned, max_uplinks> uplink_interfaces_{};
  std::array<std::optional<Address>, max_uplinks> gateways_{};
  std::array<NextHop, max_sites> links_{};
  std::map<std::uint8_t, std::unordered_map<std::uint64_t, Route>, std::greater<>> routes_;  ///< by prefix length
};

}  // namespace ilnp
