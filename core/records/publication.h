// SPDX-License-Identifier: Apache-2.0
// Keeps one name in the DNS equal to what its node wants published. A machine without I/O: set_desired(),
// network_changed(), on_outcome() and on_time() return the update to send, if any; next_deadline() says when on_time()
// wants to be called.
//
// Invariants: at most one update is in flight; the first change goes out at once, later ones at most every 500 ms, each
// carrying the newest state only. Retries back off from 1 to 60 s (30 s after a network change, until the next
// success). Ownership is found out by prerequisites (update_plan.h): "the NIDs are ours" first, then "there are none",
// and when neither holds the name is another node's. That, and every answer that says "not you" (BADSIG, BADKEY,
// REFUSED, NOTAUTH, NOTZONE), stops the hurry: it is reported and tried again every ten minutes or when the wish
// changes. BADTIME: the server's clock is adopted, and the update sent again once (RFC 8945 section 5.2.3).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "core/base/time.h"
#include "core/records/update_plan.h"

namespace ilnp {

/// How one update ended; the reply's signature was verified before `rcode` was believed.
struct UpdateOutcome {
  enum class Kind : std::uint8_t {
    answered,          ///< `rcode` holds
    bad_signature,     ///< the server refused our signature (BADSIG), or its own did not verify
    bad_key,           ///< BADKEY: the server doesn't know the key
    bad_time,          ///< BADTIME; `clock_offset` says by how much the server's clock is ahead of ours
    unsigned_refusal,  ///< an error without a signature: anybody may have sent it, so it is only a hint
    no_answer          ///< timeout, unreachable, connection closed
  } kind = Kind::no_answer;
  unsigned rcode = 0;
  seconds clock_offset{};
  std::string detail;  ///< for the operator
};
const char* to_string(UpdateOutcome::Kind kind);

struct PublicationTuning {
  Duration coalesce = milliseconds{500};
  Duration first_retry = seconds{1};
  Duration longest_retry = seconds{60};
  Duration longest_retry_after_change = seconds{30};
  Duration refused_retry = std::chrono::minutes{10};
};

struct PublicationSettings {
  DnsName zone;
  DnsName name;
  TtlPolicy ttls = TtlPolicy::mobile();
  bool manage_nids = true;  ///< false: an operator writes the NID, our key may write L64 and AAAA only
  bool take_over = false;   ///< publish whatever NIDs the name holds: for a node that lost its NID
  PublicationTuning tuning;
  /// What an earlier run may have left, as far as we would not touch it otherwise: deleted when it is not wanted.
  std::optional<PublishedState> left_behind{};
};

struct PublicationEvent {
  enum class Kind : std::uint8_t { published, retrying, refused, taken_by_another } kind;
  std::string detail;
};

class Publication {
 public:
  enum class State : std::uint8_t {
    idle,       ///< nothing wanted yet, or everything wanted is acknowledged
    waiting,    ///< a change or a retry waits for its time
    in_flight,  ///< an update was sent; its outcome is awaited
    stopped     ///< refused; slow retry
  };
  struct Actions {
    std::optional<UpdatePlan> send;
    std::vector<PublicationEvent> events;
  };

  explicit Publication(PublicationSettings settings) : settings_{std::move(settings)} {}

  Actions set_desired(TimePoint now, PublishedState desired);
  /// A link came, went or changed: whatever waits for a retry is tried now.
  Actions network_changed(TimePoint now);
  Actions on_outcome(TimePoint now, const UpdateOutcome& outcome);
  Actions on_time(TimePoint now);
  std::optional<TimePoint> next_deadline() const;

  State state() const { return state_; }
  /// What is wanted is what the server acknowledged.
  bool settled() const { return desired_ && acknowledged_ == desired_; }
  const std::optional<PublishedState>& desired() const { return desired_; }
  const std::optional<PublishedState>& acknowledged() const { return acknowledged_; }
  const std::string& last_problem() const { return last_problem_; }
  unsigned failures() const { return failures_; }
  const PublicationSettings& settings() const { return settings_; }

 private:
  std::vector<NidGuard> guards() const;
  Actions send(TimePoint now);
  Actions succeed(TimePoint now);
  Actions prerequisite_failed(TimePoint now);
  Actions retry_later(TimePoint now, const std::string& why);
  Actions stop(TimePoint now, PublicationEvent::Kind kind, const std::string& why);
  Duration retry_delay() const;

  PublicationSettings settings_;
  State state_ = State::idle;
  std::optional<PublishedState> desired_;
  std::optional<PublishedState> acknowledged_;
  std::optional<PublishedState> sent_;
  std::optional<TimePoint> due_;
  std::optional<TimePoint> last_sent_;
  std::size_t guard_ = 0;  ///< which of guards() the next update takes
  bool resynced_ = false;
  bool after_network_change_ = false;
  unsigned failures_ = 0;  ///< in a row
  std::string last_problem_;
};
const char* to_string(Publication::State state);

}  // namespace ilnp
