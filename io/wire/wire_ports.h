// SPDX-License-Identifier: Apache-2.0
// The packet sockets of a daemon, one for each interface, on its loop.
#pragma once

#include <functional>
#include <map>
#include <memory>

#include "io/loop/loop.h"
#include "io/sockets/wire_port.h"

namespace ilnp {

class WirePorts {
 public:
  using OnFrames = std::function<void(unsigned ifindex, std::span<ReceivedFrame>)>;

  WirePorts(Loop& loop, OnFrames on_frames) : loop_{loop}, on_frames_{std::move(on_frames)} {}

  Result<void> open(unsigned ifindex, const MacAddress& own_mac, std::span<const sock_filter> filter);
  void close(unsigned ifindex) { ports_.erase(ifindex); }
  bool has(unsigned ifindex) const { return ports_.contains(ifindex); }
  void set_mac(unsigned ifindex, const MacAddress& own_mac);
  /// On all of them.
  Result<void> set_filter(std::span<const sock_filter> filter);

  /// False: dropped and counted, or there is no such port.
  bool send(unsigned ifindex, const Packet& packet, const MacAddress& destination);

  WirePort::Counters counters() const;

 private:
  struct Port {
    WirePort port;
    MacAddress own_mac;
    std::unique_ptr<Watch> watch;
  };

  Loop& loop_;
  OnFrames on_frames_;
  std::map<unsigned, std::unique_ptr<Port>> ports_;
};

}  // namespace ilnp
