// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/ip_only_flows.h"

#include <algorithm>

#include "core/base/keyed_hash.h"
#include "core/forwarding/packet_fields.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {

namespace {

struct Ports {
  std::uint16_t source = 0, destination = 0;
};

bool has_port_fields(std::uint8_t protocol) { return protocol == next_header::tcp || protocol == next_header::udp; }

Ports ports_of(const Packet& packet, const HeaderWalk& walk) {
  if (!has_port_fields(walk.upper_protocol) || walk.upper_length < 4) return {};
  const std::uint8_t* upper = packet.data() + walk.upper_offset;
  return {load_u16(upper), load_u16(upper + 2)};
}

std::uint16_t echo_identifier(const Packet& packet, const HeaderWalk& walk) {
  const std::uint8_t type = icmp_type(packet, walk);
  const bool is_echo = walk.upper_protocol == next_header::icmpv6 && walk.upper_length >= 8 &&
                       (type == icmpv6::echo_request || type == icmpv6::echo_reply);
  return is_echo ? load_u16(packet.data() + walk.upper_offset + 4) : std::uint16_t{0};
}

}  // namespace

IpOnlyKey outbound_ip_only_key(const Packet& packet, const HeaderWalk& walk) {
  const Ports ports = ports_of(packet, walk);
  const auto local = static_cast<std::uint16_t>(ports.source | echo_identifier(packet, walk));
  return {walk.destination, walk.source.nid, local, ports.destination, walk.upper_protocol};
}

IpOnlyKey inbound_ip_only_key(const Packet& packet, const HeaderWalk& walk) {
  const Ports ports = ports_of(packet, walk);
  const auto local = static_cast<std::uint16_t>(ports.destination | echo_identifier(packet, walk));
  return {walk.source, walk.destination.nid, local, ports.source, walk.upper_protocol};
}

IpOnlyKey quoted_ip_only_key(const QuotedPacket& quoted, bool we_sent_it) {
  const HeaderWalk& walk = quoted.walk;
  const Address& ours = we_sent_it ? walk.source : walk.destination;
  IpOnlyKey key{we_sent_it ? walk.destination : walk.source, ours.nid, 0, 0, walk.upper_protocol};
  if (!has_port_fields(walk.upper_protocol) || !quoted.has_ports) return key;
  key.local_port = we_sent_it ? quoted.source_port : quoted.destination_port;
  key.remote_port = we_sent_it ? quoted.destination_port : quoted.source_port;
  return key;
}

bool IpOnlyFlows::is_kernels(const IpOnlyKey& key) const {
  return key.remote_port != 0 &&
         std::find(kernels_ports_.begin(), kernels_ports_.end(), key.remote_port) != kernels_ports_.end();
}

std::uint64_t IpOnlyFlows::hash(const IpOnlyKey& key) const {
  const std::uint64_t ports = std::uint64_t{key.local_port} << 32 | std::uint64_t{key.remote_port} << 16 | key.protocol;
  return keyed_hash(seed_, {key.local.bits, key.remote.locator.bits, key.remote.nid.bits, ports});
}

}  // namespace ilnp
