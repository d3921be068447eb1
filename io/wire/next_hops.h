// SPDX-License-Identifier: Apache-2.0
// Link-layer addresses of next hops. The kernel resolves neighbours; packets wait for its answer, bounded in number,
// octets and time.
#pragma once

#include <functional>
#include <unordered_map>
#include <vector>

#include "io/netlink/network_commands.h"
#include "io/netlink/network_events.h"
#include "io/wire/wire_ports.h"

namespace ilnp {

/// A neighbour: an address on a link. Interface 0: on one of those named by set_anywhere(), whichever it answers on.
struct NextHop {
  unsigned ifindex = 0;
  Address address;
  bool operator==(const NextHop&) const = default;
};

class NextHops {
 public:
  struct Counters {
    std::uint64_t unresolved = 0;   ///< packets dropped: the next hop did not answer, or too many waited
    std::uint64_t resolutions = 0;  ///< asked of the kernel
  };
  /// A packet that waited in vain. Not called for packets that are dropped because too many wait.
  using OnUnreachable = std::function<void(Packet&)>;

  NextHops(NetworkCommands& commands, WirePorts& ports, OnUnreachable on_unreachable = {})
      : commands_{commands}, ports_{ports}, on_unreachable_{std::move(on_unreachable)} {}

  void set_anywhere(std::vector<unsigned> interfaces) { anywhere_ = std::move(interfaces); }
  /// Resolved ahead of the first packet.
  void prepare(TimePoint now, const NextHop& hop);
  void send(TimePoint now, const NextHop& hop, const Packet& packet);
  void on_neighbour(TimePoint now, const NeighbourChanged& neighbour);
  /// Drops what waited too long; called now and then.
  void on_time(TimePoint now);

  const Counters& counters() const { return counters_; }

 private:
  struct Waiting {
    ByteVector bytes;
    Offload offload;
    TimePoint until{};
  };
  struct State {
    MacAddress mac;
    bool resolved = false;
    unsigned ifindex = 0;          ///< once resolved
    TimePoint confirmed_at{};      ///< when the kernel was last asked to confirm it
    std::vector<unsigned> silent;  ///< interfaces where nobody answered
    std::vector<Waiting> waiting;
  };
  struct Hash {
    std::size_t operator()(const NextHop& hop) const {
      return std::hash<Locator>{}(hop.address.locator) * 31 + std::hash<NodeId>{}(hop.address.nid) * 7 + hop.ifindex;
    }
  };
  /// Nothing: there are too many.
  State* find(const NextHop& hop);
  void ask(TimePoint now, const NextHop& hop, State& state);
  void resolved(TimePoint now, State& state, const NeighbourChanged& neighbour);
  void failed(const NextHop& hop, unsigned ifindex);
  void drop(std::vector<Waiting>& waiting);

  // What was held for a node comes at once: as much as a border router holds by default.
  static constexpr std::size_t max_waiting = 4096;  ///< packets for one next hop
  static constexpr std::size_t max_waiting_octets = 32 << 20;
  static constexpr std::size_t max_next_hops = 1 << 16;
  static constexpr Duration wait = seconds{2};
  static constexpr Duration confirm_interval = seconds{10};

  NetworkCommands& commands_;
  WirePorts& ports_;
  OnUnreachable on_unreachable_;
  std::vector<unsigned> anywhere_;
  std::unordered_map<NextHop, State, Hash> hops_;
  std::size_t waiting_octets_ = 0;
  Counters counters_;
};

}  // namespace ilnp
