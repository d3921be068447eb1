// SPDX-License-Identifier: Apache-2.0
#include "io/wire/wire_counters.h"

namespace ilnp {

void add_wire_counters(CounterRegistry& registry, std::function<WirePort::Counters()> read) {
  const auto wire = [&](const char* name, const char* help, std::uint64_t WirePort::Counters::*field) {
    registry.add("wire", {name, help}, [read, field] { return read().*field; });
  };
  wire("received", "packets from the wire", &WirePort::Counters::received);
  wire("sent", "packets to the wire", &WirePort::Counters::sent);
  wire("received_octets", "octets from the wire", &WirePort::Counters::received_octets);
  wire("sent_octets", "octets to the wire", &WirePort::Counters::sent_octets);
  wire("malformed", "dropped on receipt: malformed", &WirePort::Counters::malformed);
  wire("overrun", "dropped by the kernel: receive buffer full", &WirePort::Counters::overrun);
  wire("send_full", "dropped on sending: queue full", &WirePort::Counters::send_full);
  wire("send_too_big", "dropped on sending: larger than the MTU", &WirePort::Counters::send_too_big);
  wire("send_down", "dropped on sending: link down", &WirePort::Counters::send_down);
  wire("send_failed", "dropped on sending: other failure", &WirePort::Counters::send_failed);
}

}  // namespace ilnp
