// SPDX-License-Identifier: Apache-2.0
// A machine that stood still for a moment may have been moved meanwhile, and nothing else may tell. The sign is a timer
// that comes late, by the clock that also runs while the machine sleeps. A busy machine is late as well: a sign is a
// question to the routers and nothing more, and signs are limited. Pure: time is an argument.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/rate_limit.h"
#include "core/base/time.h"

namespace ilnp {

class ClockWatch {
 public:
  struct Counters {
    std::uint64_t jumps = 0;       ///< signs
    std::uint64_t suppressed = 0;  ///< there were too many
  };
  static constexpr Duration too_late = milliseconds{50};
  static constexpr unsigned most_at_once = 4;  ///< of each kind
  static constexpr seconds one_more_each{15};

  /// `tick`: how often the clock is looked at; zero: never.
  explicit ClockWatch(Duration tick) : tick_{tick} {}

  /// The timer ran out. How late it was, when that is a sign.
  std::optional<Duration> on_tick(TimePoint now);
  /// Somebody set the wall clock. False: there were too many signs.
  bool on_clock_set(TimePoint now);
  /// The machine stood still, and on_tick() has not been called since.
  bool is_late(TimePoint now) const { return next_ != never && now >= next_ + too_late; }
  /// When on_tick() wants to be called.
  TimePoint next_tick() const { return next_; }
  const Counters& counters() const { return counters_; }

 private:
  bool may_tell(TimePoint now, RateLimit& limit);

  Duration tick_;
  TimePoint next_ = never;  ///< `never` until the first tick
  // Of its own each: a machine that is always late still hears that its clock was set.
  RateLimit late_{1.0 / one_more_each.count(), most_at_once}, set_{late_};
  Counters counters_;
};

}  // namespace ilnp
