// SPDX-License-Identifier: Apache-2.0
// The subscriber's side of PubSub (RFC 9437) with one Map-Server: it tells us about changes of the EID-prefixes that we
// are interested in, instead of being asked again and again.
//
// A subscription
//   clearing    we lost what we knew: whatever the Map-Server has of us is to end.  confirmed, or three tries -> asking
//   asking      Map-Request with the notification bit.  Map-Notify to it -> subscribed; Map-Reply -> refused
//   subscribed  changes are published.  taken back by the Map-Server (ACT 5) -> asking
//   refused     it does not publish, not this, or not to us.  after 15 min -> asking
//   ending      Map-Request without ITR-RLOC.  confirmed, or five tries -> gone
// Nonces grow on both sides: ours are the larger of the last one plus one and the time; the Map-Server goes on counting
// from there, and what is not above the last one that came is a replay. Each Map-Notify that is authentic gets its
// Map-Notify-Ack, also a replay: the first one may have been lost.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/time.h"
#include "core/lisp/itr_reasons.h"
#include "core/lisp/messages.h"
#include "core/lisp/prefix_table.h"

namespace ilnp::lisp {

struct SubscriptionsTuning {
  std::size_t most = 10'000;
  Duration first_wait = seconds{1}, longest_wait = seconds{60};  ///< for an answer; doubles
  int clearing_tries = 3, ending_tries = 5;
  Duration ask_refused_after = seconds{900};
  Duration ask_removed_after = seconds{30};  ///< since it was asked for last: a Map-Server may take back every time
  bool nonces_may_stand = false;             ///< lispers.net publishes with the same nonce again; for labs
};

struct SubscriptionActions {
  std::vector<MapRequest> requests;    ///< to the Map-Server, encapsulated; the first record says where to
  std::vector<MapNotify> acks;         ///< to the sender of the Map-Notify, with the same key
  std::vector<MappingRecord> records;  ///< published: for the map-cache
  struct Change {
    EidPrefix eid;
    bool is_subscribed = false;         ///< false: refused, or taken back
    Action action = Action::no_action;  ///< why, where the Map-Server said so
  };
  std::vector<Change> changes;
};

class Subscriptions {
 public:
  /// `own`: who we are for the Map-Server. `lost_state`: we were subscribed before and do not know any more to what.
  /// `seed`: secret.
  Subscriptions(const SubscriptionsTuning& tuning, const XtrIdentity& own, bool lost_state, std::uint64_t seed,
                ItrDrops& drops)
      : tuning_{tuning}, own_{own}, lost_state_{lost_state}, drops_{drops}, table_{seed} {}

  /// At most one of a family, where Map-Notifies may go.
  void set_own_rlocs(std::vector<IpAddress> rlocs) { rlocs_ = std::move(rlocs); }
  /// `last_nonce`: from before a restart. False: too many.
  bool subscribe(TimePoint now, const EidPrefix& eid, std::optional<std::uint64_t> last_nonce = std::nullopt);
  void unsubscribe(TimePoint now, const EidPrefix& eid);

  /// Authentic, from the Map-Server. False: about nothing that we subscribed to.
  bool on_notify(TimePoint now, const MapNotify& notify, SubscriptionActions& actions);
  /// False: it answers none of these questions.
  bool on_map_reply(TimePoint now, const MapReply& reply, SubscriptionActions& actions);
  void on_time(TimePoint now, std::uint64_t unix_microseconds, SubscriptionActions& actions);
  TimePoint next_deadline() const { return due_.empty() ? never : due_.begin()->first; }

  bool is_subscribed(const EidPrefix& eid) const;
  /// It was subscribed to, or a part of it, or what it is a part of.
  bool is_related(const EidPrefix& eid) const;
  std::size_t size() const { return table_.size(); }
  /// f(eid, last nonce) for each, to survive a restart.
  template <class F>
  void for_each_nonce(F&& f) const {
    table_.for_each([&f](const auto& entry) { f(entry.first, std::max(entry.second.sent, entry.second.heard)); });
  }

 private:
  enum class State : std::uint8_t { clearing, asking, subscribed, refused, ending };
  struct Subscription {
    State state = State::asking;
    std::uint64_t sent = 0;                ///< last nonce of ours
    std::uint64_t heard = 0;               ///< last nonce of the Map-Server
    std::uint64_t first_asked = 0;         ///< nonce of the first try in this state; 0: none yet
    std::array<std::uint64_t, 4> asked{};  ///< nonces of the last tries in this state
    int tries = 0;
    TimePoint due = never, last_sent{};
  };
  using Table = PrefixTable<Subscription>;

  void set_due(Table::Entry& entry, TimePoint due);
  void enter(Table::Entry& entry, State state, TimePoint due);
  void erase(Table::Entry& entry);
  void send(TimePoint now, std::uint64_t unix_microseconds, Table::Entry& entry, SubscriptionActions& actions);
  Table::Entry* concerned_by(const MapNotify& notify);
  void take_back(TimePoint now, Table::Entry& entry, Action action, SubscriptionActions& actions);
  bool refuse(TimePoint now, const MapReply& reply, Action action, Table::Entry& entry, SubscriptionActions& actions);
  void accept(TimePoint now, const MapNotify& notify, Table::Entry& entry, SubscriptionActions& actions);

  SubscriptionsTuning tuning_;
  XtrIdentity own_;
  bool lost_state_;
  ItrDrops& drops_;
  std::vector<IpAddress> rlocs_;
  Table table_;
  std::set<std::pair<TimePoint, EidPrefix>> due_;
};

}  // namespace ilnp::lisp
