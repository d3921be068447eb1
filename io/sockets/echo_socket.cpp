// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/echo_socket.h"

#include "core/ipv6/icmpv6.h"

namespace ilnp {

Result<EchoSocket> EchoSocket::open() {
  auto socket = Icmpv6Socket::open("echo socket", {icmpv6::echo_reply});
  if (!socket) return socket.error();
  return EchoSocket{std::move(socket.value())};
}

EchoSocket::Batch EchoSocket::receive() {
  Batch out;
  out.more = socket_.receive([&](const ReceivedIcmpv6& received) {
    ByteReader in{received.message};
    in.skip(4);  // type, which the filter has judged, code, checksum
    const EchoReply reply{received.ifindex, received.source, in.u16(), in.u16()};
    if (in.ok()) out.replies.push_back(reply);
  });
  return out;
}

}  // namespace ilnp
