// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/remote_locators.h"

#include <algorithm>

namespace ilnp {

namespace {
/// Unanswered candidates are never preferred to what the peer advertised.
constexpr std::uint16_t candidate_preference = 0xffff;

bool is_candidate(const RemoteLocator& l) {
  return l.source == LocatorSource::packet && l.preference == candidate_preference;
}

/// Nothing is known about it any more.
void start_afresh(RemoteLocator& l, const Tuning& tuning) {
  l.reach = Reach::unverified;
  l.next_probe = never;
  l.probes_sent = 0;
  l.packets_left = static_cast<std::uint8_t>(tuning.unverified_packets);
  l.credit = static_cast<std::int64_t>(tuning.unverified_credit);
}
}  // namespace

const RemoteLocator* RemoteLocators::find(Locator locator) const {
  const auto it =
      std::find_if(locators_.begin(), locators_.end(), [&](const RemoteLocator& l) { return l.locator == locator; });
  return it == locators_.end() ? nullptr : &*it;
}

RemoteLocator* RemoteLocators::find(Locator locator) {
  return const_cast<RemoteLocator*>(std::as_const(*this).find(locator));
}

RemoteLocator& RemoteLocators::add(Locator locator, std::uint16_t preference, LocatorSource source,
                                   const Tuning& tuning) {
  RemoteLocator fresh;
  fresh.locator = locator;
  fresh.preference = preference;
  fresh.source = source;
  fresh.packets_left = static_cast<std::uint8_t>(tuning.unverified_packets);
  fresh.credit = static_cast<std::int64_t>(tuning.unverified_credit);
  // Kept in order of preference: best() is then the first that may be used.
  const auto place = std::upper_bound(locators_.begin(), locators_.end(), preference,
                                      [](std::uint16_t p, const RemoteLocator& l) { return p < l.preference; });
  return *locators_.insert(place, fresh);
}

void RemoteLocators::learn_from_dns(Locator locator, std::uint16_t preference, TimePoint expires,
                                    const Tuning& tuning) {
  RemoteLocator* known = find(locator);
  if (known == nullptr) {
    if (locators_.size() >= tuning.max_remote_locators) return;
    known = &add(locator, preference, LocatorSource::dns, tuning);
  }
  // The peer withdrew it, or it failed, and the name says that it is there: worth another try, not more.
  if (known->receive_only || known->reach == Reach::failed) start_afresh(*known, tuning);
  known->receive_only = false;
  known->validity = after(known->validity, LocatorEvent::refreshed);
  known->expires = known->source == LocatorSource::dns ? expires : std::max(known->expires, expires);
}

bool RemoteLocators::learn_from_packet(TimePoint now, Locator locator, const Tuning& tuning) {
  const auto candidates = std::count_if(locators_.begin(), locators_.end(), [](const RemoteLocator& l) {
    return l.source == LocatorSource::packet && l.reach != Reach::reachable;
  });
  if (static_cast<std::size_t>(candidates) >= tuning.max_unverified) return false;
  if (locators_.size() >= tuning.max_remote_locators) return false;
  RemoteLocator& l = add(locator, candidate_preference, LocatorSource::packet, tuning);
  l.expires = now + tuning.candidate_lifetime;
  l.packets_left = 0;  // nothing of the user's goes there before an update or a probe says so
  l.credit = 0;
  return true;
}

void RemoteLocators::learn_initial(Locator locator, const Tuning& tuning) {
  RemoteLocator& l = add(locator, 0, LocatorSource::packet, tuning);
  l.expires = never;
}

bool RemoteLocators::replace(TimePoint now, const std::vector<AdvertisedLocator>& advertised, const Tuning& tuning) {
  bool changed = false;
  for (RemoteLocator& l : locators_) {
    const bool listed = std::any_of(advertised.begin(), advertised.end(),
                                    [&](const AdvertisedLocator& a) { return a.locator == l.locator; });
    if (!listed && !l.receive_only) {
      l.receive_only = true;
      l.expires = now + tuning.soft_overlap_max;
      l.next_probe = never;
      changed = true;
    }
  }
  for (const AdvertisedLocator& a : advertised) {
    const TimePoint expires = now + seconds{a.lifetime.count()};
    if (RemoteLocator* known = find(a.locator); known != nullptr && known->preference == a.preference) {
      changed = changed || known->receive_only || known->reach == Reach::failed;
      if (known->reach == Reach::failed) start_afresh(*known, tuning);  // the peer says that it is there
      known->receive_only = false;
      known->source = LocatorSource::locator_update;
      known->validity = after(known->validity, LocatorEvent::refreshed);
      known->expires = expires;
      continue;
    }
    // A new preference moves the locator in the order; what is known about its reachability stays true.
    RemoteLocator kept;
    const RemoteLocator* known = find(a.locator);
    const bool was_known = known != nullptr;
    if (was_known) {
      kept = *known;
      std::erase_if(locators_, [&](const RemoteLocator& l) { return l.locator == a.locator; });
    }
    RemoteLocator& l = add(a.locator, a.preference, LocatorSource::locator_update, tuning);
    if (was_known) {
      l = kept;
      l.preference = a.preference;
      l.source = LocatorSource::locator_update;
      l.receive_only = false;
      l.validity = after(l.validity, LocatorEvent::refreshed);
      // A candidate had no limits of its own: now the peer vouches for it.
      if (l.reach == Reach::failed || (is_candidate(kept) && l.reach != Reach::reachable)) start_afresh(l, tuning);
    }
    l.expires = expires;
    changed = true;
  }
  limit_withdrawn(tuning);
  return changed;
}

/// Of the withdrawn ones those stay that were heard from last.
void RemoteLocators::limit_withdrawn(const Tuning& tuning) {
  for (;;) {
    std::size_t withdrawn = 0;
    auto oldest = locators_.end();
    for (auto l = locators_.begin(); l != locators_.end(); ++l) {
      if (!l->receive_only) continue;
      ++withdrawn;
      if (oldest == locators_.end() || l->last_received < oldest->last_received) oldest = l;
    }
    if (withdrawn <= tuning.max_withdrawn) return;
    locators_.erase(oldest);
  }
}

void RemoteLocators::keep_for_session() {
  for (RemoteLocator& l : locators_)
    if (l.source == LocatorSource::dns) l.expires = never;
}

bool RemoteLocators::note_received(TimePoint now, Locator locator, std::size_t octets, const Tuning& tuning) {
  RemoteLocator* l = find(locator);
  if (l == nullptr) return false;
  l->last_received = now;
  if (is_candidate(*l)) l->expires = now + tuning.candidate_lifetime;
  if (l->reach == Reach::reachable) return false;
  if (!is_candidate(*l)) {
    l->credit += 3 * static_cast<std::int64_t>(octets);
    l->packets_left = static_cast<std::uint8_t>(tuning.unverified_packets);
  }
  if (l->reach != Reach::failed) return false;
  l->reach = Reach::unverified;  // heard from: worth another probe
  l->next_probe = now;
  l->probes_sent = 0;
  return true;
}

void RemoteLocators::mark_reachable(Locator locator) {
  if (RemoteLocator* l = find(locator)) {
    l->reach = Reach::reachable;
    l->probes_sent = 0;
    l->next_probe = never;
  }
}

bool RemoteLocators::mark_failed(TimePoint now, Locator locator, const Tuning& tuning) {
  RemoteLocator* l = find(locator);
  if (l == nullptr || l->reach == Reach::failed) return false;
  l->reach = Reach::failed;
  l->failed_until = now + tuning.failed_retry;
  l->next_probe = never;
  return true;
}

bool RemoteLocators::sendable(const RemoteLocator& l) const {
  return !l.receive_only && l.reach != Reach::failed && l.validity != Validity::aged;
}

const RemoteLocator* RemoteLocators::best(std::size_t octets, bool trust_names) const {
  const RemoteLocator* limited = nullptr;
  for (const RemoteLocator& l : locators_) {
    if (!sendable(l)) continue;
    if (l.reach == Reach::reachable) return &l;
    const bool within_limits = l.packets_left > 0 && l.credit >= static_cast<std::int64_t>(octets);
    const bool trusted = trust_names && l.source == LocatorSource::dns;
    if (limited == nullptr && (within_limits || trusted)) limited = &l;
  }
  return limited;
}

const RemoteLocator* RemoteLocators::best_for_update() const {
  if (const RemoteLocator* within_limits = best(0, true)) return within_limits;
  const auto it = std::find_if(locators_.begin(), locators_.end(), [&](const RemoteLocator& l) { return sendable(l); });
  return it == locators_.end() ? nullptr : &*it;
}

void RemoteLocators::charge(Locator locator, std::size_t octets) {
  RemoteLocator* l = find(locator);
  if (l == nullptr || l->reach == Reach::reachable) return;
  if (l->packets_left > 0) --l->packets_left;
  l->credit -= static_cast<std::int64_t>(octets);
}

bool RemoteLocators::verification_pending() const {
  return std::any_of(locators_.begin(), locators_.end(),
                     [&](const RemoteLocator& l) { return sendable(l) && l.next_probe != never; });
}

bool RemoteLocators::has_usable() const {
  return std::any_of(locators_.begin(), locators_.end(), [&](const RemoteLocator& l) { return sendable(l); });
}

bool RemoteLocators::has_alternative(Locator locator) const {
  return std::any_of(locators_.begin(), locators_.end(),
                     [&](const RemoteLocator& l) { return l.locator != locator && sendable(l); });
}

void RemoteLocators::start_probes(TimePoint now) {
  Duration stagger{};
  for (RemoteLocator& l : locators_) {
    if (!sendable(l) || l.reach == Reach::reachable || l.next_probe != never) continue;
    l.next_probe = now + stagger;
    l.probes_sent = 0;
    stagger += milliseconds{20};  // the preferred one first
  }
}

void RemoteLocators::start_probe(TimePoint now, Locator locator) {
  RemoteLocator* l = find(locator);
  if (l == nullptr || !sendable(*l) || l->next_probe != never) return;
  l->next_probe = now;
  l->probes_sent = 0;
}

bool RemoteLocators::doubt(TimePoint now, Locator locator) {
  RemoteLocator* l = find(locator);
  if (l == nullptr || l->reach != Reach::reachable) return false;
  const bool another = std::any_of(locators_.begin(), locators_.end(), [&](const RemoteLocator& other) {
    return other.locator != locator && sendable(other) && other.reach == Reach::reachable;
  });
  if (another) l->reach = Reach::unverified;
  start_probe(now, locator);
  return true;
}

void RemoteLocators::set_path_mtu(TimePoint now, Locator locator, std::uint16_t mtu, const Tuning& tuning) {
  RemoteLocator* l = find(locator);
  if (l == nullptr) return;
  l->path_mtu = mtu;
  l->path_mtu_until = now + tuning.path_mtu_memory;
}

void RemoteLocators::probe_all(TimePoint now) {
  for (RemoteLocator& l : locators_) {
    if (l.receive_only) continue;
    if (l.reach == Reach::failed) {
      l.reach = Reach::unverified;
    }
    if (l.next_probe == never) {
      l.next_probe = now;
      l.probes_sent = 0;
    }
  }
}

bool RemoteLocators::collect_probes(TimePoint now, const Tuning& tuning, Random& random,
                                    std::vector<ProbeRequest>& out) {
  bool changed = false;
  for (RemoteLocator& l : locators_) {
    if (l.next_probe > now) continue;
    if (l.probes_sent >= tuning.probe_tries) {
      give_up_probing(now, l, tuning);
      changed = true;
      continue;
    }
    if (l.probes_sent == 0) random.fill(l.probe_token);
    if (l.reach == Reach::unverified) l.reach = Reach::probing;
    l.next_probe = now + tuning.probe_spacing * (1 << l.probes_sent);
    ++l.probes_sent;
    ++l.probe_sequence;
    out.push_back({l.locator, l.probe_sequence, l.probe_token});
  }
  return changed;
}

void RemoteLocators::give_up_probing(TimePoint now, RemoteLocator& l, const Tuning& tuning) {
  if (has_alternative(l.locator)) {
    mark_failed(now, l.locator, tuning);
    return;
  }
  // The only one there is: the transport's own retransmissions go on finding out.
  if (l.reach == Reach::probing) l.reach = Reach::unverified;
  l.next_probe = never;
  l.probes_sent = 0;
  l.packets_left = static_cast<std::uint8_t>(tuning.unverified_packets);
  l.credit = std::max(l.credit, static_cast<std::int64_t>(tuning.unverified_credit));
}

bool RemoteLocators::answers_probe(Locator from, std::uint16_t sequence, Bytes token) const {
  const RemoteLocator* l = find(from);
  if (l == nullptr || l->probes_sent == 0) return false;
  // A reply to any transmission of the present round counts: they carry one token.
  const auto age = static_cast<std::uint16_t>(l->probe_sequence - sequence);
  return age < l->probes_sent && equal_in_constant_time(token, l->probe_token);
}

bool RemoteLocators::on_probe_reply(Locator from, std::uint16_t sequence, Bytes token) {
  if (!answers_probe(from, sequence, token)) return false;
  mark_reachable(from);
  return true;
}

bool RemoteLocators::on_time(TimePoint now, const Tuning& tuning) {
  bool changed = false;
  for (RemoteLocator& l : locators_) {
    if (l.reach == Reach::failed && l.failed_until <= now && !l.receive_only) {
      l.reach = Reach::unverified;
      l.packets_left = static_cast<std::uint8_t>(tuning.unverified_packets);
      l.failed_until = never;
      changed = true;
    }
    if (l.path_mtu != 0 && l.path_mtu_until <= now) {
      l.path_mtu = 0;
      changed = true;
    }
  }
  const auto over = [&](const RemoteLocator& l) { return l.expires <= now; };
  const auto fresh = [&](const RemoteLocator& l) { return !over(l) && sendable(l); };
  const bool replacement = std::any_of(locators_.begin(), locators_.end(), fresh);
  for (RemoteLocator& l : locators_) {
    if (!over(l) || l.receive_only || l.source == LocatorSource::packet || l.validity == Validity::expired) continue;
    // RFC 6741 section 5.2: an ended lifetime makes a locator aged, or expired when nothing can replace it.
    if (!replacement) l.validity = after(l.validity, LocatorEvent::used);
    l.validity = after(l.validity, LocatorEvent::ttl_ended);
    l.expires = l.validity == Validity::expired ? never : now + tuning.soft_overlap_max;
    l.receive_only = l.validity == Validity::aged;
    changed = true;
  }
  const auto before = locators_.size();
  std::erase_if(locators_, [&](const RemoteLocator& l) { return over(l); });
  return changed || locators_.size() != before;
}

TimePoint RemoteLocators::next_deadline() const {
  TimePoint next = never;
  for (const RemoteLocator& l : locators_) {
    next = std::min({next, l.expires, l.next_probe});
    if (l.reach == Reach::failed && !l.receive_only) next = std::min(next, l.failed_until);
    if (l.path_mtu != 0) next = std::min(next, l.path_mtu_until);
  }
  return next;
}

}  // namespace ilnp
