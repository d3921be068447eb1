// SPDX-License-Identifier: Apache-2.0
// Time: what becomes due for a session, served in turns (RFC 6741 section 5; Locator Updates: RFC 6743).
#include <algorithm>

#include "core/forwarding/host_forwarder.h"

namespace ilnp {

namespace {
constexpr int serviced_at_once = 256;                ///< sessions
constexpr Duration lu_refresh_sharing = seconds{5};  ///< how old the set of a refresh may be
}  // namespace

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
  if (ip_only_ != nullptr && !ip_only_->held.empty() && ip_only_->held.front().until <= now)
    release_ip_only(now, actions);
  for (int n = 0; n < serviced_at_once; ++n) {
    Correspondent* c = ilcc_.pop_due(now);
    if (c == nullptr) return;
    service(now, *c, actions);
  }
}

TimePoint HostForwarder::next_deadline() const {
  TimePoint next = std::min({ilcc_.next_deadline(), own_.next_deadline(), reassembler_.next_deadline()});
  for (const WaitingForName& w : waiting_for_name_) next = std::min(next, w.packet.until);
  if (ip_only_ != nullptr && !ip_only_->held.empty()) next = std::min(next, ip_only_->held.front().until);
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

}  // namespace ilnp
