// SPDX-License-Identifier: Apache-2.0
// What the uplinks call the nodes inside, where that is learnt: the prefixes that routers advertise become rules of the
// rewriter's map. Such an uplink has two numbers, that of its place and UplinkSettings::Learnt::other, so that flows
// that know only the old prefix can keep it while it lives. Configured prefixes are here for good.
#pragma once

#include <map>
#include <vector>

#include "core/site/learnt_prefixes.h"
#include "sbr/src/settings.h"

namespace ilnp {

class LearntNames {
 public:
  /// What one number of an uplink stands for.
  struct Names {
    UplinkId number = 0;
    bool exist = true;
    bool are_former = false;  ///< there are better ones
  };

  /// Both outlive it.
  LearntNames(const SbrSettings& settings, SiteRewriter& rewriter);

  /// True: routers should be asked at once.
  bool on_carrier(TimePoint now, UplinkId id, bool up);
  /// True: the uplink has other names.
  bool on_advertisement(TimePoint now, UplinkId id, const RouterAdvertisement& message);
  /// Uplinks that have other names.
  std::vector<UplinkId> on_time(TimePoint now);
  TimePoint next_deadline() const;

  bool wants_news(TimePoint now, UplinkId id) const;
  std::vector<Names> of(UplinkId id) const;
  /// Outside prefixes, the best first.
  std::vector<LocatorPrefix> prefixes(UplinkId id) const;

 private:
  struct Learnt {
    LearntPrefixes prefixes;
    std::array<bool, LearntPrefixes::places> installed{};
    bool carrier = false;
  };
  UplinkId number_of(UplinkId id, std::size_t place) const;
  void install(UplinkId id, Learnt& learnt);

  const SbrSettings& settings_;
  SiteRewriter& rewriter_;
  std::map<UplinkId, Learnt> learnt_;
};

}  // namespace ilnp
