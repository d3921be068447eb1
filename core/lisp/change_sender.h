// SPDX-License-Identifier: Apache-2.0
// Change-Priority messages that are repeated until they are acknowledged: the same octets again after max(50 ms, twice
// the round trip to that peer), 1 s where it is unknown, doubling, five times in all.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/base/bounded_map.h"
#include "core/base/rate_limit.h"
#include "core/base/time.h"
#include "core/lisp/growing_nonce.h"
#include "core/lisp/messages.h"

namespace ilnp::lisp {

struct ChangeSenderTuning {
  Duration least_wait = milliseconds{50}, unknown_wait = seconds{1};
  int tries = 5;
  /// Ten thousand clients of one EID hear within a second.
  double per_second = 12'000, burst = 600;
  std::size_t most_peers = 100'000;  ///< whose round trip is remembered
};

struct ChangeSend {
  IpAddress to;
  ChangePriority message;
};

class ChangeSender {
 public:
  /// `own`: in every message. `reserved_nonce`: of growing_nonce.h.
  ChangeSender(ChangeSenderTuning tuning, XtrIdentity own, std::uint64_t reserved_nonce)
      : tuning_{tuning},
        own_{own},
        nonces_{reserved_nonce},
        round_trips_{tuning.most_peers},
        pace_{tuning.per_second, tuning.burst} {}

  /// Fills in sender and nonce; a message of the same kind about the same EID that is on its way there is replaced.
  /// Leaves with on_time(), in this order.
  void send(TimePoint now, const IpAddress& to, ChangePriority message);
  /// Authenticated. Nothing, or the message that it acknowledges.
  std::optional<ChangePriority> on_acknowledgement(TimePoint now, const IpAddress& from,
                                                   const ChangePriority& acknowledgement);
  /// `given_up`: nobody acknowledged these.
  void on_time(TimePoint now, std::uint64_t unix_microseconds, std::vector<ChangeSend>& sends,
               std::vector<ChangeSend>& given_up);
  TimePoint next_deadline() const;
  std::size_t outstanding() const { return pending_.size(); }
  /// Somebody has not acknowledged an UPDATE about it yet.
  bool is_updating(const EidPrefix& eid) const { return updates_.contains(eid); }
  std::uint64_t reserved_nonce() const { return nonces_.reserved(); }

 private:
  using Key = std::pair<IpAddress, std::pair<ChangePriority::Kind, EidPrefix>>;
  struct Pending {
    ChangePriority message;
    int sent = 0;
    Duration wait{};
    TimePoint first_sent{};
    TimePoint due{};
    std::uint64_t order = 0;
  };
  using Due = std::pair<std::pair<TimePoint, std::uint64_t>, Key>;
  static Key key_of(const IpAddress& to, const ChangePriority& message);
  Due due_of(const Key& key, const Pending& pending) const { return {{pending.due, pending.order}, key}; }
  Duration first_wait(const IpAddress& to) const;
  ChangePriority take_out(std::map<Key, Pending>::iterator place);

  ChangeSenderTuning tuning_;
  XtrIdentity own_;
  GrowingNonce nonces_;
  BoundedMap<IpAddress, Duration> round_trips_;  ///< smoothed
  RateLimit pace_;
  TimePoint paced_until_{};
  std::uint64_t last_order_ = 0;
  std::map<Key, Pending> pending_;
  std::set<Due> due_;
  std::map<EidPrefix, std::size_t> updates_;  ///< of pending_, how many are UPDATEs about an EID
};

}  // namespace ilnp::lisp
