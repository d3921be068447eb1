// SPDX-License-Identifier: Apache-2.0
#include "core/records/publication.h"

#include <algorithm>
#include <utility>

namespace ilnp {

const char* to_string(UpdateOutcome::Kind kind) {
  switch (kind) {
    case UpdateOutcome::Kind::answered:
      return "answered";
    case UpdateOutcome::Kind::bad_signature:
      return "bad signature";
    case UpdateOutcome::Kind::bad_key:
      return "unknown key";
    case UpdateOutcome::Kind::bad_time:
      return "clocks differ";
    case UpdateOutcome::Kind::unsigned_refusal:
      return "refused without a signature";
    case UpdateOutcome::Kind::no_answer:
      return "no answer";
  }
  return "unknown";
}

const char* to_string(Publication::State state) {
  switch (state) {
    case Publication::State::idle:
      return "idle";
    case Publication::State::waiting:
      return "waiting";
    case Publication::State::in_flight:
      return "in-flight";
    case Publication::State::stopped:
      return "stopped";
  }
  return "unknown";
}

Publication::Actions Publication::set_desired(TimePoint now, PublishedState desired) {
  if (desired_ == desired) return {};
  desired_ = std::move(desired);
  if (state_ == State::in_flight) return {};  // sent when the outcome is known
  failures_ = 0;
  state_ = State::waiting;
  due_ = last_sent_ ? std::max(now, *last_sent_ + settings_.tuning.coalesce) : now;
  return on_time(now);
}

Publication::Actions Publication::network_changed(TimePoint now) {
  after_network_change_ = true;
  failures_ = 0;
  if (state_ != State::waiting && state_ != State::stopped) return {};
  state_ = State::waiting;
  due_ = last_sent_ ? std::max(now, *last_sent_ + settings_.tuning.coalesce) : now;
  return on_time(now);
}

Publication::Actions Publication::on_time(TimePoint now) {
  const bool waits = state_ == State::waiting || state_ == State::stopped;
  if (!waits || !due_ || now < *due_) return {};
  return send(now);
}

std::optional<TimePoint> Publication::next_deadline() const { return state_ == State::in_flight ? std::nullopt : due_; }

/// What the name's NID set may be if the name is ours, likeliest first. After a lost reply it is what we sent; after a
/// restart nothing was acknowledged.
std::vector<NidGuard> Publication::guards() const {
  using Kind = NidGuard::Kind;
  if (!settings_.manage_nids) return {{Kind::present, {}}};
  if (settings_.take_over) return {{Kind::anything, {}}};
  std::vector<NidGuard> out;
  const auto add_exactly = [&](const std::vector<NidData>& nids) {
    const NidGuard guard{Kind::exactly, nids};
    if (!nids.empty() && std::find(out.begin(), out.end(), guard) == out.end()) out.push_back(guard);
  };
  if (acknowledged_) add_exactly(acknowledged_->nids);
  add_exactly(desired_->nids);
  out.push_back({Kind::absent, {}});
  // Once more: the reply to "there are none" may have been lost, and its repetition then finds what we wrote.
  if (!desired_->nids.empty()) out.push_back({Kind::exactly, desired_->nids});
  return out;
}

Publication::Actions Publication::send(TimePoint now) {
  const auto possible = guards();
  if (guard_ >= possible.size()) guard_ = 0;  // the wish changed since the last try
  state_ = State::in_flight;
  last_sent_ = now;
  due_.reset();
  sent_ = desired_;
  Actions actions;
  actions.send =
      plan_publication(settings_.zone, settings_.name, *desired_, acknowledged_ ? acknowledged_ : settings_.left_behind,
                       settings_.ttls, possible[guard_]);
  return actions;
}

Publication::Actions Publication::on_outcome(TimePoint now, const UpdateOutcome& outcome) {
  if (state_ != State::in_flight) return {};
  const std::string why = outcome.detail.empty() ? to_string(outcome.kind) : outcome.detail;
  switch (outcome.kind) {
    case UpdateOutcome::Kind::answered:
      break;
    case UpdateOutcome::Kind::bad_signature:
    case UpdateOutcome::Kind::bad_key:
      return stop(now, PublicationEvent::Kind::refused, why);
    case UpdateOutcome::Kind::bad_time:
      if (resynced_) return stop(now, PublicationEvent::Kind::refused, why);
      resynced_ = true;
      return send(now);
    case UpdateOutcome::Kind::unsigned_refusal:
    case UpdateOutcome::Kind::no_answer:
      return retry_later(now, why);
  }
  switch (outcome.rcode) {
    case dns::noerror:
      return succeed(now);
    case dns::nxrrset:
    case dns::yxrrset:
      return prerequisite_failed(now);
    case dns::refused:
    case dns::notauth:
    case dns::notzone:
      return stop(now, PublicationEvent::Kind::refused, why);
    default:
      return retry_later(now, why);
  }
}

Publication::Actions Publication::succeed(TimePoint now) {
  acknowledged_ = std::exchange(sent_, std::nullopt);
  resynced_ = after_network_change_ = false;
  guard_ = 0;
  failures_ = 0;
  last_problem_.clear();
  state_ = State::idle;
  Actions actions;
  if (desired_ != acknowledged_) {  // the wish changed meanwhile
    state_ = State::waiting;
    due_ = std::max(now, *last_sent_ + settings_.tuning.coalesce);
    actions = on_time(now);
  }
  actions.events.insert(actions.events.begin(), {PublicationEvent::Kind::published, settings_.name.text()});
  return actions;
}

Publication::Actions Publication::prerequisite_failed(TimePoint now) {
  const std::string name = settings_.name.text();
  if (!settings_.manage_nids) {
    return stop(now, PublicationEvent::Kind::refused,
                "no NID is published at " + name + ", and ours is not to write it");
  }
  // The desired NIDs may have changed while the update was in flight: the list of guards then starts again.
  if (desired_ == sent_ && ++guard_ < guards().size()) return send(now);
  return stop(now, PublicationEvent::Kind::taken_by_another,
              name + " holds NIDs that are not ours: another node publishes under this name");
}

Duration Publication::retry_delay() const {
  const auto& tuning = settings_.tuning;
  const Duration cap = after_network_change_ ? tuning.longest_retry_after_change : tuning.longest_retry;
  return std::min(cap, tuning.first_retry * (1 << std::min(failures_, 10u)));
}

Publication::Actions Publication::retry_later(TimePoint now, const std::string& why) {
  const bool changed = desired_ != sent_;
  state_ = State::waiting;
  due_ = changed ? std::max(now, *last_sent_ + settings_.tuning.coalesce) : now + retry_delay();
  failures_ = std::min(failures_ + 1, 1000u);
  resynced_ = false;
  guard_ = 0;
  last_problem_ = why;
  Actions actions;
  actions.events.push_back({PublicationEvent::Kind::retrying, why});
  return actions;
}

Publication::Actions Publication::stop(TimePoint now, PublicationEvent::Kind kind, const std::string& why) {
  const bool changed = desired_ != sent_;
  state_ = changed ? State::waiting : State::stopped;
  due_ = changed ? std::max(now, *last_sent_ + settings_.tuning.coalesce) : now + settings_.tuning.refused_retry;
  failures_ = std::min(failures_ + 1, 1000u);
  resynced_ = false;
  guard_ = 0;
  last_problem_ = why;
  Actions actions;
  actions.events.push_back({kind, why});
  return actions;
}

}  // namespace ilnp
