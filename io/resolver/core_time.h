// SPDX-License-Identifier: Apache-2.0
// Between the monotonic clock of Asio's timers and the core's time.
#pragma once

#include <chrono>

#include "core/base/time.h"

namespace ilnp {

inline TimePoint monotonic_now() { return TimePoint{std::chrono::steady_clock::now().time_since_epoch()}; }
inline std::chrono::steady_clock::time_point to_steady(TimePoint t) {
  return std::chrono::steady_clock::time_point{t.time_since_epoch()};
}

}  // namespace ilnp
