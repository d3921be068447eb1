// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/lu_sender.h"

#include <algorithm>

namespace ilnp {

namespace {

/// At most two fresh bodies a second answer acknowledgements of other bodies.
constexpr Duration nudge_spacing = milliseconds{500};

/// Seconds: a locator whose lifetime is about to end is not worth an update every second.
constexpr std::uint16_t shortest_refresh = 15;

LocatorUpdate body_of(const std::vector<AdvertisedLocator>& set, std::uint8_t nudge) {
  LocatorUpdate update{LocatorUpdateOperation::advertisement, set};
  for (AdvertisedLocator& l : update.locators) {
    if (l.lifetime.count() > nudge) {
      l.lifetime = AdvertisedLocator{}.lifetime +
                   std::chrono::duration<std::uint16_t>{static_cast<std::uint16_t>(l.lifetime.count() - nudge)};
      break;
    }
  }
  return update;
}

/// Which nudge of this set the peer acknowledges; nullopt: another set.
std::optional<unsigned> nudge_of(const LocatorUpdate& update, const std::vector<AdvertisedLocator>& set,
                                 std::uint8_t max_nudge) {
  for (unsigned nudge = 0; nudge <= max_nudge; ++nudge)
    if (update.locators == body_of(set, static_cast<std::uint8_t>(nudge)).locators) return nudge;
  return std::nullopt;
}

/// Retransmissions before the peer may have taken our update for a replay.
constexpr int same_body_transmissions = 3;

}  // namespace

void LuSender::advertise(TimePoint now, Advertisement set, Duration jitter, bool urgent, const Tuning& tuning) {
  const Duration interval = urgent ? tuning.lu_urgent_interval : tuning.lu_min_interval;
  const bool sent_before = last_transmitted_ != TimePoint{};
  const TimePoint earliest = sent_before ? std::max(now, last_transmitted_ + interval) : now;
  pending_ = std::move(set);
  nudge_ = 0;
  told_ = 0;
  transmissions_ = 0;
  due_ = earliest + jitter;
  first_transmitted_ = never;
  state_ = State::delay;
}

void LuSender::start_over(TimePoint now, const Tuning& tuning) {
  if (state_ != State::wait) return;
  transmissions_ = 0;
  due_ = std::min(due_, std::max(now, last_transmitted_ + tuning.lu_urgent_interval));
}

bool LuSender::is_answered_by(const LocatorUpdate& acknowledgement) const {
  if (state_ == State::delay) return false;
  const Advertisement& set = state_ == State::wait ? pending_ : committed_;
  return set != nullptr && nudge_of(acknowledgement, *set, max_nudge);
}

LuSender::AckResult LuSender::on_acknowledgement(TimePoint now, const LocatorUpdate& acknowledgement) {
  if (state_ == State::delay || (state_ == State::idle && committed_ == nullptr)) return AckResult::unexpected;
  if (state_ == State::idle) {
    if (nudge_of(acknowledgement, *committed_, max_nudge)) return AckResult::unexpected;  // once more
    pending_ = committed_;
    state_ = State::wait;
    transmissions_ = 0;
  } else if (const auto nudge = nudge_of(acknowledgement, *pending_, max_nudge)) {
    // One from before the peer acknowledged something else may only have been late.
    if ((told_ >> *nudge & 1) == 0) return AckResult::unexpected;
    committed_ = std::move(pending_);
    pending_ = nullptr;
    committed_at_ = now;
    state_ = State::idle;
    return AckResult::committed;
  }
  nudge();
  told_ = 0;
  const TimePoint again = std::max(now, last_nudge_ + nudge_spacing);
  if (transmissions_ == 0 || again < due_) due_ = last_nudge_ = again;
  return AckResult::other_body;
}

TimePoint LuSender::refresh_at() const {
  if (state_ != State::idle || committed_ == nullptr) return never;
  std::uint16_t shortest = 0xffff;
  for (const AdvertisedLocator& l : *committed_) shortest = std::min(shortest, l.lifetime.count());
  return committed_at_ + 2 * Duration{seconds{std::max(shortest, shortest_refresh)}} / 3;
}

std::optional<LocatorUpdate> LuSender::on_time(TimePoint now, const Tuning& tuning, Random& random) {
  if (state_ == State::idle || due_ > now) return std::nullopt;
  if (transmissions_ == 0) first_transmitted_ = now;
  state_ = State::wait;
  const int doublings = std::min(transmissions_, 16);
  const Duration timeout = std::min(tuning.lu_first_timeout * (1 << doublings), tuning.lu_timeout_cap);
  const auto tenth = timeout.count() / 10;
  const auto spread = static_cast<Duration::rep>(random.u64() % static_cast<std::uint64_t>(2 * tenth + 1)) - tenth;
  due_ = now + timeout + Duration{spread};
  last_transmitted_ = now;
  if (transmissions_ >= same_body_transmissions) nudge();
  ++transmissions_;
  told_ = static_cast<std::uint16_t>(told_ | 1u << nudge_);
  return body_of(*pending_, nudge_);
}

}  // namespace ilnp
