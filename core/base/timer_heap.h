// SPDX-License-Identifier: Apache-2.0
// One timer per entry: a four-ary heap of (time, id) that knows where each id is, so that moving a timer does not leave
// the old one behind. Ids are small numbers that are used again.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "core/base/time.h"

namespace ilnp {

class TimerHeap {
 public:
  using Id = std::uint32_t;

  bool empty() const { return heap_.empty(); }
  std::size_t size() const { return heap_.size(); }
  /// When the earliest timer is due; never when there is none.
  TimePoint next() const { return heap_.empty() ? never : heap_.front().when; }
  /// Whose timer that is. Precondition: !empty().
  Id earliest() const { return heap_.front().id; }

  /// Sets the timer of `id`, or moves it.
  void set(Id id, TimePoint when) {
    if (id >= place_.size()) place_.resize(std::size_t{id} + 1, nowhere);
    if (place_[id] == nowhere) {
      heap_.push_back({when, id});
      place_[id] = static_cast<std::uint32_t>(heap_.size() - 1);
      rise(heap_.size() - 1);
      return;
    }
    const std::size_t at = place_[id];
    const bool earlier = when < heap_[at].when;
    heap_[at].when = when;
    if (earlier)
      rise(at);
    else
      sink(at);
  }

  void remove(Id id) {
    if (id >= place_.size() || place_[id] == nowhere) return;
    const std::size_t at = place_[id];
    place_[id] = nowhere;
    const Timer last = heap_.back();
    heap_.pop_back();
    if (at == heap_.size()) return;
    put(at, last);
    rise(at);
    sink(place_[last.id]);
  }

 private:
  struct Timer {
    TimePoint when;
    Id id;
  };
  static constexpr std::uint32_t nowhere = 0xffffffff;
  static constexpr std::size_t children = 4;

  void put(std::size_t at, Timer timer) {
    heap_[at] = timer;
    place_[timer.id] = static_cast<std::uint32_t>(at);
  }

  void rise(std::size_t at) {
    const Timer timer = heap_[at];
    while (at > 0) {
      const std::size_t parent = (at - 1) / children;
      if (heap_[parent].when <= timer.when) break;
      put(at, heap_[parent]);
      at = parent;
    }
    put(at, timer);
  }

  void sink(std::size_t at) {
    const Timer timer = heap_[at];
    for (;;) {
      const std::size_t first = at * children + 1;
      if (first >= heap_.size()) break;
      std::size_t least = first;
      for (std::size_t i = first + 1; i < std::min(first + children, heap_.size()); ++i)
        if (heap_[i].when < heap_[least].when) least = i;
      if (heap_[least].when >= timer.when) break;
      put(at, heap_[least]);
      at = least;
    }
    put(at, timer);
  }

  std::vector<Timer> heap_;
  std::vector<std::uint32_t> place_;  ///< in heap_, by id
};

}  // namespace ilnp
