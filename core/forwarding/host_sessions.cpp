// SPDX-License-Identifier: Apache-2.0
// Sessions over time: states and their timers (RFC 6741 section 5), our own locators and who is told about them
// (RFC 6743), names.
#include <algorithm>

#include "core/forwarding/host_forwarder.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {

namespace {
constexpr std::size_t max_not_ilnp = 1024;
constexpr int serviced_at_once = 256;                ///< sessions
constexpr Duration lu_refresh_sharing = seconds{5};  ///< how old the set of a refresh may be
}  // namespace

HostForwarder::HostForwarder(const Tuning& tuning, Locator identity_prefix, Random& random, Hasher& hasher)
    : tuning_{tuning},
      random_{random},
      hasher_{hasher},
      ilcc_{tuning, identity_prefix, random},
      own_{tuning},
      lu_rate_{tuning.lu_node_rate, tuning.lu_node_burst},
      probe_rate_{tuning.probe_rate, tuning.probe_burst},
      name_query_rate_{tuning.name_query_rate, tuning.name_query_burst},
      nids_{random.u64()} {}

bool HostForwarder::is_identity(const Address& address) const {
  const Locator prefix = ilcc_.identity_prefix();
  if (address.locator == prefix) return true;
  const auto k = static_cast<std::uint16_t>((address.locator.bits >> 16) - (prefix.bits >> 16));
  return k < tuning_.max_siblings && address.locator == alias_prefix(prefix, k);
}

HostEvent HostForwarder::event(EventKind kind, const Correspondent& c, const char* reason) {
  HostEvent e{kind};
  e.local_nid = c.local_nid;
  e.remote_nid = c.remote_nid();
  e.locator = c.using_remote;
  e.reason = reason;
  return e;
}

// --- Session states
// ---------------------------------------------------------------------------------------------------

void HostForwarder::establish(TimePoint now, Correspondent& c, Actions& actions) {
  ilcc_.set_state(c, PeerState::established);
  c.remote.keep_for_session();
  c.nonce_packets_left = static_cast<std::uint8_t>(tuning_.nonce_initial_packets);
  c.last_received = now;
  c.touch();
  succeed(c, actions);
  actions.events.push_back(event(EventKind::session_established, c));
  actions.sessions_changed = true;
  if (c.tell_when_established)
    if (const Advertisement set = own_.advertisement(now)) tell(now, c, set, {}, true, actions);
  release_held(now, c, actions);
  deliver_kept(now, c, actions);
  reschedule(c);
}

/// A peer that restarted has a new nonce and an entry beside the old one. It proved that it is where the old one was,
/// and the old one has been silent since: the sessions of our kernel go on with the new entry.
void HostForwarder::succeed(Correspondent& successor, Actions& actions) {
  // What our kernel knows already keeps its identity.
  if (successor.delivered || successor.packets_out != 0) return;
  for (Correspondent* old = ilcc_.find_pair(successor.local_nid, successor.remote_nid()); old != nullptr;
       old = ilcc_.sibling(*old)) {
    if (old == &successor || !old->is_session()) continue;
    // At one place there is one node: its latest nonce counts, whatever arrives late under the one before.
    if (!successor.unproven && old->last_received > successor.created) continue;
    const bool same_place = std::any_of(
        successor.remote.all().begin(), successor.remote.all().end(),
        [&](const RemoteLocator& l) { return l.reach == Reach::reachable && old->remote.find(l.locator) != nullptr; });
    if (!same_place) continue;
    for (const RemoteLocator& l : old->remote.all())
      if (!l.receive_only && successor.remote.find(l.locator) == nullptr)
        successor.remote.learn_from_dns(l.locator, l.preference, never, tuning_);
    successor.name = old->name;
    successor.pinned = old->pinned;
    successor.checksum = old->checksum;
    successor.checksum_known = old->checksum_known;
    successor.packets_in = old->packets_in;
    successor.packets_out = old->packets_out;
    successor.octets_in = old->octets_in;
    successor.octets_out = old->octets_out;
    if (old->held != nullptr && successor.held == nullptr) successor.held = std::move(old->held);
    if (old->held != nullptr)
      for (const HeldPacket& held : *old->held) {
        held_octets_ -= held.bytes.size();
        drop(DropReason::out_held_too_long);
      }
    ilcc_.take_over(successor, *old);
    actions.events.push_back(event(EventKind::peer_restarted, successor));
    return;
  }
}

bool HostForwarder::known_not_ilnp(TimePoint now, NodeId nid, Locator locator) const {
  return std::any_of(not_ilnp_.begin(), not_ilnp_.end(),
                     [&](const NotIlnp& n) { return n.nid == nid && n.locator == locator && n.until > now; });
}

void HostForwarder::fall_back(TimePoint now, Correspondent& c, const char* reason, bool remember, Actions& actions) {
  if (tuning_.fallback == FallbackPolicy::refuse) return;
  if (remember) {
    std::erase_if(not_ilnp_, [&](const NotIlnp& n) { return n.until <= now; });
    if (not_ilnp_.size() >= max_not_ilnp) not_ilnp_.erase(not_ilnp_.begin());
    not_ilnp_.push_back({c.remote_nid(), c.using_remote, now + tuning_.not_ilnp_cache});
  }
  ilcc_.set_state(c, PeerState::fallback);
  c.checksum = ChecksumMode::ipv6;
  c.checksum_known = true;
  c.remote.keep_for_session();
  c.remote.mark_reachable(c.using_remote);  // pinned: a plain session cannot move
  c.touch();
  actions.events.push_back(event(EventKind::session_fallback, c, reason));
  reschedule(c);
}

void HostForwarder::end(Correspondent& c, const char* reason, Actions& actions) {
  if (c.is_session()) {
    actions.events.push_back(event(EventKind::session_ended, c, reason));
    actions.sessions_changed = true;
  }
  if (c.held != nullptr)
    for (const HeldPacket& held : *c.held) {
      held_octets_ -= held.bytes.size();
      drop(DropReason::out_held_too_long);
    }
  const NodeId local = c.local_nid, remote = c.remote_nid();
  ilcc_.erase(c);
  if (!nids_.is_ephemeral(local) || ilcc_.find_pair(local, remote) != nullptr) return;
  nids_.release(remote);
  actions.own_nids_changed = true;
}

void HostForwarder::set_pinned(TimePoint now, CorrespondentId id, bool pinned) {
  Correspondent* c = ilcc_.at(id);
  if (c == nullptr) return;
  c->pinned = pinned;
  if (pinned) c->flow_check_pending = false;
  c->next_flow_check = now + tuning_.flow_check;
  if (!pinned && c->state == PeerState::established && now - c->last_used() >= tuning_.idle)
    ilcc_.set_state(*c, PeerState::closing);
  if (pinned && c->state == PeerState::closing) ilcc_.set_state(*c, PeerState::established);
  reschedule(*c);
}

// --- Timers
// -----------------------------------------------------------------------------------------------------------

TimePoint HostForwarder::state_deadline(const Correspondent& c) const {
  const TimePoint activity = c.last_used();
  switch (c.state) {
    case PeerState::resolved:
      return c.usable_until;
    case PeerState::tentative_out:
      return c.first_unanswered != never
                 ? std::min(c.first_unanswered + tuning_.try_timeout, activity + tuning_.tentative_ttl)
                 : activity + tuning_.tentative_ttl;
    case PeerState::tentative_in:
      return c.created + tuning_.tentative_ttl;
    case PeerState::closing:
      return activity + tuning_.idle + tuning_.closing;
    case PeerState::unreachable:
      return std::max(activity + 2 * tuning_.idle, c.next_flow_check);
    case PeerState::established:
    case PeerState::fallback:
      return std::max(activity + tuning_.idle, c.next_flow_check);
  }
  return never;
}

TimePoint HostForwarder::deadline_of(const Correspondent& c) const {
  TimePoint next = std::min({state_deadline(c), c.remote.next_deadline(), c.next_silence_probe, c.next_name_query});
  if (c.held != nullptr && !c.held->empty()) next = std::min(next, c.held->front().until);
  if (c.lu_sender != nullptr && !own_.usable().empty()) {
    next = std::min({next, c.lu_sender->next_deadline(), refresh_at(c)});
  }
  return next;
}

/// Lifetimes are refreshed for sessions that were used since the peer was told; for the others a lifetime that is over
/// only means that the peer has nothing better.
TimePoint HostForwarder::refresh_at(const Correspondent& c) const {
  return c.last_used() > c.lu_sender->committed_at() ? c.lu_sender->refresh_at() : never;
}

void HostForwarder::on_time(TimePoint now, Actions& actions) {
  reassembler_.on_time(now);
  if (const OwnLocators::Change change = own_.on_time(now); change.set_changed) advertise(now, change, actions);
  std::erase_if(waiting_for_name_, [&](const WaitingForName& w) {
    if (w.packet.until > now) return false;
    held_octets_ -= w.packet.bytes.size();
    drop(DropReason::out_unknown_peer);
    return true;
  });
  for (int n = 0; n < serviced_at_once; ++n) {
    Correspondent* c = ilcc_.pop_due(now);
    if (c == nullptr) return;
    service(now, *c, actions);
  }
}

TimePoint HostForwarder::next_deadline() const {
  TimePoint next = std::min({ilcc_.next_deadline(), own_.next_deadline(), reassembler_.next_deadline()});
  for (const WaitingForName& w : waiting_for_name_) next = std::min(next, w.packet.until);
  return next;
}

void HostForwarder::service(TimePoint now, Correspondent& c, Actions& actions) {
  if (!service_state(now, c, actions)) return;  // it is gone
  c.note_heard_in_place();
  if (c.remote.on_time(now, tuning_)) c.touch();
  send_probes(now, c, actions);
  drop_expired_held(now, c);
  service_silence(now, c, actions);
  service_lu(now, c, actions);
  if (c.state == PeerState::established && !c.remote.has_usable() && !own_.usable().empty()) {
    ilcc_.set_state(c, PeerState::unreachable);
    actions.events.push_back(event(EventKind::session_unreachable, c));
    query_name(now, c, actions);
  }
  if (c.next_name_query <= now) {
    const bool needed = c.state == PeerState::unreachable || c.first_unanswered != never ||
                        (c.lu_sender != nullptr && c.lu_sender->unacknowledged());
    c.next_name_query = never;
    if (needed && (c.is_session())) query_name(now, c, actions);
  }
  release_held(now, c, actions);
  // Nothing may fire again at once: a deadline that passed without being consumed waits a little.
  ilcc_.schedule(c, std::max(deadline_of(c), now + microseconds{100}));
}

/// False when the entry was ended.
bool HostForwarder::service_state(TimePoint now, Correspondent& c, Actions& actions) {
  if (state_deadline(c) > now) return true;
  switch (c.state) {
    case PeerState::tentative_out:
      return service_no_answer(now, c, actions);
    case PeerState::resolved:
    case PeerState::tentative_in:
    case PeerState::closing:
      end(c, "idle", actions);
      return false;
    case PeerState::established:
    case PeerState::unreachable:
    case PeerState::fallback:
      return service_idle(now, c, actions);
  }
  return true;
}

/// The peer's locators get their turns. Then silence may be a path that drops extension headers (RFC 6744 section 4):
/// plain from here, not remembered.
bool HostForwarder::service_no_answer(TimePoint now, Correspondent& c, Actions& actions) {
  if (now - c.last_used() >= tuning_.tentative_ttl) {
    end(c, "no answer", actions);
    return false;
  }
  if (c.remote.has_alternative(c.using_remote)) {
    c.remote.mark_failed(now, c.using_remote, tuning_);
    c.touch();
    c.first_unanswered = never;  // the next packet counts again
    return true;
  }
  if (tuning_.fallback == FallbackPolicy::refuse) {
    c.first_unanswered = never;
    return true;
  }
  fall_back(now, c, "silence", false, actions);
  return true;
}

/// Idle: only open sockets keep it. The answer comes by set_pinned(); one that never comes counts as no.
bool HostForwarder::service_idle(TimePoint now, Correspondent& c, Actions& actions) {
  const bool asked = c.flow_check_pending && c.next_flow_check > c.last_used() + tuning_.idle;
  if (!c.pinned && asked) {
    if (c.state == PeerState::established) {
      ilcc_.set_state(c, PeerState::closing);
      return true;
    }
    end(c, "idle", actions);
    return false;
  }
  c.next_flow_check = now + tuning_.flow_check;
  c.pinned = false;
  c.flow_check_pending = true;
  actions.flow_checks.push_back(c.id);
  return true;
}

void HostForwarder::drop_expired_held(TimePoint now, Correspondent& c) {
  if (c.held == nullptr) return;
  std::erase_if(*c.held, [&](const HeldPacket& held) {
    if (held.until > now) return false;
    held_octets_ -= held.bytes.size();
    drop(DropReason::out_held_too_long);
    return true;
  });
}

/// We transmit and hear nothing: ask every locator, then from another own one, then the names.
void HostForwarder::service_silence(TimePoint now, Correspondent& c, Actions& actions) {
  if (c.next_silence_probe > now) return;
  c.next_silence_probe = never;
  if (c.state != PeerState::established || c.first_unanswered == never || own_.usable().empty()) return;
  if (now - c.first_unanswered < tuning_.silence_probe && c.silence_rounds == 0 &&
      now - c.first_unanswered < milliseconds{100}) {
    c.next_silence_probe = c.first_unanswered + tuning_.silence_probe;
    return;
  }
  if (now - c.last_sent > tuning_.silence_probe_cap) return;  // the application gave up too; sending starts it again
  if (c.silence_rounds < 0xff) ++c.silence_rounds;
  if (c.silence_rounds >= 2) {
    ++c.local_rotation;
    c.touch();
    query_name(now, c, actions);
  }
  c.remote.probe_all(now);
  send_probes(now, c, actions);
  const Duration pause = tuning_.silence_probe * (1 << std::min<int>(c.silence_rounds, 4));
  c.next_silence_probe = now + std::min(pause, tuning_.silence_probe_cap);
}

void HostForwarder::query_name(TimePoint now, Correspondent& c, Actions& actions) {
  if (c.next_name_query != never && c.next_name_query > now) return;
  if (!name_query_rate_.allow(now)) {  // many sessions lost their peers at once: they take turns
    c.next_name_query = now + tuning_.name_query_interval;
    return;
  }
  actions.name_queries.push_back({c.identity, c.name, c.local_nid});
  const Duration pause = tuning_.name_query_interval * (1 << std::min<int>(c.name_query_round, 5));
  if (c.name_query_round < 0xff) ++c.name_query_round;
  c.next_name_query = now + std::min(pause, tuning_.name_query_cap);
}

void HostForwarder::service_lu(TimePoint now, Correspondent& c, Actions& actions) {
  if (c.lu_sender == nullptr || own_.usable().empty() || !c.is_session()) return;
  LuSender& lu = *c.lu_sender;
  if (now >= refresh_at(c)) {
    // Before the lifetimes end at the peer: the same locators, fresh lifetimes, shared by all that are due now.
    if (now - advertised_at_ > lu_refresh_sharing) {
      own_.renew();
      advertised_at_ = now;
    }
    if (const Advertisement set = own_.advertisement(now)) {
      lu.advertise(now, set, {}, false, tuning_);
      c.lu_outstanding = true;
    }
  }
  const auto body = lu.on_time(now, tuning_, random_);
  if (!body) return;
  const int n = lu.transmissions();
  const RemoteLocator* remote = c.remote.best_for_update();
  const OwnLocator* local = own_.best();
  if (n >= tuning_.lu_ask_names_after) {
    // No answer: every pair gets its turn, and the names are asked.
    const auto turn = static_cast<std::size_t>(n);
    if (!c.remote.all().empty()) remote = &c.remote.all()[turn % c.remote.all().size()];
    local = &own_.usable()[turn / std::max<std::size_t>(c.remote.all().size(), 1) % own_.usable().size()];
    query_name(now, c, actions);
  }
  // An update is small and must arrive: no limit on unverified locators holds it up.
  if (remote == nullptr && !c.remote.all().empty()) remote = &c.remote.all().front();
  if (remote == nullptr) return;
  if (const OwnLocator* same_link = own_.find(remote->locator)) local = same_link;
  send_control(c, local->locator, remote->locator, encode_locator_update(*body), actions);
  if (n == 1) {
    HostEvent sent = event(EventKind::locator_update_sent, c);
    sent.locator = body->locators.front().locator;
    actions.events.push_back(sent);
  }
}

// --- Own locators
// -----------------------------------------------------------------------------------------------------

void HostForwarder::locator_up(TimePoint now, const OwnLocator& locator, Actions& actions) {
  const bool was_detached = own_.usable().empty();
  const bool was_known = own_.find(locator.locator) != nullptr;
  const OwnLocators::Change change = own_.up(now, locator);
  if (!was_known) {
    HostEvent up{EventKind::own_locator_up};
    up.locator = locator.locator;
    up.number = locator.interface;
    actions.events.push_back(up);
    if (was_detached) actions.events.push_back(HostEvent{EventKind::attached});
  }
  if (change.set_changed) advertise(now, {true, change.urgent || was_detached}, actions);
}

void HostForwarder::locator_down(TimePoint now, Locator locator, std::uint32_t interface, Actions& actions) {
  const OwnLocators::Change change = own_.down(now, locator, interface);
  if (!change.set_changed) return;
  HostEvent down{EventKind::own_locator_down};
  down.locator = locator;
  down.number = interface;
  actions.events.push_back(down);
  if (own_.usable().empty()) actions.events.push_back(HostEvent{EventKind::detached});
  advertise(now, change, actions);
}

/// RFC 6743 section 3: every correspondent with a session is told, the one heard last first.
void HostForwarder::advertise(TimePoint now, OwnLocators::Change change, Actions& actions) {
  const Advertisement set = own_.advertisement(now);
  if (set == nullptr) return;
  advertised_at_ = now;
  std::vector<Correspondent*> sessions;
  ilcc_.for_each([&](Correspondent& c) {
    if (c.is_session()) {
      sessions.push_back(&c);
      return;
    }
    c.tell_when_established = c.state == PeerState::tentative_out || c.state == PeerState::tentative_in;
    if (c.held != nullptr) release_held(now, c, actions);
  });
  std::sort(sessions.begin(), sessions.end(),
            [](const Correspondent* a, const Correspondent* b) { return a->last_received > b->last_received; });
  const bool spread = sessions.size() > tuning_.lu_jitter_fanout;
  for (std::size_t i = 0; i < sessions.size(); ++i) {
    Correspondent& c = *sessions[i];
    Duration jitter{};
    if (spread && i >= tuning_.lu_jitter_fanout)
      jitter =
          Duration{static_cast<Duration::rep>(random_.u64() % static_cast<std::uint64_t>(tuning_.lu_jitter.count()))};
    tell(now, c, set, jitter, change.urgent, actions);
    release_held(now, c, actions);
    wake_stalled(c, actions);
    reschedule(c);
  }
  actions.sessions_changed = true;
}

/// The peer hears us, or answers, only by this locator of ours: it should send there too.
void HostForwarder::prefer(TimePoint now, Correspondent& c, Locator here, Actions& actions) {
  const Advertisement set = own_.advertisement(now);
  if (set == nullptr || set->front().locator == here) return;
  std::vector<AdvertisedLocator> reordered = *set;
  const auto place =
      std::find_if(reordered.begin(), reordered.end(), [&](const AdvertisedLocator& l) { return l.locator == here; });
  if (place == reordered.end()) return;
  std::rotate(reordered.begin(), place, place + 1);
  for (std::size_t i = 0; i < reordered.size(); ++i) reordered[i].preference = (*set)[i].preference;
  const std::uint8_t rotation = c.local_rotation;
  tell(now, c, std::make_shared<const std::vector<AdvertisedLocator>>(std::move(reordered)), {}, true, actions);
  c.local_rotation = rotation;
}

void HostForwarder::tell(TimePoint now, Correspondent& c, const Advertisement& set, Duration jitter, bool urgent,
                         Actions& actions) {
  if (c.lu_sender == nullptr) c.lu_sender = std::make_unique<LuSender>();
  c.lu_sender->advertise(now, set, jitter, urgent, tuning_);
  c.lu_outstanding = true;
  c.tell_when_established = false;
  c.local_rotation = 0;
  c.touch();
  if (jitter == Duration{}) service_lu(now, c, actions);
}

// --- Names
// ------------------------------------------------------------------------------------------------------------

/// The peer answers nowhere: its names may know more than its last update told.
bool HostForwarder::is_lost(TimePoint now, const Correspondent& c) const {
  if (!c.is_session()) return false;
  const bool silent = c.first_unanswered != never && now - c.first_unanswered >= tuning_.lu_first_timeout;
  const bool not_acknowledged = c.lu_sender != nullptr && c.lu_sender->unacknowledged() &&
                                c.lu_sender->transmissions() >= tuning_.lu_ask_names_after;
  return silent || not_acknowledged || c.state == PeerState::unreachable;
}

/// The entry that this answer is about: the one of this name, else one that shares a locator, else the only one that
/// nobody named yet, if it is lost. Another node with the same NID gets an entry (and an alias) of its own.
Correspondent* HostForwarder::entry_for_name(TimePoint now, std::string_view name, NodeId local, NodeId remote,
                                             const std::vector<ResolvedLocator>& locators) {
  Correspondent* by_locator = nullptr;
  Correspondent* tentative = nullptr;
  Correspondent* nameless = nullptr;
  bool is_only = true;
  for (Correspondent* c = ilcc_.find_pair(local, remote); c != nullptr; c = ilcc_.sibling(*c)) {
    if (c->name == name && c->state != PeerState::tentative_in) return c;
    const bool shares = std::any_of(locators.begin(), locators.end(),
                                    [&](const ResolvedLocator& l) { return c->remote.find(l.locator) != nullptr; });
    if (shares && c->state == PeerState::tentative_in && !c->unproven) tentative = c;
    if (shares && c->state != PeerState::tentative_in) by_locator = c;
    if (!c->is_session() || !c->name.empty()) continue;
    is_only = nameless == nullptr;
    nameless = c;
  }
  if (by_locator != nullptr) return by_locator;
  if (tentative != nullptr) return tentative;  // it called us a moment ago, from the place that the name tells
  // It came to us and was lost since; this is what its reverse name says.
  return nameless != nullptr && is_only && is_lost(now, *nameless) ? nameless : nullptr;
}

std::optional<Address> HostForwarder::resolved(TimePoint now, std::string_view name, NodeId local, NodeId remote,
                                               const std::vector<ResolvedLocator>& locators, Actions& actions) {
  if (locators.empty() || is_own_nid(remote) || remote == OwnNids::client) return std::nullopt;
  const bool is_client = local == OwnNids::client || nids_.is_ephemeral(local);
  if (is_client) local = nids_.of_peer(remote).value_or(NodeId{});
  if (!is_client && !is_own_nid(local)) return std::nullopt;  // retired since somebody asked
  Correspondent* c = entry_for_name(now, name, local, remote, locators);
  if (c == nullptr) {
    const bool refused = std::all_of(locators.begin(), locators.end(),
                                     [&](const ResolvedLocator& l) { return known_not_ilnp(now, remote, l.locator); });
    if (refused) return std::nullopt;
    c = create_resolved(now, local, remote, is_client, actions);
    if (c == nullptr) {
      drop(DropReason::out_cache_full);
      return std::nullopt;
    }
  }
  if (c->name.empty()) c->name = name;
  c->note_heard_in_place();
  const bool lost = is_lost(now, *c);
  seconds longest{0};
  for (const ResolvedLocator& l : locators) {
    longest = std::max(longest, l.ttl);
    // A session does not live by names, which may be older than the peer's last update, unless the peer is lost.
    if (c->is_session() && !lost) continue;
    c->remote.learn_from_dns(l.locator, l.preference,
                             c->state == PeerState::resolved ? now + tuning_.resolved_minimum + l.ttl : never, tuning_);
  }
  // An application that keeps the address longer than an ephemeral NID lives is looked up again, and gets another one.
  c->usable_until =
      now + (is_client ? tuning_.resolved_minimum : std::max<Duration>(tuning_.resolved_minimum, longest));
  if (c->state == PeerState::tentative_in && probe_rate_.allow(now)) {
    c->remote.start_probes(now);
    send_probes(now, *c, actions);
  }
  if (lost) {
    // Both ends may have moved at once: what the name does not list any more and does not answer is not used.
    bool elsewhere = false;
    for (const RemoteLocator& old : c->remote.all()) {
      const bool listed = std::any_of(locators.begin(), locators.end(),
                                      [&](const ResolvedLocator& l) { return l.locator == old.locator; });
      const bool heard = c->first_unanswered != never && old.last_received > c->first_unanswered;
      if (!listed && !heard) elsewhere = c->remote.mark_failed(now, old.locator, tuning_) || elsewhere;
    }
    if (elsewhere && c->lu_sender != nullptr) c->lu_sender->start_over(now, tuning_);
    if (c->state == PeerState::unreachable) ilcc_.set_state(*c, PeerState::established);
    c->remote.start_probes(now);
    send_probes(now, *c, actions);
  }
  c->touch();
  const Address identity = c->identity;
  release_held(now, *c, actions);
  reschedule(*c);
  release_waiting_for_name(now, is_client ? OwnNids::client : local, identity, actions);
  return identity;
}

Correspondent* HostForwarder::create_resolved(TimePoint now, NodeId local, NodeId remote, bool is_client,
                                              Actions& actions) {
  if (is_client) {
    const auto taken = nids_.take(remote);
    if (!taken) return nullptr;
    local = *taken;
    actions.own_nids_changed = true;
  }
  Correspondent* c = ilcc_.create(now, local, remote, PeerState::resolved);
  if (c == nullptr && is_client && ilcc_.find_pair(local, remote) == nullptr) nids_.release(remote);
  return c;
}

void HostForwarder::release_waiting_for_name(TimePoint now, NodeId local, const Address& identity, Actions& actions) {
  std::vector<WaitingForName> released;
  for (std::size_t i = 0; i < waiting_for_name_.size();) {
    if (waiting_for_name_[i].local != local || waiting_for_name_[i].identity != identity) {
      ++i;
      continue;
    }
    released.push_back(std::move(waiting_for_name_[i]));
    waiting_for_name_.erase(waiting_for_name_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  for (WaitingForName& w : released) {
    held_octets_ -= w.packet.bytes.size();
    send_again(now, w.packet, actions);
  }
}

void HostForwarder::not_resolved(TimePoint now, const Address& identity, Actions& actions) {
  (void)now;
  // Nobody knows this identity: the application learns it at once instead of waiting for a timeout.
  std::erase_if(waiting_for_name_, [&](const WaitingForName& w) {
    if (w.identity != identity) return false;
    held_octets_ -= w.packet.bytes.size();
    drop(DropReason::out_unknown_peer);
    const Bytes packet = w.packet.bytes;
    const Address source = Address::load(packet.data() + 8);
    constexpr std::uint8_t address_unreachable = 3;
    const ByteVector error = build_error(icmpv6::destination_unreachable, address_unreachable, 0, packet);
    actions.to_identity.push_back({build_packet(identity, source, next_header::icmpv6, error), {}});
    return true;
  });
}

}  // namespace ilnp
