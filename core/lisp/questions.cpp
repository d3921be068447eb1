// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/questions.h"

#include <algorithm>

namespace ilnp::lisp {

bool Questions::ask(TimePoint now, const Question& question, Duration delay) {
  const TimePoint* last = recent_.find(question.eid);
  const TimePoint earliest = std::max(now + delay, last == nullptr ? now : *last + tuning_.spacing);
  const auto found = asked_.find(question.eid);
  if (found != asked_.end()) {
    Asked& asked = found->second;
    if (question.is_smr_invoked && !asked.question.is_smr_invoked) {
      asked.question.is_smr_invoked = true;  // an answer that is on its way may be the old one
      forget_nonces(asked);
      asked.attempts = 0;
      set_due(asked, earliest);
    }
    return true;
  }
  if (asked_.size() >= tuning_.most) return false;
  Asked& asked = asked_[question.eid];
  asked.question = question;
  set_due(asked, earliest);
  return true;
}

void Questions::set_due(Asked& asked, TimePoint due) {
  due_.erase({asked.due, asked.question.eid});
  asked.due = due;
  due_.insert({due, asked.question.eid});
}

void Questions::forget_nonces(Asked& asked) {
  for (const std::uint64_t nonce : asked.nonces) nonces_.erase(nonce);
  asked.nonces.clear();
}

const Question* Questions::take_nonce(TimePoint now, std::uint64_t nonce) {
  const auto found = nonces_.find(nonce);
  if (found == nonces_.end() || now - found->second.sent > tuning_.nonce_life) return nullptr;
  Asked& asked = asked_.at(found->second.eid);
  std::erase(asked.nonces, nonce);
  nonces_.erase(found);
  return &asked.question;
}

void Questions::finish(const EidPrefix& eid) {
  const auto found = asked_.find(eid);
  if (found == asked_.end()) return;
  forget_nonces(found->second);
  due_.erase({found->second.due, eid});
  asked_.erase(found);
}

std::vector<EidPrefix> Questions::asked_in(const EidPrefix& covering) const {
  std::vector<EidPrefix> eids;
  for (auto at = asked_.lower_bound(covering); at != asked_.end() && covering.contains(at->first); ++at)
    eids.push_back(at->first);
  return eids;
}

void Questions::on_time(TimePoint now, Actions& actions) {
  while (!due_.empty() && due_.begin()->first <= now) {
    Asked& asked = asked_.at(due_.begin()->second);
    if (asked.attempts == tuning_.tries) {
      actions.given_up.push_back(asked.question);
      finish(actions.given_up.back().eid);
      continue;
    }
    if (!rate_.allow(now)) {
      blocked_until_ =
          now + std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1 / tuning_.per_second));
      return;
    }
    send(now, asked, actions);
  }
}

void Questions::send(TimePoint now, Asked& asked, Actions& actions) {
  std::erase_if(asked.nonces, [&](std::uint64_t nonce) {
    return now - nonces_.at(nonce).sent > tuning_.nonce_life && nonces_.erase(nonce) > 0;
  });
  const std::uint64_t nonce = random_.u64();
  nonces_[nonce] = {asked.question.eid, now};
  asked.nonces.push_back(nonce);
  recent_.put(asked.question.eid, now);
  actions.send.push_back({asked.question, nonce, asked.attempts});
  const Duration wait = std::min(tuning_.first_wait * (1 << std::min(asked.attempts, 16)), tuning_.longest_wait);
  ++asked.attempts;
  set_due(asked, now + (asked.attempts == tuning_.tries ? tuning_.nonce_life : wait));
}

TimePoint Questions::next_deadline() const {
  return due_.empty() ? never : std::max(due_.begin()->first, blocked_until_);
}

}  // namespace ilnp::lisp
