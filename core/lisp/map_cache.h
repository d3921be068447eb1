// SPDX-License-Identifier: Apache-2.0
// What an ITR knows about EID-prefixes (RFC 9300 section 5.4, RFC 9301 section 5.4): which RLOCs, by whose word and how
// long. It keeps and ends entries; who asks, and who is believed, is resolution.h's business.
//
// Entries that somebody configured, and our own EID-prefixes, never end and are never replaced by what comes from
// outside. All others end with their TTL, and when there are too many of them the one that is unused for longest makes
// way. An entry that is used is asked for again before it ends; one that is in use when it ends lives ten seconds
// longer, once, while that is done.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "core/base/time.h"
#include "core/base/timer_heap.h"
#include "core/lisp/itr_reasons.h"
#include "core/lisp/mapping.h"
#include "core/lisp/prefix_table.h"

namespace ilnp::lisp {

/// Of an entry; that there is none is the state NONE.
enum class MappingState : std::uint8_t {
  pending,    ///< asked for: packets wait.          answer -> active, negative; none -> negative
  active,     ///< RLOCs are known.                  0.9 TTL, SMR, all down -> stale; UPDATE -> tentative
  negative,   ///< there are none: see `action`.     SMR, ask again -> stale; TTL -> gone
  stale,      ///< as before, and asked for again.   answer -> active, negative; TTL -> gone
  tentative,  ///< by a router's word, unconfirmed.  answer -> active, negative; TTL -> gone
};

/// By whose word; the order is not one of trust.
enum class MappingOrigin : std::uint8_t { reply, notify, change_priority, configured, own };

struct Mapping {
  static constexpr TimePoint unused{std::chrono::hours{-48}};  ///< longer ago than any TTL counts

  // What a look-up reads, first: with the prefix in front of it, 64 octets.
  MappingState state = MappingState::pending;
  MappingOrigin origin = MappingOrigin::reply;
  Action action = Action::no_action;
  bool is_negative = false;   ///< the mapping system says that there are no RLOCs; also while stale
  bool asks_no_more = false;  ///< was asked for again in vain: ends with its TTL
  std::uint16_t version = 0;
  std::vector<RlocRecord> rlocs;
  TimePoint last_used = unused;  ///< as exact as use_granularity
  Duration ttl{};
  TimePoint refresh_at = never, expiry = never;
  EidPrefix eid;

  /// Neither ends nor is replaced by what comes from outside.
  bool is_fixed() const { return origin == MappingOrigin::configured || origin == MappingOrigin::own; }

 private:
  friend class MapCache;
  TimerHeap::Id timer = 0;
  std::list<Mapping*>::iterator place;  ///< in the order of use, unless fixed or pending
  bool is_in_order = false;
};

struct MapCacheTuning {
  std::size_t capacity = 100'000;
  Duration use_granularity = seconds{5};   ///< in between a use is only a look-up
  Duration longest_ttl = seconds{86'400};  ///< also "the receiver decides"
  Duration recently_used = seconds{60};    ///< then an entry that ends is asked for once more ...
  Duration grace = seconds{10};            ///< ... and lives on meanwhile
  Duration unanswered_ttl = seconds{30};   ///< pause after all tries in vain
  bool bit_31_means_seconds = false;       ///< of a TTL: lispers.net
};

class MapCache {
 public:
  /// `seed`: secret.
  MapCache(const MapCacheTuning& tuning, std::uint64_t seed, ItrDrops& drops)
      : tuning_{tuning}, drops_{drops}, table_{seed} {}

  /// Of packets that are looked up next, for speed alone.
  void expect(std::span<const Eid> eids) const;
  struct Found {
    Mapping* mapping = nullptr;
    bool is_first_use = false;  ///< for use_granularity
  };
  /// For a packet: the entry counts as used.
  Found look_up(TimePoint now, const Eid& eid);
  /// Longest match without use. Pointers live until the entry ends.
  Mapping* match(const Eid& eid) { return match(EidPrefix::host(eid)); }
  Mapping* match(const EidPrefix& prefix);
  Mapping* find(const EidPrefix& prefix);

  /// Takes a record over: active, negative, or tentative when by change_priority. TTL 0 takes away what is there. It
  /// lives `longest` at most, and no longer than its more-specifics, which stay (RFC 9301 section 5.5). nullptr: gone,
  /// or refused: fixed, or no room.
  Mapping* install(TimePoint now, const MappingRecord& record, MappingOrigin origin, Duration longest);
  Mapping* install(TimePoint now, const MappingRecord& record, MappingOrigin origin) {
    return install(now, record, origin, tuning_.longest_ttl);
  }
  /// An entry for what is being asked for. Precondition: no entry there. nullptr: no room.
  Mapping* begin_pending(TimePoint now, const Eid& eid);
  void erase(const Mapping& mapping);

  /// A question about it is on its way. Precondition: neither pending nor tentative, nor fixed.
  void mark_stale(Mapping& mapping) { mapping.state = MappingState::stale; }
  /// The question was answered otherwise: a stale entry is as it was, until its TTL.
  void mark_answered(Mapping& mapping);
  /// The question was not answered: a pending one is negative for a while, another one ends with its TTL.
  void mark_unanswered(TimePoint now, Mapping& mapping);

  /// Ends what is to end, a thousand at most in one call; `refresh`: entries that have to be asked for again.
  void on_time(TimePoint now, std::vector<EidPrefix>& refresh);
  TimePoint next_deadline() const { return timers_.next(); }

  std::size_t size() const { return table_.size(); }
  std::uint64_t evicted() const { return evicted_; }
  /// f(const Mapping&) for each, in order of prefixes.
  template <class F>
  void for_each(F&& f) const {
    table_.for_each([&f](const auto& entry) { f(entry.second); });
  }

 private:
  Mapping* add(const EidPrefix& prefix);
  bool make_room();
  void put_in_order(Mapping& mapping);
  void take_from_order(Mapping& mapping);
  void set_timer(Mapping& mapping);
  Duration lifetime_of(std::uint32_t ttl) const;
  TimePoint first_end_in(const EidPrefix& prefix);
  bool on_refresh(TimePoint now, Mapping& mapping);
  bool on_expiry(TimePoint now, Mapping& mapping);

  MapCacheTuning tuning_;
  ItrDrops& drops_;
  PrefixTable<Mapping> table_;
  std::list<Mapping*> order_;  ///< of use, the latest first: those that may make way
  TimerHeap timers_;           ///< when an entry is refreshed or ends
  std::vector<Mapping*> by_timer_;
  std::vector<TimerHeap::Id> free_timers_;
  std::uint64_t evicted_ = 0;
};

}  // namespace ilnp::lisp
