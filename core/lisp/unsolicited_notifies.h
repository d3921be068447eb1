// SPDX-License-Identifier: Apache-2.0
// Map-Notifies that nobody asked for are repeated until they are acknowledged (RFC 9301 section 5.7): three times three
// seconds apart, then after 6, 12 and 24 s, then no more.
#pragma once

#include <array>
#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/base/time.h"

namespace ilnp::lisp {

/// After each Map-Notify until the next, or until the receiver is given up.
inline constexpr std::array<seconds, 7> notify_pauses{seconds{3},  seconds{3},  seconds{3}, seconds{6},
                                                      seconds{12}, seconds{24}, seconds{24}};

/// What is on its way, by who has to acknowledge it; a newer one replaces it.
template <class Key, class Notify>
class UnsolicitedNotifies {
 public:
  void tell(TimePoint now, const Key& key, Notify notify) {
    forget(key);
    pending_[key] = {std::move(notify), 0, now};
    due_.insert({now, key});
  }
  void forget(const Key& key) {
    const auto found = pending_.find(key);
    if (found == pending_.end()) return;
    due_.erase({found->second.due, key});
    pending_.erase(found);
  }
  /// Nothing, when none is on its way.
  const Notify* find(const Key& key) const {
    const auto found = pending_.find(key);
    return found == pending_.end() || found->second.sent == 0 ? nullptr : &found->second.notify;
  }
  std::size_t size() const { return pending_.size(); }

  TimePoint next_deadline() const { return due_.empty() ? never : due_.begin()->first; }
  bool is_due(TimePoint now) const { return next_deadline() <= now; }
  struct Due {
    Key key;
    Notify notify;
    std::size_t sent;  ///< times before this one
    bool given_up;     ///< it was repeated often enough: not sent any more
  };
  /// The next of those that are due. Precondition: is_due(now).
  Due take(TimePoint now) {
    const Key key = due_.begin()->second;
    due_.erase(due_.begin());
    Pending& pending = pending_.at(key);
    const Due due{key, pending.notify, pending.sent, pending.sent == notify_pauses.size()};
    if (due.given_up) {
      pending_.erase(key);
      return due;
    }
    pending.due = now + notify_pauses[pending.sent++];
    due_.insert({pending.due, key});
    return due;
  }

 private:
  struct Pending {
    Notify notify;
    std::size_t sent = 0;
    TimePoint due{};
  };
  std::map<Key, Pending> pending_;
  std::set<std::pair<TimePoint, Key>> due_;
};

}  // namespace ilnp::lisp
