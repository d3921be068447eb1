// SPDX-License-Identifier: Apache-2.0
#include "examples/roam/wire/lane.h"

namespace ilnp::wire {

bool Lane::happens(double probability) {
  if (probability <= 0) return false;
  // 53 bits, the same on every standard library: a seed means one sequence of fates everywhere.
  const double unit = static_cast<double>(random_() >> 11) * 0x1p-53;
  return unit < probability;
}

std::optional<ByteVector> Lane::offer(TimePoint now, ByteVector frame, std::size_t octets) {
  ++counters_.offered;
  if (!shape_.up) {
    ++counters_.down;
    return std::nullopt;
  }
  if (happens(shape_.loss)) {
    ++counters_.lost;
    return frame;
  }
  if (held_octets_ + frame.size() > memory_limit) {
    ++counters_.memory;
    return std::nullopt;
  }
  TimePoint sent = now;
  if (shape_.rate > 0) {
    const auto time_for = [this](std::size_t n) {
      return Duration{static_cast<std::int64_t>(static_cast<double>(n) * 8e9 / static_cast<double>(shape_.rate))};
    };
    const TimePoint start = std::max(now, line_free_);
    if (start - now > time_for(shape_.queue_octets)) {
      ++counters_.overflowed;
      return std::nullopt;
    }
    line_free_ = sent = start + time_for(octets);
  }
  TimePoint due = sent + shape_.delay;
  if (happens(shape_.reorder)) {
    due += shape_.reorder_hold;
    ++counters_.reordered;
  } else {
    last_due_ = due = std::max(due, last_due_);
  }
  held_octets_ += frame.size();
  counters_.octets += octets;
  in_flight_.push({due, order_++, std::move(frame)});
  return std::nullopt;
}

std::optional<ByteVector> Lane::take_due(TimePoint now) {
  if (in_flight_.empty() || in_flight_.top().due > now) return std::nullopt;
  counters_.latest = std::max(counters_.latest, now - in_flight_.top().due);
  ByteVector frame = std::move(in_flight_.top().frame);
  in_flight_.pop();
  held_octets_ -= frame.size();
  ++counters_.delivered;
  return frame;
}

}  // namespace ilnp::wire
