// SPDX-License-Identifier: Apache-2.0
// Correspondents that are not ILNP nodes, with session.bind_ip_only: our kernel's sockets have the identity address,
// the correspondent's own address is at the other end, and the wire carries plain IPv6 from and to our I-LV. Nothing of
// that has a nonce, and nothing of it is a session of the ILCC: who has one is never spoken to like this.
#include <algorithm>

#include "core/forwarding/host_forwarder.h"
#include "core/forwarding/packet_fields.h"
#include "core/forwarding/rewrite.h"
#include "core/ipv6/icmpv6.h"
#include "core/ipv6/offload.h"

namespace ilnp {

namespace {
constexpr std::uint8_t no_route = 0, address_unreachable = 3;
}  // namespace

void HostForwarder::bind_ip_only(std::vector<std::uint16_t> kernels_ports) {
  ip_only_ = std::make_unique<IpOnlyFlows>(random_.u64(), std::move(kernels_ports));
}

/// What the sender learns at once instead of by a timeout.
Verdict HostForwarder::refuse(const HeaderWalk& walk, const Packet& packet, std::uint8_t code, DropReason reason,
                              Actions& actions) {
  const ByteVector error = build_error(icmpv6::destination_unreachable, code, 0, packet.bytes());
  actions.to_identity.push_back({build_packet(walk.destination, walk.source, next_header::icmpv6, error), {}});
  return drop(reason);
}

/// Of the node at that address we know better: as plain IPv6 from our I-LV its shim would take this for the session's.
bool HostForwarder::is_ilnp_peer(NodeId local, const Address& remote) {
  for (Correspondent* c = ilcc_.find_pair(local, remote.nid); c != nullptr; c = ilcc_.sibling(*c))
    if (c->is_session() && c->knows(remote.locator)) return true;
  return false;
}

/// The flow's own locator while it is usable, else the best one; zero: none. Among unique-local ones always the best:
/// the border router gives them the same outside name, and the place that was left stays usable until its lifetime
/// ends.
Locator HostForwarder::ip_only_locator(TimePoint now, const IpOnlyKey& key, IpOnlyFlow*& flow, Actions& actions) {
  const OwnLocator* best = own_.best();
  if (best == nullptr) return {};
  const bool is_new = flow == nullptr || !flow->answered;
  if (flow == nullptr) flow = ip_only_->add({key, best->locator, true, now});
  if (flow == nullptr) return best->locator;
  const bool is_hidden = is_unique_local(flow->locator) && is_unique_local(best->locator);
  const bool takes_best = flow->locator != best->locator && (is_hidden || own_.find(flow->locator) == nullptr);
  if (takes_best) flow->locator = best->locator;
  if (takes_best || is_new) actions.sessions_changed = true;
  flow->answered = true;
  flow->last_seen = now;
  return flow->locator;
}

/// `largest_piece`: in which our kernel sent it. The kernel knows the path's MTU, we do not.
Verdict HostForwarder::outbound_ip_only(TimePoint now, Packet& packet, const HeaderWalk& walk,
                                        std::size_t largest_piece, Actions& actions) {
  if (!nids_.is_node(walk.source.nid)) return drop(DropReason::out_foreign_source);
  if (walk.has_nonce() || walk.fragment_header != 0) return drop(DropReason::out_malformed);
  if (walk.upper_protocol == next_header::icmpv6 && walk.upper_length >= 8 && icmpv6::is_error(icmp_type(packet, walk)))
    return outbound_ip_only_error(packet, walk, actions);
  const IpOnlyKey key = outbound_ip_only_key(packet, walk);
  IpOnlyFlow* flow = ip_only_->find(key);
  if (flow == nullptr && is_ilnp_peer(walk.source.nid, walk.destination))
    return refuse(walk, packet, address_unreachable, DropReason::out_ilnp_peer, actions);
  const Locator locator = ip_only_locator(now, key, flow, actions);
  if (locator == Locator{}) return hold_ip_only(now, packet, walk, actions);

  const std::size_t mtu = std::max<std::size_t>(own_.find(locator)->mtu, minimum_mtu);
  const bool is_cut = largest_piece < packet.size();
  if (!packet.offload.may_fragment && unit_size(packet, walk) > mtu) return too_big(packet, mtu, actions);
  const AddressPair identity{walk.source, walk.destination}, wire{{locator, walk.source.nid}, walk.destination};
  const SumChange change = to_wire_checksum(ChecksumMode::ipv6, walk.upper_protocol, identity, wire);
  if (!rewrite_addresses(packet, walk, wire, change)) return drop(DropReason::out_malformed);
  if (is_cut || (packet.offload.may_fragment && packet.size() > mtu))
    return send_fragmented(packet, std::min(mtu, largest_piece), actions);
  return {Disposition::to_wire, DropReason::none};
}

/// Our kernel refuses a packet of the correspondent: the quote as the correspondent knows it.
Verdict HostForwarder::outbound_ip_only_error(Packet& packet, const HeaderWalk& walk, Actions& actions) {
  if (packet.offload.partial_checksum) complete_checksum(packet);
  const auto quoted = parse_quoted(packet.bytes(), walk);
  if (!quoted || quoted.value().walk.source != walk.destination ||
      quoted.value().walk.destination != own_identity(walk.source.nid))
    return drop(DropReason::out_unusable_quote);
  IpOnlyFlow* flow = ip_only_->find(quoted_ip_only_key(quoted.value(), false));
  const OwnLocator* local = flow == nullptr ? nullptr : own_.find(flow->locator);
  if (local == nullptr) local = own_.best();
  if (local == nullptr) return drop(DropReason::out_no_locator);
  const AddressPair wire{walk.destination, {local->locator, walk.source.nid}};
  actions.to_wire.push_back(
      {translate_own_error(packet.bytes(), walk, quoted.value(), wire, ChecksumMode::ipv6, 0), {}});
  return {Disposition::consumed, DropReason::none};
}

/// Between two places packets wait for a moment; a node that is nowhere says so at once.
Verdict HostForwarder::hold_ip_only(TimePoint now, const Packet& packet, const HeaderWalk& walk, Actions& actions) {
  const TimePoint until = own_.detached_since() + tuning_.hold_time;
  if (until <= now) return refuse(walk, packet, no_route, DropReason::out_no_locator, actions);
  if (ip_only_->held.size() >= IpOnlyFlows::max_held || held_octets_ + packet.size() > tuning_.hold_octets)
    return drop(DropReason::out_held_too_many);
  const Bytes bytes = packet.bytes();
  ip_only_->held.push_back({ByteVector(bytes.begin(), bytes.end()), packet.offload, until});
  held_octets_ += bytes.size();
  return {Disposition::held, DropReason::none};
}

void HostForwarder::release_ip_only(TimePoint now, Actions& actions) {
  if (ip_only_ == nullptr) return;
  for (const HeldPacket& held : std::exchange(ip_only_->held, {})) {
    held_octets_ -= held.bytes.size();
    if (held.until > now)
      send_again(now, held, actions);
    else
      drop(DropReason::out_held_too_long);
  }
}

/// A flow that our kernel takes part in: whatever else is known of that node, this is plain IPv6.
bool HostForwarder::is_ip_only_flow(const IpOnlyKey& key) {
  const IpOnlyFlow* flow = ip_only_ == nullptr ? nullptr : ip_only_->find(key);
  return flow != nullptr && flow->answered;
}

/// Name servers' answers, and what is for an address that is no I-LV: a machine may have one with its NID in it that
/// stays the same wherever it is (a LISP EID), which somebody configured.
bool HostForwarder::is_kernels(TimePoint now, const IpOnlyKey& key, const IpOnlyFlow* flow, const Address& own) const {
  return !nids_.is_node(own.nid) || !own_.is_or_was_ours(now, own.locator) ||
         (flow == nullptr && ip_only_->is_kernels(key));
}

Verdict HostForwarder::deliver_ip_only(TimePoint now, Packet& packet, const HeaderWalk& walk) {
  const IpOnlyKey key = inbound_ip_only_key(packet, walk);
  IpOnlyFlow* flow = ip_only_->find(key);
  if (is_kernels(now, key, flow, walk.destination)) return {Disposition::to_kernel, DropReason::none};
  // Where the correspondent began is where it wants its answers. Nothing that comes later changes that while the
  // locator is usable: anybody could write it.
  if (flow == nullptr) flow = ip_only_->add({key, walk.destination.locator, false, now});
  if (flow != nullptr) {
    if (own_.find(flow->locator) == nullptr) flow->locator = walk.destination.locator;
    flow->last_seen = now;
  }
  const AddressPair wire{walk.source, walk.destination}, identity{walk.source, own_identity(walk.destination.nid)};
  const SumChange change = to_identity_checksum(ChecksumMode::ipv6, walk.upper_protocol, identity, wire);
  if (!rewrite_addresses(packet, walk, identity, change)) return drop(DropReason::in_malformed);
  return {Disposition::to_identity, DropReason::none};
}

/// About a packet that we sent: our kernel judges it by what it sent, as it does with plain IPv6.
Verdict HostForwarder::ip_only_error(TimePoint now, const Packet& packet, const HeaderWalk& walk,
                                     const QuotedPacket& quoted, Actions& actions) {
  const IpOnlyKey key = quoted_ip_only_key(quoted, true);
  if (is_kernels(now, key, ip_only_->find(key), quoted.walk.source)) return {Disposition::to_kernel, DropReason::none};
  const AddressPair identity{own_identity(key.local), quoted.walk.destination};
  actions.to_identity.push_back({translate_error(packet.bytes(), walk, quoted, identity, ChecksumMode::ipv6, 0), {}});
  return {Disposition::consumed, DropReason::none};
}

}  // namespace ilnp
