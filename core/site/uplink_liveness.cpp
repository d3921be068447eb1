// SPDX-License-Identifier: Apache-2.0
#include "core/site/uplink_liveness.h"

#include <algorithm>

namespace ilnp {

void UplinkLiveness::begin(TimePoint now, bool carrier) {
  on_carrier(now, carrier);
  if (carrier) state_ = UplinkState::suspect;
}

void UplinkLiveness::on_carrier(TimePoint now, bool up) {
  if (up == carrier_) return;
  carrier_ = up;
  if (!up) {
    fail(now);
    next_probe_ = never;
    return;
  }
  next_probe_ = now;
}

void UplinkLiveness::on_neighbour_failed(TimePoint now) { fail(now); }

void UplinkLiveness::fail(TimePoint now) {
  proofs_ = 0;
  good_since_ = waiting_since_ = never;
  if (state_ == UplinkState::down) return;
  state_ = UplinkState::down;
  ++failures_;
  flaps_ = now - last_failure_ < tuning_.forgive ? std::min(flaps_ + 1, 16) : 0;
  last_failure_ = now;
}

void UplinkLiveness::on_proof() {
  if (state_ == UplinkState::down) return;  // only probes bring it back: the way out must work as well
  waiting_since_ = never;
  state_ = UplinkState::up;
}

void UplinkLiveness::on_answer(TimePoint now, std::uint16_t sequence) {
  if (!carrier_ || static_cast<std::uint16_t>(sequence_ - 1 - sequence) >= sent_.size()) return;
  TimePoint& sent = sent_[sequence % sent_.size()];
  if (sent == TimePoint{}) return;  // answered already
  const Duration sample = now - sent;
  round_trip_ = round_trip_ == Duration{} ? sample : round_trip_ + (sample - round_trip_) / 8;
  sent = {};
  waiting_since_ = never;
  if (state_ != UplinkState::down) {
    state_ = UplinkState::up;
    return;
  }
  if (proofs_++ == 0) good_since_ = now;
  const Duration usual = tuning_.interval * (tuning_.proofs_to_return - 1);
  const Duration wanted = std::min<Duration>(usual * (std::int64_t{1} << flaps_), tuning_.longest_return);
  if (proofs_ >= tuning_.proofs_to_return && now - good_since_ >= wanted) state_ = UplinkState::up;
}

void UplinkLiveness::judge(TimePoint now) {
  if (waiting_since_ == never) return;
  const Duration waited = now - waiting_since_;
  if (state_ == UplinkState::down) {
    if (waited >= patience()) proofs_ = 0, waiting_since_ = never;
  } else if (waited >= patience() + tuning_.interval) {
    fail(now);
  } else if (waited >= patience()) {
    state_ = UplinkState::suspect;
  }
}

std::optional<std::uint16_t> UplinkLiveness::on_time(TimePoint now) {
  judge(now);
  if (next_probe_ > now) return std::nullopt;
  if (waiting_since_ == never) waiting_since_ = now;
  sent_[sequence_ % sent_.size()] = now;
  next_probe_ = now + (state_ == UplinkState::suspect ? tuning_.interval / 4 : tuning_.interval);
  return sequence_++;
}

}  // namespace ilnp
