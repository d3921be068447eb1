// SPDX-License-Identifier: Apache-2.0
// The wire side: one packet socket per interface, and the way out for each source locator: its interface and its
// gateway (or the peer itself when it is on the same link).
#pragma once

#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "ilnp-host/src/locator_tracker.h"
#include "io/wire/next_hops.h"

namespace ilnp {

class WireSide {
 public:
  struct Counters {
    std::uint64_t no_locator = 0;  ///< dropped: the source locator is not (any more) one of a usable interface
    std::uint64_t unresolved = 0;  ///< dropped: the next hop did not answer, or too many packets waited for it
  };

  WireSide(Loop& loop, NetworkCommands& commands, WirePorts::OnFrames on_frames)
      : loop_{loop}, ports_{loop, std::move(on_frames)}, next_hops_{commands, ports_} {}

  Result<void> open_port(unsigned ifindex, const MacAddress& own_mac, std::span<const NodeId> nids);
  void close_port(unsigned ifindex) { ports_.close(ifindex); }
  Result<void> set_nids(std::span<const NodeId> nids);

  /// The ways out, after every change of locators.
  void set_routes(const std::vector<LocatorTracker::Usable>& usable, const LocatorTracker& tracker);
  void on_neighbour(TimePoint now, const NeighbourChanged& neighbour) { next_hops_.on_neighbour(now, neighbour); }

  /// By the interface of the packet's source locator.
  void send(TimePoint now, const Packet& packet);
  /// Drops what waited too long; called now and then.
  void on_time(TimePoint now) { next_hops_.on_time(now); }

  Counters counters() const { return {no_locator_, next_hops_.counters().unresolved}; }
  WirePort::Counters port_counters() const { return ports_.counters(); }

 private:
  struct Way {
    Locator locator;
    unsigned ifindex = 0;
    Address gateway;
  };

  Loop& loop_;
  WirePorts ports_;
  NextHops next_hops_;
  std::vector<Way> ways_;
  std::uint64_t no_locator_ = 0;
};

}  // namespace ilnp
