// SPDX-License-Identifier: Apache-2.0
// The prefix that a network that moves gets from the routers of an uplink (RFC 6748 section 8: mobile networks; RFC
// 4861 section 6.2.3). Only prefixes that are not on the link count: those are routed to whoever is told of them, as
// 3GPP networks do it, and no neighbour discovery is done for their addresses.
//
// There are two places, so that the old prefix can live beside the new one (a soft change): the one that is preferred
// has the better names, of two such ones the one that came later. A prefix ends when its lifetime does, when it is
// taken back, or when the link was lost, or another router has taken the place of the one that named it, and somebody
// else's prefixes are heard there (a hard change).
#pragma once

#include <array>
#include <optional>

#include "core/base/time.h"
#include "core/ipv6/neighbour_discovery.h"
#include "core/site/subnet_map.h"

namespace ilnp {

class LearntPrefixes {
 public:
  static constexpr std::size_t places = 2;

  /// `mapping` says which lengths can be used.
  explicit LearntPrefixes(Mapping mapping) : mapping_{mapping} {}

  // Each is true when another prefix is at a place, or another place is the better one.
  bool on_advertisement(TimePoint now, const RouterAdvertisement& message);
  bool on_time(TimePoint now);
  /// What is advertised when it comes back says whether this is still the same network.
  void on_link_lost();

  TimePoint next_deadline() const { return deadline_; }
  std::optional<LocatorPrefix> at(std::size_t place) const;
  /// The place with the better names; nothing: both are empty.
  std::optional<std::size_t> current() const { return view_.current; }
  /// Its prefix is not to be used for what is new (RFC 4862 section 5.5.4), or there is none: routers are to be asked.
  bool wants_news(TimePoint now) const;

 private:
  struct Entry {
    LocatorPrefix prefix;
    TimePoint since{}, heard{};
    TimePoint preferred_until{}, valid_until{};
    Address router{};
    std::optional<MacAddress> router_mac{};
    bool is_doubtful = false;  ///< the link was lost since
  };
  struct View {
    std::array<std::optional<LocatorPrefix>, places> prefixes{};
    std::optional<std::size_t> current{};
    bool operator==(const View&) const = default;
  };

  bool is_usable(const PrefixInformation& advertised) const;
  void forget_left(const RouterAdvertisement& message);
  void hear(TimePoint now, const PrefixInformation& advertised, const RouterAdvertisement& message);
  std::optional<Entry>* place_for(TimePoint now, const PrefixInformation& advertised);
  bool settle(TimePoint now);

  Mapping mapping_;
  std::array<std::optional<Entry>, places> entries_{};
  View view_;
  TimePoint deadline_ = never;
};

}  // namespace ilnp
