// SPDX-License-Identifier: Apache-2.0
// Time as a value. The core never asks for it: `now` is an argument and next_deadline() an answer. Daemons pass the
// monotonic clock, the simulator its own virtual time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace ilnp {

using Duration = std::chrono::nanoseconds;

/// A clock that nobody can read: it only gives TimePoint its type.
struct CoreClock {
  using duration = Duration;
  using rep = duration::rep;
  using period = duration::period;
  using time_point = std::chrono::time_point<CoreClock>;
  static constexpr bool is_steady = true;
};

using TimePoint = CoreClock::time_point;

/// "Never": the deadline of a machine that waits for nothing.
inline constexpr TimePoint never = TimePoint::max();

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

}  // namespace ilnp
