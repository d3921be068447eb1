// SPDX-License-Identifier: Apache-2.0
#include "core/site/link_mtu.h"

#include <algorithm>

namespace ilnp {

void LinkMtu::begin(TimePoint now, std::size_t largest) {
  if (largest == largest_ && next_ != never) return;
  largest_ = mtu_ = largest;
  above_ = largest + 1;
  asked_ = 0;
  misses_ = 0;
  next_raise_ = never;
  next_ = largest > base ? now : never;
}

/// The size in use while all is well; in a search the largest that may pass, then by halves.
std::size_t LinkMtu::next_size() const {
  if (!is_searching()) return mtu_;
  return above_ > largest_ ? largest_ : (mtu_ + above_) / 2;
}

std::vector<LinkMtu::Probe> LinkMtu::on_time(TimePoint now) {
  if (next_ > now) return {};
  judge(now);
  if (next_ > now) return {};
  if (next_raise_ <= now) {
    next_raise_ = never;
    above_ = largest_ + 1;
  }
  asked_ = next_size();
  small_answered_ = false;
  next_ = now + std::max(tuning_.patience, 2 * round_trip_);
  std::vector<Probe> probes;
  for (const std::size_t octets : {base, asked_}) {
    if (!probes.empty() && octets == base) break;  // the size in use is the small one
    sent_[sequence_ % sent_.size()] = {now, octets};
    probes.push_back({sequence_++, octets});
  }
  return probes;
}

void LinkMtu::on_answer(TimePoint now, std::uint16_t sequence) {
  if (next_ == never || static_cast<std::uint16_t>(sequence_ - 1 - sequence) >= sent_.size()) return;
  Sent& sent = sent_[sequence % sent_.size()];
  if (sent.at == never) return;  // answered already
  const Duration sample = now - sent.at;
  round_trip_ = round_trip_ == Duration{} ? sample : round_trip_ + (sample - round_trip_) / 8;
  sent.at = never;
  if (sent.octets == base) small_answered_ = true;
  // The small one says nothing of the size that is asked about.
  if (sent.octets >= mtu_ && (sent.octets != base || asked_ == base)) passed(now, sent.octets);
}

/// The time of a round is over and its large probe has no answer.
void LinkMtu::judge(TimePoint now) {
  if (asked_ == 0) return;
  if (small_answered_ && ++misses_ >= tuning_.attempts) failed(now, asked_);
  asked_ = 0;
}

void LinkMtu::passed(TimePoint now, std::size_t octets) {
  misses_ = 0;
  asked_ = 0;
  mtu_ = octets;
  above_ = std::max(above_, octets + 1);
  next_ = is_searching() ? now : now + tuning_.confirm;
}

void LinkMtu::failed(TimePoint now, std::size_t octets) {
  misses_ = 0;
  if (octets <= mtu_) {
    ++black_holes_;
    mtu_ = base;
  }
  above_ = octets;
  next_raise_ = now + tuning_.raise;
  if (!is_searching()) next_ = now + tuning_.confirm;
}

}  // namespace ilnp
