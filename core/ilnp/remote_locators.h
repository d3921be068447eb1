// SPDX-License-Identifier: Apache-2.0
// The Locators of one peer: what is advertised, how long it is valid, and whether the peer was really seen there.
//
// Invariants: a locator appears once; at most max_remote_locators of them. A locator that a Locator Update did not list
// any more is receive-only: packets from it are accepted until it expires, nothing is sent to it; the max_withdrawn
// last of these are kept. Until a locator is reachable at most `unverified_packets` packets and its octet credit go
// there, so nobody can aim a stream at a victim (no RFC checks this; RFC 6743 section 5 only asks for the nonce).
#pragma once

#include <array>
#include <optional>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/ilnp/locator_update.h"
#include "core/ilnp/tuning.h"
#include "core/ilnp/validity.h"
#include "core/ipv6/address.h"

namespace ilnp {

struct RemoteLocator {
  Locator locator;
  std::uint16_t preference = 0;
  Validity validity = Validity::valid;
  Reach reach = Reach::unverified;
  LocatorSource source = LocatorSource::dns;
  bool receive_only = false;
  std::uint8_t packets_left = 0;  ///< while not reachable
  std::uint8_t probes_sent = 0;
  std::uint16_t probe_sequence = 0;
  std::uint16_t path_mtu = 0;  ///< octets on the wire; 0 = that of the link
  std::array<std::uint8_t, probe_payload> probe_token{};
  std::int64_t credit = 0;  ///< octets, while not reachable
  TimePoint expires = never;
  TimePoint last_received{};
  TimePoint next_probe = never;
  TimePoint failed_until{};
  TimePoint path_mtu_until{};  ///< then path_mtu is forgotten
};

/// A reachability probe that is due: ICMPv6 Echo Request to `locator` with this sequence and payload.
struct ProbeRequest {
  Locator locator;
  std::uint16_t sequence = 0;
  std::array<std::uint8_t, probe_payload> token{};
};

class RemoteLocators {
 public:
  const std::vector<RemoteLocator>& all() const { return locators_; }
  const RemoteLocator* find(Locator locator) const;
  RemoteLocator* find(Locator locator);

  /// From a name: added or refreshed, unless there are max_remote_locators; never = keep for the session.
  void learn_from_dns(Locator locator, std::uint16_t preference, TimePoint expires, const Tuning& tuning);
  /// A packet with the right nonce came from a locator that nobody advertised: a candidate, never preferred.
  /// False when there are already max_unverified of them.
  bool learn_from_packet(TimePoint now, Locator locator, const Tuning& tuning);
  /// The locator that a stranger's first packet came from: replies go there, within its limits.
  void learn_initial(Locator locator, const Tuning& tuning);
  /// A Locator Update replaces the set (RFC 6743 section 3); the list is sanitised already. Returns true when the
  /// locators that may be sent to have changed.
  bool replace(TimePoint now, const std::vector<AdvertisedLocator>& advertised, const Tuning& tuning);
  /// In a session the lifetimes of names do not matter any more: the peer's updates do.
  void keep_for_session();

  /// True when a locator that had failed is to be probed again.
  bool note_received(TimePoint now, Locator locator, std::size_t octets, const Tuning& tuning);
  /// The peer proved that it receives there.
  void mark_reachable(Locator locator);
  /// ICMPv6 or unanswered probes say that it does not. False when it was unknown or failed already.
  bool mark_failed(TimePoint now, Locator locator, const Tuning& tuning);

  /// The locator to send to: reachable ones first, then by preference; nullptr when nothing may be sent now.
  /// `octets` is charged by charge() only.
  const RemoteLocator* best(std::size_t octets, bool trust_names) const;
  /// For Locator Updates, which are few and small: the limits of unverified locators do not hold them back.
  const RemoteLocator* best_for_update() const;
  void charge(Locator locator, std::size_t octets);
  /// There is a locator whose probe may still be answered: it is worth holding packets.
  bool verification_pending() const;
  bool has_usable() const;
  /// Another one than `locator` may be sent to.
  bool has_alternative(Locator locator) const;

  /// Starts (or restarts) probing of every locator that may be sent to but is not known to be reachable.
  void start_probes(TimePoint now);
  /// Starts probing of this one, unless it is under way or nothing may be sent there.
  void start_probe(TimePoint now, Locator locator);
  /// An error that anybody could have forged says that it is not reachable: when another one is, that is used while
  /// this one is probed. True when it was reachable.
  bool doubt(TimePoint now, Locator locator);
  /// Probes also the reachable and failed ones: something is silent.
  void probe_all(TimePoint now);
  /// Due probes are appended to `out`; locators whose probes went unanswered fail. True when the set changed.
  bool collect_probes(TimePoint now, const Tuning& tuning, Random& random, std::vector<ProbeRequest>& out);
  /// Whether an Echo Reply answers a probe that was sent there.
  bool answers_probe(Locator from, std::uint16_t sequence, Bytes token) const;
  /// The same; then the locator is reachable.
  bool on_probe_reply(Locator from, std::uint16_t sequence, Bytes token);

  /// From Packet Too Big.
  void set_path_mtu(TimePoint now, Locator locator, std::uint16_t mtu, const Tuning& tuning);

  /// Ends lifetimes. True when the set changed.
  bool on_time(TimePoint now, const Tuning& tuning);
  TimePoint next_deadline() const;

  /// Restored from a state file.
  void restore(const RemoteLocator& locator) { locators_.push_back(locator); }

 private:
  RemoteLocator& add(Locator locator, std::uint16_t preference, LocatorSource source, const Tuning& tuning);
  bool sendable(const RemoteLocator& l) const;
  void give_up_probing(TimePoint now, RemoteLocator& l, const Tuning& tuning);
  void limit_withdrawn(const Tuning& tuning);

  std::vector<RemoteLocator> locators_;
};

}  // namespace ilnp
