// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/learnt_names.h"

#include <algorithm>
#include <utility>

#include "io/settings/configuration.h"
#include "io/telemetry/log.h"

namespace ilnp {
LearntNames::LearntNames(const SbrSettings& settings, SiteRewriter& rewriter)
    : settings_{settings}, rewriter_{rewriter} {
  for (std::size_t k = 0; k < settings.uplinks.size(); ++k) {
    const auto& learnt = settings.uplinks[k].learnt;
    if (!learnt) continue;
    learnt_.emplace(static_cast<UplinkId>(k), Learnt{LearntPrefixes{learnt->mapping}});
    rewriter_.map().add_inside(learnt->inside);
  }
}

UplinkId LearntNames::number_of(UplinkId id, std::size_t place) const {
  return place == 0 ? id : settings_.uplinks[id].learnt->other;
}

bool LearntNames::on_carrier(TimePoint now, UplinkId id, bool up) {
  const auto found = learnt_.find(id);
  if (found == learnt_.end()) return false;
  Learnt& learnt = found->second;
  if (!up) learnt.prefixes.on_link_lost();
  const bool came_up = !std::exchange(learnt.carrier, up) && up;
  return came_up && learnt.prefixes.wants_news(now);
}

bool LearntNames::on_advertisement(TimePoint now, UplinkId id, const RouterAdvertisement& message) {
  const auto found = learnt_.find(id);
  if (found == learnt_.end() || !found->second.prefixes.on_advertisement(now, message)) return false;
  install(id, found->second);
  return true;
}

std::vector<UplinkId> LearntNames::on_time(TimePoint now) {
  std::vector<UplinkId> changed;
  for (auto& [id, learnt] : learnt_) {
    if (!learnt.prefixes.on_time(now)) continue;
    install(id, learnt);
    changed.push_back(id);
  }
  return changed;
}

TimePoint LearntNames::next_deadline() const {
  TimePoint next = never;
  for (const auto& [id, learnt] : learnt_) next = std::min(next, learnt.prefixes.next_deadline());
  return next;
}

bool LearntNames::wants_news(TimePoint now, UplinkId id) const {
  const auto found = learnt_.find(id);
  return found != learnt_.end() && found->second.prefixes.wants_news(now);
}

void LearntNames::install(UplinkId id, Learnt& learnt) {
  const UplinkSettings& uplink = settings_.uplinks[id];
  for (std::size_t place = 0; place < LearntPrefixes::places; ++place) rewriter_.map().remove(number_of(id, place));
  std::string now, former;
  for (std::size_t place = 0; place < LearntPrefixes::places; ++place) {
    const auto prefix = learnt.prefixes.at(place);
    learnt.installed.at(place) = false;
    if (!prefix) continue;
    const MappingRule rule{uplink.learnt->inside, *prefix, number_of(id, place), uplink.learnt->mapping};
    if (const auto added = rewriter_.map().add(rule); !added) {
      log_event(LogLevel::warning, "prefix_not_usable",
                {{"uplink", uplink.name}, {"prefix", to_text(*prefix)}, {"reason", reason_of(added.error())}});
      continue;
    }
    learnt.installed.at(place) = true;
    (learnt.prefixes.current() == place ? now : former) = to_text(*prefix);
  }
  log_event(LogLevel::info, "prefix_changed", {{"uplink", uplink.name}, {"prefix", now}, {"former", former}});
}

std::vector<LearntNames::Names> LearntNames::of(UplinkId id) const {
  const auto found = learnt_.find(id);
  if (found == learnt_.end()) return {{id}};
  const Learnt& learnt = found->second;
  std::vector<Names> out;
  for (std::size_t place = 0; place < LearntPrefixes::places; ++place)
    out.push_back({number_of(id, place), learnt.installed.at(place), learnt.prefixes.current() != place});
  return out;
}

std::vector<LocatorPrefix> LearntNames::prefixes(UplinkId id) const {
  std::vector<Names> numbers = of(id);
  std::stable_sort(numbers.begin(), numbers.end(),
                   [](const Names& a, const Names& b) { return a.are_former < b.are_former; });
  std::vector<LocatorPrefix> out;
  for (const Names& names : numbers)
    for (const MappingRule& rule : rewriter_.map().rules())
      if (rule.uplink == names.number) out.push_back(rule.outside);
  return out;
}

}  // namespace ilnp
