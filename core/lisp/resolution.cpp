// SPDX-License-Identifier: Apache-2.0
// Questions and answers; hints and authenticated words are in resolution_hints.cpp.
#include "core/lisp/resolution.h"

#include <algorithm>

#include "core/lisp/address_hash.h"

namespace ilnp::lisp {
namespace {

constexpr std::size_t source_buckets = 1024, remembered_smrs = 1024, distrusted_senders = 1024;

}  // namespace

Resolution::Resolution(const ResolutionTuning& tuning, Random& random, const Underlay& underlay,
                       const MappingRules& rules, MapCache& cache, ChangeReceiver& receiver, ItrDrops& drops)
    : tuning_{tuning},
      random_{random},
      underlay_{underlay},
      rules_{rules},
      cache_{cache},
      receiver_{receiver},
      drops_{drops},
      questions_{tuning.questions, random},
      waiting_{tuning.waiting, drops},
      seed_{random.u64()},
      source_limits_(source_buckets, RateLimit{tuning.new_eids_of_source, tuning.new_eids_of_source}),
      last_smr_{remembered_smrs},
      smr_rate_{tuning.smr_rate, tuning.smr_rate},
      distrusted_until_{distrusted_senders} {}

RateLimit& Resolution::limit_of(const Eid& source) {
  return source_limits_[hash_of(seed_, source.address, source.instance) % source_buckets];
}

void Resolution::on_miss(TimePoint now, const std::optional<Eid>& source, const Eid& destination, const Packet* packet,
                         ResolutionActions& actions) {
  const EidPrefix host = EidPrefix::host(destination);
  if (cache_.find(host) == nullptr) {
    if (!limit_of(source.value_or(Eid{})).allow(now)) return drops_.count(ItrDrop::source_limit);
    if (questions_.size() >= tuning_.questions.most) return drops_.count(ItrDrop::too_many_requests);
    if (cache_.begin_pending(now, destination) == nullptr) return;
    if (packet != nullptr) waiting_.keep(source.value_or(destination), destination, *packet);
    ask(now, {host, host, source, false}, Duration{}, actions);
    return;
  }
  if (packet != nullptr) waiting_.keep(source.value_or(destination), destination, *packet);
}

bool Resolution::ask(TimePoint now, const Question& question, Duration delay, ResolutionActions& actions) {
  if (!questions_.ask(now, question, delay)) {
    drops_.count(ItrDrop::too_many_requests);
    return false;
  }
  send_due(now, actions);
  return true;
}

void Resolution::refresh(TimePoint now, const EidPrefix& eid, bool is_smr_invoked, ResolutionActions& actions) {
  Mapping* mapping = cache_.find(eid);
  if (mapping == nullptr || mapping->is_fixed()) return;
  if (!ask(now, {eid, eid, std::nullopt, is_smr_invoked}, Duration{}, actions)) return;
  if (mapping->state != MappingState::pending && mapping->state != MappingState::tentative) cache_.mark_stale(*mapping);
}

void Resolution::ask_again(TimePoint now, Mapping& mapping, ResolutionActions& actions) {
  if (!questions_.is_asking(mapping.eid)) refresh(now, mapping.eid, false, actions);
}

void Resolution::on_time(TimePoint now, ResolutionActions& actions) {
  std::vector<EidPrefix> stale;
  cache_.on_time(now, stale);
  for (const EidPrefix& eid : stale) refresh(now, eid, false, actions);
  send_due(now, actions);
}

void Resolution::send_due(TimePoint now, ResolutionActions& actions) {
  Questions::Actions due;
  questions_.on_time(now, due);
  for (const Questions::Outgoing& out : due.send) {
    MapRequest message;
    message.is_smr_invoked = out.question.is_smr_invoked;
    message.nonce = out.nonce;
    message.source = out.question.source;
    message.itr_rlocs = underlay_.rlocs;
    message.records = {{out.question.eid}};
    actions.requests.push_back({std::move(message), out.question.eid.prefix.address, out.attempt});
  }
  for (const Question& question : due.given_up) give_up(now, question, actions);
}

void Resolution::give_up(TimePoint now, const Question& question, ResolutionActions& actions) {
  tentative_.erase(question.eid);
  actions.events.push_back({ResolutionEvent::Kind::unanswered, question.eid});
  Mapping* mapping = cache_.find(question.about);
  if (mapping == nullptr) return;
  if (mapping->state == MappingState::pending) waiting_.drop_all(question.about, ItrDrop::unanswered);
  if (mapping->state != MappingState::active && mapping->state != MappingState::negative)
    cache_.mark_unanswered(now, *mapping);
}

/// Without what must not be used.
MappingRecord Resolution::believed(const MappingRecord& record) {
  MappingRecord out = rules_.believed(record, underlay_, drops_);
  // A mapping of nothing but such RLOCs stays one: packets have no way, and it is no word about what else to do.
  if (out.is_negative() && !record.is_negative()) out.action = Action::no_action;
  if (tuning_.swaps_drop_and_ask && record.is_negative()) {
    if (record.action == Action::drop) out.action = Action::send_map_request;
    if (record.action == Action::send_map_request) out.action = Action::drop;
  }
  return out;
}

void Resolution::on_map_reply(TimePoint now, const MapReply& reply, ResolutionActions& actions) {
  if (reply.is_probe) return drops_.count(ItrDrop::reply_is_probe);
  if (reply.has_security_data) return drops_.count(ItrDrop::reply_security_data);
  const Question* asked = questions_.take_nonce(now, reply.nonce);
  if (asked == nullptr) return drops_.count(ItrDrop::reply_unknown_nonce);
  const Question question = *asked;
  // The answer is the longest record that covers the question, or one in it; with it come the more-specifics in it
  // (RFC 9301 section 5.5).
  const MappingRecord* anchor = nullptr;
  for (const MappingRecord& record : reply.records) {
    const bool answers = record.eid.contains(question.eid) || question.eid.contains(record.eid);
    if (!answers || (anchor != nullptr && anchor->eid.contains(question.eid) &&
                     !(record.eid.contains(question.eid) && anchor->eid.contains(record.eid))))
      continue;
    anchor = &record;
  }
  if (anchor == nullptr) return drops_.count(ItrDrop::reply_other_eid);
  if (rules_.is_too_short(anchor->eid.prefix)) return drops_.count(ItrDrop::prefix_too_short);
  std::vector<MappingRecord> records{believed(*anchor)};
  for (const MappingRecord& record : reply.records) {
    if (&record == anchor) continue;
    if (anchor->eid.contains(record.eid) || question.eid.contains(record.eid))
      records.push_back(believed(record));
    else
      drops_.count(ItrDrop::reply_other_eid);
  }
  if (is_asked_once_more(now, question, records.front(), actions)) return;
  answered(now, question, std::move(records), anchor->eid, actions);
}

Mapping* Resolution::install(TimePoint now, const MappingRecord& record, MappingOrigin origin,
                             std::optional<Duration> longest, ResolutionActions& actions) {
  const auto best = [this](const Mapping* mapping) {
    const RlocRecord* found = nullptr;
    if (mapping == nullptr) return IpAddress{};
    for (const RlocRecord& rloc : mapping->rlocs)
      if (is_candidate(rloc, underlay_) && (found == nullptr || rloc.priority < found->priority)) found = &rloc;
    return found == nullptr ? IpAddress{} : found->address;
  };
  const IpAddress before = best(cache_.match(record.eid));
  Mapping* mapping = longest ? cache_.install(now, record, origin, *longest) : cache_.install(now, record, origin);
  if (mapping != nullptr && best(mapping) != before)
    actions.events.push_back({ResolutionEvent::Kind::changed, record.eid, {}, best(mapping)});
  return mapping;
}

void Resolution::answered(TimePoint now, const Question& question, std::vector<MappingRecord> records,
                          const EidPrefix& anchor, ResolutionActions& actions) {
  questions_.finish(question.eid);
  tentative_.erase(question.eid);
  settle(question, anchor);
  // The more-specifics first: the less specific ends with the first of them.
  std::stable_sort(records.begin(), records.end(), [](const MappingRecord& a, const MappingRecord& b) {
    return a.eid.prefix.length > b.eid.prefix.length;
  });
  for (const MappingRecord& record : records) {
    if (rules_.is_too_short(record.eid.prefix))
      drops_.count(ItrDrop::prefix_too_short);
    else
      install(now, record, MappingOrigin::reply, std::nullopt, actions);
  }
  release(anchor, actions);
}

/// What becomes of the entry that the question was about, unless the answer takes its place.
void Resolution::settle(const Question& question, const EidPrefix& anchor) {
  Mapping* mapping = cache_.find(question.about);
  if (mapping == nullptr || mapping->is_fixed() || anchor == question.about) return;
  if (anchor.contains(question.about))
    cache_.erase(*mapping);  // the mapping system knows it as a part of that now
  else
    cache_.mark_answered(*mapping);
}

void Resolution::release(const EidPrefix& eid, ResolutionActions& actions) {
  const auto is_pending = [this](const Eid& destination) {
    const Mapping* mapping = cache_.match(destination);
    return mapping != nullptr && mapping->state == MappingState::pending;  // its own question has a better answer
  };
  for (WaitingPacket& packet : waiting_.take(eid, is_pending)) {
    if (cache_.match(packet.destination) == nullptr)
      drops_.count(ItrDrop::mapping_gone);
    else
      actions.packets.push_back(std::move(packet));
  }
}

}  // namespace ilnp::lisp
