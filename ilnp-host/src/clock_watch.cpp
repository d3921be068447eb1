// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/clock_watch.h"

namespace ilnp {

std::optional<Duration> ClockWatch::on_tick(TimePoint now) {
  if (tick_ == Duration::zero()) return std::nullopt;
  const TimePoint due = next_;
  next_ = now + tick_;
  if (due == never || now < due + too_late || !may_tell(now)) return std::nullopt;
  return now - due;
}

bool ClockWatch::on_clock_set(TimePoint now) { return may_tell(now); }

bool ClockWatch::may_tell(TimePoint now) {
  if (left_ == most_at_once) refilled_ = now;
  for (; left_ < most_at_once && now - refilled_ >= one_more_each; ++left_) refilled_ += one_more_each;
  if (left_ == 0) {
    ++counters_.suppressed;
    return false;
  }
  --left_;
  ++counters_.jumps;
  return true;
}

}  // namespace ilnp
