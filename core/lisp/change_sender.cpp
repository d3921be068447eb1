// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/change_sender.h"

#include <algorithm>

namespace ilnp::lisp {

ChangeSender::Key ChangeSender::key_of(const IpAddress& to, const ChangePriority& message) {
  return {to, {message.kind, message.records.empty() ? EidPrefix{} : message.records.front().eid}};
}

Duration ChangeSender::first_wait(const IpAddress& to) const {
  const Duration* round_trip = round_trips_.find(to);
  return round_trip == nullptr ? tuning_.unknown_wait : std::max(tuning_.least_wait, 2 * *round_trip);
}

void ChangeSender::send(TimePoint now, const IpAddress& to, ChangePriority message) {
  const Key key = key_of(to, message);
  const auto [place, is_new] = pending_.try_emplace(key);
  if (!is_new) due_.erase(due_of(key, place->second));
  if (is_new && message.kind == ChangePriority::Kind::update) ++updates_[key.second.second];
  message.sender = own_;
  message.is_ack = false;
  message.wants_ack = true;
  place->second = {std::move(message), 0, first_wait(to), {}, now, ++last_order_};
  due_.insert(due_of(key, place->second));
}

std::optional<ChangePriority> ChangeSender::on_acknowledgement(TimePoint now, const IpAddress& from,
                                                               const ChangePriority& acknowledgement) {
  const auto found = pending_.find(key_of(from, acknowledgement));
  if (found == pending_.end() || found->second.sent == 0 || found->second.message.nonce != acknowledgement.nonce)
    return std::nullopt;
  if (found->second.sent == 1) {  // of a repeated one nobody knows which was answered
    const Duration measured = now - found->second.first_sent;
    const Duration* known = round_trips_.find(from);
    round_trips_.put(from, known == nullptr ? measured : *known + (measured - *known) / 8);
  }
  due_.erase(due_of(found->first, found->second));
  return take_out(found);
}

ChangePriority ChangeSender::take_out(std::map<Key, Pending>::iterator place) {
  const auto& [kind, eid] = place->first.second;
  if (kind == ChangePriority::Kind::update && --updates_[eid] == 0) updates_.erase(eid);
  ChangePriority message = std::move(place->second.message);
  pending_.erase(place);
  return message;
}

void ChangeSender::on_time(TimePoint now, std::uint64_t unix_microseconds, std::vector<ChangeSend>& sends,
                           std::vector<ChangeSend>& given_up) {
  while (!due_.empty() && due_.begin()->first.first <= now) {
    const Key key = due_.begin()->second;
    const auto found = pending_.find(key);
    Pending& pending = found->second;
    if (pending.sent == tuning_.tries) {
      due_.erase(due_.begin());
      given_up.push_back({key.first, take_out(found)});
      continue;
    }
    if (!pace_.allow(now)) {
      paced_until_ = now + milliseconds{1};
      return;
    }
    due_.erase(due_.begin());
    if (pending.sent == 0) {
      pending.message.nonce = nonces_.next(unix_microseconds);
      pending.first_sent = now;
    }
    sends.push_back({key.first, pending.message});
    pending.due = now + pending.wait;
    pending.wait *= 2;
    ++pending.sent;
    due_.insert(due_of(key, pending));
  }
}

TimePoint ChangeSender::next_deadline() const {
  return due_.empty() ? never : std::max(due_.begin()->first.first, paced_until_);
}

}  // namespace ilnp::lisp
