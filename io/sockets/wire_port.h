// SPDX-License-Identifier: Apache-2.0
// The wire side: a packet socket per Ethernet interface that sees packets before the kernel's IPv6 input and before
// netfilter's ingress hook (which then drops them, see ingress_filter.h and router_filter.h), super-packets kept whole.
//
// What it takes is decided by a socket filter in the kernel (wire_filter.h), in place before the socket is bound.
#pragma once

#include <linux/filter.h>

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/base/result.h"
#include "core/ipv6/mac_address.h"
#include "core/ipv6/packet.h"
#include "io/loop/descriptor.h"

namespace ilnp {

inline constexpr std::size_t ethernet_header_length = 14;

struct ReceivedFrame {
  Packet packet;
  MacAddress source;
};

class WirePort {
 public:
  struct Options {
    bool qdisc_bypass = false;      ///< send past the interface's queueing discipline
    int receive_buffer = 16 << 20;  ///< octets asked for; beyond net.core.rmem_max needs CAP_NET_ADMIN
    int send_buffer = 8 << 20;      ///< octets
    std::size_t batch = 32;         ///< frames per receive(), 1..64; memory is batch * 64 KiB
  };
  struct Counters {
    std::uint64_t received = 0, sent = 0;
    std::uint64_t received_octets = 0, sent_octets = 0;
    std::uint64_t malformed = 0;     ///< dropped: virtio header, Ethernet type or IPv6 length makes no sense
    std::uint64_t overrun = 0;       ///< dropped by the kernel: receive buffer full
    std::uint64_t send_full = 0;     ///< dropped: send buffer or transmit queue full
    std::uint64_t send_too_big = 0;  ///< dropped: larger than the link's MTU
    std::uint64_t send_down = 0;     ///< dropped: the link is down or gone
    std::uint64_t send_failed = 0;   ///< dropped: anything else
    std::uint64_t receive_failed = 0;
  };

  /// `filter` is one of wire_filter.h.
  static Result<WirePort> open(unsigned ifindex, std::span<const sock_filter> filter, Options options);
  static Result<WirePort> open(unsigned ifindex, std::span<const sock_filter> filter) {
    return open(ifindex, filter, Options{});
  }

  int fd() const { return descriptor_.get(); }
  unsigned ifindex() const { return ifindex_; }

  /// Swaps the filter; no frame is judged by half of it.
  Result<void> set_filter(std::span<const sock_filter> filter);

  struct Batch {
    std::span<ReceivedFrame> frames;  ///< valid until the next receive()
    bool more = false;                ///< the batch was full: more may be waiting
  };
  Batch receive();

  /// Sends one packet (possibly a super-packet). False: dropped and counted.
  bool send(const Packet& packet, const MacAddress& destination, const MacAddress& source);

  /// Also asks the kernel for its overruns.
  const Counters& counters();

 private:
  WirePort() = default;
  struct Buffers;
  Descriptor descriptor_;
  unsigned ifindex_ = 0;
  Counters counters_;
  struct BuffersDeleter {
    void operator()(Buffers* buffers) const;
  };
  std::unique_ptr<Buffers, BuffersDeleter> buffers_;
};

}  // namespace ilnp
