// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/echo_socket.h"

#include "core/ipv6/icmpv6.h"

namespace ilnp {

Result<EchoSocket> EchoSocket::open() {
  auto socket = Icmpv6Socket::open("echo socket", {icmpv6::echo_reply});
  if (!socket) return socket.error();
  return EchoSocket{std::move(socket.value())};
}

std::optional<EchoReply> read_echo_reply(const ReceivedIcmpv6& received) {
  ByteReader in{received.message};
  in.skip(4);  // type, code, checksum
  const EchoReply reply{received.ifindex, received.source, in.u16(), in.u16()};
  if (!in.ok()) return std::nullopt;
  return reply;
}

EchoSocket::Batch EchoSocket::receive() {
  Batch out;
  out.more = socket_.receive([&](const ReceivedIcmpv6& received) {
    if (const auto reply = read_echo_reply(received)) out.replies.push_back(*reply);
  });
  return out;
}

}  // namespace ilnp
