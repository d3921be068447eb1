// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/rloc_probing.h"

#include <algorithm>

namespace ilnp::lisp {

Duration RlocProbing::period(TimePoint now, const Target& target) const {
  return now < target.watched ? std::min(tuning_.watched_period, tuning_.period) : tuning_.period;
}

Duration RlocProbing::jittered_period(TimePoint now, const Target& target) {
  const Duration mean = period(now, target);
  const auto quarter = static_cast<std::uint64_t>(mean.count() / 4);
  return mean * 3 / 4 + Duration{static_cast<Duration::rep>(random_.u64() % (2 * quarter + 1))};
}

void RlocProbing::set_due(const IpAddress& rloc, Target& target, TimePoint due) {
  due_.erase({target.due, rloc});
  target.due = due;
  due_.insert({due, rloc});
}

void RlocProbing::want(TimePoint now, const IpAddress& rloc, const EidPrefix& eid) {
  const auto found = targets_.find(rloc);
  if (found != targets_.end()) {
    found->second.wanted = std::max(found->second.wanted, now);
    found->second.eid = eid;
    return;
  }
  if (targets_.size() >= tuning_.most) return drops_.count(ItrDrop::probe_table_full);
  Target& target = targets_[rloc];
  target.eid = eid;
  target.wanted = now;
  // Soon, as nothing is known; not all at once after a start.
  set_due(rloc, target, now + jittered_period(now, target) / 8);
}

void RlocProbing::watch(TimePoint now, const IpAddress& rloc, const EidPrefix& eid, TimePoint until) {
  want(now, rloc, eid);
  const auto found = targets_.find(rloc);
  if (found == targets_.end()) return;
  Target& target = found->second;
  const bool is_watched = now < target.watched;
  target.watched = std::max(target.watched, until);
  target.wanted = std::max(target.wanted, target.watched);
  if (!is_watched && target.unanswered == 0)
    set_due(rloc, target, std::min(target.due, now + jittered_period(now, target)));
}

void RlocProbing::doubt(TimePoint now, const IpAddress& rloc) {
  const auto found = targets_.find(rloc);
  if (found == targets_.end() || found->second.unanswered > 0) return;
  // Errors may come by the thousand, and be forged.
  const TimePoint earliest = found->second.last_sent + std::min<Duration>(seconds{1}, tuning_.period);
  set_due(rloc, found->second, std::min(found->second.due, std::max(now, earliest)));
}

void RlocProbing::on_time(TimePoint now, ProbingActions& actions) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const IpAddress rloc = due_.begin()->second;
    Target& target = targets_.at(rloc);
    if (now - target.wanted > tuning_.period * 5 / 4 + tuning_.wanted_for) {
      forget(rloc);
      continue;
    }
    if (target.unanswered > 0) sample(target, lost);
    const bool is_down = down_.contains(rloc);
    if (!is_down && target.unanswered > tuning_.repetitions) {
      down_.insert(rloc);
      actions.changes.push_back({rloc, false});
      set_due(rloc, target, now + jittered_period(now, target));
      target.unanswered = 0;
      continue;
    }
    send(now, rloc, target, actions);
  }
}

void RlocProbing::send(TimePoint now, const IpAddress& rloc, Target& target, ProbingActions& actions) {
  MapRequest message;
  message.is_probe = true;
  message.nonce = random_.u64();
  message.itr_rlocs = own_;
  message.records = {{target.eid}};
  Sent& sent = target.sent[target.next_sent++ % target.sent.size()];
  if (sent.at != never) by_nonce_.erase(sent.nonce);
  sent = {message.nonce, now, target.eid};
  by_nonce_[message.nonce] = rloc;
  actions.probes.push_back({rloc, std::move(message)});
  target.last_sent = now;
  ++target.unanswered;
  const Duration pause =
      down_.contains(rloc) ? jittered_period(now, target) : std::min(tuning_.wait, period(now, target));
  set_due(rloc, target, now + pause);
}

void RlocProbing::forget(const IpAddress& rloc) {
  const auto found = targets_.find(rloc);
  for (const Sent& sent : found->second.sent) by_nonce_.erase(sent.nonce);
  due_.erase({found->second.due, rloc});
  down_.erase(rloc);
  targets_.erase(found);
}

void RlocProbing::on_reply(TimePoint now, const MapReply& reply, ProbingActions& actions) {
  const auto known = by_nonce_.find(reply.nonce);
  if (!reply.is_probe || known == by_nonce_.end()) return drops_.count(ItrDrop::probe_reply_unknown_nonce);
  const IpAddress rloc = known->second;
  Target& target = targets_.at(rloc);
  const Sent sent = *std::find_if(target.sent.begin(), target.sent.end(),
                                  [&](const Sent& s) { return s.at != never && s.nonce == reply.nonce; });
  const auto about = std::find_if(reply.records.begin(), reply.records.end(), [&](const MappingRecord& record) {
    return record.eid.contains(sent.eid) || sent.eid.contains(record.eid);
  });
  if (about == reply.records.end()) return drops_.count(ItrDrop::probe_reply_other_eid);
  if (!about->is_authoritative) return drops_.count(ItrDrop::probe_reply_not_authoritative);
  answered(now, rloc, target, now - sent.at, actions);
}

void RlocProbing::answered(TimePoint now, const IpAddress& rloc, Target& target, Duration round_trip,
                           ProbingActions& actions) {
  for (Sent& sent : target.sent) {  // also of the other tries: this answer stands for them
    if (sent.at != never) by_nonce_.erase(sent.nonce);
    sent = {};
  }
  const Duration difference = round_trip > target.last ? round_trip - target.last : target.last - round_trip;
  if (target.last != Duration{}) target.jitter += (difference - target.jitter) / 16;
  target.last = round_trip;
  target.unanswered = 0;
  sample(target, round_trip);
  if (down_.erase(rloc) > 0) actions.changes.push_back({rloc, true});
  set_due(rloc, target, now + jittered_period(now, target));
}

void RlocProbing::sample(Target& target, Duration round_trip) {
  target.samples[target.sampled++ % window] = round_trip;
}

std::optional<RlocStatistics> RlocProbing::statistics(const IpAddress& rloc) const {
  const auto found = targets_.find(rloc);
  if (found == targets_.end()) return std::nullopt;
  const Target& target = found->second;
  RlocStatistics s;
  s.last = target.last;
  s.jitter = target.jitter;
  Duration sum{};
  for (std::size_t i = 0; i < std::min(target.sampled, window); ++i) {
    const Duration sample = target.samples[i];
    if (sample == lost) {
      ++s.lost;
      continue;
    }
    s.min = s.answered == 0 ? sample : std::min(s.min, sample);
    sum += sample;
    ++s.answered;
  }
  if (s.answered > 0) s.mean = sum / s.answered;
  return s;
}

}  // namespace ilnp::lisp
