// SPDX-License-Identifier: Apache-2.0
// Which RLOCs answer, and how fast: RLOC-probing (RFC 9301 section 7.1) of those that packets may go to. One probe for
// an RLOC, whatever the number of mappings that have it, about a prefix that was in use last.
//
//   up     answered, or never asked: packets go there.   two repetitions unanswered -> down
//   down   does not answer.                              an answer -> up
// An RLOC that no packet may have gone to for a while is forgotten.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/lisp/itr_reasons.h"
#include "core/lisp/messages.h"

namespace ilnp::lisp {

struct ProbingTuning {
  Duration period = seconds{30};         ///< +-25 %
  Duration wait = seconds{5};            ///< for an answer; period where that is shorter
  int repetitions = 2;                   ///< then it is down
  Duration watched_period = seconds{1};  ///< of RLOCs that are watched, where it is shorter
  Duration wanted_for = seconds{10};     ///< beyond a period: how late the word of a use may be
  std::size_t most = 10'000;
};

/// Of the last 16 probes; durations are zero before the first answer.
struct RlocStatistics {
  Duration last{}, min{}, mean{};
  Duration jitter{};  ///< RFC 3550 section 6.4.1
  int answered = 0, lost = 0;
};

struct ProbingActions {
  struct Probe {
    IpAddress to;
    MapRequest message;
  };
  struct Change {
    IpAddress rloc;
    bool is_up = false;
  };
  std::vector<Probe> probes;
  std::vector<Change> changes;
};

class RlocProbing {
 public:
  RlocProbing(const ProbingTuning& tuning, Random& random, ItrDrops& drops)
      : tuning_{tuning}, random_{random}, drops_{drops} {}

  /// Where answers may go.
  void set_own_rlocs(std::vector<IpAddress> rlocs) { own_ = std::move(rlocs); }
  /// Packets for `eid` may go to that RLOC. To be said again as long as they do.
  void want(TimePoint now, const IpAddress& rloc, const EidPrefix& eid);
  /// The same, and it is probed more often until then.
  void watch(TimePoint now, const IpAddress& rloc, const EidPrefix& eid, TimePoint until);
  /// A hint that it may not be reached, such as an ICMP error: it is asked now.
  void doubt(TimePoint now, const IpAddress& rloc);
  void on_reply(TimePoint now, const MapReply& reply, ProbingActions& actions);
  void on_time(TimePoint now, ProbingActions& actions);
  TimePoint next_deadline() const { return due_.empty() ? never : due_.begin()->first; }

  /// For choose_rloc().
  const std::set<IpAddress>& down() const { return down_; }
  /// Nothing: it is not probed.
  std::optional<RlocStatistics> statistics(const IpAddress& rloc) const;
  std::size_t size() const { return targets_.size(); }

 private:
  static constexpr std::size_t window = 16;
  struct Sent {
    std::uint64_t nonce = 0;
    TimePoint at = never;
    EidPrefix eid{};
  };
  struct Target {
    EidPrefix eid;
    TimePoint wanted{}, watched{}, due = never, last_sent{};  ///< watched: until then
    int unanswered = 0;                                       ///< probes in a row
    std::array<Sent, 4> sent{};                               ///< the last ones
    std::size_t next_sent = 0;
    std::array<Duration, window> samples{};  ///< round trips; lost: negative
    std::size_t sampled = 0;
    Duration last{}, jitter{};
  };
  static constexpr Duration lost{-1};

  using Targets = std::map<IpAddress, Target>;
  void set_due(const IpAddress& rloc, Target& target, TimePoint due);
  void send(TimePoint now, const IpAddress& rloc, Target& target, ProbingActions& actions);
  void forget(const IpAddress& rloc);
  void answered(TimePoint now, const IpAddress& rloc, Target& target, Duration round_trip, ProbingActions& actions);
  static void sample(Target& target, Duration round_trip);
  Duration period(TimePoint now, const Target& target) const;
  Duration jittered_period(TimePoint now, const Target& target);

  ProbingTuning tuning_;
  Random& random_;
  ItrDrops& drops_;
  std::vector<IpAddress> own_;
  Targets targets_;
  std::set<std::pair<TimePoint, IpAddress>> due_;
  std::map<std::uint64_t, IpAddress> by_nonce_;
  std::set<IpAddress> down_;
};

}  // namespace ilnp::lisp
