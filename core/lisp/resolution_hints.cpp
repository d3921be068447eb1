// SPDX-License-Identifier: Apache-2.0
// What says something about mappings without having been asked: SMR, publications, and UPDATE of Change-Priority.
#include <algorithm>

#include "core/lisp/resolution.h"

namespace ilnp::lisp {
namespace {

bool has_rloc(const std::vector<RlocRecord>& rlocs, const IpAddress& address) {
  return std::any_of(rlocs.begin(), rlocs.end(), [&](const RlocRecord& rloc) { return rloc.address == address; });
}

bool is_usable(const RlocRecord& rloc) { return rloc.priority != never_use && rloc.is_reachable; }

/// Both lead packets to the same routers in the same order.
bool agree(const std::vector<RlocRecord>& a, const std::vector<RlocRecord>& b) {
  const auto covers = [](const std::vector<RlocRecord>& all, const std::vector<RlocRecord>& some) {
    return std::all_of(some.begin(), some.end(), [&](const RlocRecord& wanted) {
      return !is_usable(wanted) || std::any_of(all.begin(), all.end(), [&](const RlocRecord& rloc) {
        return is_usable(rloc) && rloc.address == wanted.address && rloc.priority == wanted.priority;
      });
    });
  };
  return covers(a, b) && covers(b, a);
}

}  // namespace

// Implementations differ in where they put the EID that moved: most in Source-EID, with our own prefix as the record;
// some in the record, or in both.
std::pair<Mapping*, Eid> Resolution::concerned_by(const MapRequest& smr) {
  const EidPrefix& record = smr.records.front().eid;
  const Eid in_record{record.instance, record.prefix.address};
  for (const Eid& eid : {smr.source.value_or(in_record), in_record}) {
    Mapping* mapping = cache_.match(eid);
    if (mapping != nullptr && !mapping->is_fixed() && mapping->eid.prefix.length > 0) return {mapping, eid};
  }
  return {nullptr, in_record};
}

void Resolution::on_smr(TimePoint now, const MapRequest& smr, const IpAddress& from, ResolutionActions& actions) {
  if (!smr.is_smr || smr.records.size() != 1) return drops_.count(ItrDrop::smr_malformed);
  const auto [mapping, eid] = concerned_by(smr);
  if (mapping == nullptr) return drops_.count(ItrDrop::smr_no_mapping);
  // Being asked for the first time, or to be confirmed: that will tell.
  if (mapping->state == MappingState::pending || mapping->state == MappingState::tentative) return;
  if (!has_rloc(mapping->rlocs, from)) {
    drops_.count(ItrDrop::smr_stranger);
    if (tuning_.smr_strict) return;
  }
  const EidPrefix about = mapping->eid;
  const EidPrefix wanted = tuning_.smr_asks_for_host ? EidPrefix::host(eid) : about;
  const TimePoint* last = last_smr_.find(wanted);
  if (last != nullptr && now - *last < tuning_.smr_spacing) return drops_.count(ItrDrop::smr_prefix_limit);
  if (!smr_rate_.allow(now)) return drops_.count(ItrDrop::smr_limit);
  last_smr_.put(wanted, now);
  if (ask(now, {wanted, about, std::nullopt, true}, Duration{}, actions)) cache_.mark_stale(*mapping);
}

void Resolution::on_publication(TimePoint now, const MappingRecord& record, ResolutionActions& actions) {
  if (rules_.is_too_short(record.eid.prefix)) return drops_.count(ItrDrop::prefix_too_short);
  questions_.finish(record.eid);
  tentative_.erase(record.eid);
  Mapping* mapping = install(now, believed(record), MappingOrigin::notify, std::nullopt, actions);
  if (mapping != nullptr) release(record.eid, actions);
}

void Resolution::on_own(TimePoint now, const MappingRecord& record, ResolutionActions& actions) {
  questions_.finish(record.eid);
  tentative_.erase(record.eid);
  if (cache_.install(now, record, MappingOrigin::own) != nullptr) release(record.eid, actions);
}

UpdateVerdict Resolution::on_update(TimePoint now, const AuthenticUpdate& update, ResolutionActions& actions) {
  const ChangePriority& message = update.message;
  std::optional<ItrDrop> problem = objection(now, update);
  const ChangeReceiver::Verdict verdict = receiver_.check(message);
  if (!problem && verdict == ChangeReceiver::Verdict::duplicate) return UpdateVerdict::duplicate;
  if (!problem && verdict != ChangeReceiver::Verdict::fresh) problem = ItrDrop::update_replayed;
  for (const MappingRecord& record : message.records)
    if (!problem) problem = objection(update, record);
  if (problem) {
    drops_.count(*problem);
    return UpdateVerdict::refused;
  }
  receiver_.accept(message);
  for (const MappingRecord& record : message.records) try_out(now, message.sender, believed(record), actions);
  return UpdateVerdict::accepted;
}

/// To all of the message.
std::optional<ItrDrop> Resolution::objection(TimePoint now, const AuthenticUpdate& update) {
  const ChangePriority& message = update.message;
  if (message.kind != ChangePriority::Kind::update || message.is_ack || message.records.empty())
    return ItrDrop::update_not_one;
  if (!update.key_covers_eids) return ItrDrop::update_out_of_scope;
  const TimePoint* until = distrusted_until_.find(message.sender);
  if (until != nullptr && now < *until) return ItrDrop::update_distrusted;
  return std::nullopt;
}

std::optional<ItrDrop> Resolution::objection(const AuthenticUpdate& update, const MappingRecord& record) {
  const Mapping* covering = cache_.match(record.eid);
  if (covering == nullptr) {
    const Mapping* part = cache_.match(Eid{record.eid.instance, record.eid.prefix.address});
    return part == nullptr ? ItrDrop::update_no_mapping : ItrDrop::update_broader;
  }
  const bool is_in_use = covering->state == MappingState::active || covering->state == MappingState::stale ||
                         covering->state == MappingState::tentative;
  if (!is_in_use || covering->is_fixed()) return ItrDrop::update_no_mapping;
  if (!update.sender_is_trusted && !has_rloc(covering->rlocs, update.from)) return ItrDrop::update_sender;
  const bool has_usable = std::any_of(record.rlocs.begin(), record.rlocs.end(), [this](const RlocRecord& rloc) {
    return is_usable(rloc) && !rules_.objection(rloc.address, underlay_);
  });
  if (!has_usable || record.ttl == 0) return ItrDrop::update_no_rloc;
  return std::nullopt;
}

/// Used at once, and asked about a moment later.
void Resolution::try_out(TimePoint now, const XtrIdentity& sender, const MappingRecord& record,
                         ResolutionActions& actions) {
  const Mapping* covering = cache_.match(record.eid);
  const Duration longest = std::min(tuning_.longest_update, covering->expiry - now);
  const auto spread = static_cast<std::uint64_t>(tuning_.verify_spread.count());
  const Duration jitter{spread == 0 ? 0 : static_cast<Duration::rep>(random_.u64() % spread)};
  questions_.finish(record.eid);  // its answer may be from before
  if (install(now, record, MappingOrigin::change_priority, longest, actions) == nullptr) return;
  if (ask(now, {record.eid, record.eid, std::nullopt, false}, tuning_.verify_after + jitter, actions))
    tentative_[record.eid] = {sender, false};
}

/// True: the mapping system does not say what a router said, and gets a moment to hear of it. The second time its word
/// counts, and that router's does not for a while.
bool Resolution::is_asked_once_more(TimePoint now, const Question& question, const MappingRecord& answer,
                                    ResolutionActions& actions) {
  const auto found = tentative_.find(question.eid);
  const Mapping* mapping = cache_.find(question.eid);
  if (found == tentative_.end() || mapping == nullptr || mapping->state != MappingState::tentative) return false;
  if (answer.ttl != 0 && agree(mapping->rlocs, answer.rlocs)) return false;
  Tentative& tentative = found->second;
  if (!tentative.disagreed) {
    tentative.disagreed = true;
    questions_.finish(question.eid);
    ask(now, question, tuning_.verify_again, actions);
    return true;
  }
  distrusted_until_.put(tentative.sender, now + tuning_.distrust);
  actions.events.push_back({ResolutionEvent::Kind::disagreed, question.eid, tentative.sender});
  return false;
}

}  // namespace ilnp::lisp
