// SPDX-License-Identifier: Apache-2.0
// Mobile EIDs: what their presence machines want, in terms of the other machines.
#include <algorithm>

#include "core/lisp/mapping_record.h"
#include "core/lisp/xtr_parts.h"

namespace ilnp::lisp {
namespace {

constexpr std::size_t most_presences = 100'000;
constexpr Duration purge_every = seconds{1};  ///< as it looks at all of them
constexpr Duration watched_for = std::chrono::minutes{1};
constexpr Duration notice_is_young = seconds{3};  ///< of this move, not of one before

using State = EidPresence::State;

}  // namespace

bool Xtr::Parts::is_mobile(const EidPrefix& eid) const {
  return eid.prefix.is_host() &&
         std::ranges::any_of(settings.mobile, [&](const EidPrefix& block) { return block.contains(eid); });
}

EidPresence* Xtr::Parts::presence_of(const EidPrefix& eid) {
  const auto found = presences.find(eid);
  return found == presences.end() ? nullptr : &found->second;
}

EidPresence* Xtr::Parts::make_presence(TimePoint now, const EidPrefix& eid) {
  if (EidPresence* known = presence_of(eid)) return known;
  if (!is_mobile(eid)) {
    counters.count(XtrDrop::not_mobile);
    return nullptr;
  }
  if (presences.size() >= most_presences && now - purged_at >= purge_every) {
    purged_at = now;
    purge_presences();
  }
  if (presences.size() >= most_presences) {
    counters.count(XtrDrop::too_many_mobile);
    return nullptr;
  }
  return &presences.try_emplace(eid, eid, settings.presence).first->second;
}

/// Those that say no more than the map-cache.
void Xtr::Parts::purge_presences() {
  std::erase_if(presences,
                [](const auto& one) { return one.second.is_settled() && one.second.next_deadline() == never; });
}

void Xtr::Parts::follow(Instant at, const EidPrefix& eid, State before, const EidPresence::Actions& wanted,
                        XtrActions& actions) {
  EidPresence* presence = presence_of(eid);
  const TimePoint due = presence->next_deadline();
  const auto [known, is_new] = presence_due.try_emplace(eid, never);
  due_presences.erase({known->second, eid});
  known->second = due;
  if (due != never)
    due_presences.insert({due, eid});
  else
    presence_due.erase(known);
  if (presence->state() != before) {
    actions.events.push_back({XtrEvent::Kind::presence, eid, {}, {}, presence->state()});
    actions.presences_changed = true;
  }
  for (const PresenceAction& action : wanted) obey(at, eid, action, actions);
  look_whether_told(at, eid, actions);
  presence = presence_of(eid);
  if (presence != nullptr && presence->state() == State::unknown && presence->next_deadline() == never)
    presences.erase(eid);
}

void Xtr::Parts::obey(Instant at, const EidPrefix& eid, const PresenceAction& wanted, XtrActions& actions) {
  using Kind = PresenceAction::Kind;
  const MappingRecord& record = wanted.record;
  switch (wanted.kind) {
    case Kind::deliver:
      return begin_here(at, eid, actions);
    case Kind::register_it:
      return register_it(at, eid);
    case Kind::transfer:
      return transfer_to(at, peers.former_owners(record), with_former(record_of(eid), record.rlocs), actions);
    case Kind::transfer_back:
      return transfer_to(at, peers.owners_of(record), with_former(record, settings.rlocs), actions);
    case Kind::client_log:
      for (const XtrPeer* peer : peers.owners_of(record)) hand_over_clients(at, *peer, eid, actions);
      return;
    case Kind::announce:
      return announce(at.now, eid, record);
    case Kind::confirmed:
      return signalling.confirmed(at.now, eid);
    case Kind::stop_registering:
      return registrations.drop(at.now, eid, true);
    case Kind::withdraw:
      registrations.drop(at.now, eid, false);
      return end_here(at, eid, actions);
    case Kind::relay:
      return relay(at, eid, record, actions);
    case Kind::stop_relaying:
      if (const auto* place = places.find(eid); place != nullptr && place->second.kind == EidPlace::Kind::away)
        places.erase(*place);
      return;
    case Kind::prefetch:
      return prepare(at, eid, actions);
    case Kind::alarm_unregistered:
      actions.events.push_back({XtrEvent::Kind::arrival_unregistered, eid});
      return;
    case Kind::alarm_dual_claim:
      registrations.set_again(at.now, eid);
      actions.events.push_back(
          {XtrEvent::Kind::dual_claim, eid, record.rlocs.empty() ? IpAddress{} : record.rlocs.front().address});
      return;
  }
}

/// `gone`: where it is, if it is not here.
void Xtr::Parts::announce(TimePoint now, const EidPrefix& eid, const MappingRecord& gone) {
  if (gone.rlocs.empty()) {
    const auto& former = presence_of(eid)->elsewhere();
    return signalling.announce(now, with_former(record_of(eid), former ? former->rlocs : std::vector<RlocRecord>{}),
                               {});
  }
  signalling.announce(now, gone, {});
  // The mapping system knows already: who is asked to ask again may do so at once.
  const TimePoint* said = noticed.find(eid);
  if (said != nullptr && now - *said < notice_is_young) signalling.confirmed(now, eid);
}

void Xtr::Parts::arrived(Instant at, const MappingRecord& record, XtrActions& actions) {
  const EidPrefix& eid = record.eid;
  EidPresence* presence = make_presence(at.now, eid);
  if (presence == nullptr) return;
  const auto known = records.find(eid);
  const bool changed = known != records.end() && known->second != record;
  records[eid] = record;
  actions.presences_changed |= changed;
  if (known != records.end() && !presence->is_settled() && changed) {
    tell(at, eid, actions, [](EidPresence& one, auto& wanted) { one.changed(wanted); });
    if (auto* place = places.find(eid); place != nullptr) place->second.has_changed = true;
  }
  const bool is_new = presence->state() != State::moving_in && presence->state() != State::here;
  if (is_new) look_for_former(at, eid, actions);
  const bool is_known = presence->elsewhere().has_value();
  tell(at, eid, actions, [&](EidPresence& one, auto& wanted) {
    one.arrived(at.now, Epoch{at.unix_microseconds, settings.own}, wanted);
  });
  if (is_new && !is_known) transfer_to(at, peers.gateways(), record_of(eid), actions);
}

std::vector<SavedPresence> Xtr::Parts::saved_presences(TimePoint now) const {
  const std::vector<RlocRecord> usual = own_rlocs();
  std::vector<SavedPresence> out;
  for (const auto& [eid, presence] : presences) {
    std::optional<SavedPresence> saved = presence.saved(now);
    if (!saved) continue;
    const auto record = records.find(eid);
    if (record != records.end() && record->second.rlocs != usual) saved->rlocs = record->second.rlocs;
    out.push_back(std::move(*saved));
  }
  return out;
}

void Xtr::Parts::restore(Instant at, const SavedPresence& saved, XtrActions& actions) {
  const EidPrefix& eid = saved.eid;
  if (presence_of(eid) != nullptr || make_presence(at.now, eid) == nullptr) return;
  const bool was_ours = saved.state == State::moving_in || saved.state == State::here;
  if (was_ours) {
    MappingRecord record = record_of(eid);
    if (!saved.rlocs.empty()) record.rlocs = saved.rlocs;
    records[eid] = std::move(record);
    ask_owner(at, {eid, {}, saved.state == State::moving_in, {}}, actions);  // before it gets our registration
  }
  tell(at, eid, actions, [&](EidPresence& presence, auto& wanted) { presence.restore(at.now, saved, wanted); });
}

/// Who had it: what the map-cache knows is younger than what we heard. The mapping system is asked as well, before it
/// gets our registration, or it would name us.
void Xtr::Parts::look_for_former(Instant at, const EidPrefix& eid, XtrActions& actions) {
  const Mapping* mapping = cache.match(eid);
  if (mapping != nullptr && !mapping->is_negative && !mapping->is_fixed() && !mapping->rlocs.empty()) {
    MappingRecord former;
    former.eid = eid;
    former.ttl = settings.mobile_ttl;
    former.rlocs = mapping->rlocs;
    presence_of(eid)->seen_elsewhere(former);
  }
  ask_owner(at, {eid, {}, true, {}}, actions);
}

void Xtr::Parts::begin_here(Instant at, const EidPrefix& eid, XtrActions& actions) {
  places.insert(eid).first->second = {EidPlace::Kind::site, {}, presence_of(eid)};
  ResolutionActions wanted;
  resolution.on_own(at.now, record_of(eid), wanted);
  obey(std::move(wanted), actions);
  for (Subscriber& subscriber : subscribers) subscriber.machine.unsubscribe(at.now, eid);
  actions.deliveries.push_back({{eid.instance, eid.prefix.address}, true});
}

void Xtr::Parts::register_it(Instant at, const EidPrefix& eid) {
  const MappingRecord record = record_of(eid);
  registrations.set(at.now, record);
  responder.set(record);
}

void Xtr::Parts::end_here(Instant at, const EidPrefix& eid, XtrActions& actions) {
  records.erase(eid);
  responder.erase(eid);
  if (const auto* place = places.find(eid)) {
    if (place->second.kind == EidPlace::Kind::site)
      actions.deliveries.push_back({{eid.instance, eid.prefix.address}, false});
    places.erase(*place);
  }
  const Mapping* mapping = cache.find(eid);
  if (mapping != nullptr && mapping->origin == MappingOrigin::own) cache.erase(*mapping);
  const EidPresence* presence = presence_of(eid);
  if (presence == nullptr || !presence->elsewhere()) return;
  ResolutionActions wanted;
  resolution.on_publication(at.now, *presence->elsewhere(), wanted);
  obey(std::move(wanted), actions);
}

void Xtr::Parts::relay(Instant at, const EidPrefix& eid, const MappingRecord& record, XtrActions& actions) {
  end_here(at, eid, actions);
  places.insert(eid).first->second = {EidPlace::Kind::away, record, presence_of(eid)};
  responder.set_away(record, at.now + settings.presence.relay_for);
}

/// It is going to move, here or away.
void Xtr::Parts::prepare(Instant at, const EidPrefix& eid, XtrActions& actions) {
  const EidPresence* presence = presence_of(eid);
  if (!presence->is_settled()) {
    for (const XtrPeer* peer : peers.gateways()) hand_over_clients(at, *peer, eid, actions);
    return;
  }
  watched.put(eid, at.now + watched_for);
  watch_rlocs(at.now, eid);
  if (cache.match(eid) != nullptr) return;
  ResolutionActions wanted;
  resolution.on_miss(at.now, std::nullopt, {eid.instance, eid.prefix.address}, nullptr, wanted);
  obey(std::move(wanted), actions);
}

/// Whether they answer, and how fast, matters most while a node moves.
void Xtr::Parts::watch_rlocs(TimePoint now, const EidPrefix& eid) {
  const TimePoint* until = watched.find(eid);
  const Mapping* mapping = cache.match(eid);
  if (until == nullptr || *until <= now || mapping == nullptr || mapping->is_negative) return;
  for (const RlocRecord& rloc : mapping->rlocs)
    if (is_candidate(rloc, settings.underlay)) probing.watch(now, rloc.address, eid, *until);
}

/// Everybody who may keep an old mapping knows, or nobody does.
void Xtr::Parts::look_whether_told(Instant at, const EidPrefix& eid, XtrActions& actions) {
  const EidPresence* presence = presence_of(eid);
  if (presence == nullptr || presence->state() != State::moving_out || signalling.is_telling(eid)) return;
  tell(at, eid, actions, [&](EidPresence& one, auto&) { one.told_everybody(at.now); });
}

MappingRecord Xtr::Parts::record_of(const EidPrefix& eid) const {
  const auto known = records.find(eid);
  if (known != records.end()) return known->second;
  MappingRecord record;
  record.eid = eid;
  record.ttl = settings.mobile_ttl;
  record.is_authoritative = true;
  record.rlocs = own_rlocs();
  return record;
}

std::vector<RlocRecord> Xtr::Parts::own_rlocs() const {
  std::vector<RlocRecord> rlocs = settings.rlocs;
  for (RlocRecord& rloc : rlocs) rloc.is_local = owns(rloc.address);
  return rlocs;
}

MappingRecord Xtr::Parts::with_former(MappingRecord record, const std::vector<RlocRecord>& former) const {
  for (RlocRecord old : former) {
    if (std::ranges::find(record.rlocs, old.address, &RlocRecord::address) != record.rlocs.end()) continue;
    if (record.rlocs.size() == max_rlocs) break;
    old.priority = never_use;
    old.weight = 0;
    old.is_reachable = old.is_local = old.is_probed = false;
    record.rlocs.push_back(old);
  }
  std::ranges::sort(record.rlocs, {}, &RlocRecord::address);
  return record;
}

void Xtr::Parts::run_presences(Instant at, XtrActions& actions) {
  while (!due_presences.empty() && due_presences.begin()->first <= at.now) {
    const EidPrefix eid = due_presences.begin()->second;
    tell(at, eid, actions, [&](EidPresence& presence, auto& wanted) { presence.on_time(at.now, wanted); });
  }
}

}  // namespace ilnp::lisp
