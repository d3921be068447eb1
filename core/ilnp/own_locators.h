// SPDX-License-Identifier: Apache-2.0
// Our own Locators: which may be used now, in which order peers should use them, and what changed (RFC 6740 section
// 3.3, RFC 6741 section 5). The adapter for netlink says what the kernel has; this file decides what it means.
//
//   stable     one or more usable locators, nothing in transition. A better one comes up -> overlap; last lost ->
//              detached.
//   overlap    a new locator is preferred, the old one still works. soft_overlap_min over -> stable.
//   detached   no usable locator: packets are held. One comes up -> stable (a hard handoff).
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "core/base/time.h"
#include "core/ilnp/locator_update.h"
#include "core/ilnp/lu_sender.h"
#include "core/ilnp/tuning.h"
#include "core/ipv6/address.h"

namespace ilnp {

struct OwnLocator {
  Locator locator;
  std::uint32_t interface = 0;    ///< kernel index
  std::uint16_t preference = 10;  ///< lower is better; from configuration or the router's RFC 4191 preference
  std::uint16_t mtu = 1500;       ///< octets, of the link
  TimePoint valid_until = never;
  bool deprecated = false;  ///< preferred lifetime over: still valid, not for choice
  TimePoint since{};        ///< set by up()
};

enum class HandoffState : std::uint8_t { stable, overlap, detached };

class OwnLocators {
 public:
  struct Change {
    bool set_changed = false;  ///< peers have to be told
    bool urgent = false;       ///< the locator that was preferred is gone
  };

  explicit OwnLocators(const Tuning& tuning) : tuning_{tuning} {}

  /// A locator is usable (address, route and carrier are there), or something about it changed.
  Change up(TimePoint now, OwnLocator locator);
  /// It is not: link down, carrier lost, route or address gone, duplicate detected.
  Change down(TimePoint now, Locator locator, std::uint32_t interface);

  /// In order of preference; among equals the newest first, because a node that moves wants to leave the old one.
  const std::vector<OwnLocator>& usable() const { return usable_; }
  const OwnLocator* best() const { return usable_.empty() ? nullptr : &usable_.front(); }
  const OwnLocator* find(Locator locator) const;
  /// Usable now, or within the last own_locator_memory: late packets and quoted packets may name it.
  bool is_or_was_ours(TimePoint now, Locator locator) const;
  std::vector<Locator> locators() const;

  HandoffState state(TimePoint now) const;
  /// The beginning of time: there was never one. Meaningful while none is usable.
  TimePoint detached_since() const { return detached_since_; }
  /// The locator that was preferred before the present overlap began, while it may still be sent from.
  const OwnLocator* previous(TimePoint now) const;

  /// What peers are told; differs from the earlier ones in at least a lifetime, so that no peer takes it for a replay.
  /// Only what Tuning::may_locate() allows. Null when there is nothing to tell.
  Advertisement advertisement(TimePoint now);
  /// Makes the next advertisement() a fresh one (a refresh of lifetimes).
  void renew() { advertisement_ = nullptr; }
  /// Counts advertisements. A restarted daemon goes on from there, so that it does not repeat itself.
  std::uint32_t variation() const { return variation_; }
  void restore_variation(std::uint32_t variation) { variation_ = variation; }

  Change on_time(TimePoint now);
  TimePoint next_deadline() const;

  /// Counts changes of the set; users of a cached choice compare it.
  std::uint32_t generation() const { return generation_; }

 private:
  struct Former {
    Locator locator;
    TimePoint until;
  };
  void changed(TimePoint now, Locator best_before);
  std::vector<AdvertisedLocator> list_locators(TimePoint now, std::size_t shift) const;
  static constexpr std::size_t max_former = 64;

  const Tuning& tuning_;
  std::vector<OwnLocator> usable_;
  std::vector<Former> former_;
  Locator previous_best_{};
  TimePoint overlap_until_{};
  TimePoint detached_since_{};
  Advertisement advertisement_;
  std::vector<Advertisement> told_;  ///< oldest first
  std::uint32_t generation_ = 0;
  std::uint32_t variation_ = 0;
};

}  // namespace ilnp
