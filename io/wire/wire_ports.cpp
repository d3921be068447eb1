// SPDX-License-Identifier: Apache-2.0
#include "io/wire/wire_ports.h"

namespace ilnp {

Result<void> WirePorts::open(unsigned ifindex, const MacAddress& own_mac, std::span<const sock_filter> filter) {
  auto opened = WirePort::open(ifindex, filter);
  if (!opened) return opened.error();
  auto port = std::make_unique<Port>(Port{std::move(opened.value()), own_mac, nullptr});
  port->watch = std::make_unique<Watch>(loop_, port->port.fd(), [this, p = port.get(), ifindex] {
    const WirePort::Batch batch = p->port.receive();
    on_frames_(ifindex, batch.frames);
    return batch.more;
  });
  ports_[ifindex] = std::move(port);
  return ok();
}

void WirePorts::set_mac(unsigned ifindex, const MacAddress& own_mac) {
  if (const auto it = ports_.find(ifindex); it != ports_.end()) it->second->own_mac = own_mac;
}

Result<void> WirePorts::set_filter(std::span<const sock_filter> filter) {
  for (auto& [ifindex, port] : ports_)
    if (auto set = port->port.set_filter(filter); !set) return set.error();
  return ok();
}

bool WirePorts::send(unsigned ifindex, const Packet& packet, const MacAddress& destination) {
  const auto it = ports_.find(ifindex);
  return it != ports_.end() && it->second->port.send(packet, destination, it->second->own_mac);
}

WirePort::Counters WirePorts::counters() const {
  WirePort::Counters total;
  for (const auto& [ifindex, port] : ports_) {
    const WirePort::Counters& c = port->port.counters();
    total.received += c.received;
    total.sent += c.sent;
    total.received_octets += c.received_octets;
    total.sent_octets += c.sent_octets;
    total.malformed += c.malformed;
    total.overrun += c.overrun;
    total.send_full += c.send_full;
    total.send_too_big += c.send_too_big;
    total.send_down += c.send_down;
    total.send_failed += c.send_failed;
    total.receive_failed += c.receive_failed;
  }
  return total;
}

}  // namespace ilnp
