// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/site_directory.h"

namespace ilnp {

const Ownership* SiteDirectory::find(const NodeKey& key) const {
  const auto found = known_.find(key);
  return found == known_.end() ? nullptr : &found->second.record;
}

void SiteDirectory::resync_started() { ++resync_; }

void SiteDirectory::apply(TimePoint now, const Ownership& record, DirectoryActions& actions) {
  const auto [it, is_new] = known_.try_emplace(record.key);
  Known& known = it->second;
  known.named_in = resync_;
  if (!is_new && record.epoch < known.record.epoch) {
    actions.events.push_back({DirectoryEventKind::stale, record});
    return;
  }
  if (!is_new && record == known.record) return;
  const bool was_here = !is_new && known.record.at.site == self_;
  // After a restart nobody knows whether a node on its way has been heard: it is looked for again.
  const bool moved_here =
      record.at.site == self_ && (is_new ? record.phase == MovePhase::active && record.other.has_value() : !was_here);
  if (moved_here || record.at.site != self_) known.heard_at = never;
  if (is_new || record.phase != known.record.phase || moved_here) known.since = now;
  if (was_here && record.at.site != self_) known.left_at = now;
  known.record = record;
  if (record.at.site == self_) claims_.forget(record.key);
  install(now, known, moved_here, actions);
}

void SiteDirectory::gone(TimePoint now, const NodeKey& key, std::uint64_t epoch, DirectoryActions& actions) {
  const auto found = known_.find(key);
  if (found == known_.end() || epoch < found->second.record.epoch) return;
  Known& known = found->second;
  set_timer(known, never);
  if (!known.obeyed) --not_obeyed_;
  NidEntry* entry = entry_of(key);
  // An entry of late packets ends by itself.
  if (entry != nullptr && entry->until == never) {
    const Locator home = entry->home;
    rewriter_.nids().erase(*entry);
    rewriter_.release_held(now, key.nid, home, actions.site);
  }
  claims_.forget(key);
  known_.erase(found);
}

void SiteDirectory::resync_finished(TimePoint now, DirectoryActions& actions) {
  std::vector<std::pair<NodeKey, std::uint64_t>> unnamed;
  for (const auto& [key, known] : known_)
    if (known.named_in != resync_) unnamed.emplace_back(key, known.record.epoch);
  for (const auto& [key, epoch] : unnamed) gone(now, key, epoch, actions);
}

NidEntry* SiteDirectory::entry_of(const NodeKey& key) {
  NidTable& nids = rewriter_.nids();
  if (key.address_locator == Locator{}) return nids.find_owner(key.nid);
  NidEntry* entry = nids.find(key.nid, key.address_locator);
  return entry == nullptr || entry->owns_nid ? nullptr : entry;
}

SiteDirectory::Role SiteDirectory::role_of(const Ownership& record, bool has_entry) const {
  const bool comes_here = record.phase == MovePhase::prepared && record.other->site == self_;
  Role role{Role::Kind::none, record.home.locator,       record.at.locator,
            record.at.site,   record.home.site != self_, comes_here && record.when_heard};
  if (record.at.site == self_) {
    role.kind = Role::Kind::inside;
    role.site = record.home.site;
  } else if (record.home.site == self_ || (comes_here && !has_entry)) {
    role.kind = Role::Kind::away;
  } else if (record.former && record.former->site == self_) {
    role.kind = Role::Kind::away;
    role.home = record.former->locator;
    role.is_guest = false;
    role.is_former_home = true;
  } else if (has_entry) {
    // Also when it is to come back: until then packets by the names that it had here go on to where it is.
    role.kind = Role::Kind::leaving;
  }
  return role;
}

void SiteDirectory::install(TimePoint now, Known& known, bool moved_here, DirectoryActions& actions) {
  const Ownership& record = known.record;
  NidEntry* entry = entry_of(record.key);
  const Role role = role_of(record, entry != nullptr && (entry->presence != Presence::here || !entry->is_learnt));
  if (role.kind != Role::Kind::none) {
    const bool obeyed = known.obeyed;
    if (entry == nullptr) entry = make_entry(known, role, actions);
    if (entry != nullptr) place(now, known, *entry, role, moved_here, actions);
    if (obeyed != known.obeyed) known.obeyed ? --not_obeyed_ : ++not_obeyed_;
  }
  const bool concerns_us = record.at.site == self_ || (record.other && record.other->site == self_);
  if (record.phase == MovePhase::prepared && concerns_us) {
    set_timer(known, known.since + tuning_.prepare_timeout);
  } else if (record.phase == MovePhase::active && record.at.site == self_) {
    if (!record.other && known.heard_at == never) known.heard_at = now;  // only its home changes: it has been here
    set_timer(known, known.heard_at == never ? known.since + tuning_.arrival_alarm : known.heard_at + tuning_.grace);
  } else {
    set_timer(known, never);
  }
}

NidEntry* SiteDirectory::make_entry(Known& known, const Role& role, DirectoryActions& actions) {
  NidTable& nids = rewriter_.nids();
  NidEntry fresh;
  fresh.nid = known.record.key.nid;
  fresh.home = role.home;
  fresh.now = role.now;
  fresh.owns_nid = known.record.is_ilnp();
  fresh.presence = Presence::away;  // place() says what it is
  auto made = nids.insert(fresh);
  if (!made && made.error() == NidProblem::taken) {
    // What was only learnt makes way for what is known.
    for (const Locator locator : {role.home, role.now})
      if (NidEntry* other = nids.find(fresh.nid, locator); other != nullptr && other->is_learnt) nids.erase(*other);
    made = nids.insert(fresh);
  }
  known.obeyed = made.has_value();
  if (made) return made.value();
  actions.events.push_back(
      {made.error() == NidProblem::full ? DirectoryEventKind::full : DirectoryEventKind::clash, known.record});
  return nullptr;
}

void SiteDirectory::place(TimePoint now, Known& known, NidEntry& entry, const Role& role, bool moved_here,
                          DirectoryActions& actions) {
  NidTable& nids = rewriter_.nids();
  const Locator old_home = entry.home;
  const std::optional<Place> old_former = entry.former;
  const bool was_heard = entry.is_expected && entry.last_heard != TimePoint{};
  const bool is_inside = role.kind == Role::Kind::inside;
  const bool was_inside = entry.presence != Presence::away && !entry.is_learnt;
  // Of a node that is here, its own packets tell better where it is.
  const Locator now_at = is_inside && was_inside && !moved_here ? entry.now : role.now;
  const Locator home = role.kind == Role::Kind::leaving ? entry.home : role.home;
  std::optional<Place> former;
  if (is_inside) {
    // Flows that began by the former names go on after the release; the old home sees when the last one is quiet.
    former = known.record.former || home != old_home ? known.record.former : entry.former;
  } else if (role.kind == Role::Kind::leaving) {
    // What is late was sent to where it was here.
    former = was_inside ? std::optional{Place{entry.site, entry.now}} : entry.former;
  }
  known.obeyed = nids.set_home(entry, home).has_value() && nids.set_now(entry, now_at).has_value() &&
                 nids.set_former(entry, former).has_value();
  if (!known.obeyed) actions.events.push_back({DirectoryEventKind::clash, known.record});
  rewriter_.set_former_end(entry, known.record.former ? never : now + tuning_.grace);
  // Who sees only the end of a move of the home knows by the entry that it was here.
  const bool lost_its_home = role.kind == Role::Kind::leaving && !entry.is_guest;
  entry.is_former_home = role.kind == Role::Kind::leaving ? entry.is_former_home || lost_its_home : role.is_former_home;
  entry.is_learnt = false;
  if (role.kind != Role::Kind::leaving) entry.is_guest = role.is_guest;
  if (role.is_expected && !entry.is_expected) entry.last_heard = {};
  entry.is_expected = role.is_expected;
  entry.site = role.site;
  entry.epoch = known.record.epoch;
  if (known.record.phase == MovePhase::active && known.record.other && known.since == now) {
    const SiteId source = known.record.other->site;
    entry.departs_from = source == self_ ? std::nullopt : std::optional{source};
    entry.departs_until = now + tuning_.departure;
  }

  if (!is_inside) {
    entry.presence = Presence::away;
    if (was_inside) actions.events.push_back({DirectoryEventKind::left, known.record});
    if (role.is_expected) actions.events.push_back({DirectoryEventKind::expected, known.record});
  } else if (moved_here) {
    entry.presence = Presence::arriving;
    actions.events.push_back({DirectoryEventKind::arriving, known.record});
    if (was_heard) rewriter_.heard(now, entry, actions.site);
  } else if (entry.presence != Presence::arriving) {
    entry.presence = role.is_guest ? Presence::visiting : Presence::here;
  }
  rewriter_.set_end(entry, role.kind == Role::Kind::leaving && !role.is_expected ? now + tuning_.grace : never);
  if (entry.presence != Presence::arriving && !entry.is_expected)
    rewriter_.release_held(now, entry.nid, old_home, actions.site);
  if (home != old_home || entry.former != old_former || entry.is_former_home) rewriter_.rehomed(now, entry.nid);
}

void SiteDirectory::on_event(TimePoint now, const SiteEvent& event, DirectoryActions& actions) {
  auto found = known_.find({event.nid});
  if (found == known_.end()) found = known_.find({event.nid, event.home});
  if (found == known_.end()) return;
  Known& known = found->second;
  const Ownership& record = known.record;
  switch (event.kind) {
    case SiteEventKind::node_heard:
      known.heard_at = now;
      actions.events.push_back({DirectoryEventKind::arrived, record});
      if (record.phase == MovePhase::active) set_timer(known, now + tuning_.grace);
      [[fallthrough]];
    case SiteEventKind::node_moved:
      // One that arrives speaks by its former locator for a while, which says nothing of where it is here.
      if (record.at.site == self_ && record.is_ilnp() && record.at.locator != event.now &&
          rewriter_.map().is_inside(event.now))
        actions.requests.push_back({.step = MoveStep::relocate, .key = record.key, .to = Place{self_, event.now}});
      break;
    case SiteEventKind::node_expected:
      if (known.timer > now + tuning_.ask_again || known.since == now) {
        request(known, MoveStep::activate, actions);
        set_timer(known, now + tuning_.ask_again);
      }
      break;
    case SiteEventKind::node_silent:
      break;
  }
}

const Ownership* SiteDirectory::claimed(TimePoint now, const Address& source) {
  auto found = known_.find({source.nid});
  if (found == known_.end()) found = known_.find({source.nid, source.locator});
  if (found == known_.end() || source.is_link_local()) return nullptr;
  const Known& known = found->second;
  const Ownership& record = known.record;
  const bool comes_here = record.phase == MovePhase::prepared && record.other->site == self_;
  // What it sent before it left is late, no claim.
  if (record.at.site == self_ || comes_here || now < known.left_at + tuning_.departure) return nullptr;
  return claims_.note(now, record.key) ? &record : nullptr;
}

void SiteDirectory::request(Known& known, MoveStep step, DirectoryActions& actions) {
  MoveRequest wanted;
  wanted.step = step;
  wanted.key = known.record.key;
  wanted.epoch = known.record.epoch;
  actions.requests.push_back(wanted);
}

void SiteDirectory::set_timer(Known& known, TimePoint when) {
  if (known.timer != never) timers_.erase({known.timer, known.record.key});
  known.timer = when;
  if (when != never) timers_.insert({when, known.record.key});
}

void SiteDirectory::serve(TimePoint now, Known& known, DirectoryActions& actions) {
  const Ownership& record = known.record;
  if (record.phase == MovePhase::prepared) {
    if (now < known.since + tuning_.prepare_timeout)
      return set_timer(known, known.since + tuning_.prepare_timeout);  // an activation was asked for, in vain
    request(known, MoveStep::abort, actions);
    set_timer(known, now + tuning_.ask_again);
  } else if (record.phase == MovePhase::active && known.heard_at != never) {
    request(known, MoveStep::release, actions);
    set_timer(known, now + tuning_.ask_again);
  } else {
    actions.events.push_back({DirectoryEventKind::not_heard, record});
    set_timer(known, never);  // its arrival sets it again
  }
}

void SiteDirectory::on_time(TimePoint now, DirectoryActions& actions) {
  while (!timers_.empty() && timers_.begin()->first <= now) serve(now, known_.at(timers_.begin()->second), actions);
}

}  // namespace ilnp
