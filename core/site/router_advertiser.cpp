// SPDX-License-Identifier: Apache-2.0
#include "core/site/router_advertiser.h"

namespace ilnp {

Duration RouterAdvertiser::between(Duration from, Duration to) {
  const auto span = static_cast<std::uint64_t>((to - from).count());
  return from + Duration{static_cast<std::int64_t>(span == 0 ? 0 : random_->u64() % span)};
}

void RouterAdvertiser::on_link(TimePoint now, bool up) {
  if (up == up_) return;
  up_ = up;
  sent_ = 0;
  next_ = up ? now : never;
}

void RouterAdvertiser::on_solicitation(TimePoint now) {
  if (!up_) return;
  const TimePoint allowed = std::max(now, last_ + tuning_.min_between);
  next_ = std::min(next_, allowed + between({}, tuning_.max_delay));
}

void RouterAdvertiser::announce(TimePoint now) {
  if (up_) next_ = std::min(next_, std::max(now, last_ + tuning_.min_between));
}

bool RouterAdvertiser::on_time(TimePoint now) {
  if (next_ > now) return false;
  last_ = now;
  const bool initial = ++sent_ < initial_count;
  next_ = now + (initial ? tuning_.initial : between(tuning_.longest / 3, tuning_.longest));
  return true;
}

}  // namespace ilnp
