// SPDX-License-Identifier: Apache-2.0
// The inside of one instance: a TUN device that the kernel routes the EIDs of others into, and from which packets for
// our nodes go on by the kernel's own routes. Persistent: it stays while the daemon is replaced, and packets are lost
// then, not refused.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "core/ipv6/packet.h"
#include "gateway/src/settings.h"
#include "io/loop/loop.h"
#include "io/tun/tun_device.h"

namespace ilnp {

class TunSide {
 public:
  using OnPackets = std::function<void(std::uint32_t instance, std::span<Packet> packets)>;

  /// `segmentation`: super-packets cross it whole.
  static Result<std::unique_ptr<TunSide>> open(Loop& loop, const TunSettings& settings, bool segmentation,
                                               OnPackets on_packets);
  TunSide(const TunSide&) = delete;
  TunSide& operator=(const TunSide&) = delete;

  std::uint32_t instance() const { return instance_; }
  TunDevice& device() { return device_; }
  const TunDevice& device() const { return device_; }
  bool write(const Packet& packet) { return device_.write(packet); }

 private:
  TunSide(TunDevice device, std::uint32_t instance, OnPackets on_packets);
  bool drain();

  TunDevice device_;
  std::uint32_t instance_;
  OnPackets on_packets_;
  std::vector<ByteVector> buffers_;
  std::vector<Packet> packets_;
  std::unique_ptr<Watch> watch_;
};

}  // namespace ilnp
