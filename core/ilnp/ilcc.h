// SPDX-License-Identifier: Apache-2.0
// The Identifier-Locator Communication Cache (RFC 6741 section 5): owns the entries, finds them by identity address
// (outbound) and by the pair of NIDs (inbound), limits them, and keeps their timers.
//
// Invariants: an identity address names at most one entry per local NID; entries of one pair of NIDs are linked as
// siblings and told apart by nonce. Tentative entries made for strangers are bounded and never push out a session.
#pragma once

#include <algorithm>
#include <deque>
#include <memory>
#include <span>
#include <unordered_map>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/base/timer_heap.h"
#include "core/ilnp/correspondent.h"
#include "core/ilnp/pair_index.h"
#include "core/ilnp/tuning.h"
#include "core/ipv6/address.h"

namespace ilnp {

struct NidPair {
  NodeId local, remote;
};

class Ilcc {
 public:
  Ilcc(const Tuning& tuning, Locator identity_prefix, Random& random);

  Correspondent* find_by_identity(NodeId local, const Address& identity);
  /// First entry of the pair, nullptr when there is none; the others by sibling().
  Correspondent* find_pair(NodeId local, NodeId remote);
  /// Brings what find_pair() will read for all of these pairs into the processor's cache: the memory accesses of many
  /// pairs at once take as long as those of one.
  void prefetch(std::span<const NidPair> pairs) const;
  Correspondent* sibling(const Correspondent& c) {
    return c.next_sibling == Correspondent::no_id ? nullptr : at(c.next_sibling);
  }
  Correspondent* at(CorrespondentId id) { return id < slots_.size() ? slots_[id].get() : nullptr; }

  /// A new entry with the identity prefix, or with an alias of it when a sibling has the plain one. nullptr when the
  /// cache is full.
  Correspondent* create(TimePoint now, NodeId local, NodeId remote, PeerState state);
  /// For a stranger's packet. nullptr when its site has its share of tentative entries, or there is no room: see
  /// crowded_out().
  Correspondent* create_tentative(TimePoint now, NodeId local, NodeId remote, Locator source);
  /// The tentative entry, chosen at random, that has to go before another one can be made; nullptr while there is room.
  Correspondent* crowded_out();
  /// An entry from the state file; nullptr when its identity is taken.
  Correspondent* restore(TimePoint now, NodeId local, const Address& identity, PeerState state);
  void erase(Correspondent& c);
  /// `successor` takes over the identity of `old`, which is erased: the peer restarted and proved it.
  void take_over(Correspondent& successor, Correspondent& old);
  void set_state(Correspondent& c, PeerState state);

  /// The entry wants to be looked at no later than `when`.
  void schedule(Correspondent& c, TimePoint when);
  /// It has sent and waits for an answer: to be looked at `when`, unless it is answered before. `when` never decreases
  /// from call to call, so that a queue serves what every busy session does every few seconds.
  void await_answer(Correspondent& c, TimePoint when);
  /// The next entry whose time has come, nullptr when none.
  Correspondent* pop_due(TimePoint now);
  TimePoint next_deadline() const {
    return awaited_.empty() ? timers_.next() : std::min(awaited_.front().when, timers_.next());
  }

  template <class F>
  void for_each(F&& f) {
    for (auto& slot : slots_)
      if (slot) f(*slot);
  }
  std::size_t size() const { return slots_.size() - free_.size(); }
  std::size_t count(PeerState state) const { return counts_[static_cast<std::size_t>(state)]; }
  Locator identity_prefix() const { return identity_prefix_; }

 private:
  struct Awaited {
    TimePoint when;
    CorrespondentId id;
  };

  Correspondent* insert(TimePoint now, NodeId local, const Address& identity, PeerState state);
  std::optional<Address> free_identity(NodeId local, NodeId remote);
  void forget_tentative(const Correspondent& c);
  Correspondent* pop_unanswered(TimePoint now);

  const Tuning& tuning_;
  Locator identity_prefix_;
  Random& random_;
  std::vector<std::unique_ptr<Correspondent>> slots_;
  std::vector<CorrespondentId> free_;
  PairIndex by_pair_;
  TimerHeap timers_;
  std::deque<Awaited> awaited_;             ///< in the order of time; void when the entry waits for another time
  std::vector<CorrespondentId> tentative_;  ///< made for strangers
  std::unordered_map<CorrespondentId, std::uint64_t> tentative_site_;
  std::unordered_map<std::uint64_t, std::size_t> tentative_per_site_;
  std::array<std::size_t, 7> counts_{};
};

/// The identity prefix number k for further peers with one NID: the third word plus k, the fourth minus k, so that the
/// ones' complement sum stays the same (and with it every checksum).
constexpr Locator alias_prefix(Locator prefix, std::uint16_t k) {
  const auto third = static_cast<std::uint16_t>((prefix.bits >> 16) + k);
  const auto fourth = static_cast<std::uint16_t>(prefix.bits - k);
  return {(prefix.bits & 0xffff'ffff'0000'0000u) | std::uint64_t{third} << 16 | fourth};
}

}  // namespace ilnp
