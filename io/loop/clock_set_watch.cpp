// SPDX-License-Identifier: Apache-2.0
// A timer of the wall clock that never runs out: reading it fails with ECANCELED when the clock was set.
#include "io/loop/clock_set_watch.h"

#include <sys/timerfd.h>

#include <cerrno>
#include <ctime>
#include <system_error>

namespace ilnp {
namespace {

constexpr seconds far_away{std::int64_t{1} << 33};  ///< since 1970: some 270 years

Descriptor make_timer() {
  Descriptor timer{timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK | TFD_CLOEXEC)};
  if (!timer.is_open()) throw std::system_error{errno, std::generic_category(), "timerfd_create"};
  return timer;
}

Duration wall_clock_offset() {
  timespec wall{};
  clock_gettime(CLOCK_REALTIME, &wall);
  return seconds{wall.tv_sec} + std::chrono::nanoseconds{wall.tv_nsec} - monotonic_now().time_since_epoch();
}

}  // namespace

ClockSetWatch::ClockSetWatch(Loop& loop, OnSet on_set) noexcept
    : on_set_{std::move(on_set)}, timer_{make_timer()}, offset_{wall_clock_offset()} {
  arm();
  watch_ = std::make_unique<Watch>(loop, timer_.get(), [this] { return drain(); });
}

void ClockSetWatch::arm() {
  itimerspec spec{};
  spec.it_value.tv_sec = far_away.count();
  (void)timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &spec, nullptr);
}

bool ClockSetWatch::drain() {
  std::uint64_t expirations = 0;
  const bool was_set = ::read(timer_.get(), &expirations, sizeof expirations) < 0 && errno == ECANCELED;
  // Set beyond the end of the timer, it would be readable for ever.
  arm();
  if (!was_set) return false;
  const Duration before = std::exchange(offset_, wall_clock_offset());
  on_set_(offset_ - before);
  return false;
}

}  // namespace ilnp
