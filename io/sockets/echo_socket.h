// SPDX-License-Identifier: Apache-2.0
// ICMPv6 Echo Replies that come for this machine, beside what the kernel does with them. Requests are sent as packets
// of our own, so that they leave by the interface that is being asked about.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/ipv6/address.h"
#include "io/sockets/icmpv6_socket.h"

namespace ilnp {

struct EchoReply {
  unsigned ifindex = 0;
  Address source;
  std::uint16_t identifier = 0, sequence = 0;
};

/// Nothing: it is cut short. The type was judged by the socket's filter, the checksum by the kernel.
std::optional<EchoReply> read_echo_reply(const ReceivedIcmpv6& received);

class EchoSocket {
 public:
  static Result<EchoSocket> open();
  int fd() const { return socket_.fd(); }

  struct Batch {
    std::vector<EchoReply> replies;
    bool more = false;
  };
  Batch receive();

 private:
  explicit EchoSocket(Icmpv6Socket socket) : socket_{std::move(socket)} {}
  Icmpv6Socket socket_;
};

}  // namespace ilnp
