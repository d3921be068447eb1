// SPDX-License-Identifier: Apache-2.0
// Where a node that may be in either world is, as the gateways of a site see it, and what follows when that changes.
// Data keep flowing in every state; what differs is who is told.
//
//   unknown      nobody has said anything.                seen_elsewhere() -> lisp_remote; arrived() -> moving_in
//   lisp_remote  another xTR has registered it.           arrived() -> moving_in
//   moving_in    it is here, the mapping system is told.  registered(), after 60 s -> here; not_here() -> lisp_remote
//   here         we are its ETR.                          transferred(), claimed_elsewhere() while it is silent ->
//                                                         moving_out; not_here() -> lisp_remote
//   moving_out   it has gone, its clients are told.       told_everybody(), after 30 s -> away; arrived() -> moving_in
//   away         late packets are sent after it.          after 60 s -> lisp_remote; arrived() -> moving_in
//
// From every state: locators_gone() for 10 s -> unknown. Over a restart saved() and restore() keep the last four.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/time.h"
#include "core/lisp/mapping.h"

namespace ilnp::lisp {

/// Of two who claim a node the one with the higher epoch has it.
struct Epoch {
  std::uint64_t time = 0;  ///< nonce of the registration: microseconds since 1970
  XtrIdentity owner;       ///< decides between equal times
  auto operator<=>(const Epoch& other) const {
    if (const auto by_time = time <=> other.time; by_time != 0) return by_time;
    if (const auto by_site = owner.site <=> other.owner.site; by_site != 0) return by_site;
    return owner.xtr <=> other.owner.xtr;
  }
  bool operator==(const Epoch&) const = default;
};

struct PresenceTuning {
  Duration notify_expected = seconds{5}, moving_in_at_most = seconds{60};
  Duration moving_out_at_most = seconds{30};
  Duration relay_for = seconds{60};
  Duration hold = seconds{10};          ///< without a locator, before it is withdrawn
  Duration silent = seconds{1};         ///< who says nothing for so long may have left
  Duration claims_apart = seconds{10};  ///< one answer to a foreign claim in this time
  Duration asked_for = seconds{1};      ///< after a restart: the mapping system, before it is registered again
};

struct PresenceAction {
  enum class Kind : std::uint8_t {
    deliver,           ///< its packets go to it here from now on
    register_it,       ///< with every Map-Server
    transfer,          ///< TRANSFER to the locators of `record`, which had it
    transfer_back,     ///< it stayed there: TRANSFER that names the locators of `record`
    client_log,        ///< CLIENT-LOG to the locators of `record`, which have it now
    announce,          ///< UPDATE or SMR to its clients
    confirmed,         ///< the mapping system knows: Solicit-Map-Requests may leave
    stop_registering,  ///< without a word: the new owner registers
    withdraw,
    relay,  ///< what comes for it goes on to the locators of `record`
    stop_relaying,
    prefetch,  ///< a move is expected: ask for its mapping, hand over the client log, probe more often
    alarm_unregistered,
    alarm_dual_claim,
  };
  Kind kind;
  MappingRecord record{};
};

struct SavedPresence;

class EidPresence {
 public:
  enum class State : std::uint8_t { unknown, lisp_remote, moving_in, here, moving_out, away };

  EidPresence(const EidPrefix& eid, PresenceTuning tuning) : eid_{eid}, tuning_{tuning} {}

  State state() const { return state_; }
  /// It says no more than the map-cache.
  bool is_settled() const { return state_ == State::unknown || state_ == State::lisp_remote; }
  /// Who has it, or had it before us.
  const std::optional<MappingRecord>& elsewhere() const { return elsewhere_; }

  using Actions = std::vector<PresenceAction>;
  /// A mapping of others: from a Map-Reply, a publication, or because data came.
  void seen_elsewhere(const MappingRecord& record);
  /// ARRIVE, its first packet or Locator Update, or neighbour discovery says that it is here. `epoch`: ours.
  void arrived(TimePoint now, const Epoch& epoch, Actions& actions);
  /// A Map-Server confirmed it.
  void registered(Actions& actions);
  /// It did not come: the hypervisor's copy failed.
  void not_here(Actions& actions);
  /// Its locators here changed.
  void changed(Actions& actions);
  /// An authenticated new owner says so. False: ours is the newer claim, it is not obeyed.
  bool transferred(TimePoint now, const MappingRecord& record, const Epoch& epoch, Actions& actions);
  /// The mapping system says so: a Map-Server's notice, or its answer after a hint. Whether it still talks to us shows
  /// a moment later, when its last words here were a moment ago.
  void claimed_elsewhere(TimePoint now, const MappingRecord& record, Actions& actions);
  /// It sent something here.
  void heard(TimePoint now) { last_heard_ = now; }
  /// It has stopped here: whoever else has it is believed at once.
  void stopped() { last_heard_ = TimePoint{}; }
  void told_everybody(TimePoint now);
  void locators_gone(TimePoint now);
  void locators_back() { gone_at_ = never; }
  /// For the next run; nothing in unknown and lisp_remote.
  std::optional<SavedPresence> saved(TimePoint now) const;
  /// In a new one: goes on as it was. What was moving in arrives once more. What was here is delivered at once, and
  /// registered when the mapping system names nobody else, or says nothing; who has it by now is not disturbed.
  void restore(TimePoint now, const SavedPresence& saved, Actions& actions);
  /// After that: the mapping system names nobody else.
  void unclaimed(Actions& actions);
  /// An orchestrator says that it is going to move.
  void will_move(Actions& actions) const { actions.push_back({PresenceAction::Kind::prefetch}); }

  void on_time(TimePoint now, Actions& actions);
  TimePoint next_deadline() const;

 private:
  using Kind = PresenceAction::Kind;
  bool is_ours() const { return state_ == State::moving_in || state_ == State::here; }
  void decide_claim(TimePoint now, Actions& actions);
  void go_out(TimePoint now, const MappingRecord& record, Actions& actions);

  EidPrefix eid_;
  PresenceTuning tuning_;
  State state_ = State::unknown;
  Epoch epoch_;
  std::optional<MappingRecord> elsewhere_;
  bool is_alarmed_ = false;  ///< moving_in: the Map-Notify is late
  TimePoint since_{};
  TimePoint last_heard_{};
  std::optional<MappingRecord> claim_;  ///< undecided, until now - claimed_at_ > silent
  TimePoint claimed_at_{};
  TimePoint last_claim_ = never;  ///< that was answered
  TimePoint relay_until_ = never;
  TimePoint gone_at_ = never;
  TimePoint register_at_ = never;  ///< here, since a restart: unless it is claimed before
};

/// What a gateway that starts anew has to know of an EID.
struct SavedPresence {
  EidPrefix eid;
  EidPresence::State state{};  ///< moving_in, here, moving_out or away
  Epoch epoch{};
  std::optional<MappingRecord> elsewhere{};  ///< moving_out, away: there is one
  Duration relay_left{};                     ///< moving_out, away
  std::vector<RlocRecord> rlocs{};           ///< moving_in, here: registered instead of ours
  bool operator==(const SavedPresence&) const = default;
};

}  // namespace ilnp::lisp
