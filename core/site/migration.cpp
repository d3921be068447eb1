// SPDX-License-Identifier: Apache-2.0
#include "core/site/migration.h"

namespace ilnp {
namespace {

using Plan = Result<MovePlan, MoveRefusal>;

Plan already(const Ownership& record) { return MovePlan{record, false}; }
Plan changed(const Ownership& record) { return MovePlan{record, true}; }

/// Of two routers that are only told the site, each may think of another locator there.
bool is_meant(const MoveRequest& request, const Place& place) {
  return request.to && (request.site_only ? request.to->site == place.site : *request.to == place);
}

Plan prepare(const Ownership& record, const MoveRequest& request) {
  if (!request.to) return MoveRefusal::no_place;
  if (request.visible && !record.is_ilnp()) return MoveRefusal::not_ilnp;
  switch (record.phase) {
    case MovePhase::settled: {
      if (is_meant(request, record.at)) return already(record);
      Ownership next = record;
      next.phase = MovePhase::prepared;
      next.other = request.site_only && request.to->site == record.home.site ? record.home : request.to;
      next.visible = request.visible;
      next.when_heard = request.when_heard;
      return changed(next);
    }
    case MovePhase::prepared: {
      if (!is_meant(request, *record.other) || record.visible != request.visible) return MoveRefusal::busy;
      if (record.when_heard == request.when_heard) return already(record);
      Ownership next = record;
      next.when_heard = request.when_heard;
      return changed(next);
    }
    case MovePhase::active:
      if (is_meant(request, record.at)) return already(record);
      return MoveRefusal::busy;
  }
  return MoveRefusal::busy;
}

Plan activate(const Ownership& record, const MoveRequest& request) {
  if (record.phase == MovePhase::prepared) {
    if (request.to && !is_meant(request, *record.other)) return MoveRefusal::busy;
    Ownership next = record;
    next.phase = MovePhase::active;
    next.other = record.at;
    next.at = *record.other;
    next.visible = next.when_heard = false;
    if (record.visible && next.home != next.at) {
      next.former = record.home;
      next.home = next.at;
    }
    return changed(next);
  }
  // Without a place nobody can tell a step that was taken from one that was never prepared.
  if (request.to ? is_meant(request, record.at) : record.phase == MovePhase::active) return already(record);
  return MoveRefusal::not_prepared;
}

Plan release(const Ownership& record) {
  if (record.phase == MovePhase::settled) return already(record);
  if (record.phase == MovePhase::prepared) return MoveRefusal::not_active;
  Ownership next = record;
  next.phase = MovePhase::settled;
  next.other.reset();
  next.former.reset();
  return changed(next);
}

Plan abort(const Ownership& record, const MoveRequest& request) {
  if (record.phase == MovePhase::settled) return already(record);
  const Place& destination = record.phase == MovePhase::active ? record.at : *record.other;
  if (request.to && !is_meant(request, destination)) return already(record);  // that one is not under way
  Ownership next = record;
  if (record.phase == MovePhase::active) {
    if (record.other) next.at = *record.other;
    if (record.former) next.home = *record.former;
  }
  next.phase = MovePhase::settled;
  next.other.reset();
  next.former.reset();
  next.visible = next.when_heard = false;
  return changed(next);
}

Plan rehome(const Ownership& record) {
  if (!record.is_ilnp()) return MoveRefusal::not_ilnp;
  if (record.phase == MovePhase::prepared) return MoveRefusal::busy;
  if (record.home == record.at) return record.former ? already(record) : Plan{MoveRefusal::not_away};
  Ownership next = record;
  next.phase = MovePhase::active;
  next.former = record.home;
  next.home = record.at;
  return changed(next);
}

Plan relocate(const Ownership& record, const MoveRequest& request) {
  if (!request.to || request.site_only) return MoveRefusal::no_place;
  if (record.at.site != request.to->site || !record.is_ilnp()) return MoveRefusal::not_there;
  if (record.at == *request.to) return already(record);
  Ownership next = record;
  next.at = *request.to;
  // While a visible move is under way, where it would be was foretold, and so was its home.
  if (record.other && record.former && record.home == record.at) next.home = next.at;
  return changed(next);
}

}  // namespace

const char* name_of(MoveRefusal refusal) {
  constexpr const char* names[] = {"unknown_node", "no_place",  "taken",    "busy",   "not_prepared", "not_active",
                                   "not_away",     "not_there", "not_ilnp", "moving", "stale"};
  return names[static_cast<int>(refusal)];
}

const char* explain(MoveRefusal refusal) {
  constexpr const char* words[] = {"there is no record of this node, and the request does not say where its home is",
                                   "the request does not say where it will go",
                                   "this node has a record with another home",
                                   "another move of this node is under way: release or abort that one first",
                                   "no such move has been prepared",
                                   "the move has not been activated",
                                   "the node is at home",
                                   "the node is at another site, or keeps its address wherever it is",
                                   "only a node with ILNP can tell its correspondents where it is",
                                   "the node is away from home or moving",
                                   "the record has changed since: it has another epoch"};
  return words[static_cast<int>(refusal)];
}

Result<MovePlan, MoveRefusal> plan_move(const std::optional<Ownership>& current, const MoveRequest& request) {
  if (request.epoch && *request.epoch != (current ? current->epoch : 0)) return MoveRefusal::stale;
  if (request.step == MoveStep::forget) {
    if (!current) return MovePlan{};
    if (current->phase != MovePhase::settled || current->at != current->home) return MoveRefusal::moving;
    return MovePlan{std::nullopt, true};
  }
  if (!current) {
    // What never began needs no end; and nothing else begins without a home.
    if (request.step == MoveStep::abort) return MovePlan{};
    const bool begins = request.step == MoveStep::prepare || request.step == MoveStep::claim;
    if (!begins || !request.home) return MoveRefusal::unknown_node;
    Ownership fresh;
    fresh.key = request.key;
    fresh.home = fresh.at = *request.home;
    return request.step == MoveStep::claim ? changed(fresh) : prepare(fresh, request);
  }
  switch (request.step) {
    case MoveStep::prepare:
      return prepare(*current, request);
    case MoveStep::activate:
      return activate(*current, request);
    case MoveStep::release:
      return release(*current);
    case MoveStep::abort:
      return abort(*current, request);
    case MoveStep::rehome:
      return rehome(*current);
    case MoveStep::relocate:
      return relocate(*current, request);
    case MoveStep::claim:
      if (request.home && *request.home != current->home) return MoveRefusal::taken;
      return already(*current);
    case MoveStep::forget:
      break;
  }
  return MoveRefusal::unknown_node;
}

}  // namespace ilnp
