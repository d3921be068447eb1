// SPDX-License-Identifier: Apache-2.0
// The wire side: one packet socket per interface, and the way out for each source locator: its interface and the
// link-layer address of its gateway (or of the peer itself when it is on the same link). The kernel resolves
// neighbours; packets wait for the answer, bounded.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/forwarding/host_forwarder.h"
#include "ilnp-host/src/locator_tracker.h"
#include "io/loop/loop.h"
#include "io/netlink/network_commands.h"
#include "io/sockets/wire_port.h"

namespace ilnp {

class WireSide {
 public:
  struct Counters {
    std::uint64_t no_locator = 0;   ///< dropped: the source locator is not (any more) one of a usable interface
    std::uint64_t unresolved = 0;   ///< dropped: the next hop did not answer, or too many packets waited for it
    std::uint64_t resolutions = 0;  ///< asked of the kernel
  };
  using OnFrames = std::function<void(unsigned ifindex, std::span<ReceivedFrame>)>;

  WireSide(Loop& loop, NetworkCommands& commands, OnFrames on_frames)
      : loop_{loop}, commands_{commands}, on_frames_{std::move(on_frames)} {}

  Result<void> open_port(unsigned ifindex, std::span<const NodeId> nids);
  void close_port(unsigned ifindex) { ports_.erase(ifindex); }
  Result<void> set_nids(std::span<const NodeId> nids);

  /// The ways out, after every change of locators.
  void set_routes(const std::vector<LocatorTracker::Usable>& usable, const LocatorTracker& tracker);
  void on_neighbour(TimePoint now, const NeighbourChanged& neighbour);

  /// By the interface of the packet's source locator.
  void send(TimePoint now, const Packet& packet);
  /// Drops what waited too long; called now and then.
  void on_time(TimePoint now);

  const Counters& counters() const { return counters_; }
  WirePort::Counters port_counters() const;
  bool has_port(unsigned ifindex) const { return ports_.count(ifindex) != 0; }

 private:
  struct Port {
    WirePort port;
    std::unique_ptr<Watch> watch;
  };
  struct Way {
    Locator locator;
    unsigned ifindex = 0;
    MacAddress own_mac;
    Address gateway;
  };
  struct Waiting {
    ByteVector bytes;
    Offload offload;
    TimePoint until{};
  };
  struct NextHop {
    MacAddress mac;
    bool resolved = false;
    TimePoint confirmed_at{};  ///< when the kernel was last asked to confirm it
    std::vector<Waiting> waiting;
  };
  using Place = std::pair<unsigned, Address>;
  NextHop& next_hop(const Place& place);
  void ask(TimePoint now, const Place& place, NextHop& hop);
  static constexpr std::size_t max_waiting = 64;
  static constexpr std::size_t max_next_hops = 4096;
  static constexpr Duration wait = std::chrono::seconds{2};
  static constexpr Duration confirm_interval = std::chrono::seconds{10};

  Loop& loop_;
  NetworkCommands& commands_;
  OnFrames on_frames_;
  std::map<unsigned, std::unique_ptr<Port>> ports_;
  std::vector<Way> ways_;
  std::map<Place, NextHop> next_hops_;
  Counters counters_;
};

}  // namespace ilnp
