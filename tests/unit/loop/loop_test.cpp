// SPDX-License-Identifier: Apache-2.0
#include "io/loop/loop.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <csignal>
#include <string>

#include "io/loop/descriptor.h"

namespace ilnp {
namespace {

using namespace std::chrono_literals;

constexpr Duration long_enough = 20s;  ///< a bound, never waited for in a good run

struct Pipe {
  Pipe() {
    int ends[2];
    if (::pipe2(ends, O_NONBLOCK | O_CLOEXEC) != 0) std::abort();
    out = Descriptor{ends[0]};
    in = Descriptor{ends[1]};
  }
  void put(const std::string& text) {
    ASSERT_EQ(::write(in.get(), text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  /// One octet, or 0 when empty.
  char take() {
    char c = 0;
    return ::read(out.get(), &c, 1) == 1 ? c : '\0';
  }
  Descriptor out, in;
};

TEST(Loop, ClockIsSteady) {
  TimePoint before = monotonic_now();
  for (int i = 0; i < 1000; ++i) {
    const TimePoint now = monotonic_now();
    ASSERT_GE(now, before);
    before = now;
  }
  EXPECT_GT(before, TimePoint{});
}

TEST(Loop, RunEndsWithStopAndRunsAgain) {
  Loop loop;
  for (int i = 0; i < 2; ++i) {
    bool ran = false;
    loop.post([&] {
      ran = true;
      loop.stop();
    });
    loop.run();
    EXPECT_TRUE(ran);
  }
}

TEST(DeadlineTimer, FiresOnceAndNotBeforeItsDeadline) {
  Loop loop;
  int fired = 0;
  const TimePoint deadline = loop.now() + 20ms;
  DeadlineTimer timer{loop, [&] {
                        ++fired;
                        EXPECT_GE(loop.now(), deadline);
                        loop.post([&] { loop.post([&] { loop.stop(); }); });
                      }};
  timer.set(deadline);
  loop.run_for(long_enough);
  EXPECT_EQ(fired, 1);
  EXPECT_EQ(timer.deadline(), never);
}

TEST(DeadlineTimer, ADeadlineInThePastFiresAtOnceButNotInsideSet) {
  Loop loop;
  bool fired = false;
  DeadlineTimer timer{loop, [&] {
                        fired = true;
                        loop.stop();
                      }};
  timer.set(TimePoint{});
  EXPECT_FALSE(fired);
  loop.run_for(long_enough);
  EXPECT_TRUE(fired);
}

TEST(DeadlineTimer, CanBeMovedLaterAndEarlier) {
  Loop loop;
  std::string order;
  DeadlineTimer moved_later{loop, [&] {
                              order += 'l';
                              loop.stop();
                            }};
  DeadlineTimer moved_earlier{loop, [&] { order += 'e'; }};
  DeadlineTimer between{loop, [&] { order += 'b'; }};
  const TimePoint start = loop.now();
  moved_later.set(start + 5ms);
  moved_later.set(start + 60ms);
  moved_earlier.set(start + 1h);
  moved_earlier.set(start + 10ms);
  between.set(start + 30ms);
  loop.run_for(long_enough);
  EXPECT_EQ(order, "ebl");
}

TEST(DeadlineTimer, NeverDisarms) {
  Loop loop;
  bool wrong = false;
  DeadlineTimer disarmed{loop, [&] { wrong = true; }};
  DeadlineTimer end{loop, [&] { loop.stop(); }};
  disarmed.set(loop.now() + 5ms);
  disarmed.set(never);
  end.set(loop.now() + 30ms);
  loop.run_for(long_enough);
  EXPECT_FALSE(wrong);
}

TEST(DeadlineTimer, MaySetItselfAgainFromItsCallback) {
  Loop loop;
  int fired = 0;
  DeadlineTimer* self = nullptr;
  DeadlineTimer timer{loop, [&] {
                        if (++fired == 5) return loop.stop();
                        self->set(loop.now() + 1ms);
                      }};
  self = &timer;
  timer.set(loop.now());
  loop.run_for(long_enough);
  EXPECT_EQ(fired, 5);
}

TEST(DeadlineTimer, MayBeDestroyedByItsCallback) {
  Loop loop;
  std::unique_ptr<DeadlineTimer> timer;
  bool fired = false;
  timer = std::make_unique<DeadlineTimer>(loop, [&] {
    fired = true;
    timer.reset();
    loop.stop();
  });
  timer->set(loop.now());
  loop.run_for(long_enough);
  EXPECT_TRUE(fired);
}

TEST(DeadlineTimer, OneThatIsGoneNeverFires) {
  Loop loop;
  bool wrong = false;
  auto timer = std::make_unique<DeadlineTimer>(loop, [&] { wrong = true; });
  timer->set(TimePoint{});
  timer.reset();
  DeadlineTimer end{loop, [&] { loop.stop(); }};
  end.set(loop.now() + 5ms);
  loop.run_for(long_enough);
  EXPECT_FALSE(wrong);
}

TEST(SignalWatch, CallsBackWithTheNumberEveryTime) {
  Loop loop;
  std::vector<int> seen;
  SignalWatch watch{loop, {SIGUSR2, SIGHUP}, [&](int number) {
                      seen.push_back(number);
                      if (seen.size() == 1) ::raise(SIGHUP);
                      if (seen.size() == 2) loop.stop();
                    }};
  ::raise(SIGUSR2);
  loop.run_for(long_enough);
  EXPECT_EQ(seen, (std::vector<int>{SIGUSR2, SIGHUP}));
}

TEST(Watch, CallsBackAgainWhileDataIsLeft) {
  Loop loop;
  Pipe pipe;
  std::string got;
  Watch watch{loop, pipe.out.get(), [&] {
                got += pipe.take();  // leaves the rest, and says that it saw the end
                if (got.size() == 3) loop.stop();
                return false;
              }};
  pipe.put("abc");
  loop.run_for(long_enough);
  EXPECT_EQ(got, "abc");
}

TEST(Watch, DataThatCameBeforeTheWatchIsSeen) {
  Loop loop;
  Pipe pipe;
  pipe.put("x");
  bool seen = false;
  Watch watch{loop, pipe.out.get(), [&] {
                seen = pipe.take() == 'x';
                loop.stop();
                return false;
              }};
  loop.run_for(long_enough);
  EXPECT_TRUE(seen);
}

TEST(Watch, AFullBatchLeavesOthersTheirTurn) {
  Loop loop;
  Pipe busy, quiet;
  int batches_before_quiet = 0;
  bool quiet_seen = false;
  Watch first{loop, busy.out.get(), [&] {
                if (quiet_seen) return false;
                ++batches_before_quiet;
                return true;  // always more
              }};
  Watch second{loop, quiet.out.get(), [&] {
                 quiet_seen = true;
                 loop.stop();
                 return false;
               }};
  busy.put("x");
  quiet.put("x");
  loop.run_for(long_enough);
  EXPECT_TRUE(quiet_seen);
  EXPECT_LT(batches_before_quiet, 10);
}

TEST(Watch, MayBeDestroyedByItsCallbackAndLeavesTheDescriptorOpen) {
  Loop loop;
  Pipe pipe;
  std::unique_ptr<Watch> watch;
  int calls = 0;
  watch = std::make_unique<Watch>(loop, pipe.out.get(), [&] {
    ++calls;
    watch.reset();
    loop.post([&] { loop.stop(); });
    return true;
  });
  pipe.put("xy");
  loop.run_for(long_enough);
  EXPECT_EQ(calls, 1);
  EXPECT_EQ(pipe.take(), 'x');
}

}  // namespace
}  // namespace ilnp
