// SPDX-License-Identifier: Apache-2.0
#include "core/site/subnet_map.h"

#include <algorithm>

#include "core/ipv6/checksum.h"

namespace ilnp {
namespace {

constexpr std::uint64_t subnet_word = 0xffff;

bool is_whole(const LocatorPrefix& prefix) {
  return prefix.length >= 1 && prefix.length <= 64 && (prefix.locator.bits & ~prefix.mask()) == 0;
}

/// `locator` with the prefix `from` exchanged for `to`. The shorter prefix counts as filled up with zeros to the length
/// of the longer one; what has other bits there has no place in the other prefix.
std::optional<Locator> exchange(Locator locator, const LocatorPrefix& from, const LocatorPrefix& to) {
  const std::uint64_t mask = LocatorPrefix{{}, std::max(from.length, to.length)}.mask();
  if ((locator.bits & mask) != from.locator.bits) return std::nullopt;
  return Locator{to.locator.bits | (locator.bits & ~mask)};
}

/// The subnet word takes up the difference, so that the sum stays the same.
std::optional<Locator> make_neutral(Locator before, Locator after) {
  if ((before.bits & subnet_word) == subnet_word) return std::nullopt;  // zero by another name: would not come back
  const std::uint64_t words = after.bits & ~subnet_word;
  std::uint16_t subnet = fold(std::uint64_t{sum_of(before)} + static_cast<std::uint16_t>(~sum_of(words)));
  if (subnet == subnet_word) subnet = 0;
  return Locator{words | subnet};
}

std::optional<Locator> map(Locator locator, const LocatorPrefix& from, const LocatorPrefix& to, Mapping mapping) {
  const auto exchanged = exchange(locator, from, to);
  return exchanged && mapping == Mapping::neutral ? make_neutral(locator, *exchanged) : exchanged;
}

}  // namespace

Result<void, MappingProblem> SubnetMap::add(const MappingRule& rule) {
  if (!is_whole(rule.inside) || !is_whole(rule.outside)) return MappingProblem::bad_length;
  if (rule.mapping == Mapping::hide && rule.outside.length != 64) return MappingProblem::bad_length;
  if (rule.mapping == Mapping::neutral && std::max(rule.inside.length, rule.outside.length) > neutral_limit)
    return MappingProblem::too_long;
  if (!is_global_unicast(rule.outside.locator)) return MappingProblem::not_global;
  for (const MappingRule& other : rules_) {
    if (other.uplink == rule.uplink && other.inside.overlaps(rule.inside)) return MappingProblem::overlaps_inside;
    if (other.outside.overlaps(rule.outside)) return MappingProblem::overlaps_outside;
  }
  if (rules_.size() == max_rules) return MappingProblem::too_many_rules;
  rules_.push_back(rule);
  return ok();
}

Result<void, MappingProblem> SubnetMap::replace(UplinkId uplink, const LocatorPrefix& inside,
                                                const LocatorPrefix& outside) {
  const auto old = std::find_if(rules_.begin(), rules_.end(), [&](const MappingRule& rule) {
    return rule.uplink == uplink && rule.inside == inside;
  });
  if (old == rules_.end()) return MappingProblem::no_such_rule;
  MappingRule rule = *old;
  rule.outside = outside;
  const std::vector<MappingRule> before = rules_;
  rules_.erase(old);
  auto added = add(rule);
  if (!added) rules_ = before;
  return added;
}

void SubnetMap::remove(UplinkId uplink) {
  std::erase_if(rules_, [&](const MappingRule& rule) { return rule.uplink == uplink; });
}

std::optional<Locator> SubnetMap::to_outside(Locator inside, UplinkId uplink) const {
  for (const MappingRule& rule : rules_) {
    if (rule.uplink != uplink || !rule.inside.contains(inside)) continue;
    if (rule.mapping == Mapping::hide) return rule.outside.locator;
    return map(inside, rule.inside, rule.outside, rule.mapping);
  }
  return std::nullopt;
}

std::optional<SubnetMap::Inside> SubnetMap::to_inside(Locator outside) const {
  for (const MappingRule& rule : rules_) {
    if (!rule.outside.contains(outside)) continue;
    if (rule.mapping == Mapping::hide) return Inside{rule.uplink, true, {}};
    const auto inside = map(outside, rule.outside, rule.inside, rule.mapping);
    if (!inside) return std::nullopt;
    return Inside{rule.uplink, false, *inside};
  }
  return std::nullopt;
}

bool SubnetMap::hides(Locator inside, UplinkId uplink) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const MappingRule& rule) {
    return rule.uplink == uplink && rule.mapping == Mapping::hide && rule.inside.contains(inside);
  });
}

bool SubnetMap::is_inside(Locator locator) const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [&](const MappingRule& rule) { return rule.inside.contains(locator); }) ||
         std::any_of(inside_.begin(), inside_.end(),
                     [&](const LocatorPrefix& prefix) { return prefix.contains(locator); });
}

bool SubnetMap::is_outside(Locator locator) const {
  return std::any_of(rules_.begin(), rules_.end(),
                     [&](const MappingRule& rule) { return rule.outside.contains(locator); });
}

}  // namespace ilnp
