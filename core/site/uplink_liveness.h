// SPDX-License-Identifier: Apache-2.0
// Whether an uplink carries packets to the world and back (RFC 6748 section 4.2 asks the border router to know before
// it steers). Three kinds of evidence: the link's carrier, the neighbour, and end-to-end probes; anything that arrives
// by the uplink is a proof as good as an answered probe, so that a busy uplink is not taken for a dead one when probes
// are lost.
//
// A probe without an answer after one interval (or twice the round trip where that is longer) makes the uplink suspect
// and starts probes four times as fast; another interval without any proof makes it down: three intervals at most from
// the failure. It comes back after a second of answered probes without a miss; an uplink that flaps waits twice as long
// each time.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/time.h"
#include "core/site/uplinks.h"

namespace ilnp {

struct LivenessTuning {
  Duration interval = milliseconds{100};
  int proofs_to_return = 10;  ///< answered probes in a row
  Duration longest_return = seconds{30};
  Duration forgive = seconds{60};  ///< without a failure, then a flap is forgotten
};

class UplinkLiveness {
 public:
  explicit UplinkLiveness(const LivenessTuning& tuning) : tuning_{tuning} {}

  /// Down until there is a carrier, and proofs enough.
  UplinkState state() const { return state_; }
  /// Smoothed round trip of the probes; zero before the first.
  Duration round_trip() const { return round_trip_; }
  std::uint64_t failures() const { return failures_; }
  /// For the answer to a probe.
  bool is_waiting() const { return waiting_since_ != never; }

  /// At the start nothing is known: with a carrier, it carries what there is (suspect) until the first probes say more.
  void begin(TimePoint now, bool carrier);
  void on_carrier(TimePoint now, bool up);
  /// The kernel found the gateway unreachable.
  void on_neighbour_failed(TimePoint now);
  /// A packet came from outside by this uplink.
  void on_proof();
  /// The answer to a probe of ours.
  void on_answer(TimePoint now, std::uint16_t sequence);

  /// Sequence number of a probe that is to be sent now, if one is; it counts as sent.
  std::optional<std::uint16_t> on_time(TimePoint now);
  TimePoint next_deadline() const { return next_probe_; }

 private:
  void fail(TimePoint now);
  void judge(TimePoint now);
  Duration patience() const { return std::max(tuning_.interval, 2 * round_trip_); }

  LivenessTuning tuning_;
  UplinkState state_ = UplinkState::down;
  bool carrier_ = false;
  TimePoint next_probe_ = never;
  TimePoint waiting_since_ = never;  ///< the first probe after the last proof was sent
  TimePoint last_failure_{};
  TimePoint good_since_ = never;  ///< while down: answered without a miss
  int proofs_ = 0, flaps_ = 0;
  std::uint16_t sequence_ = 0;
  std::array<TimePoint, 32> sent_{};  ///< by sequence number
  Duration round_trip_{};
  std::uint64_t failures_ = 0;
};

}  // namespace ilnp
