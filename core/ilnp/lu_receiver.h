// SPDX-License-Identifier: Apache-2.0
// Which Locator Updates of one peer are obeyed (RFC 6743 section 3). A Locator Update has no sequence number, so the
// digests of the last minute tell a retransmission (acknowledged again) from a late or replayed older one (dropped).
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/rate_limit.h"
#include "core/base/time.h"
#include "core/ilnp/locator_update.h"
#include "core/ilnp/tuning.h"

namespace ilnp {

class LuMemory {
 public:
  enum class Verdict : std::uint8_t {
    fresh,           ///< obey and remember
    retransmission,  ///< the one obeyed last: acknowledge again
    replay,          ///< an older one: drop
  };

  explicit LuMemory(const Tuning& tuning) : rate_{tuning.lu_rate, tuning.lu_burst} {}

  using ShortDigest = std::array<std::uint8_t, 16>;

  /// False when the peer sends too many: drop, it will retransmit.
  bool allow(TimePoint now) { return rate_.allow(now); }
  static ShortDigest digest(const LocatorUpdate& update, Hasher& hasher);
  Verdict judge(TimePoint now, const ShortDigest& digest, const Tuning& tuning);
  /// The update is obeyed: it is the latest now.
  void remember(TimePoint now, const ShortDigest& digest);

  struct Seen {
    ShortDigest digest;
    TimePoint at;
  };
  static constexpr std::size_t max_seen = 64;
  /// For the state file: a restart must not make old updates look new. Oldest first.
  const std::vector<Seen>& seen() const { return seen_; }
  void restore(const Seen& seen) {
    if (seen_.size() < max_seen) seen_.push_back(seen);
  }
  /// What another machine has seen of the same peer; the latest of both is the one obeyed.
  void merge(const LuMemory& other);

 private:
  RateLimit rate_;
  std::vector<Seen> seen_;  ///< oldest first; the last one is the one obeyed
};

/// Why an advertised locator is left out.
struct SanitiseContext {
  const std::vector<Locator>& own;  ///< a peer can't be at our own locators, or at an identity prefix ...
  Locator on_link;                  ///< ... except the one of the link that this update arrived on
};

/// Drops locators that no peer can have (Tuning::may_locate, ours, repeated, lifetime 0) and keeps the preferred ones
/// of the rest, at most lu_max_accepted_locators.
std::vector<AdvertisedLocator> sanitise(const LocatorUpdate& update, const SanitiseContext& context,
                                        const Tuning& tuning);

}  // namespace ilnp
