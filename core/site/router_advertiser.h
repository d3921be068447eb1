// SPDX-License-Identifier: Apache-2.0
// When a router advertises itself on a link (RFC 4861 section 6.2): a few times after the link came up, then now and
// then; after a solicitation with a random delay, not more often than the RFC allows; and at once when a node arrives
// that must learn where it is. What is said is the caller's.
#pragma once

#include "core/base/crypto.h"
#include "core/base/time.h"

namespace ilnp {

struct AdvertiserTuning {
  Duration longest = seconds{30};          ///< MaxRtrAdvInterval; the shortest is a third of it
  Duration initial = seconds{1};           ///< between the first three; RFC 4861 allows up to 16 s
  Duration max_delay = milliseconds{500};  ///< MAX_RA_DELAY_TIME
  /// MIN_DELAY_BETWEEN_RAS is 3 s; RFC 6275 section 7.5 allows this for links with mobile nodes.
  Duration min_between = milliseconds{30};
};

class RouterAdvertiser {
 public:
  RouterAdvertiser(const AdvertiserTuning& tuning, Random& random) : tuning_{tuning}, random_{&random} {}

  /// The link carries packets, or does not.
  void on_link(TimePoint now, bool up);
  void on_solicitation(TimePoint now);
  /// As soon as may be.
  void announce(TimePoint now);

  /// True: send an advertisement now.
  bool on_time(TimePoint now);
  TimePoint next_deadline() const { return next_; }

 private:
  Duration between(Duration from, Duration to);
  static constexpr int initial_count = 3;  ///< MAX_INITIAL_RTR_ADVERTISEMENTS

  AdvertiserTuning tuning_;
  Random* random_;
  bool up_ = false;
  TimePoint next_ = never, last_{};
  int sent_ = 0;
};

}  // namespace ilnp
