// SPDX-License-Identifier: Apache-2.0
// What a site publishes for all its nodes at once: the outside locators of a subnet, as the one L64 set at the name
// that the LP records of the nodes point to (RFC 6742 section 2.4; RFC 6748: one update for a network that
// moves, whatever the number of nodes in it).
//
// What is published follows the uplinks with hysteresis: a change counts when it has lasted, so that an uplink that
// flaps ten times a second causes no update each time; but nothing that is out of date stays for longer than `latest`,
// and names of which none works any more are replaced at once.
#pragma once

#include <optional>
#include <vector>

#include "core/base/time.h"
#include "core/site/outside_names.h"

namespace ilnp {

struct SitePublicationTuning {
  Duration settle = seconds{2};
  Duration latest = seconds{30};
  Duration at_once = milliseconds{200};  ///< nothing that is published works
};

/// One for each name.
class SitePublication {
 public:
  /// `subnet` is the inside locator; the preferences of uplinks become those of the records.
  SitePublication(Locator subnet, const SitePublicationTuning& tuning) : subnet_{subnet}, tuning_{tuning} {}

  /// After each change of uplinks or rules.
  void names_changed(TimePoint now, const SubnetMap& map, const Uplinks& uplinks);
  /// What is to be published from now on, when that is another set than before; best first. Never empty: while no
  /// uplink works, what was published stays.
  std::optional<std::vector<AdvertisedLocator>> on_time(TimePoint now);
  TimePoint next_deadline() const { return due_; }

  const std::vector<AdvertisedLocator>& published() const { return published_; }

 private:
  Locator subnet_;
  SitePublicationTuning tuning_;
  std::vector<AdvertisedLocator> wanted_, published_;
  TimePoint differs_since_ = never;
  TimePoint due_ = never;
};

}  // namespace ilnp
