// SPDX-License-Identifier: Apache-2.0
// Tells one peer about our Locators until it has acknowledged them (RFC 6743): one update outstanding, the newest
// wins, retransmission from 0.2 s doubling to 4 s.
//
//   idle    nothing to tell.                               advertise() -> delay
//   delay   waits for jitter or for the minimum interval.  due -> wait
//   wait    transmitted, not acknowledged.                 matching acknowledgement -> idle
//
// An update has no sequence number. The peer may have obeyed a late older one after ours and take ours for a replay, or
// acknowledge the older one after ours: both end by telling it again with a body that it has not seen.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/ilnp/locator_update.h"
#include "core/ilnp/tuning.h"

namespace ilnp {

/// Shared by every peer that is told the same.
using Advertisement = std::shared_ptr<const std::vector<AdvertisedLocator>>;

class LuSender {
 public:
  enum class State : std::uint8_t { idle, delay, wait };
  enum class AckResult : std::uint8_t {
    committed,   ///< the peer holds what we told it last
    other_body,  ///< it holds an older or reordered update: told again with a fresh body
    unexpected,  ///< nothing was outstanding
  };

  /// The set changed. `jitter` spreads a fan-out; `urgent`: the locators that the peer uses are gone.
  void advertise(TimePoint now, Advertisement set, Duration jitter, bool urgent, const Tuning& tuning);
  /// The peer turns out to be elsewhere: what was sent went to where it is not. If something is unacknowledged, it is
  /// sent again now, and counting starts anew.
  void start_over(TimePoint now, const Tuning& tuning);
  /// It is the acknowledgement of what the peer is told, or was told last.
  bool is_answered_by(const LocatorUpdate& acknowledgement) const;
  AckResult on_acknowledgement(TimePoint now, const LocatorUpdate& acknowledgement);
  /// The body to transmit now, if one is due; sets the next retransmission (+-10 % by `random`).
  std::optional<LocatorUpdate> on_time(TimePoint now, const Tuning& tuning, Random& random);
  TimePoint next_deadline() const { return state_ == State::idle ? never : due_; }

  State state() const { return state_; }
  bool unacknowledged() const { return state_ != State::idle; }
  int transmissions() const { return transmissions_; }
  /// When the outstanding update was first transmitted.
  TimePoint first_transmitted() const { return first_transmitted_; }
  const Advertisement& committed() const { return committed_; }
  TimePoint committed_at() const { return committed_at_; }
  /// When two thirds of the shortest lifetime that the peer was told are over; never when nothing is committed.
  TimePoint refresh_at() const;

 private:
  State state_ = State::idle;
  std::uint8_t nudge_ = 0;  ///< seconds taken off the first lifetime so that the body differs
  void nudge() { nudge_ = static_cast<std::uint8_t>(nudge_ % max_nudge + 1); }
  static constexpr std::uint8_t max_nudge = 8;
  std::uint16_t told_ = 0;  ///< one bit per nudge: bodies transmitted since the peer last acknowledged something else
  int transmissions_ = 0;
  TimePoint due_ = never;
  TimePoint first_transmitted_ = never;
  TimePoint last_transmitted_{};
  TimePoint last_nudge_{};
  TimePoint committed_at_{};
  Advertisement pending_;
  Advertisement committed_;
};

}  // namespace ilnp
