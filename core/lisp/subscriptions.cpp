// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/subscriptions.h"

#include <algorithm>

namespace ilnp::lisp {

void Subscriptions::set_due(Table::Entry& entry, TimePoint due) {
  due_.erase({entry.second.due, entry.first});
  entry.second.due = due;
  if (due != never) due_.insert({due, entry.first});
}

void Subscriptions::enter(Table::Entry& entry, State state, TimePoint due) {
  entry.second.state = state;
  entry.second.tries = 0;
  entry.second.first_asked = 0;
  entry.second.asked = {};
  set_due(entry, due);
}

void Subscriptions::erase(Table::Entry& entry) {
  due_.erase({entry.second.due, entry.first});
  table_.erase(entry);
}

bool Subscriptions::subscribe(TimePoint now, const EidPrefix& eid, std::optional<std::uint64_t> last_nonce) {
  if (Table::Entry* known = table_.find(eid)) {
    if (known->second.state == State::ending) enter(*known, State::asking, now);
    return true;
  }
  if (table_.size() >= tuning_.most) return false;
  Table::Entry& entry = *table_.insert(eid).first;
  entry.second.sent = entry.second.heard = last_nonce.value_or(0);
  enter(entry, lost_state_ && !last_nonce ? State::clearing : State::asking, now);
  return true;
}

void Subscriptions::unsubscribe(TimePoint now, const EidPrefix& eid) {
  Table::Entry* entry = table_.find(eid);
  if (entry != nullptr && entry->second.state != State::ending) enter(*entry, State::ending, now);
}

bool Subscriptions::is_subscribed(const EidPrefix& eid) const {
  const Table::Entry* entry = table_.find(eid);
  return entry != nullptr && entry->second.state == State::subscribed;
}

void Subscriptions::on_time(TimePoint now, std::uint64_t unix_microseconds, SubscriptionActions& actions) {
  while (next_deadline() <= now) {
    Table::Entry& entry = *table_.find(due_.begin()->second);
    Subscription& s = entry.second;
    if (s.state == State::ending && s.tries == tuning_.ending_tries) {
      erase(entry);
      continue;
    }
    if (s.state == State::refused || (s.state == State::clearing && s.tries == tuning_.clearing_tries))
      enter(entry, State::asking, now);
    send(now, unix_microseconds, entry, actions);
  }
}

// A Map-Server does not answer a nonce twice, and its answer may have been lost: each try has a new one.
void Subscriptions::send(TimePoint now, std::uint64_t unix_microseconds, Table::Entry& entry,
                         SubscriptionActions& actions) {
  Subscription& s = entry.second;
  s.sent = std::max({s.sent + 1, s.heard + 1, unix_microseconds});
  if (s.first_asked == 0) s.first_asked = s.sent;
  s.asked[static_cast<std::size_t>(s.tries) % s.asked.size()] = s.sent;
  MapRequest message;
  message.nonce = s.sent;
  if (s.state == State::asking) message.itr_rlocs = rlocs_;
  message.records = {{entry.first, true}};
  message.sender = own_;
  actions.requests.push_back(std::move(message));
  s.last_sent = now;
  set_due(entry, now + std::min(tuning_.first_wait * (1 << std::min(s.tries, 16)), tuning_.longest_wait));
  ++s.tries;
}

/// The subscription whose nonces the Map-Notify goes on with: a record may be a part of what we subscribed to, or cover
/// it, and there may be subscriptions to both.
Subscriptions::Table::Entry* Subscriptions::concerned_by(const MapNotify& notify) {
  Table::Entry* best = nullptr;
  std::pair<bool, std::uint64_t> best_rank;
  const auto consider = [&](Table::Entry& entry) {
    const Subscription& s = entry.second;
    const bool may_confirm = s.first_asked != 0 && notify.nonce >= s.first_asked;
    const std::uint64_t follows = may_confirm ? std::max(s.first_asked, s.heard) : s.heard;
    const std::pair rank{follows <= notify.nonce, follows};  // the nearest before it
    if (best != nullptr && rank <= best_rank) return;
    best = &entry;
    best_rank = rank;
  };
  for (const MappingRecord& record : notify.records) {
    for (Table::Entry* at = table_.first_in(record.eid); at != nullptr; at = table_.next_in(record.eid, *at))
      consider(*at);
    for (Table::Entry* at = table_.wider_than(record.eid); at != nullptr; at = table_.wider_than(at->first))
      consider(*at);
  }
  return best;
}

bool Subscriptions::is_related(const EidPrefix& eid) const {
  return table_.match(eid) != nullptr || table_.first_in(eid) != nullptr;
}

bool Subscriptions::on_notify(TimePoint now, const MapNotify& notify, SubscriptionActions& actions) {
  Table::Entry* entry = concerned_by(notify);
  if (entry == nullptr) {
    drops_.count(ItrDrop::notify_unknown);
    return false;
  }
  actions.acks.push_back({true, notify.nonce, notify.key, notify.records, own_});
  const MappingRecord& first = notify.records.front();
  const std::uint64_t heard = entry->second.heard;
  const bool is_removal = first.is_negative() && first.ttl != 0 && first.action == Action::drop_authentication;
  if (is_removal && notify.nonce >= heard && entry->second.state == State::subscribed)
    take_back(now, *entry, first.action, actions);  // says so with the current nonce
  else if (notify.nonce > heard || (tuning_.nonces_may_stand && notify.nonce == heard))
    accept(now, notify, *entry, actions);
  else
    drops_.count(ItrDrop::notify_replayed);
  return true;
}

void Subscriptions::take_back(TimePoint now, Table::Entry& entry, Action action, SubscriptionActions& actions) {
  actions.changes.push_back({entry.first, false, action});
  enter(entry, State::asking, std::max(now, entry.second.last_sent + tuning_.ask_removed_after));
}

void Subscriptions::accept(TimePoint now, const MapNotify& notify, Table::Entry& entry, SubscriptionActions& actions) {
  Subscription& s = entry.second;
  s.heard = notify.nonce;
  const bool is_confirmation = s.first_asked != 0 && notify.nonce >= s.first_asked;
  if (s.state == State::ending || s.state == State::clearing) {
    if (is_confirmation && s.state == State::ending) return erase(entry);
    if (is_confirmation) enter(entry, State::asking, now);
    return;  // of no interest any more, or not yet
  }
  if (s.state != State::subscribed && is_confirmation) {
    enter(entry, State::subscribed, never);
    actions.changes.push_back({entry.first, true, Action::no_action});
  }
  for (const MappingRecord& record : notify.records) {
    if (is_related(record.eid))
      actions.records.push_back(record);
    else
      drops_.count(ItrDrop::notify_unknown);
  }
}

bool Subscriptions::on_map_reply(TimePoint now, const MapReply& reply, SubscriptionActions& actions) {
  for (const MappingRecord& record : reply.records) {
    for (Table::Entry* at = table_.match(record.eid); at != nullptr; at = table_.wider_than(at->first))
      if (refuse(now, reply, record.action, *at, actions)) return true;
    for (Table::Entry* at = table_.first_in(record.eid); at != nullptr; at = table_.next_in(record.eid, *at))
      if (refuse(now, reply, record.action, *at, actions)) return true;
  }
  return false;
}

bool Subscriptions::refuse(TimePoint now, const MapReply& reply, Action action, Table::Entry& entry,
                           SubscriptionActions& actions) {
  const Subscription& s = entry.second;
  const bool is_answer = reply.nonce != 0 && std::ranges::find(s.asked, reply.nonce) != s.asked.end();
  if (s.state != State::asking || !is_answer) return false;  // unlike a Map-Notify, anybody can make it
  actions.changes.push_back({entry.first, false, action});
  enter(entry, State::refused, now + tuning_.ask_refused_after);
  return true;
}

}  // namespace ilnp::lisp
