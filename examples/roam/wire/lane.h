// SPDX-License-Identifier: Apache-2.0
// One direction of an emulated wide-area line, as a value: frames and the time go in, due frames come out. A frame is
// first serialised at the line's rate (drop-tail when more octets wait than the queue holds), then travels for the
// delay. Frames leave in the order they entered unless they are chosen for reordering. Same seed, same fate.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <queue>
#include <random>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/time.h"

namespace ilnp::wire {

/// What a lane does to frames. All of it can change while frames are in flight; those keep the fate they already have.
struct Shape {
  Duration delay{};
  double loss = 0;     ///< probability, 0..1
  double reorder = 0;  ///< probability that a frame is held back for reorder_hold more
  Duration reorder_hold = milliseconds{5};
  std::uint64_t rate = 0;               ///< bits per second; 0: unlimited
  std::size_t queue_octets = 4u << 20;  ///< what may wait for its turn at `rate`
  bool up = true;
};

struct LaneCounters {
  std::uint64_t offered = 0, delivered = 0, octets = 0;
  std::uint64_t lost = 0, overflowed = 0, reordered = 0, down = 0, memory = 0;
  std::uint64_t unsent = 0;  ///< due, but the interface refused them
  Duration latest{};         ///< how long after its time a frame was taken, at worst: the wait for a CPU
};

class Lane {
 public:
  /// Octets in flight that a lane may hold in all; more are dropped and counted as `memory`.
  static constexpr std::size_t memory_limit = 256u << 20;

  Lane(Shape shape, std::uint64_t seed) : shape_{shape}, random_{seed} {}

  /// A frame of `octets` on the line (`frame` may carry more, a virtio-net header for instance) arrived at `now`. It
  /// comes back when it is one of those that `loss` takes.
  std::optional<ByteVector> offer(TimePoint now, ByteVector frame, std::size_t octets);
  /// The next frame whose time has come, if any.
  std::optional<ByteVector> take_due(TimePoint now);
  /// When take_due() will have something; `never` when nothing is in flight.
  TimePoint next_deadline() const { return in_flight_.empty() ? never : in_flight_.top().due; }

  Shape& shape() { return shape_; }
  const Shape& shape() const { return shape_; }
  LaneCounters& counters() { return counters_; }
  const LaneCounters& counters() const { return counters_; }

 private:
  struct InFlight {
    TimePoint due;
    std::uint64_t order;
    mutable ByteVector frame;  // moved out of the queue's top just before it is popped
    bool operator<(const InFlight& other) const { return due != other.due ? due > other.due : order > other.order; }
  };
  bool happens(double probability);

  Shape shape_;
  std::mt19937_64 random_;
  std::priority_queue<InFlight> in_flight_;
  std::size_t held_octets_ = 0;
  std::uint64_t order_ = 0;
  TimePoint line_free_{};
  TimePoint last_due_{};
  LaneCounters counters_;
};

}  // namespace ilnp::wire
