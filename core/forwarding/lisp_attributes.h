// SPDX-License-Identifier: Apache-2.0
// What a set of ILNP locators is as a LISP mapping, and the other way round. ILNP says per locator a preference and a
// lifetime; LISP says per RLOC a priority and a weight, and a TTL for all. An ILNP node takes no packets out of
// tunnels: the RLOCs are those of the gateways of the places where it is.
//
// Order is kept, distances are not. Pure functions; what changes with time is in NodeLocators.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "core/base/time.h"
#include "core/ilnp/locator_update.h"
#include "core/lisp/mapping.h"

namespace ilnp {

/// Which RLOCs are registered for a node.
enum class RlocMode : std::uint8_t {
  anchor,    ///< those of the gateway group, wherever it is
  per_site,  ///< those of the gateways at its locators
  hybrid,    ///< the same, and behind them the gateway group
};

struct GatewayRloc {
  lisp::IpAddress address;
  bool is_own = false;    ///< of this gateway
  std::uint8_t rank = 0;  ///< among anchors, lower is better; of equals each gets its share
};

struct LispPlaces {
  RlocMode mode = RlocMode::hybrid;
  std::map<Locator, std::vector<GatewayRloc>> gateways;  ///< of the site that has this locator
  std::vector<GatewayRloc> anchors;
  std::uint32_t ttl_cap = 5;  ///< minutes; five for nodes that move, a day for others
};

/// Most RLOCs of a record: one with IPv6 RLOCs stays below 1232 octets, and so do requests and replies.
inline constexpr std::size_t most_record_rlocs = 32;

/// The record to register for `eid`. `live`: in use, their lifetimes not zero; a locator without a gateway leaves its
/// packets to the anchors. `gone`: registered once more, as not to be used. No live ones, or nowhere to send to: a
/// withdrawal (TTL 0).
lisp::MappingRecord to_mapping(const lisp::EidPrefix& eid, std::span<const AdvertisedLocator> live,
                               std::span<const Locator> gone, const LispPlaces& places);

/// Where ILNP nodes enter to reach what is behind an RLOC.
struct LispEntries {
  std::map<lisp::IpAddress, Locator> by_rloc;
  Locator own{};  ///< this gateway's: for RLOCs that are no gateway's
};

/// What correspondents of a node behind `record` are told: each entry once, best first. Empty: nobody reaches it.
std::vector<AdvertisedLocator> to_locators(const lisp::MappingRecord& record, const LispEntries& entries);

/// The locators of one node as they came in Locator Updates, over time. After each call the record may be another one:
/// to_mapping(live(), gone()), and when is_withdrawn(), none.
class NodeLocators {
 public:
  static constexpr std::size_t most = 16;

  /// `hold`: how long a node without any locator keeps its mapping.
  explicit NodeLocators(Duration hold = seconds{10}) : hold_{hold} {}

  /// A Locator Update tells the whole set (RFC 6743 section 2). What is not in it any more, or has no lifetime, is
  /// gone.
  void replace(TimePoint now, std::span<const AdvertisedLocator> told);
  /// A registration that says what is gone was confirmed: it is not said again.
  void registered() { gone_.clear(); }
  /// Locators whose lifetime has ended leave.
  void on_time(TimePoint now);
  TimePoint next_deadline() const;

  /// The best first, with the lifetimes that they were told with; while a node without locators is held, those that it
  /// had last.
  std::vector<AdvertisedLocator> live() const;
  const std::vector<Locator>& gone() const { return gone_; }
  bool is_held() const { return held_until_ != never; }
  bool is_withdrawn() const { return live_.empty(); }

 private:
  struct Live {
    AdvertisedLocator told;
    TimePoint end;
  };

  Duration hold_;
  std::vector<Live> live_;
  std::vector<Locator> gone_;
  TimePoint held_until_ = never;
};

}  // namespace ilnp
