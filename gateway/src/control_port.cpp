// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/control_port.h"

namespace ilnp {

Result<std::unique_ptr<ControlPort>> ControlPort::open(Loop& loop, const lisp::Underlay& underlay, Hooks hooks) {
  std::unique_ptr<ControlPort> out{new ControlPort{std::move(hooks)}};
  for (const lisp::Family family : {lisp::Family::ipv4, lisp::Family::ipv6}) {
    if (!underlay.has(family)) continue;
    auto socket = UdpSocket::open(family, lisp::control_port, {});
    if (!socket) return socket.error();
    auto side = std::make_unique<Side>(Side{family, std::move(socket.value()), nullptr});
    side->watch =
        std::make_unique<Watch>(loop, side->socket.fd(), [&port = *out, &its = *side] { return port.drain(its); });
    out->sides_.push_back(std::move(side));
  }
  return out;
}

bool ControlPort::drain(Side& side) {
  // What ICMP says about control messages is no news: they are repeated until they are answered.
  (void)side.socket.receive_errors();
  const UdpSocket::Batch batch = side.socket.receive();
  for (const ReceivedDatagram& datagram : batch.datagrams)
    hooks_.on_datagram({datagram.source, datagram.destination, datagram.source_port, datagram.payload});
  if (!batch.datagrams.empty()) hooks_.on_batch_end();
  return batch.more;
}

void ControlPort::send(const lisp::ControlToSend& datagram) {
  for (const auto& side : sides_) {
    if (side->family != datagram.to.family()) continue;
    DatagramToSend to;
    to.destination = datagram.to;
    to.port = datagram.port;
    to.source = datagram.from;
    to.may_fragment = true;
    (void)side->socket.send(to, datagram.message);  // counted there
    return;
  }
  ++no_side_;
}

ControlPort::Counters ControlPort::counters() const {
  Counters out;
  out.send_failed = no_side_;
  for (const auto& side : sides_) {
    const UdpSocket::Counters& its = side->socket.counters();
    out.received += its.received;
    out.sent += its.sent;
    out.malformed += its.malformed;
    out.receive_failed += its.receive_failed;
    out.send_failed += its.send_full + its.send_too_big + its.send_failed;
  }
  return out;
}

}  // namespace ilnp
