// SPDX-License-Identifier: Apache-2.0
// Control messages: Locator Updates and their acknowledgements (RFC 6743), reachability probes (ICMPv6 Echo with our
// identifier), and ICMPv6 errors about packets that we sent (RFC 4443, RFC 8201).
#include <algorithm>

#include "core/forwarding/host_forwarder.h"
#include "core/forwarding/rewrite.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {

namespace {

ByteVector echo(std::uint8_t type, std::uint16_t sequence, Bytes payload) {
  ByteVector message;
  ByteWriter w{message};
  w.u8(type);
  w.u8(0);
  w.u16(0);
  w.u16(probe_identifier);
  w.u16(sequence);
  w.bytes(payload);
  return message;
}

}  // namespace

void HostForwarder::send_control(Correspondent& c, Locator local, Locator remote, Bytes message, Actions& actions) {
  std::array<std::uint8_t, max_nonce_header_length> header{};
  const std::size_t length = c.nonce_sent.is_set() ? c.nonce_sent.header_length() : 0;
  if (length != 0) write_nonce_header(header.data(), next_header::icmpv6, c.nonce_sent);
  actions.to_wire.push_back({build_packet({local, c.local_nid}, {remote, c.remote_nid()}, next_header::icmpv6, message,
                                          Bytes{header.data(), length}),
                             {}});
}

void HostForwarder::send_probes(TimePoint now, Correspondent& c, Actions& actions) {
  std::vector<ProbeRequest> probes;
  if (c.remote.collect_probes(now, tuning_, random_, probes)) c.touch();
  for (const ProbeRequest& probe : probes) {
    const OwnLocator* local = own_.find(c.using_local);
    if (c.state != PeerState::tentative_in || local == nullptr) local = choose_local(now, c, probe.locator);
    if (local == nullptr) return;
    send_control(c, local->locator, probe.locator, echo(icmpv6::echo_request, probe.sequence, probe.token), actions);
  }
}

/// Control messages of an authenticated peer; nullopt: an ordinary ICMPv6 message for our kernel.
std::optional<Verdict> HostForwarder::control(TimePoint now, Correspondent& c, Packet& packet, const HeaderWalk& walk,
                                              std::uint32_t interface, Actions& actions) {
  if (walk.upper_length < 4) return drop(DropReason::in_malformed);
  const Bytes message = std::as_const(packet).bytes().subspan(walk.upper_offset, walk.upper_length);
  const std::uint8_t type = message[0];
  if (icmpv6::is_error(type)) return icmp_error(now, packet, walk, &c, actions);
  const ProbeMessage probe = probe_of(packet, walk);
  if (type != icmpv6::locator_update && !probe.is_probe) return std::nullopt;
  if (packet.offload.partial_checksum || !checksum_verifies(packet, walk, ChecksumMode::ipv6))
    return drop(type == icmpv6::locator_update ? DropReason::lu_bad_checksum : DropReason::in_bad_checksum);
  if (type == icmpv6::locator_update) return locator_update(now, c, message, walk, interface, actions);
  if (type == icmpv6::echo_reply) return probe_reply(now, c, probe, walk, actions);

  if (own_.find(walk.destination.locator) == nullptr) return drop(DropReason::in_not_our_locator);
  answer_probe(c, probe, walk, actions);
  if (c.is_session()) note_heard(now, c, packet, walk, actions);
  return Verdict{Disposition::consumed, DropReason::none};
}

/// The answer comes from the locator that was probed: that is what the peer wants to know.
void HostForwarder::answer_probe(Correspondent& c, const ProbeMessage& probe, const HeaderWalk& walk,
                                 Actions& actions) {
  send_control(c, walk.destination.locator, walk.source.locator, echo(icmpv6::echo_reply, probe.sequence, probe.token),
               actions);
}

Verdict HostForwarder::probe_reply(TimePoint now, Correspondent& c, const ProbeMessage& probe, const HeaderWalk& walk,
                                   Actions& actions) {
  if (!c.remote.on_probe_reply(walk.source.locator, probe.sequence, probe.token))
    return drop(DropReason::probe_unexpected);
  c.touch();
  c.last_received = now;
  c.first_unanswered = never;
  const bool moved_on = c.local_rotation != 0 && c.silence_rounds >= 2;  // our preferred locator did not work
  c.silence_rounds = 0;
  if (c.is_session() && moved_on) prefer(now, c, walk.destination.locator, actions);
  if (c.state == PeerState::tentative_in || c.state == PeerState::tentative_out) {
    establish(now, c, actions);
  } else if (c.state == PeerState::unreachable || c.state == PeerState::closing) {
    ilcc_.set_state(c, PeerState::established);
    actions.events.push_back(event(EventKind::session_recovered, c));
  }
  release_held(now, c, actions);
  wake_stalled(c, actions);
  reschedule(c);
  return {Disposition::consumed, DropReason::none};
}

Verdict HostForwarder::locator_update(TimePoint now, Correspondent& c, Bytes message, const HeaderWalk& walk,
                                      std::uint32_t interface, Actions& actions) {
  const auto update = parse_locator_update(message);
  if (!update)
    return drop(update.error() == LocatorUpdateError::bad_length || update.error() == LocatorUpdateError::truncated
                    ? DropReason::lu_bad_length
                    : DropReason::lu_malformed);
  // Only with the nonce, and only once the peer has proved that it receives (RFC 6743 section 3; ours: established).
  if (!walk.has_nonce() || !c.is_session()) return drop(DropReason::lu_not_established);
  // Somebody guesses: a 4-octet nonce is worth slowing down for. A 12-octet one cannot be guessed, and to drop its
  // updates would let a stranger delay a handoff.
  if (c.nonce_received.length() == Nonce::short_length && now < c.quarantined_until)
    return drop(DropReason::in_quarantined);
  if (update.value().operation == LocatorUpdateOperation::acknowledgement)
    return acknowledgement(now, c, update.value(), actions);
  if (c.lu_memory == nullptr) c.lu_memory = std::make_unique<LuMemory>(tuning_);
  // The peer's own limit first: it must not use up that of the others.
  if (!c.lu_memory->allow(now) || !lu_rate_.allow(now)) return drop(DropReason::lu_rate);
  const LuMemory::ShortDigest digest = LuMemory::digest(update.value(), hasher_);
  switch (c.lu_memory->judge(now, digest, tuning_)) {
    case LuMemory::Verdict::fresh:
      return obey(now, c, update.value(), digest, walk, interface, actions);
    case LuMemory::Verdict::retransmission:
      acknowledge(c, update.value(), walk, actions);
      return {Disposition::consumed, DropReason::none};
    case LuMemory::Verdict::replay:
      return drop(DropReason::lu_replay);
  }
  return drop(DropReason::lu_malformed);
}

Verdict HostForwarder::obey(TimePoint now, Correspondent& c, const LocatorUpdate& update,
                            const LuMemory::ShortDigest& digest, const HeaderWalk& walk, std::uint32_t interface,
                            Actions& actions) {
  std::vector<Locator> own = own_.locators();
  for (std::size_t k = 0; k < tuning_.max_siblings; ++k)
    own.push_back(alias_prefix(ilcc_.identity_prefix(), static_cast<std::uint16_t>(k)));
  const OwnLocator* shared = own_.find(walk.source.locator);
  const bool on_link = shared != nullptr && shared->interface == interface;
  const auto locators = sanitise(update, {own, on_link ? walk.source.locator : Locator{}}, tuning_);
  if (locators.empty()) {
    actions.events.push_back(event(EventKind::locator_update_refused, c, "no usable locator"));
    return drop(DropReason::lu_no_usable_locator);
  }
  c.lu_memory->remember(now, digest);
  const Locator before = c.using_remote;
  c.note_heard_in_place();
  const RemoteLocator* best_before = c.remote.best(0, true);
  const Locator there = best_before == nullptr ? Locator{} : best_before->locator;
  if (c.remote.replace(now, locators, tuning_)) {
    c.touch();
    HostEvent moved = event(EventKind::peer_moved, c);
    moved.old_locator = before;
    moved.locator = locators.front().locator;
    actions.events.push_back(moved);
    // Both ends have moved: ours went to where the peer is not.
    if (c.lu_sender != nullptr) c.lu_sender->start_over(now, tuning_);
  }
  if (c.state != PeerState::established) ilcc_.set_state(c, PeerState::established);
  c.last_received = now;
  c.first_unanswered = never;
  c.next_name_query = never;
  c.name_query_round = 0;
  actions.sessions_changed = true;
  acknowledge(c, update, walk, actions);
  // If this update was late the peer is still there, hears what we believe, and tells us again.
  const bool left = there != Locator{} && there != walk.source.locator && c.remote.find(there) != nullptr &&
                    c.remote.find(there)->receive_only;
  if (left) {
    HeaderWalk other = walk;
    other.source.locator = there;
    acknowledge(c, update, other, actions);
  }
  c.remote.start_probes(now);
  send_probes(now, c, actions);
  release_held(now, c, actions);
  wake_stalled(c, actions);
  reschedule(c);
  return {Disposition::consumed, DropReason::none};
}

/// RFC 6743 section 3: the same body, Operation 2; to where the update came from.
void HostForwarder::acknowledge(Correspondent& c, const LocatorUpdate& update, const HeaderWalk& walk,
                                Actions& actions) {
  LocatorUpdate answer = update;
  answer.operation = LocatorUpdateOperation::acknowledgement;
  const OwnLocator* local = own_.find(walk.destination.locator);
  if (local == nullptr) local = own_.best();
  if (local == nullptr) return;
  send_control(c, local->locator, walk.source.locator, encode_locator_update(answer), actions);
}

Verdict HostForwarder::acknowledgement(TimePoint now, Correspondent& c, const LocatorUpdate& update, Actions& actions) {
  if (c.lu_sender == nullptr) return drop(DropReason::lu_unexpected_ack);
  const int transmissions = c.lu_sender->transmissions();
  switch (c.lu_sender->on_acknowledgement(now, update)) {
    case LuSender::AckResult::unexpected:
      return drop(DropReason::lu_unexpected_ack);
    case LuSender::AckResult::other_body:
      c.lu_outstanding = true;  // it is told again, also when it had acknowledged before
      reschedule(c);
      return drop(DropReason::lu_other_ack);
    case LuSender::AckResult::committed:
      break;
  }
  c.last_received = now;
  c.first_unanswered = never;
  c.nonce_until = std::max(c.nonce_until, now + tuning_.nonce_after_change);
  c.lu_outstanding = false;
  c.touch();
  HostEvent acknowledged = event(EventKind::locator_update_acknowledged, c);
  acknowledged.locator = update.locators.front().locator;
  acknowledged.number = static_cast<std::uint64_t>(transmissions);
  actions.events.push_back(acknowledged);
  actions.sessions_changed = true;
  release_held(now, c, actions);
  reschedule(c);
  return {Disposition::consumed, DropReason::none};
}

/// The session that a quoted packet belongs to: we sent it, to a locator that the peer has or had, and when the quote
/// shows a nonce it is ours.
Correspondent* HostForwarder::quoted_session(const Packet& packet, const QuotedPacket& quoted, DropReason& why) {
  why = DropReason::error_not_ours;
  const HeaderWalk& walk = quoted.walk;
  for (Correspondent* c = ilcc_.find_pair(walk.source.nid, walk.destination.nid); c != nullptr; c = ilcc_.sibling(*c)) {
    if (c->remote.find(walk.destination.locator) == nullptr || c->packets_out == 0) continue;
    if (!walk.has_nonce()) {
      // Only a session in full swing, or a plain one, has packets without a nonce out.
      if (c->state == PeerState::established || c->state == PeerState::fallback) return c;
      continue;
    }
    if (c->nonce_sent.matches(quoted.nonce(packet.bytes()))) return c;
    why = DropReason::error_bad_nonce;
  }
  return nullptr;
}

Verdict HostForwarder::icmp_error(TimePoint now, Packet& packet, const HeaderWalk& walk, Correspondent* authenticated,
                                  Actions& actions) {
  const auto parsed = parse_quoted(packet.bytes(), walk);
  if (!parsed) {
    if (parsed.error() == QuoteError::bad_checksum) return drop(DropReason::in_bad_checksum);
    return drop(DropReason::error_unreadable);
  }
  const QuotedPacket& quoted = parsed.value();
  if (!is_own_nid(quoted.walk.source.nid)) return drop(DropReason::error_not_ours);
  const bool is_plain = authenticated == nullptr && !quoted.walk.has_nonce();
  if (is_plain && is_ip_only_flow(quoted_ip_only_key(quoted, true)))
    return ip_only_error(now, packet, walk, quoted, actions);
  DropReason why{};
  Correspondent* c = quoted_session(packet, quoted, why);
  if (c == nullptr) {
    // Plain IPv6 from an I-LV: our kernel's business.
    if (!is_plain || ilcc_.find_pair(quoted.walk.source.nid, quoted.walk.destination.nid) != nullptr) return drop(why);
    if (ip_only_ != nullptr) return ip_only_error(now, packet, walk, quoted, actions);
    return {Disposition::to_kernel, DropReason::none};
  }
  if (!own_.is_or_was_ours(now, quoted.walk.source.locator)) return drop(DropReason::error_not_ours);
  // RFC 6744 section 3: what claims to come from the correspondent itself needs its nonce; Parameter Problem is how a
  // node without ILNP answers, and proves itself by quoting our nonce.
  const bool from_peer = walk.source.nid == c->remote_nid();
  if (from_peer && authenticated != c && c->is_session()) return drop(DropReason::in_forged_icmp);
  if (quoted.type == icmpv6::parameter_problem && quoted.code == icmpv6::unrecognised_option)
    return parameter_problem(now, *c, packet, quoted, actions);

  const Locator target = quoted.walk.destination.locator;
  const std::size_t overhead = c->nonce_sent.is_set() ? c->nonce_sent.header_length() : 0;
  if (quoted.type == icmpv6::packet_too_big) {
    // RFC 8201 section 4: below 1280 is not believed; neither is what does not shrink the path.
    if (quoted.parameter < minimum_mtu || quoted.parameter >= path_mtu(*c, quoted.walk.source.locator, target))
      return drop(DropReason::error_bad_mtu);
    const bool is_peers_word = authenticated == c;  // behind its locator there may be a narrower way
    if (quoted.walk.has_nonce() || is_peers_word || c->state == PeerState::fallback) {
      c->remote.set_path_mtu(now, target, static_cast<std::uint16_t>(quoted.parameter), tuning_);
      c->touch();
      reschedule(*c);
    } else {
      // Anybody can write this one. Our kernel judges it by what it sent; and the next packets carry the nonce, so that
      // an error about them is proof.
      c->nonce_until = std::max(c->nonce_until, now + tuning_.nonce_after_change);
    }
  }
  constexpr std::uint8_t port_unreachable = 4;
  const bool is_path_error = quoted.type == icmpv6::destination_unreachable && quoted.code != port_unreachable;
  if (is_path_error &&
      (c->is_session() || (c->state == PeerState::tentative_out && c->remote.has_alternative(target)))) {
    // The locator, not the session: another one is tried, and the transport goes on.
    unreachable(now, *c, target, quoted.walk.has_nonce());
    return drop(DropReason::error_suppressed);
  }
  const AddressPair identity{own_identity(c->local_nid), c->identity};
  ByteVector translated = translate_error(packet.bytes(), walk, quoted, identity, c->checksum, overhead);
  if (translated.empty()) return drop(DropReason::error_unreadable);
  actions.to_identity.push_back({std::move(translated), {}});
  return {Disposition::consumed, DropReason::none};
}

/// ICMPv6 says that the peer is not at `target`. Only a quote of our nonce proves that the error is about our packet;
/// another one is a reason to ask.
void HostForwarder::unreachable(TimePoint now, Correspondent& c, Locator target, bool proved) {
  if (proved && c.remote.has_alternative(target)) {
    c.remote.mark_failed(now, target, tuning_);
    c.touch();
  } else if (c.remote.doubt(now, target)) {
    c.touch();
  }
  if (c.next_silence_probe == never || c.next_silence_probe > now) c.next_silence_probe = now + milliseconds{100};
  reschedule(c);
}

/// RFC 6744 section 4: the peer does not know the option. Believed only before the session is established, with our
/// exact nonce (quoted_session saw to that) and the pointer at our option.
Verdict HostForwarder::parameter_problem(TimePoint now, Correspondent& c, const Packet& packet,
                                         const QuotedPacket& quoted, Actions& actions) {
  const HeaderWalk& walk = quoted.walk;
  if (c.state != PeerState::tentative_out || !walk.has_nonce() || quoted.parameter != walk.nonce_option)
    return drop(DropReason::error_parameter_problem);
  const ChecksumMode sent_with = c.checksum;
  fall_back(now, c, "parameter problem", true, actions);
  if (c.state != PeerState::fallback) return {Disposition::consumed, DropReason::none};
  // The quote is what we sent: when it is whole it goes out again, plain, and the application notices nothing.
  const std::size_t whole = ipv6_header_length + load_u16(packet.data() + quoted.offset + 4);
  if (quoted.length < whole || !walk.nonce_alone) return {Disposition::consumed, DropReason::none};
  ByteVector copy(packet.bytes().begin() + quoted.offset, packet.bytes().begin() + quoted.offset + quoted.length);
  Packet again{copy, 0, copy.size()};
  const AddressPair wire{walk.source, walk.destination};
  if (sent_with != ChecksumMode::ipv6) {
    const SumChange change{wire_sum(sent_with, walk.upper_protocol, wire),
                           wire_sum(ChecksumMode::ipv6, walk.upper_protocol, wire)};
    rewrite_addresses(again, walk, wire, change);
  }
  strip_nonce(again, walk);
  actions.to_wire.push_back({ByteVector(again.bytes().begin(), again.bytes().end()), {}});
  return {Disposition::consumed, DropReason::none};
}

}  // namespace ilnp
