// SPDX-License-Identifier: Apache-2.0
// Which of our NIDs a packet of our kernel belongs to (RFC 6741 section 5). Sockets that are bound to the node's
// identity address, and what a server accepted there, speak as the node. Sockets that nobody bound have the client
// identity address, and here the peer decides: each has a NID of its own.
#include "core/forwarding/host_forwarder.h"

namespace ilnp {

namespace {
constexpr std::size_t udp_header_length = 8;

bool is_udp(const HeaderWalk& walk) {
  return walk.upper_protocol == next_header::udp && walk.upper_length >= udp_header_length;
}
}  // namespace

NodeId HostForwarder::default_local() const {
  return ephemeral_clients_ || nids_.node().empty() ? OwnNids::client : nids_.node().front();
}

Address HostForwarder::own_identity(NodeId nid) const {
  return {ilcc_.identity_prefix(), nids_.is_ephemeral(nid) ? OwnNids::client : nid};
}

bool HostForwarder::is_own_identity(const Address& address) const {
  if (address.locator != ilcc_.identity_prefix()) return false;
  return nids_.is_node(address.nid) || (address.nid == OwnNids::client && (ephemeral_clients_ || nids_.peers() != 0));
}

Correspondent* HostForwarder::find_outbound(const Packet& packet, const HeaderWalk& walk) {
  if (walk.source.nid != OwnNids::client) return ilcc_.find_by_identity(walk.source.nid, walk.destination);
  if (walk.upper_protocol != next_header::tcp)
    if (Correspondent* c = find_served(packet, walk)) return c;
  const auto local = nids_.of_peer(walk.destination.nid);
  return local ? ilcc_.find_by_identity(*local, walk.destination) : nullptr;
}

/// The session in which this datagram is an answer of a server that is bound to no address, or in which our kernel says
/// that the server is gone.
Correspondent* HostForwarder::find_served(const Packet& packet, const HeaderWalk& walk) {
  std::uint16_t port = 0;
  const bool is_datagram = is_udp(walk);
  if (is_datagram) {
    port = load_u16(packet.data() + walk.upper_offset);
  } else {
    const auto quoted = parse_quoted(packet.bytes(), walk);
    if (!quoted || quoted.value().walk.upper_protocol != next_header::udp || !quoted.value().has_ports) return nullptr;
    port = quoted.value().destination_port;
  }
  for (const NodeId nid : nids_.node()) {
    Correspondent* c = ilcc_.find_by_identity(nid, walk.destination);
    if (c == nullptr || c->served == nullptr) continue;
    if (is_datagram ? c->served->note_answer(port) : c->served->note_closed(port)) return c;
  }
  return nullptr;
}

/// An ephemeral NID is there for one peer. Others cannot keep it in use, and find no server behind it.
bool HostForwarder::is_another_peers(const HeaderWalk& walk) {
  return nids_.is_ephemeral(walk.destination.nid) && ilcc_.find_pair(walk.destination.nid, walk.source.nid) == nullptr;
}

/// The address under which our kernel gets this packet of the peer.
Address HostForwarder::receiver_of(Correspondent& c, const Packet& packet, const HeaderWalk& walk) const {
  const Address own = own_identity(c.local_nid);
  if (!ephemeral_clients_ || own.nid == OwnNids::client || !is_udp(walk)) return own;
  if (c.served == nullptr) c.served = std::make_unique<ServedPorts>();
  const bool answers_as_client = c.served->note_received(load_u16(packet.data() + walk.upper_offset + 2));
  return answers_as_client ? Address{own.locator, OwnNids::client} : own;
}

}  // namespace ilnp
