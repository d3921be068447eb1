// SPDX-License-Identifier: Apache-2.0
// A map of a bounded size for what is of use for a while: the entry that was put longest ago leaves for a new one.
#pragma once

#include <cassert>
#include <cstddef>
#include <list>
#include <map>
#include <utility>

namespace ilnp {

template <class Key, class Value>
class BoundedMap {
 public:
  /// `most`: entries; at least one.
  explicit BoundedMap(std::size_t most) : most_{most} { assert(most > 0); }

  /// Lives until the next put().
  const Value* find(const Key& key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? nullptr : &found->second.value;
  }

  /// Instead of the value that is there, if there is one; it is the youngest entry then.
  void put(const Key& key, Value value) {
    const auto found = entries_.find(key);
    if (found != entries_.end()) {
      found->second.value = std::move(value);
      order_.splice(order_.end(), order_, found->second.place);
      return;
    }
    if (entries_.size() == most_) {
      entries_.erase(order_.front());
      order_.pop_front();
    }
    entries_.emplace(key, Entry{std::move(value), order_.insert(order_.end(), key)});
  }

  std::size_t size() const { return entries_.size(); }

 private:
  struct Entry {
    Value value;
    typename std::list<Key>::iterator place;
  };

  std::size_t most_;
  std::map<Key, Entry> entries_;
  std::list<Key> order_;  ///< keys, the oldest entry's first
};

}  // namespace ilnp
