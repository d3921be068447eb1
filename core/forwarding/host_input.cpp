// SPDX-License-Identifier: Apache-2.0
// Input: a packet to one of our I-LVs is an ILNP packet of a known session, the first packet of a new one, or plain
// IPv6 that our kernel handles as always (RFC 6744 section 3, RFC 6741 section 5).
#include <algorithm>

#include "core/forwarding/host_forwarder.h"
#include "core/forwarding/packet_fields.h"
#include "core/forwarding/rewrite.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {

namespace {

/// A reply to something that we sent before we knew the peer's nonce.
bool answers(const OpenFlow& flow, const Packet& packet, const HeaderWalk& walk) {
  if (flow.protocol != walk.upper_protocol || walk.upper_length < 8) return false;
  const std::uint8_t* upper = packet.data() + walk.upper_offset;
  if (walk.upper_protocol == next_header::icmpv6)
    return upper[0] == icmpv6::echo_reply && load_u16(upper + 4) == flow.local_port;
  if (load_u16(upper) != flow.remote_port || load_u16(upper + 2) != flow.local_port) return false;
  const TcpFields tcp = tcp_of(packet, walk);
  return !tcp.valid || tcp.acknowledgement - (flow.sequence + 1) <= flow.data;
}

bool answers_any(const Correspondent& c, const Packet& packet, const HeaderWalk& walk) {
  const std::size_t known = std::min<std::size_t>(c.open_flows, c.flows.size());
  return std::any_of(c.flows.begin(), c.flows.begin() + static_cast<std::ptrdiff_t>(known),
                     [&](const OpenFlow& f) { return answers(f, packet, walk); });
}

/// A packet of a flow that our kernel took part in before the session was established.
bool belongs_to_any(const Correspondent& c, const Packet& packet, const HeaderWalk& walk) {
  if (walk.upper_length < 4) return false;
  const std::uint8_t* upper = packet.data() + walk.upper_offset;
  const std::size_t known = std::min<std::size_t>(c.open_flows, c.flows.size());
  return std::any_of(c.flows.begin(), c.flows.begin() + static_cast<std::ptrdiff_t>(known), [&](const OpenFlow& f) {
    return f.protocol == walk.upper_protocol && f.remote_port == load_u16(upper) && f.local_port == load_u16(upper + 2);
  });
}

/// An ICMPv6 error that quotes our nonce: who wrote it received our packet.
bool quotes_nonce(const Correspondent& c, const Packet& packet, const HeaderWalk& walk) {
  const auto parsed = parse_quoted(packet.bytes(), walk);
  if (!parsed || !parsed.value().walk.has_nonce()) return false;
  const HeaderWalk& quoted = parsed.value().walk;
  return quoted.source == walk.destination && quoted.destination == walk.source &&
         c.nonce_sent.matches(parsed.value().nonce(packet.bytes()));
}

}  // namespace

Verdict HostForwarder::inbound(TimePoint now, Packet& packet, std::uint32_t interface, Actions& actions) {
  const WalkOutcome outcome = walk_headers(packet.bytes());
  const HeaderWalk& walk = outcome.walk;
  if (!outcome.ok) {
    const bool has_addresses = outcome.error != ParseError::truncated && outcome.error != ParseError::not_ipv6;
    if (has_addresses && !is_own_nid(walk.destination.nid)) return {Disposition::to_kernel, DropReason::none};
    if (outcome.error != ParseError::two_nonces) return drop(DropReason::in_malformed);
    HostEvent e{EventKind::two_nonces};
    e.local_nid = walk.destination.nid;
    e.remote_nid = walk.source.nid;
    e.locator = walk.source.locator;
    actions.events.push_back(e);
    return drop(DropReason::in_two_nonces);
  }
  if (!is_own_nid(walk.destination.nid) || walk.destination.is_multicast() || walk.source.is_link_local() ||
      walk.destination.is_link_local())
    return {Disposition::to_kernel, DropReason::none};
  if (is_identity(walk.source) || is_identity(walk.destination)) return drop(DropReason::in_foreign_locator);
  if (walk.fragment_header != 0) return inbound_fragment(now, packet, walk, interface, actions);
  return walk.has_nonce() ? with_nonce(now, packet, walk, interface, actions)
                          : without_nonce(now, packet, walk, interface, actions);
}

Verdict HostForwarder::inbound_fragment(TimePoint now, Packet& packet, const HeaderWalk& walk, std::uint32_t interface,
                                        Actions& actions) {
  Reassembler::Outcome outcome = reassembler_.on_fragment(now, packet.bytes(), walk);
  if (outcome.kind == Reassembler::Outcome::Kind::dropped) return drop(DropReason::in_reassembly);
  if (outcome.kind == Reassembler::Outcome::Kind::held) return {Disposition::consumed, DropReason::none};
  Packet whole{outcome.packet, 0, outcome.packet.size()};
  const Verdict verdict = inbound(now, whole, interface, actions);
  if (verdict.disposition != Disposition::to_identity && verdict.disposition != Disposition::to_kernel) return verdict;
  const Bytes bytes = whole.bytes();
  actions.to_identity.push_back({ByteVector(bytes.begin(), bytes.end()), whole.offload});
  return {Disposition::consumed, DropReason::none};
}

Correspondent* HostForwarder::find_by_nonce(const Packet& packet, const HeaderWalk& walk) {
  const Bytes nonce = nonce_of(packet, walk);
  for (Correspondent* c = ilcc_.find_pair(walk.destination.nid, walk.source.nid); c != nullptr; c = ilcc_.sibling(*c))
    if (c->nonce_received.matches(nonce)) return c;
  return nullptr;
}

/// An entry of ours that waits for the peer's first nonce, and this packet answers it: a packet of our kernel, or a
/// probe; or it is an error about one of ours.
Correspondent* HostForwarder::find_waiting(const Packet& packet, const HeaderWalk& walk) {
  for (Correspondent* c = ilcc_.find_pair(walk.destination.nid, walk.source.nid); c != nullptr; c = ilcc_.sibling(*c)) {
    const bool waits = c->state == PeerState::tentative_out || c->state == PeerState::fallback;
    // A tentative entry's nonce may be that of somebody who wrote first in the peer's name.
    const bool doubts = c->state == PeerState::tentative_in && !c->unproven;
    if (!doubts && (!waits || c->nonce_received.is_set() || !c->nonce_sent.is_set())) continue;
    const bool knows_place = c->remote.find(walk.source.locator) != nullptr;
    if (waits && knows_place && quotes_nonce(*c, packet, walk)) return c;
    const bool proves = waits || tcp_of(packet, walk).valid;
    if (proves && knows_place && answers_any(*c, packet, walk)) return c;
    const ProbeMessage probe = probe_of(packet, walk);
    if (probe.is_probe && probe.type == icmpv6::echo_reply &&
        c->remote.answers_probe(walk.source.locator, probe.sequence, probe.token))
      return c;
  }
  return nullptr;
}

Verdict HostForwarder::with_nonce(TimePoint now, Packet& packet, const HeaderWalk& walk, std::uint32_t interface,
                                  Actions& actions) {
  if (Correspondent* c = find_by_nonce(packet, walk)) return accept(now, *c, packet, walk, interface, actions);
  if (Correspondent* c = find_waiting(packet, walk)) {
    if (!Nonce::is_storable(walk.nonce_length)) return drop(DropReason::in_nonce_size);
    c->nonce_received = Nonce{nonce_of(packet, walk)};
    if (!probe_of(packet, walk).is_probe) {       // else control() looks at it
      c->remote.mark_reachable(c->using_remote);  // it answered what was sent there, wherever it answers from
      establish(now, *c, actions);
    }
    return accept(now, *c, packet, walk, interface, actions);
  }
  if (Correspondent* c = find_asking(walk)) return ask_first(now, *c, packet, walk, interface, actions);
  return from_stranger(now, packet, walk, interface, actions);
}

/// It moved before the handshake was over, or somebody at `source` hopes for what it must not see. What was sent to the
/// old place proves nothing about the new one, and a nonce that a session uses too stays with that session.
void HostForwarder::follow_tentative(Correspondent& c, Locator source) {
  c.remote = {};
  c.remote.learn_initial(source, tuning_);
  c.handshake_sent = false;
  for (Correspondent* s = ilcc_.find_pair(c.local_nid, c.remote_nid()); s != nullptr; s = ilcc_.sibling(*s))
    if (s != &c && s->nonce_sent.matches(c.nonce_sent.octets()))
      c.nonce_sent = tuning_.echo_nonce ? c.nonce_received : Nonce::draw(random_, tuning_.nonce_length);
}

Verdict HostForwarder::without_nonce(TimePoint now, Packet& packet, const HeaderWalk& walk, std::uint32_t interface,
                                     Actions& actions) {
  const bool is_icmp = walk.upper_protocol == next_header::icmpv6;
  // Our kernel resolves neighbours with its I-LVs; it checks the hop limit.
  if (is_icmp && icmpv6::is_neighbour_discovery(icmp_type(packet, walk)))
    return {Disposition::to_kernel, DropReason::none};
  if (is_icmp && icmpv6::is_error(icmp_type(packet, walk))) return icmp_error(now, packet, walk, nullptr, actions);
  if (is_ip_only_flow(inbound_ip_only_key(packet, walk))) return deliver_ip_only(now, packet, walk);
  bool session_elsewhere = false;
  for (Correspondent* c = ilcc_.find_pair(walk.destination.nid, walk.source.nid); c != nullptr; c = ilcc_.sibling(*c)) {
    session_elsewhere = session_elsewhere || c->is_session();
    if (!c->knows(walk.source.locator)) continue;
    if (c->is_session()) {
      if (is_icmp) return drop(DropReason::in_forged_icmp);  // RFC 6744 section 3
      if (tcp_of(packet, walk).is_reset()) {
        // Anybody can write one; and a kernel whose shim lost its state sends one. Our own resets carry the nonce.
        c->nonce_until = std::max(c->nonce_until, now + tuning_.nonce_after_change);
        return drop(DropReason::in_stranger_segment);
      }
      return accept(now, *c, packet, walk, interface, actions);
    }
    // Its first packets carry the nonce; these come out of order. Any other flow is plain IPv6, whatever a stranger
    // has sent in this peer's name.
    if (c->state == PeerState::tentative_in && belongs_to_any(*c, packet, walk))
      return drop(DropReason::in_unconfirmed);
    if (c->state == PeerState::tentative_out && answers_any(*c, packet, walk)) {
      if (tuning_.fallback == FallbackPolicy::refuse) return drop(DropReason::in_unconfirmed);
      fall_back(now, *c, "plain reply", walk.upper_protocol == next_header::tcp, actions);
    }
    if (c->state == PeerState::fallback) {
      note_heard(now, *c, packet, walk, actions);
      return deliver(now, *c, packet, walk);
    }
  }
  if (session_elsewhere) return drop(is_icmp ? DropReason::in_forged_icmp : DropReason::in_foreign_locator);
  if (is_another_peers(walk)) return drop(DropReason::in_ephemeral_nid);
  if (ip_only_ != nullptr) return deliver_ip_only(now, packet, walk);
  return {Disposition::to_kernel, DropReason::none};
}

/// The packet belongs to `c`: by its nonce, or, in a session, by its NIDs and a known locator.
Verdict HostForwarder::accept(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk,
                              std::uint32_t interface, Actions& actions) {
  if (!own_.is_or_was_ours(now, walk.destination.locator)) return drop(DropReason::in_not_our_locator);
  const bool is_known = c.knows(walk.source.locator);
  if (!is_known && !may_locate(walk.source.locator)) return drop(DropReason::in_foreign_locator);
  const TcpFields tcp = tcp_of(packet, walk);
  const bool confirms = c.state == PeerState::tentative_in && c.handshake_sent &&
                        (tcp.flags & (tcp_ack | tcp_syn)) == tcp_ack && tcp.acknowledgement == c.handshake_sequence + 1;
  if (confirms) {  // it received our SYN/ACK, where that was sent
    c.remote.mark_reachable(c.using_remote);
    establish(now, c, actions);
  }
  if (!is_known) {
    if (c.state == PeerState::tentative_in)
      follow_tentative(c, walk.source.locator);
    else
      c.remote.learn_from_packet(now, walk.source.locator, tuning_);
    c.touch();
  }
  if (c.state == PeerState::tentative_in) {
    if (tcp.is_reset()) return drop(DropReason::in_unconfirmed);
    if (c.unproven && walk.upper_protocol != next_header::icmpv6) return keep(c, packet, interface);
    if (tcp.valid && (tcp.flags & tcp_syn) == 0) return drop(DropReason::in_unconfirmed);
    // Other protocols have no handshake: a probe asks whether it receives.
    if (!tcp.valid && !c.remote.verification_pending() && probe_rate_.allow(now)) {
      c.remote.start_probes(now);
      send_probes(now, c, actions);
      reschedule(c);
    }
  }
  if (walk.upper_protocol == next_header::icmpv6)
    if (const auto verdict = control(now, c, packet, walk, interface, actions)) return *verdict;
  if (c.state == PeerState::tentative_in && c.unproven) return keep(c, packet, interface);
  if (!c.checksum_known && !learn_checksum_mode(c, packet, walk)) return drop(DropReason::in_bad_checksum);
  note_heard(now, c, packet, walk, actions);
  c.delivered = true;
  return deliver(now, c, packet, walk);
}

/// RFC 6741 and the 2026 draft disagree about the transport checksum: the peer's first packet tells which one it uses.
bool HostForwarder::learn_checksum_mode(Correspondent& c, const Packet& packet, const HeaderWalk& walk) {
  const bool tells = walk.upper_protocol == next_header::tcp || walk.upper_protocol == next_header::udp;
  if (!tells || !tuning_.checksum_auto_detect) return true;
  const bool super_packet = packet.offload.segmentation != Offload::Segmentation::none;
  if (super_packet) return true;  // its checksum is not one number yet
  const bool no_checksum = walk.upper_protocol == next_header::udp && walk.upper_length >= 8 &&
                           !packet.offload.partial_checksum && load_u16(packet.data() + walk.upper_offset + 6) == 0;
  if (no_checksum) return true;  // RFC 6935: our kernel decides
  const ChecksumMode configured = tuning_.checksum_mode;
  const ChecksumMode other = configured == ChecksumMode::ipv6 ? ChecksumMode::rfc6741 : ChecksumMode::ipv6;
  for (ChecksumMode mode : {configured, other}) {
    if (!checksum_verifies(packet, walk, mode)) continue;
    c.checksum = mode;
    c.checksum_known = true;
    return true;
  }
  return false;
}

void HostForwarder::note_heard(TimePoint now, Correspondent& c, const Packet& packet, const HeaderWalk& walk,
                               Actions& actions) {
  ++c.packets_in;
  c.octets_in += packet.size();
  c.last_received = now;
  c.first_unanswered = never;
  c.silence_rounds = 0;
  c.name_query_round = 0;
  c.next_name_query = never;
  if (c.is_in_place() && walk.source.locator == c.using_remote)
    c.heard_in_place = now;
  else if (c.remote.note_received(now, walk.source.locator, packet.size(), tuning_))
    reschedule(c);
  if (c.state == PeerState::closing) ilcc_.set_state(c, PeerState::established);
  if (c.state == PeerState::unreachable && c.remote.has_usable()) {
    ilcc_.set_state(c, PeerState::established);
    actions.events.push_back(event(EventKind::session_recovered, c));
    release_held(now, c, actions);
  }
}

/// The peer keeps sending to another locator of ours than the one that we send from. It may have found that ours fails.
void HostForwarder::follow_peer(TimePoint now, Correspondent& c, Locator here) {
  if (c.state != PeerState::established || now - c.heard_at_local < tuning_.silence_probe) return;
  if (c.lu_sender != nullptr && c.lu_sender->unacknowledged()) return;
  const auto& usable = own_.usable();
  const auto place = std::find_if(usable.begin(), usable.end(), [&](const OwnLocator& l) { return l.locator == here; });
  if (place == usable.end()) return;
  c.local_rotation = static_cast<std::uint8_t>(place - usable.begin());
  c.touch();
}

Verdict HostForwarder::deliver(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk) {
  c.last_delivered = now;
  // Its probes go everywhere; where it sends what it has to say is what counts.
  if (walk.destination.locator == c.using_local)
    c.heard_at_local = now;
  else
    follow_peer(now, c, walk.destination.locator);
  const AddressPair identity{c.identity, receiver_of(c, packet, walk)};
  const AddressPair wire{walk.source, walk.destination};
  const SumChange change = to_identity_checksum(c.checksum, walk.upper_protocol, identity, wire);
  if (!rewrite_addresses(packet, walk, identity, change)) return drop(DropReason::in_malformed);
  if (walk.has_nonce()) strip_nonce(packet, walk);
  return {Disposition::to_identity, DropReason::none};
}

}  // namespace ilnp
