// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/site_proxy.h"

#include <algorithm>

#include "core/ilnp/nonce.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

constexpr int served_at_once = 256;                ///< correspondents
constexpr Duration rate_pause = milliseconds{10};  ///< too many at once
constexpr std::uint16_t usual_preference = 10;
constexpr int first_rotation = 3;  ///< unanswered updates: the other uplinks get their turns

using Lifetime = decltype(AdvertisedLocator::lifetime);

/// Between three quarters of the usual and all of it, so that no update looks like an older one (a replay), and nobody
/// who has not seen it can acknowledge it.
Lifetime draw_lifetime(const Tuning& tuning, Random& random) {
  const auto usual = static_cast<std::uint64_t>(tuning.lu_lifetime.count());
  return Lifetime{static_cast<std::uint16_t>(usual - random.u64() % (usual / 4 + 1))};
}

/// Another site does, for the node with this entry.
bool others_speak(const NidEntry* entry) { return entry != nullptr && (entry->is_guest || entry->is_former_home); }

/// Before the shortest of them is over.
Duration refresh_after(const Tuning& tuning) { return 2 * Duration{tuning.lu_lifetime} / 3; }

}  // namespace

SiteProxy::SiteProxy(const SiteTuning& tuning, Random& random, const SiteView& site, WatchedSessions& sessions)
    : tuning_{tuning},
      random_{random},
      site_{site},
      sessions_{sessions},
      rate_{tuning.updates_per_second, served_at_once},
      generation_{static_cast<std::uint32_t>(random.u64()) | 1} {}

// --- Who is told what

std::vector<AdvertisedLocator> SiteProxy::names_of(NodeId nid, const AdvertisedLocator& inside) const {
  const NidEntry* entry = site_.nids.find(nid, inside.locator);
  AdvertisedLocator home = inside;
  if (entry != nullptr) home.locator = entry->home;
  std::vector<AdvertisedLocator> names = outside_names(site_.map, site_.uplinks, home);
  if (names.empty() || entry == nullptr || !entry->former) return names;
  if (const auto map = site_.other_maps.find(entry->former->site); map != site_.other_maps.end()) {
    home.locator = entry->former->locator;
    add_former_names(names, map->second, home);
  }
  return names;
}

const NidEntry* SiteProxy::entry_of(const WatchedSession& session) const {
  const NidEntry* owner = site_.nids.find_owner(session.key.inside);
  return owner != nullptr ? owner : site_.nids.find(session.key.inside, session.home);
}

/// What the correspondent hears from others is newer.
void SiteProxy::forget_told(WatchedSession& session) const {
  session.told = 0;
  session.told_home = {};
  session.generation = generation_ - 1;
}

/// Nothing: another site speaks for the node, or nothing that it could be called works.
std::optional<SiteProxy::Names> SiteProxy::names_for(const WatchedSession& session) const {
  const NidEntry* entry = entry_of(session);
  if (others_speak(entry)) return std::nullopt;
  const Locator home = entry != nullptr ? entry->home : session.home;
  if (site_.named_by.find(home)) return std::nullopt;
  Names names{home, names_of(session.key.inside, {home, usual_preference, Lifetime{}})};
  if (names.list.empty()) return std::nullopt;
  return names;
}

bool SiteProxy::can_tell(TimePoint now, const WatchedSession& session) {
  if (!tuning_.proxy_updates || !session.answered || !session.nonce.is_set()) return false;
  if (now - session.last_seen > tuning_.session_idle || site_.map.is_outside(session.correspondent)) return false;
  if (!session.is_protected) return true;
  ++counters_.not_possible;
  return false;
}

void SiteProxy::names_changed(TimePoint now) {
  ++generation_;
  std::vector<WatchedSession*> news;
  sessions_.for_each([&](WatchedSession& session) {
    const auto names = names_for(session);
    if (!names) return stop(sessions_.index_of(session));
    if (session.told == fingerprint(names->list) && !may_know_others(session)) {
      session.generation = generation_;
      stop(sessions_.index_of(session));
      refresh_later(session);
    } else if (can_tell(now, session)) {
      news.push_back(&session);
    }
  });
  std::sort(news.begin(), news.end(),
            [](const WatchedSession* a, const WatchedSession* b) { return a->last_seen > b->last_seen; });
  const Duration each{static_cast<Duration::rep>(1e9 / tuning_.updates_per_second)};
  const std::size_t at_once = tuning_.updates.lu_jitter_fanout;
  for (std::size_t i = 0; i < news.size(); ++i)
    if (const auto names = names_for(*news[i]))
      tell(now, *news[i], *names, i < at_once ? Duration{} : each * static_cast<Duration::rep>(i - at_once), true);
}

void SiteProxy::rehomed(TimePoint now, NodeId nid) {
  sessions_.for_each_of(nid, [&](WatchedSession& session) { tell_if_new(now, session); });
}

void SiteProxy::began(TimePoint now, WatchedSession& session) {
  if (const NidEntry* entry = entry_of(session); entry != nullptr && entry->former) tell_if_new(now, session);
}

void SiteProxy::tell_if_new(TimePoint now, WatchedSession& session) {
  const auto names = names_for(session);
  if (!names) {
    if (others_speak(entry_of(session))) forget_told(session);
    return stop(sessions_.index_of(session));
  }
  if (session.told == fingerprint(names->list) && !may_know_others(session)) return;
  if (can_tell(now, session)) tell(now, session, *names, {}, true);
}

/// An update of ours has left, and only its acknowledgement may have been lost.
bool SiteProxy::may_know_others(const WatchedSession& session) {
  const Telling* telling = find(session);
  return telling != nullptr && telling->sender.unacknowledged() && telling->sender.transmissions() > 0;
}

void SiteProxy::tell(TimePoint now, WatchedSession& session, const Names& names, Duration delay, bool urgent) {
  const std::uint32_t place = sessions_.index_of(session);
  Telling* telling = find(session);
  if (telling == nullptr) {
    telling = &(tellings_[place] = Telling{});
    telling->key = session.key;
  }
  telling->fingerprint = fingerprint(names.list);
  telling->generation = generation_;
  telling->home = names.home;
  std::vector<AdvertisedLocator> list = names.list;
  for (AdvertisedLocator& l : list) l.lifetime = draw_lifetime(tuning_.updates, random_);
  telling->sender.advertise(now, std::make_shared<const std::vector<AdvertisedLocator>>(std::move(list)), delay, urgent,
                            tuning_.updates);
  timers_.set(place, telling->sender.next_deadline());
}

void SiteProxy::refresh_later(const WatchedSession& session) {
  if (!session.told_by_node) timers_.set(sessions_.index_of(session), session.told_at + refresh_after(tuning_.updates));
}

/// Before the lifetimes end at a correspondent that still hears from the node.
void SiteProxy::refresh(TimePoint now, std::uint32_t place, WatchedSession& session) {
  const TimePoint due = session.told_at + refresh_after(tuning_.updates);
  if (now < due) return timers_.set(place, due);
  const auto names = names_for(session);
  if (names && !session.told_by_node && session.last_seen > session.told_at && can_tell(now, session))
    tell(now, session, *names, {}, false);
  else
    stop(place);
}

// --- What comes back

SiteProxy::Telling* SiteProxy::find(const WatchedSession& session) {
  const auto found = tellings_.find(sessions_.index_of(session));
  return found != tellings_.end() && found->second.key == session.key ? &found->second : nullptr;
}

void SiteProxy::stop(std::uint32_t place) {
  tellings_.erase(place);
  timers_.remove(place);
}

void SiteProxy::told(TimePoint now, WatchedSession& session, std::uint64_t fingerprint, Locator home) {
  session.told = fingerprint;
  session.told_home = home;
  session.told_at = now;
}

void SiteProxy::node_told(TimePoint now, WatchedSession& session, const std::vector<AdvertisedLocator>& names) {
  const NidEntry* entry = entry_of(session);
  session.own_update = fingerprint(names);
  session.own_update_home = entry != nullptr ? entry->home : session.home;
  session.own_update_at = now;
  session.own_generation = generation_;
  stop(sessions_.index_of(session));
}

bool SiteProxy::acknowledged(TimePoint now, const SessionKey& key, Bytes nonce, const LocatorUpdate& update) {
  WatchedSession* session = sessions_.find(key);
  if (session == nullptr) return false;
  Telling* telling = find(*session);
  if (telling == nullptr && session->own_update == 0) return false;
  if (session->inbound.is_set() && !session->inbound.matches(nonce)) {
    ++counters_.wrong_nonce;
    return false;  // the node knows better whose it is
  }
  if (telling == nullptr || !telling->sender.is_answered_by(update)) {
    if (fingerprint(update.locators) == session->own_update) {
      told(now, *session, session->own_update, session->own_update_home);
      session->told_by_node = true;
      session->generation = session->own_generation;
      if (!is_current(*session)) tell_if_new(now, *session);  // the names have changed since
      return false;
    }
    // Of an older one of the node's.
    if (telling == nullptr || now - session->own_update_at < tuning_.updates.lu_digest_memory) return false;
  }
  switch (telling->sender.on_acknowledgement(now, update)) {
    case LuSender::AckResult::committed:
      told(now, *session, telling->fingerprint, telling->home);
      session->told_by_node = false;
      session->generation = telling->generation;
      ++counters_.acknowledged;
      refresh_later(*session);
      break;
    case LuSender::AckResult::other_body:
      ++counters_.other_ack;
      timers_.set(sessions_.index_of(*session), telling->sender.next_deadline());
      break;
    case LuSender::AckResult::unexpected:  // once more
      break;
  }
  return true;
}

// --- Time

std::size_t SiteProxy::outstanding() const {
  return static_cast<std::size_t>(std::count_if(
      tellings_.begin(), tellings_.end(), [](const auto& telling) { return telling.second.sender.unacknowledged(); }));
}

void SiteProxy::on_time(TimePoint now, SiteActions& actions) {
  for (int n = 0; n < served_at_once && !timers_.empty() && timers_.next() <= now; ++n) {
    const std::uint32_t place = timers_.earliest();
    timers_.remove(place);
    service(now, place, actions);
  }
}

void SiteProxy::service(TimePoint now, std::uint32_t place, SiteActions& actions) {
  WatchedSession* session = sessions_.at(place);
  if (session == nullptr || now - session->last_seen > tuning_.session_idle) return stop(place);
  Telling* telling = find(*session);
  if (telling == nullptr || !telling->sender.unacknowledged()) return refresh(now, place, *session);
  if (!rate_.allow(now)) return timers_.set(place, now + rate_pause);
  if (const auto body = telling->sender.on_time(now, tuning_.updates, random_))
    send(*session, *telling, *body, actions);
  const bool is_patient = telling->sender.transmissions() >= tuning_.patient_updates;
  if (is_patient && !session->inbound.is_set()) return stop(place);  // probably no ILNP node
  timers_.set(place, is_patient ? now + tuning_.patience : telling->sender.next_deadline());
}

std::optional<UplinkId> SiteProxy::uplink_for(const WatchedSession& session, const Telling& telling) const {
  if (telling.sender.transmissions() < first_rotation)
    return site_.uplinks.choose(
        {{telling.home, session.key.inside}, {session.correspondent, session.key.outside}, next_header::icmpv6},
        sessions_.hash(session.key));
  std::vector<UplinkId> usable;
  for (UplinkId id = 0; id < max_uplinks; ++id)
    if (site_.uplinks.is_usable(id) && site_.map.to_outside(telling.home, id)) usable.push_back(id);
  if (usable.empty()) return std::nullopt;
  return usable[static_cast<std::size_t>(telling.sender.transmissions()) % usable.size()];
}

void SiteProxy::send(const WatchedSession& session, const Telling& telling, const LocatorUpdate& body,
                     SiteActions& actions) {
  const auto uplink = uplink_for(session, telling);
  const auto name = uplink ? site_.map.to_outside(telling.home, *uplink) : std::nullopt;
  if (!name) return;
  const Nonce nonce{session.nonce.bytes()};
  ByteVector header(nonce.header_length());
  write_nonce_header(header.data(), next_header::icmpv6, nonce);
  actions.packets.push_back({Side::uplink(*uplink),
                             build_packet({*name, session.key.inside}, {session.correspondent, session.key.outside},
                                          next_header::icmpv6, encode_locator_update(body), header),
                             {}});
  ++counters_.sent;
}

}  // namespace ilnp
