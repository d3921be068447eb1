// SPDX-License-Identifier: Apache-2.0
// Packets with a nonce that no entry knows: a new peer, a peer that restarted, a second node with the same NID, a peer
// that calls while we call it, or a guess.
//
// RFC 6741 section 5: an established entry's nonce is never overwritten, the packet makes an entry of its own. But one
// pair of nodes at one place must not end up with two entries: their packets without nonce could not be told apart, and
// our kernel would know the peer under two addresses. So when there is an entry for that place already, the sender is
// asked first (a reachability probe, which only a node at that place can answer) and its packet waits:
//   entry that waits for the peer's first nonce   the answer's nonce becomes the entry's
//   session                                       a tentative entry beside it, which takes over when it is proven
#include "core/forwarding/host_forwarder.h"
#include "core/forwarding/packet_fields.h"
#include "core/forwarding/probe.h"
#include "core/forwarding/rewrite.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {

namespace {

/// Octets of a kept packet: more is retransmitted by its sender.
constexpr std::size_t max_kept = 2048;

bool opens(const Packet& packet, const HeaderWalk& walk, const TcpFields& tcp) {
  if (tcp.valid) return (tcp.flags & (tcp_syn | tcp_ack | tcp_rst)) == tcp_syn;
  return walk.upper_protocol != next_header::icmpv6 || icmp_type(packet, walk) == icmpv6::echo_request;
}

bool is_probe_request(const ProbeMessage& probe) { return probe.is_probe && probe.type == icmpv6::echo_request; }

}  // namespace

/// An entry of ours for the place that this packet comes from, which does not know the peer's nonce yet.
Correspondent* HostForwarder::find_asking(const HeaderWalk& walk) {
  for (Correspondent* c = ilcc_.find_pair(walk.destination.nid, walk.source.nid); c != nullptr; c = ilcc_.sibling(*c)) {
    const bool waits = c->state == PeerState::resolved || c->state == PeerState::tentative_out;
    if (waits && !c->nonce_received.is_set() && c->remote.find(walk.source.locator) != nullptr) return c;
  }
  return nullptr;
}

/// The peer, or somebody in its name, speaks before it has answered us. Its probe is answered with our nonce, which our
/// first packet showed that place anyway. Its nonce is believed only when it comes back with the token of a probe of
/// ours, because anybody can write a first nonce.
Verdict HostForwarder::ask_first(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk,
                                 std::uint32_t interface, Actions& actions) {
  const TcpFields tcp = tcp_of(packet, walk);
  if (tcp.is_reset()) return drop(DropReason::in_stranger_segment);
  if (!tcp.valid && !opens(packet, walk, tcp)) return drop(DropReason::in_stranger_control);
  if (!may_locate(walk.source.locator) || own_.find(walk.destination.locator) == nullptr)
    return drop(DropReason::in_foreign_locator);
  if (!Nonce::is_storable(walk.nonce_length)) return drop(DropReason::in_nonce_size);
  const ProbeMessage probe = probe_of(packet, walk);
  if (is_probe_request(probe) &&
      (packet.offload.partial_checksum || !checksum_verifies(packet, walk, ChecksumMode::ipv6)))
    return drop(DropReason::in_bad_checksum);
  if (!probe_rate_.allow(now)) return drop(DropReason::in_unconfirmed);
  if (c.state == PeerState::resolved) {
    c.nonce_sent = tuning_.echo_nonce ? Nonce{nonce_of(packet, walk)} : Nonce::draw(random_, tuning_.nonce_length);
    c.created = now;
    c.using_local = walk.destination.locator;
    ilcc_.set_state(c, PeerState::tentative_out);
  }
  if (is_probe_request(probe)) answer_probe(c, probe, walk, actions);
  c.remote.start_probe(now, walk.source.locator);
  send_probes(now, c, actions);
  reschedule(c);
  if (is_probe_request(probe)) return {Disposition::consumed, DropReason::none};
  return keep(c, packet, interface);
}

/// The latest one; it is delivered when the peer has proved itself, else it counts as unconfirmed.
Verdict HostForwarder::keep(Correspondent& c, const Packet& packet, std::uint32_t interface) {
  if (packet.size() > max_kept) return drop(DropReason::in_unconfirmed);
  if (c.kept != nullptr) drop(DropReason::in_unconfirmed);
  const Bytes bytes = packet.bytes();
  c.kept = std::make_unique<KeptPacket>(KeptPacket{{bytes.begin(), bytes.end()}, packet.offload, interface});
  return {Disposition::held, DropReason::none};
}

void HostForwarder::deliver_kept(TimePoint now, Correspondent& c, Actions& actions) {
  if (c.kept == nullptr) return;
  const std::unique_ptr<KeptPacket> kept = std::move(c.kept);
  Packet packet{kept->bytes, 0, kept->bytes.size(), kept->offload};
  const WalkOutcome outcome = walk_headers(packet.bytes());
  if (!outcome.ok || !c.nonce_received.matches(nonce_of(packet, outcome.walk))) {
    drop(DropReason::in_unconfirmed);  // it was not the peer's
    return;
  }
  if (accept(now, c, packet, outcome.walk, kept->interface, actions).disposition != Disposition::to_identity) return;
  const Bytes bytes = std::as_const(packet).bytes();
  actions.to_identity.push_back({ByteVector(bytes.begin(), bytes.end()), packet.offload});
}

bool HostForwarder::note_bad_nonce(TimePoint now, Correspondent& c, Actions& actions) {
  if (now - c.bad_nonce_window >= seconds{1}) {
    c.bad_nonce_window = now;
    c.bad_nonces = 0;
  }
  if (c.bad_nonces < 0xff) ++c.bad_nonces;
  if (c.bad_nonces <= tuning_.bad_nonces_per_second) return false;
  if (now >= c.quarantined_until) actions.events.push_back(event(EventKind::bad_nonces, c, "quarantined"));
  c.quarantined_until = now + tuning_.quarantine;
  return true;
}

Verdict HostForwarder::from_stranger(TimePoint now, Packet& packet, const HeaderWalk& walk, std::uint32_t interface,
                                     Actions& actions) {
  if (is_another_peers(walk)) return drop(DropReason::in_ephemeral_nid);
  const auto is_at = [&](const Correspondent& c) {
    const RemoteLocator* l = c.remote.find(walk.source.locator);
    return l != nullptr && !l->receive_only;
  };
  Correspondent* known = nullptr;  // a session of the same pair, of the same place if there is one
  for (Correspondent* c = ilcc_.find_pair(walk.destination.nid, walk.source.nid); c != nullptr; c = ilcc_.sibling(*c))
    if (c->is_session() && (known == nullptr || is_at(*c))) known = c;
  if (known != nullptr && note_bad_nonce(now, *known, actions)) return drop(DropReason::in_quarantined);

  const TcpFields tcp = tcp_of(packet, walk);
  const bool is_first = opens(packet, walk, tcp);
  if (!is_first && !tcp.valid)
    return drop(known != nullptr ? DropReason::in_bad_nonce : DropReason::in_stranger_control);
  if (tcp.is_reset()) return drop(DropReason::in_stranger_segment);
  if (!may_locate(walk.source.locator) || own_.find(walk.destination.locator) == nullptr)
    return drop(DropReason::in_foreign_locator);
  if (!Nonce::is_storable(walk.nonce_length)) return drop(DropReason::in_nonce_size);
  // A segment of a session that we do not know, or a peer that has a session here: asked before anything is delivered.
  const bool beside_session = known != nullptr && is_at(*known);
  const bool is_asked = !is_first || beside_session;
  if (is_asked && !probe_rate_.allow(now)) return drop(DropReason::in_stranger_segment);

  if (Correspondent* victim = ilcc_.crowded_out()) end(*victim, "pushed out", actions);
  Correspondent* c = ilcc_.create_tentative(now, walk.destination.nid, walk.source.nid, walk.source.locator);
  if (c == nullptr) return drop(DropReason::in_tentative_full);
  c->nonce_received = Nonce{nonce_of(packet, walk)};
  // A restarted peer's peer recognises the nonce that we used before; a second node elsewhere gets its own.
  c->nonce_sent = beside_session       ? known->nonce_sent
                  : tuning_.echo_nonce ? c->nonce_received
                                       : Nonce::draw(random_, tuning_.nonce_length);
  c->remote.learn_initial(walk.source.locator, tuning_);
  c->using_local = walk.destination.locator;
  c->unproven = is_asked;
  if (is_asked) {
    c->remote.start_probes(now);
    send_probes(now, *c, actions);
  }
  reschedule(*c);
  return accept(now, *c, packet, walk, interface, actions);
}

}  // namespace ilnp
