// SPDX-License-Identifier: Apache-2.0
// The run loop of a daemon: one thread, callbacks, no coroutines. Thin over Boost.Asio. A callback never runs from
// inside the call that asked for it, and never after the object that owns it is gone.
// The constructors of the watching objects end the process when the kernel has no descriptor left.
#pragma once

#include <utility>  // before Asio: Boost 1.74 uses std::exchange without including it

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/signal_set.hpp>
#include <functional>
#include <initializer_list>
#include <memory>

#include "core/base/result.h"
#include "core/base/time.h"

namespace ilnp {

/// CLOCK_BOOTTIME: steady, and goes on while the machine is suspended.
TimePoint monotonic_now();

class Loop {
 public:
  Loop() : context_{1} {}
  boost::asio::io_context& context() { return context_; }

  TimePoint now() const { return monotonic_now(); }
  /// Runs until stop().
  void run();
  /// Runs what is ready or becomes ready within `limit`, at most until stop(); for tests and orderly ends.
  void run_for(Duration limit);
  void stop() { context_.stop(); }
  void post(std::function<void()> callback);

 private:
  boost::asio::io_context context_;
};

/// Calls back once at (or just after) a deadline. Moving the deadline later costs nothing (the kernel timer is left
/// alone and set again when it fires), so it may be told the machine's next_deadline() after every packet.
class DeadlineTimer {
 public:
  DeadlineTimer(Loop& loop, std::function<void()> on_time) noexcept;
  ~DeadlineTimer();
  DeadlineTimer(const DeadlineTimer&) = delete;
  DeadlineTimer& operator=(const DeadlineTimer&) = delete;

  /// `never` disarms. A deadline in the past fires at the next turn of the loop.
  void set(TimePoint deadline);
  TimePoint deadline() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Calls back with the signal's number, as often as one arrives.
class SignalWatch {
 public:
  SignalWatch(Loop& loop, std::initializer_list<int> signals, std::function<void(int)> on_signal) noexcept;
  ~SignalWatch();
  SignalWatch(const SignalWatch&) = delete;
  SignalWatch& operator=(const SignalWatch&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

/// Watches a non-blocking descriptor for readability (level-triggered). Fair: `drain` handles one bounded batch and
/// says whether more may be waiting; then the rest of the loop gets its turn first. The descriptor stays the owner's
/// and must stay open as long as the watch lives.
class Watch {
 public:
  Watch(Loop& loop, int descriptor, std::function<bool()> drain) noexcept;
  ~Watch();
  Watch(const Watch&) = delete;
  Watch& operator=(const Watch&) = delete;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace ilnp
