// SPDX-License-Identifier: Apache-2.0
// Neighbour discovery messages of our own out; advertisements, solicitations of neighbours and (on links where we are
// the router) of routers in. The kernel goes on doing its own neighbour discovery; this socket only listens beside it.
// What is not from an address that the kernel would choose goes through a packet socket that never receives.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/result.h"
#include "core/ipv6/mac_address.h"
#include "core/ipv6/neighbour_discovery.h"
#include "io/loop/descriptor.h"
#include "io/sockets/icmpv6_socket.h"

namespace ilnp {

struct ReceivedNeighbourMessage {
  unsigned ifindex = 0;
  NeighbourMessage message;
};

class NeighbourDiscoverySocket {
 public:
  struct Counters {
    std::uint64_t received = 0, solicitations_sent = 0, probes_sent = 0;
    std::uint64_t malformed = 0;  ///< failed a check of RFC 4861
    std::uint64_t receive_failed = 0, send_failed = 0;
  };

  static Result<NeighbourDiscoverySocket> open();

  int fd() const { return socket_.fd(); }
  Counters counters() const {
    Counters out = counters_;
    out.receive_failed = socket_.failed();
    return out;
  }

  /// To all routers; from the link-local address when it is usable, else from the unspecified address.
  Result<void> solicit_routers(unsigned ifindex, const MacAddress& own_mac);
  /// Asks a neighbour on the link whether it is there, from the address that the kernel chooses.
  Result<void> solicit_neighbour(unsigned ifindex, const Address& target, const MacAddress& own_mac);
  /// Hear the solicitations for routers on that link as well.
  Result<void> join_routers(unsigned ifindex);
  /// A finished IPv6 packet to an Ethernet address.
  Result<void> send(unsigned ifindex, const MacAddress& destination, Bytes packet);
  /// The same, counted as a probe (build_duplicate_address_probe).
  Result<void> send_probe(unsigned ifindex, const MacAddress& destination, Bytes packet);

  struct Batch {
    std::vector<ReceivedNeighbourMessage> messages;
    bool more = false;
  };
  Batch receive();

 private:
  NeighbourDiscoverySocket(Icmpv6Socket socket, Descriptor sender)
      : socket_{std::move(socket)}, sender_{std::move(sender)} {}
  Icmpv6Socket socket_;
  Descriptor sender_;
  Counters counters_;
};

}  // namespace ilnp
