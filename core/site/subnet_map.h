// SPDX-License-Identifier: Apache-2.0
// How a site's locators look outside: L_L inside, L_k by uplink k (RFC 6748 section 3). Without state, and one to one
// except for hidden ones.
//
// A neutral pair of locators has the same ones' complement sum, so that no checksum changes, not even one that is
// encrypted or in a packet of the old checksum mode: the subnet word takes up the difference of the prefixes (RFC 6296
// section 3.1). That needs both prefixes to be /48 or shorter, and leaves out subnet 0xffff. RFC 6296's rule for longer
// prefixes changes the lower half of the address, which is the NID, and is not used.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/base/result.h"
#include "core/site/locator_prefix.h"

namespace ilnp {

/// Number of an uplink, from 0.
using UplinkId = std::uint8_t;
inline constexpr std::size_t max_uplinks = 16;

enum class Mapping : std::uint8_t {
  neutral,  ///< checksums stay; both prefixes /48 or shorter
  replace,  ///< the prefix is exchanged and checksums are updated (RFC 1624)
  hide,     ///< every subnet appears as one locator; inbound packets need the table of NIDs
};

/// `neutral` needs prefixes that are no longer than this.
inline constexpr std::uint8_t neutral_limit = 48;

struct MappingRule {
  LocatorPrefix inside, outside;
  UplinkId uplink = 0;
  Mapping mapping = Mapping::neutral;
  bool operator==(const MappingRule&) const = default;
};

enum class MappingProblem : std::uint8_t {
  bad_length,        ///< a prefix length of 0 or above 64, or bits set beyond it; `hide` needs an outside /64
  too_long,          ///< `neutral` with a prefix longer than /48
  not_global,        ///< the outside prefix is not global unicast
  overlaps_inside,   ///< with another rule of the same uplink
  overlaps_outside,  ///< with another rule
  too_many_rules,
  no_such_rule,
};

/// For the operator.
constexpr const char* reason_of(MappingProblem problem) {
  constexpr const char* reasons[] = {
      "a prefix has bits beyond its length, or the outside prefix of mode \"hide\" is no /64",
      "mode \"neutral\" needs prefixes of /48 or shorter",
      "the outside prefix is not global unicast (2000::/3)",
      "overlaps the inside prefix of another mapping of this uplink",
      "overlaps the outside prefix of another mapping",
      "too many mappings",
      "there is no such mapping"};
  return reasons[static_cast<int>(problem)];
}

class SubnetMap {
 public:
  static constexpr std::size_t max_rules = 64;

  /// Changes nothing when there is a problem.
  Result<void, MappingProblem> add(const MappingRule& rule);
  /// The uplink has another prefix for these inside locators (a mobile network, RFC 6748): the old one is
  /// gone at once. To have both for a while, give the new one to another uplink number. Changes nothing when there is a
  /// problem, or no such rule.
  Result<void, MappingProblem> replace(UplinkId uplink, const LocatorPrefix& inside, const LocatorPrefix& outside);
  void remove(UplinkId uplink);
  /// They are inside, whether a rule names them or none does yet.
  void add_inside(const LocatorPrefix& inside) { inside_.push_back(inside); }
  const std::vector<MappingRule>& rules() const { return rules_; }

  /// What this inside locator is called by that uplink; nothing when no rule has room for it.
  std::optional<Locator> to_outside(Locator inside, UplinkId uplink) const;

  struct Inside {
    UplinkId uplink = 0;
    bool hidden = false;  ///< ask the table of NIDs
    Locator locator;      ///< unless hidden
  };
  /// Whose packet it is that comes for this outside locator; nothing when it belongs to no rule.
  std::optional<Inside> to_inside(Locator outside) const;

  /// Is it one of many that share a locator outside?
  bool hides(Locator inside, UplinkId uplink) const;
  bool is_inside(Locator locator) const;
  bool is_outside(Locator locator) const;

 private:
  std::vector<MappingRule> rules_;
  std::vector<LocatorPrefix> inside_;
};

}  // namespace ilnp
