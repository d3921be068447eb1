// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/eid_presence.h"

#include <algorithm>

namespace ilnp::lisp {

void EidPresence::seen_elsewhere(const MappingRecord& record) {
  if (is_ours()) return;
  elsewhere_ = record;
  if (state_ == State::unknown) state_ = State::lisp_remote;
}

void EidPresence::arrived(TimePoint now, const Epoch& epoch, Actions& actions) {
  last_heard_ = now;
  gone_at_ = never;
  if (is_ours()) {
    epoch_ = std::max(epoch_, epoch);  // who took it before that knows less
    return;
  }
  if (relay_until_ != never) actions.push_back({Kind::stop_relaying});
  relay_until_ = never;
  state_ = State::moving_in;
  since_ = now;
  epoch_ = epoch;
  is_alarmed_ = false;
  actions.push_back({Kind::deliver});
  actions.push_back({Kind::register_it});
  if (elsewhere_) actions.push_back({Kind::transfer, *elsewhere_});
  actions.push_back({Kind::announce});
}

void EidPresence::registered(Actions& actions) {
  if (!is_ours()) return;
  state_ = State::here;
  actions.push_back({Kind::confirmed});
}

void EidPresence::not_here(Actions& actions) {
  if (!is_ours()) return;  // a Map-Server may be faster than a copy that fails
  register_at_ = never;
  state_ = elsewhere_ ? State::lisp_remote : State::unknown;
  actions.push_back({Kind::withdraw});
  if (elsewhere_) actions.push_back({Kind::transfer_back, *elsewhere_});
}

void EidPresence::changed(Actions& actions) {
  if (!is_ours()) return;
  actions.push_back({Kind::register_it});
  actions.push_back({Kind::announce});
}

bool EidPresence::transferred(TimePoint now, const MappingRecord& record, const Epoch& epoch, Actions& actions) {
  if (!is_ours()) {
    seen_elsewhere(record);
    return true;
  }
  if (epoch < epoch_) return false;
  go_out(now, record, actions);
  return true;
}

void EidPresence::claimed_elsewhere(TimePoint now, const MappingRecord& record, Actions& actions) {
  if (!is_ours()) return seen_elsewhere(record);
  if (now - last_heard_ > tuning_.silent) return go_out(now, record, actions);
  if (claim_) return;
  claim_ = record;
  claimed_at_ = now;
}

void EidPresence::decide_claim(TimePoint now, Actions& actions) {
  const MappingRecord record = std::move(*claim_);
  claim_.reset();
  if (!is_ours()) return seen_elsewhere(record);
  if (last_heard_ <= claimed_at_) return go_out(now, record, actions);
  // It talks to us, so the claim is wrong, or older than its arrival. Said once; two who shout help nobody.
  if (last_claim_ != never && now - last_claim_ < tuning_.claims_apart) return;
  last_claim_ = now;
  actions.push_back({Kind::register_it});
  actions.push_back({Kind::alarm_dual_claim, record});
}

void EidPresence::go_out(TimePoint now, const MappingRecord& record, Actions& actions) {
  claim_.reset();
  register_at_ = never;
  state_ = State::moving_out;
  since_ = now;
  elsewhere_ = record;
  relay_until_ = now + tuning_.relay_for;
  gone_at_ = never;
  actions.push_back({Kind::stop_registering});
  actions.push_back({Kind::relay, record});
  actions.push_back({Kind::announce, record});
  actions.push_back({Kind::client_log, record});
}

void EidPresence::told_everybody(TimePoint now) {
  if (state_ != State::moving_out) return;
  state_ = State::away;
  since_ = now;
}

void EidPresence::locators_gone(TimePoint now) {
  if (state_ != State::unknown && gone_at_ == never) gone_at_ = now + tuning_.hold;
}

std::optional<SavedPresence> EidPresence::saved(TimePoint now) const {
  if (state_ == State::unknown || state_ == State::lisp_remote) return std::nullopt;
  return SavedPresence{eid_, state_, epoch_, elsewhere_, relay_until_ == never ? Duration{} : relay_until_ - now, {}};
}

void EidPresence::restore(TimePoint now, const SavedPresence& saved, Actions& actions) {
  elsewhere_ = saved.elsewhere;
  switch (saved.state) {
    case State::unknown:
    case State::lisp_remote:
      return;
    case State::moving_in:
      return arrived(now, saved.epoch, actions);
    case State::here:
      state_ = State::here;
      since_ = now;
      epoch_ = saved.epoch;
      register_at_ = now + tuning_.asked_for;
      actions.push_back({Kind::deliver});
      return;
    case State::moving_out:
    case State::away:
      // Nobody is left to be told: who sends here still hears when it does.
      state_ = State::away;
      since_ = now;
      relay_until_ = now + std::min(saved.relay_left, tuning_.relay_for);
      actions.push_back({Kind::relay, *elsewhere_});
      return;
  }
}

void EidPresence::unclaimed(Actions& actions) {
  if (register_at_ == never) return;
  register_at_ = never;
  actions.push_back({Kind::register_it});
}

void EidPresence::on_time(TimePoint now, Actions& actions) {
  if (register_at_ <= now) unclaimed(actions);
  if (claim_ && now - claimed_at_ >= tuning_.silent) decide_claim(now, actions);
  if (gone_at_ <= now) {
    if (is_ours()) actions.push_back({Kind::withdraw});
    if (relay_until_ != never) actions.push_back({Kind::stop_relaying});
    gone_at_ = relay_until_ = register_at_ = never;
    elsewhere_.reset();
    state_ = State::unknown;
  }
  if (state_ == State::moving_in && !is_alarmed_ && now - since_ >= tuning_.notify_expected) {
    is_alarmed_ = true;
    actions.push_back({Kind::alarm_unregistered});
  }
  if (state_ == State::moving_in && now - since_ >= tuning_.moving_in_at_most) state_ = State::here;
  if (state_ == State::moving_out && now - since_ >= tuning_.moving_out_at_most) told_everybody(now);
  if (relay_until_ <= now) {
    relay_until_ = never;
    actions.push_back({Kind::stop_relaying});
    state_ = State::lisp_remote;
  }
}

TimePoint EidPresence::next_deadline() const {
  TimePoint next = std::min({gone_at_, relay_until_, register_at_});
  if (claim_) next = std::min(next, claimed_at_ + tuning_.silent);
  if (state_ == State::moving_in)
    next = std::min(next, since_ + (is_alarmed_ ? tuning_.moving_in_at_most : tuning_.notify_expected));
  if (state_ == State::moving_out) next = std::min(next, since_ + tuning_.moving_out_at_most);
  return next;
}

}  // namespace ilnp::lisp
