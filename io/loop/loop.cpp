// SPDX-License-Identifier: Apache-2.0
// Each watching object keeps its handler state in a shared_ptr that the pending Asio operation also holds: destroying
// the object marks the state dead and cancels, and a completion that was already queued finds the mark.
#include "io/loop/loop.h"

#include <sys/timerfd.h>

#include <boost/asio/post.hpp>
#include <cassert>
#include <cerrno>
#include <ctime>
#include <system_error>

#include "io/loop/descriptor.h"

namespace ilnp {
namespace asio = boost::asio;

TimePoint monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return TimePoint{seconds{now.tv_sec} + std::chrono::nanoseconds{now.tv_nsec}};
}

void Loop::run() {
  const auto work = asio::make_work_guard(context_);
  context_.restart();
  context_.run();
}

void Loop::run_for(Duration limit) {
  const auto work = asio::make_work_guard(context_);
  context_.restart();
  context_.run_for(limit);
}

void Loop::post(std::function<void()> callback) { asio::post(context_, std::move(callback)); }

struct DeadlineTimer::State : std::enable_shared_from_this<State> {
  State(Loop& loop, std::function<void()> callback)
      : timer{timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC)},
        stream{loop.context()},
        on_time{std::move(callback)} {
    if (!timer.is_open()) throw std::system_error{errno, std::generic_category(), "timerfd_create"};
    stream.assign(timer.get());
  }

  void set(TimePoint wanted) {
    deadline = wanted;
    if (deadline < armed) arm(deadline);
  }

  void arm(TimePoint when) {
    armed = when;
    itimerspec spec{};
    if (when != never) {
      // A value of zero would disarm; anything in the past fires at once.
      const auto since_boot = std::max<Duration>(when.time_since_epoch(), std::chrono::nanoseconds{1});
      spec.it_value.tv_sec = std::chrono::duration_cast<seconds>(since_boot).count();
      spec.it_value.tv_nsec = (since_boot % seconds{1}).count();
    }
    [[maybe_unused]] const int result = timerfd_settime(timer.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
    assert(result == 0);
  }

  void wait() {
    stream.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& failure) {
                        if (failure || !self->alive) return;
                        self->fired();
                        if (self->alive) self->wait();
                      });
  }

  void fired() {
    std::uint64_t expirations = 0;
    if (::read(timer.get(), &expirations, sizeof expirations) < 0) return;  // moved meanwhile
    armed = never;
    if (deadline > monotonic_now()) {  // was moved later (or to never) without touching the kernel's timer
      if (deadline != never) arm(deadline);
      return;
    }
    deadline = never;
    on_time();
  }

  Descriptor timer;
  asio::posix::stream_descriptor stream;
  std::function<void()> on_time;
  TimePoint deadline = never;  ///< what the owner wants
  TimePoint armed = never;     ///< what the kernel knows; never later than `deadline`
  bool alive = true;
};

DeadlineTimer::DeadlineTimer(Loop& loop, std::function<void()> on_time) noexcept
    : state_{std::make_shared<State>(loop, std::move(on_time))} {
  state_->wait();
}

DeadlineTimer::~DeadlineTimer() {
  state_->alive = false;
  state_->stream.release();
}

void DeadlineTimer::set(TimePoint deadline) { state_->set(deadline); }
TimePoint DeadlineTimer::deadline() const { return state_->deadline; }

struct SignalWatch::State : std::enable_shared_from_this<State> {
  State(Loop& loop, std::function<void(int)> callback) : signals{loop.context()}, on_signal{std::move(callback)} {}

  void wait() {
    signals.async_wait([self = shared_from_this()](const boost::system::error_code& failure, int number) {
      if (failure || !self->alive) return;
      self->on_signal(number);
      if (self->alive) self->wait();
    });
  }

  asio::signal_set signals;
  std::function<void(int)> on_signal;
  bool alive = true;
};

SignalWatch::SignalWatch(Loop& loop, std::initializer_list<int> signals, std::function<void(int)> on_signal) noexcept
    : state_{std::make_shared<State>(loop, std::move(on_signal))} {
  for (const int number : signals) state_->signals.add(number);
  state_->wait();
}

SignalWatch::~SignalWatch() {
  state_->alive = false;
  state_->signals.clear();
  state_->signals.cancel();
}

struct Watch::State : std::enable_shared_from_this<State> {
  State(Loop& loop, int descriptor, std::function<bool()> callback)
      : context{loop.context()}, stream{loop.context(), descriptor}, drain{std::move(callback)} {}

  // Asio's reactor is edge-triggered inside, but every async_wait asks the kernel again, so data that is already there
  // is seen.
  void wait() {
    stream.async_wait(asio::posix::stream_descriptor::wait_read,
                      [self = shared_from_this()](const boost::system::error_code& failure) {
                        if (!failure) self->turn();
                      });
  }

  void turn() {
    if (!alive) return;
    const bool more = drain();
    if (!alive) return;
    if (more)
      asio::post(context, [self = shared_from_this()] { self->turn(); });
    else
      wait();
  }

  asio::io_context& context;
  asio::posix::stream_descriptor stream;
  std::function<bool()> drain;
  bool alive = true;
};

Watch::Watch(Loop& loop, int descriptor, std::function<bool()> drain) noexcept
    : state_{std::make_shared<State>(loop, descriptor, std::move(drain))} {
  state_->wait();
}

Watch::~Watch() {
  state_->alive = false;
  state_->stream.release();
}

}  // namespace ilnp
