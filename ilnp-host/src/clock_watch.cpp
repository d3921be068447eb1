// SPDX-License-Identifier: Apache-2.0
#include "ilnp-host/src/clock_watch.h"

namespace ilnp {

std::optional<Duration> ClockWatch::on_tick(TimePoint now) {
  if (tick_ == Duration::zero()) return std::nullopt;
  const TimePoint due = next_;
  next_ = now + tick_;
  if (due == never || now < due + too_late || !may_tell(now, late_)) return std::nullopt;
  return now - due;
}

bool ClockWatch::on_clock_set(TimePoint now) { return may_tell(now, set_); }

bool ClockWatch::may_tell(TimePoint now, RateLimit& limit) {
  const bool may = limit.allow(now);
  ++(may ? counters_.jumps : counters_.suppressed);
  return may;
}

}  // namespace ilnp
