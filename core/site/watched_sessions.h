// SPDX-License-Identifier: Apache-2.0
// The ILNP sessions that pass a border router (RFC 6748 asks it to watch them): between which NIDs, where
// the correspondent is, and the nonces of both directions, so that the router can send a Locator Update on behalf of a
// node inside and know a true acknowledgement.
//
// What a node inside sends is believed: its nonce and where it sends to. What comes from outside could come from
// anybody: the correspondent's nonce is the last one before the node answered, or else the first one afterwards, and
// stays until the node itself uses another nonce, because a host draws one for each that it sees.
//
// Nonces are secrets: memory for these entries is nobody else's to read.
#pragma once

#include <array>

#include "core/base/bytes.h"
#include "core/ilnp/nonce.h"
#include "core/site/answered_table.h"
#include "core/site/places_by_node.h"

namespace ilnp {

struct SessionKey {
  NodeId inside, outside;
  bool operator==(const SessionKey&) const = default;
};

/// Nonce (core/ilnp/nonce.h) as plain octets.
struct WatchedNonce {
  std::array<std::uint8_t, Nonce::long_length> octets{};
  std::uint8_t length = 0;  ///< 0: not seen

  static WatchedNonce of(Bytes seen);
  bool is_set() const { return length != 0; }
  Bytes bytes() const { return Bytes{octets}.first(length); }
  /// In constant time.
  bool matches(Bytes received) const { return equal_in_constant_time(bytes(), received); }
};

struct WatchedSession {
  SessionKey key;
  Locator home;                 ///< of the node when it was seen last
  Locator correspondent;        ///< where it sends to
  WatchedNonce nonce, inbound;  ///< of what the node sends, and of what it gets
  TimePoint last_seen{};
  std::uint64_t told = 0;        ///< fingerprint of the outside names that the correspondent has acknowledged; 0: none
  Locator told_home;             ///< of the node: whose names the correspondent knows
  TimePoint told_at{};           ///< when it acknowledged
  std::uint32_t generation = 0;  ///< of all names (SiteProxy), when those were told
  bool told_by_node = false;     ///< who goes on telling it before lifetimes end
  std::uint64_t own_update = 0;  ///< fingerprint of what the node itself told last; 0: nothing
  Locator own_update_home;       ///< its home then
  TimePoint own_update_at{};
  std::uint32_t own_generation = 0;
  bool is_protected = false;  ///< by AH or ESP: nobody can speak for the node
  bool answered = false;      ///< a node inside has sent
  bool used = false;
};

class WatchedSessions : public AnsweredTable<WatchedSession> {
 public:
  WatchedSessions(std::uint64_t hash_seed, std::size_t sessions)
      : AnsweredTable{sessions}, seed_{hash_seed}, by_node_{capacity()} {}
  /// The seed must be the one that the memory was filled with.
  WatchedSessions(std::uint64_t hash_seed, std::span<WatchedSession> memory)
      : AnsweredTable{memory}, seed_{hash_seed}, by_node_{capacity()} {
    for_each([this](const WatchedSession& session) { by_node_.add(session.key.inside, index_of(session)); });
  }

  WatchedSession* find(const SessionKey& key) { return AnsweredTable::find(key, hash(key)); }
  std::uint64_t hash(const SessionKey& key) const;

  /// A node inside, whose home is that, sent this nonce there. Nothing when such nonces are not kept (other lengths
  /// than 4 and 12).
  WatchedSession* sent(TimePoint now, const SessionKey& key, Locator home, Locator to, Bytes nonce);
  /// This nonce came for a node inside. Nothing when strangers find no place.
  WatchedSession* received(TimePoint now, const SessionKey& key, Bytes nonce);

  void erase(WatchedSession& session);
  /// Those of a node inside. `f` neither adds nor erases.
  template <class F>
  void for_each_of(NodeId inside, F&& f) {
    by_node_.for_each(inside, [&](std::uint32_t place) { f(*at(place)); });
  }

 private:
  WatchedSession* add(const WatchedSession& session);

  std::uint64_t seed_;
  PlacesByNode by_node_;  ///< of all used entries
};

}  // namespace ilnp
