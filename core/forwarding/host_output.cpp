// SPDX-License-Identifier: Apache-2.0
// Output: a packet of our kernel between two identity addresses leaves as an ILNP packet (RFC 6741 section 4), or
// waits for a locator, or is answered with Packet Too Big.
#include <algorithm>

#include "core/forwarding/host_forwarder.h"
#include "core/forwarding/packet_fields.h"
#include "core/forwarding/rewrite.h"
#include "core/ipv6/checksum.h"
#include "core/ipv6/icmpv6.h"
#include "core/ipv6/offload.h"

namespace ilnp {

namespace {

constexpr std::size_t payload_length_offset = 4;
constexpr std::size_t max_waiting_for_name = 256, max_waiting_for_one_name = 32;

bool is_tcp_flag(const Packet& packet, const HeaderWalk& walk, std::uint8_t flag) {
  return (packet.data()[walk.upper_offset + 13] & flag) != 0;
}

}  // namespace

Verdict HostForwarder::outbound(TimePoint now, Packet& packet, Actions& actions) {
  const WalkOutcome outcome = walk_headers(packet.bytes());
  if (!outcome.ok) return drop(DropReason::out_malformed);
  const HeaderWalk& walk = outcome.walk;
  if (walk.destination.is_multicast() || walk.destination.is_link_local() || walk.source.is_link_local() ||
      walk.source.is_unspecified())
    return drop(DropReason::out_not_unicast);
  if (!is_own_identity(walk.source)) return drop(DropReason::out_foreign_source);
  const bool to_identity = is_identity(walk.destination);
  if (!to_identity && ip_only_ == nullptr) return drop(DropReason::out_foreign_destination);
  if (walk.has_nonce()) return drop(DropReason::out_malformed);  // only we write nonces
  if (walk.fragment_header != 0) return outbound_fragment(now, packet, walk, actions);
  if (!to_identity) return outbound_ip_only(now, packet, walk, packet.size(), actions);

  Correspondent* c = find_outbound(packet, walk);
  if (c == nullptr) return hold_for_name(now, walk, packet, actions);
  if (walk.upper_protocol == next_header::icmpv6 && walk.upper_length >= 8 &&
      icmpv6::is_error(packet.data()[walk.upper_offset]))
    return outbound_error(now, *c, packet, walk, actions);
  return send(now, *c, packet, walk, actions);
}

Verdict HostForwarder::outbound_fragment(TimePoint now, Packet& packet, const HeaderWalk& walk, Actions& actions) {
  Reassembler::Outcome outcome = reassembler_.on_fragment(now, packet.bytes(), walk);
  if (outcome.kind == Reassembler::Outcome::Kind::dropped) return drop(DropReason::out_reassembly);
  if (outcome.kind == Reassembler::Outcome::Kind::held) return {Disposition::consumed, DropReason::none};
  ByteVector buffer(packet_headroom + outcome.packet.size());
  std::copy(outcome.packet.begin(), outcome.packet.end(), buffer.begin() + packet_headroom);
  Packet whole{buffer, packet_headroom, outcome.packet.size()};
  whole.offload.may_fragment = true;
  const WalkOutcome joined = walk_headers(whole.bytes());
  if (!joined.ok) return drop(DropReason::out_malformed);
  const Verdict verdict = is_identity(joined.walk.destination)
                              ? outbound(now, whole, actions)
                              : outbound_ip_only(now, whole, joined.walk, outcome.largest, actions);
  if (verdict.disposition != Disposition::to_wire) return verdict;
  const Bytes bytes = whole.bytes();
  actions.to_wire.push_back({ByteVector(bytes.begin(), bytes.end()), whole.offload});
  return {Disposition::consumed, DropReason::none};
}

Verdict HostForwarder::send(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk, Actions& actions) {
  if (c.state == PeerState::resolved) {
    c.nonce_sent = Nonce::draw(random_, tuning_.nonce_length);
    c.created = now;
    ilcc_.set_state(c, PeerState::tentative_out);
    reschedule(c);
  }
  if (c.state == PeerState::closing) ilcc_.set_state(c, PeerState::established);
  const bool behind_others = c.held != nullptr && !c.held->empty();
  if (behind_others || c.state == PeerState::unreachable || !choose_pair(now, c, packet.size())) {
    note_stalled(c, packet, walk);
    const Verdict verdict = hold(now, c, packet);
    if (behind_others) release_held(now, c, actions);  // they may go by now
    return verdict;
  }
  if (c.first_unanswered != never && now - c.first_unanswered >= tuning_.stall) note_stalled(c, packet, walk);
  if (c.state == PeerState::tentative_out || c.state == PeerState::tentative_in) remember_flow(c, packet, walk);

  bool with_nonce = wants_nonce(now, c, packet, walk);
  const std::size_t unit = unit_size(packet, walk);
  const std::size_t mtu = c.using_mtu;
  const std::size_t reserve = c.nonce_sent.is_set() ? c.nonce_sent.header_length() : max_nonce_header_length;
  if (!packet.offload.may_fragment && unit > std::max(mtu - reserve, minimum_mtu))
    return too_big(packet, std::max(mtu - reserve, minimum_mtu), actions);
  const bool oversized = unit + (with_nonce ? reserve : 0) > mtu;
  // A super-packet is not cut into fragments; the peer knows a session by its locators as well.
  const bool super_packet = packet.offload.segmentation != Offload::Segmentation::none;
  if (oversized && super_packet && c.is_session()) with_nonce = false;
  // Behind a nonce of 4 octets Linux routers read the TCP sequence number as the data offset of a super-packet (see
  // Nonce::draw) and may refuse it.
  const bool is_short = c.nonce_sent.length() == Nonce::short_length;
  if (is_short && super_packet && c.is_session() && tuning_.nonce_policy == NoncePolicy::adaptive) with_nonce = false;

  const AddressPair identity{walk.source, walk.destination};
  const AddressPair wire{{c.using_local, c.local_nid}, {c.using_remote, c.remote_nid()}};
  const std::size_t octets = packet.size();
  if (!rewrite_addresses(packet, walk, wire, to_wire_checksum(c.checksum, walk.upper_protocol, identity, wire)))
    return drop(DropReason::out_malformed);
  if (with_nonce) {
    if (load_u16(packet.data() + payload_length_offset) + c.nonce_sent.header_length() > 0xffff)
      return drop(DropReason::out_too_big);
    insert_nonce_header(packet, walk, c.nonce_sent);
    if (c.nonce_packets_left > 0) --c.nonce_packets_left;
  }
  note_sent(now, c, octets);
  if (oversized && !super_packet) return send_fragmented(packet, mtu, actions);
  return {Disposition::to_wire, DropReason::none};
}

Verdict HostForwarder::send_fragmented(Packet& packet, std::size_t mtu, Actions& actions) {
  complete_checksum(packet);
  const WalkOutcome outcome = walk_headers(packet.bytes());
  if (!outcome.ok) return drop(DropReason::out_malformed);
  // RFC 7739 section 5.2: nobody can foresee it, so nobody can spoil a datagram with fragments of its own.
  const auto identification = static_cast<std::uint32_t>(random_.u64());
  std::vector<ByteVector> pieces = fragment_packet(packet.bytes(), outcome.walk, mtu, identification);
  if (pieces.empty()) return drop(DropReason::out_too_big);  // headers that no fragment has room for
  for (ByteVector& piece : pieces) actions.to_wire.push_back({std::move(piece), {}});
  return {Disposition::consumed, DropReason::none};
}

Verdict HostForwarder::outbound_error(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk,
                                      Actions& actions) {
  if (packet.offload.partial_checksum) complete_checksum(packet);
  const auto quoted = parse_quoted(packet.bytes(), walk);
  if (!quoted || !choose_pair(now, c, packet.size())) return drop(DropReason::out_unusable_quote);
  const Address ours{c.using_local, c.local_nid}, theirs{c.using_remote, c.remote_nid()};
  const Nonce& nonce = c.nonce_sent;
  const ByteVector translated = translate_own_error(packet.bytes(), walk, quoted.value(), {theirs, ours}, c.checksum,
                                                    nonce.is_set() ? nonce.header_length() : 0);
  ByteVector buffer(packet_headroom + translated.size());
  std::copy(translated.begin(), translated.end(), buffer.begin() + packet_headroom);
  Packet wire{buffer, packet_headroom, translated.size()};
  const WalkOutcome outcome = walk_headers(wire.bytes());
  if (!outcome.ok) return drop(DropReason::out_unusable_quote);
  // RFC 6744 section 2: every ICMPv6 message that an end point sends to its correspondent carries the nonce.
  if (c.state != PeerState::fallback && nonce.is_set()) insert_nonce_header(wire, outcome.walk, nonce);
  actions.to_wire.push_back({ByteVector(wire.bytes().begin(), wire.bytes().end()), {}});
  note_sent(now, c, translated.size());
  return {Disposition::consumed, DropReason::none};
}

const OwnLocator* HostForwarder::choose_local(TimePoint now, Correspondent& c, Locator remote) {
  if (own_.usable().empty()) return nullptr;
  // A peer on one of our links is reached from there.
  if (const OwnLocator* same_link = own_.find(remote)) return same_link;
  // Soft handoff: go on from the old locator until the peer has acknowledged the new one.
  if (c.lu_outstanding)
    if (const OwnLocator* previous = own_.previous(now)) return previous;
  return &own_.usable()[c.local_rotation % own_.usable().size()];
}

bool HostForwarder::choose_pair(TimePoint now, Correspondent& c, std::size_t octets) {
  if (!c.lu_outstanding && c.own_generation == own_.generation() && c.is_in_place()) return true;
  c.note_heard_in_place();
  const bool trust_names = c.state == PeerState::tentative_out || c.state == PeerState::fallback;
  const RemoteLocator* remote = c.remote.best(octets, trust_names);
  const OwnLocator* local = remote == nullptr ? nullptr : choose_local(now, c, remote->locator);
  if (local == nullptr) return false;
  c.using_remote = remote->locator;
  if (local->locator != c.using_local) {
    if (c.using_local != Locator{}) c.nonce_until = std::max(c.nonce_until, now + tuning_.nonce_after_change);
    c.heard_at_local = now;
  }
  c.using_local = local->locator;
  c.using_mtu = static_cast<std::uint16_t>(std::min<std::size_t>(path_mtu(c, c.using_local, c.using_remote), 0xffff));
  c.own_generation = own_.generation();
  // Only a reachable locator may be kept without asking again: the others have limits.
  c.checked_generation = remote->reach == Reach::reachable ? c.remote_generation : c.remote_generation - 1;
  return true;
}

bool HostForwarder::wants_nonce(TimePoint now, const Correspondent& c, const Packet& packet,
                                const HeaderWalk& walk) const {
  if (c.state == PeerState::fallback) return false;
  if (tuning_.nonce_policy == NoncePolicy::always || c.state != PeerState::established) return true;
  if (tcp_of(packet, walk).is_reset()) return true;  // the peer believes no other
  if (walk.upper_protocol == next_header::icmpv6 || c.nonce_packets_left > 0 || now < c.nonce_until) return true;
  if (c.lu_outstanding) return true;
  return now - c.last_received > tuning_.nonce_after_silence;
}

void HostForwarder::remember_flow(Correspondent& c, const Packet& packet, const HeaderWalk& walk) {
  const std::uint8_t* upper = packet.data() + walk.upper_offset;
  OpenFlow flow;
  flow.protocol = walk.upper_protocol;
  if (walk.upper_protocol == next_header::tcp && walk.upper_length >= 20) {
    if (is_tcp_flag(packet, walk, tcp_syn) && is_tcp_flag(packet, walk, tcp_ack)) {
      c.handshake_sequence = load_u32(upper + 4);
      c.handshake_sent = true;
    }
    flow.sequence = load_u32(upper + 4);
    const std::uint32_t header = static_cast<std::uint32_t>(upper[12] >> 4) * 4;
    if (walk.upper_length > header)
      flow.data = static_cast<std::uint16_t>(std::min(walk.upper_length - header, 0xffffu));
  }
  if (walk.upper_protocol == next_header::icmpv6 && walk.upper_length >= 8) {
    flow.local_port = load_u16(upper + 4);
  } else if (walk.upper_length >= 4) {
    flow.local_port = load_u16(upper);
    flow.remote_port = load_u16(upper + 2);
  }
  const auto same = [&](const OpenFlow& f) {
    return f.protocol == flow.protocol && f.local_port == flow.local_port && f.remote_port == flow.remote_port;
  };
  auto known = std::find_if(c.flows.begin(), c.flows.end(), same);
  if (known == c.flows.end()) {
    known = c.flows.begin() + c.open_flows % c.flows.size();
    if (++c.open_flows == 0) c.open_flows = std::tuple_size_v<decltype(c.flows)>;  // all of them are taken, for good
  }
  *known = flow;
}

std::size_t HostForwarder::path_mtu(const Correspondent& c, Locator ours, Locator theirs) const {
  const OwnLocator* local = own_.find(ours);
  std::size_t mtu = local == nullptr ? minimum_mtu : local->mtu;
  const RemoteLocator* remote = c.remote.find(theirs);
  if (remote != nullptr && remote->path_mtu != 0) mtu = std::min<std::size_t>(mtu, remote->path_mtu);
  return std::max(mtu, minimum_mtu);
}

Verdict HostForwarder::too_big(Packet& packet, std::size_t mtu, Actions& actions) {
  // As if from the destination: it is the only address that our kernel knows to be beyond us.
  const Address source = Address::load(packet.data() + 8), destination = Address::load(packet.data() + 24);
  const ByteVector error = build_error(icmpv6::packet_too_big, 0, static_cast<std::uint32_t>(mtu), packet.bytes());
  actions.to_identity.push_back({build_packet(destination, source, next_header::icmpv6, error), {}});
  return drop(DropReason::out_too_big);
}

void HostForwarder::note_sent(TimePoint now, Correspondent& c, std::size_t octets) {
  ++c.packets_out;
  c.octets_out += octets;
  c.last_sent = now;
  if (c.first_unanswered == never) {
    c.first_unanswered = now;
    if (c.next_silence_probe == never) ilcc_.await_answer(c, now + tuning_.silence_probe);
  }
  if (!c.is_in_place()) {
    c.remote.charge(c.using_remote, octets);
    if (c.is_session() && !c.remote.verification_pending()) {
      c.remote.start_probes(now);
      reschedule(c);
    }
  }
}

Verdict HostForwarder::hold(TimePoint now, Correspondent& c, const Packet& packet) {
  if (c.held == nullptr) c.held = std::make_unique<std::deque<HeldPacket>>();
  if (held_octets_ + packet.size() > tuning_.hold_octets) return drop(DropReason::out_held_too_many);
  if (c.held->size() >= tuning_.hold_packets) {
    held_octets_ -= c.held->front().bytes.size();
    c.held->pop_front();  // the oldest is the least useful
    drop(DropReason::out_held_too_many);
  }
  const Bytes bytes = packet.bytes();
  c.held->push_back({ByteVector(bytes.begin(), bytes.end()), packet.offload, now + tuning_.hold_time});
  held_octets_ += bytes.size();
  if (!own_.usable().empty() && c.is_session()) {
    c.remote.start_probes(now);
    if (!c.remote.has_usable() && c.next_name_query == never) c.next_name_query = now;
  }
  reschedule(c);
  return {Disposition::held, DropReason::none};
}

Verdict HostForwarder::hold_for_name(TimePoint now, const HeaderWalk& walk, const Packet& packet, Actions& actions) {
  const NodeId local = walk.source.nid;
  const Address identity = walk.destination;
  const auto waiting = std::count_if(waiting_for_name_.begin(), waiting_for_name_.end(), [&](const WaitingForName& w) {
    return w.local == local && w.identity == identity;
  });
  if (static_cast<std::size_t>(waiting) >= max_waiting_for_one_name ||
      waiting_for_name_.size() >= max_waiting_for_name || held_octets_ + packet.size() > tuning_.hold_octets)
    return drop(DropReason::out_unknown_peer);
  const Bytes bytes = packet.bytes();
  waiting_for_name_.push_back(
      {local, identity, {ByteVector(bytes.begin(), bytes.end()), packet.offload, now + tuning_.hold_time}});
  held_octets_ += bytes.size();
  if (waiting == 0) actions.name_queries.push_back({identity, {}, local});
  return {Disposition::held, DropReason::none};
}

/// A packet that was held, as if our kernel sent it now.
Verdict HostForwarder::send_again(TimePoint now, const HeldPacket& held, Actions& actions) {
  ByteVector buffer(packet_headroom + held.bytes.size());
  std::copy(held.bytes.begin(), held.bytes.end(), buffer.begin() + packet_headroom);
  Packet packet{buffer, packet_headroom, held.bytes.size(), held.offload};
  const Verdict verdict = outbound(now, packet, actions);
  if (verdict.disposition != Disposition::to_wire) return verdict;
  const Bytes bytes = std::as_const(packet).bytes();
  actions.to_wire.push_back({ByteVector(bytes.begin(), bytes.end()), packet.offload});
  return verdict;
}

/// In the order in which our kernel sent them, as many as may go.
void HostForwarder::release_held(TimePoint now, Correspondent& c, Actions& actions) {
  if (c.held == nullptr || c.held->empty() || !choose_pair(now, c, c.held->front().bytes.size())) return;
  // Out of the way: what is sent while others wait would wait behind them.
  std::deque<HeldPacket> packets = std::move(*c.held);
  c.held.reset();
  while (!packets.empty() && c.held == nullptr) {
    HeldPacket held = std::move(packets.front());
    packets.pop_front();
    held_octets_ -= held.bytes.size();
    (void)send_again(now, held, actions);
    if (c.held == nullptr) continue;
    // It has to wait on: order is kept, and it keeps its time.
    packets.push_front(std::move(c.held->back()));
    packets.front().until = held.until;
  }
  if (!packets.empty()) c.held = std::make_unique<std::deque<HeldPacket>>(std::move(packets));
}

}  // namespace ilnp
