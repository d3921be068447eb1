// SPDX-License-Identifier: Apache-2.0
#include "core/site/site_publication.h"

#include <algorithm>

namespace ilnp {
namespace {

constexpr std::uint16_t best_preference = 10;

bool share_one(const std::vector<AdvertisedLocator>& a, const std::vector<AdvertisedLocator>& b) {
  return std::any_of(a.begin(), a.end(), [&](const AdvertisedLocator& x) {
    return std::any_of(b.begin(), b.end(), [&](const AdvertisedLocator& y) { return x.locator == y.locator; });
  });
}

}  // namespace

void SitePublication::names_changed(TimePoint now, const SubnetMap& map, const Uplinks& uplinks) {
  auto names = outside_names(map, uplinks, {subnet_, best_preference, {}});
  if (names == wanted_ || names.empty()) return;
  wanted_ = std::move(names);
  if (wanted_ == published_) {
    differs_since_ = due_ = never;
    return;
  }
  if (differs_since_ == never) differs_since_ = now;
  due_ = share_one(wanted_, published_) ? std::min(now + tuning_.settle, differs_since_ + tuning_.latest)
                                        : std::min(now + tuning_.at_once, differs_since_ + tuning_.settle);
}

std::optional<std::vector<AdvertisedLocator>> SitePublication::on_time(TimePoint now) {
  if (now < due_) return std::nullopt;
  differs_since_ = due_ = never;
  published_ = wanted_;
  return published_;
}

}  // namespace ilnp
