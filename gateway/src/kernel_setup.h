// SPDX-License-Identifier: Apache-2.0
// Everything that the daemon changes in the kernel, so that all of it can be taken back: addresses and routes of the
// TUN devices, which go with them, host routes of mobile EIDs that are here, and the queues of those who wait for them.
#pragma once

#include <map>
#include <set>

#include "gateway/src/neighbour_queues.h"
#include "gateway/src/settings.h"
#include "io/netlink/network_commands.h"
#include "io/tun/tun_device.h"

namespace ilnp {

/// rtm_protocol of our routes: they are found again after a crash.
inline constexpr std::uint8_t gateway_protocol = 107;

class KernelSetup {
 public:
  KernelSetup(NetworkCommands& commands, const GatewaySettings& settings)
      : commands_{commands}, settings_{settings}, queues_{settings.interworking.hold_octets} {}

  Result<void> set_up(const TunSettings& settings, const TunDevice& device);
  /// Into the device from now on: the routes of `settings`, and no others.
  Result<void> set_routes(const TunSettings& settings, const TunDevice& device);

  /// Those of former runs that belong to nobody now: of another configuration, or of EIDs that are not here any more.
  Result<void> remove_stale_routes();

  /// The EID is in a [[mobile]] block.
  Result<void> deliver(const lisp::Eid& eid);
  void stop_delivering(const lisp::Eid& eid);
  /// A link came back: the kernel has forgotten its routes. What is there already stays as it is.
  void restore(unsigned ifindex);
  std::size_t delivered() const { return delivered_.size(); }

  /// All routes of ours, those of former runs too; the devices are their owner's.
  void take_down();
  /// Takes back what another run left, the devices too.
  static Result<void> clean_up(const GatewaySettings& settings);

 private:
  std::optional<RouteSpec> host_route(const lisp::Eid& eid) const;

  NetworkCommands& commands_;
  const GatewaySettings& settings_;
  NeighbourQueues queues_;
  struct DeviceRoutes {
    std::uint32_t table = 0;
    std::set<lisp::IpPrefix> prefixes;
  };
  std::map<unsigned, DeviceRoutes> routes_;  ///< by ifindex
  std::set<lisp::Eid> delivered_;
};

}  // namespace ilnp
