// SPDX-License-Identifier: Apache-2.0
// Questions to the mapping system that are on their way (RFC 9301 section 8.1): each is asked, with a new nonce every
// time, after 1, 2, 4 and then every 8 s until it is answered, ten times at most. A prefix is asked for once a second
// and all of them together 500 times a second; what is more waits. A nonce counts for ten seconds, and once: whoever
// cannot read our questions cannot answer them.
//
// A question
//   waits   due at its time, or as soon as the limits allow.   due -> asked
//   asked   its nonces are outstanding.   on_time -> asked again, or given up; finish() -> gone
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/base/bounded_map.h"
#include "core/base/crypto.h"
#include "core/base/rate_limit.h"
#include "core/base/time.h"
#include "core/lisp/ip_address.h"

namespace ilnp::lisp {

struct Question {
  EidPrefix eid;              ///< what is asked for
  EidPrefix about;            ///< the entry that is pending, stale or tentative until it is answered
  std::optional<Eid> source;  ///< the end whose packet waits; none for what is only refreshed
  bool is_smr_invoked = false;
};

struct QuestionsTuning {
  std::size_t most = 2048;
  int tries = 10;
  Duration first_wait = seconds{1}, longest_wait = seconds{8};  ///< below nonce_life: one nonce is always good
  Duration nonce_life = seconds{10};
  Duration spacing = seconds{1};  ///< of requests for one prefix
  double per_second = 500, burst = 50;
};

class Questions {
 public:
  Questions(const QuestionsTuning& tuning, Random& random)
      : tuning_{tuning}, random_{random}, recent_{most_recent}, rate_{tuning.per_second, tuning.burst} {}

  /// Not earlier than `delay` from now. When it is asked already, nothing changes but that it is asked anew where
  /// `question` is because of an SMR. False: too many.
  bool ask(TimePoint now, const Question& question, Duration delay = Duration{});
  bool is_asking(const EidPrefix& eid) const { return asked_.contains(eid); }
  std::size_t size() const { return asked_.size(); }

  /// Which question a nonce answers, nullptr for none; the nonce is worth nothing afterwards. Lives until the question
  /// is finished.
  const Question* take_nonce(TimePoint now, std::uint64_t nonce);
  /// Answered, or not of interest any more.
  void finish(const EidPrefix& eid);
  /// Prefixes in `covering` that are asked for.
  std::vector<EidPrefix> asked_in(const EidPrefix& covering) const;

  struct Outgoing {
    Question question;
    std::uint64_t nonce = 0;
    int attempt = 0;  ///< from 0: another Map-Resolver may be luckier
  };
  struct Actions {
    std::vector<Outgoing> send;
    std::vector<Question> given_up;
  };
  void on_time(TimePoint now, Actions& actions);
  TimePoint next_deadline() const;

 private:
  struct Asked {
    Question question;
    TimePoint due = never;
    int attempts = 0;
    std::vector<std::uint64_t> nonces;
  };
  static constexpr std::size_t most_recent = 1024;  ///< more than can be sent in a second

  void set_due(Asked& asked, TimePoint due);
  void forget_nonces(Asked& asked);
  void send(TimePoint now, Asked& asked, Actions& actions);

  QuestionsTuning tuning_;
  Random& random_;
  std::map<EidPrefix, Asked> asked_;
  std::set<std::pair<TimePoint, EidPrefix>> due_;
  struct Nonce {
    EidPrefix eid;
    TimePoint sent;
  };
  std::unordered_map<std::uint64_t, Nonce> nonces_;  ///< our own random numbers: no need of a keyed hash
  BoundedMap<EidPrefix, TimePoint> recent_;          ///< when it was sent for last, also by a finished question
  RateLimit rate_;
  TimePoint blocked_until_{};
};

}  // namespace ilnp::lisp
