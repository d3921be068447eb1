// SPDX-License-Identifier: Apache-2.0
// What a border router does with the shared truth: records of ownership become entries of its SiteRewriter (the table
// is in docs/decisions/0006), and what it hears of nodes becomes requests to change records. No I/O: the daemon and the
// simulator pass records, events and the time in, and carry out what comes out.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "core/forwarding/site_rewriter.h"
#include "core/site/migration.h"
#include "core/site/node_claims.h"

namespace ilnp {

struct DirectoryTuning {
  Duration grace = seconds{300};            ///< for which late packets are forwarded
  Duration prepare_timeout = seconds{900};  ///< then a move that was prepared and not activated is aborted
  Duration arrival_alarm = seconds{30};     ///< without a sign of a node that should be here
  Duration ask_again = seconds{5};          ///< when a request of ours has changed nothing
  Duration departure = seconds{2};          ///< for which a node may still send from where it was
};

enum class DirectoryEventKind : std::uint8_t {
  expected,   ///< a move of this node to here is prepared
  arriving,   ///< the node is on its way to here: advertise, look for it
  arrived,    ///< it was heard
  left,       ///< it is elsewhere now: answer for it
  not_heard,  ///< it should have arrived long ago
  clash,      ///< its addresses are another node's: the record is not obeyed
  full,       ///< no room in the table: the record is not obeyed
  stale,      ///< a lower epoch than known: not obeyed
};

constexpr const char* name_of(DirectoryEventKind kind) {
  constexpr const char* names[] = {"expected", "arriving", "arrived", "left", "not_heard", "clash", "full", "stale"};
  return names[static_cast<int>(kind)];
}

struct DirectoryEvent {
  DirectoryEventKind kind;
  Ownership record;
};

struct DirectoryActions {
  SiteActions site;                   ///< packets that were held, and events for on_event()
  std::vector<MoveRequest> requests;  ///< for the MoveController; what becomes of them is seen in the records
  std::vector<DirectoryEvent> events;
  void clear() {
    site.clear();
    requests.clear();
    events.clear();
  }
};

class SiteDirectory {
 public:
  SiteDirectory(SiteId self, const DirectoryTuning& tuning, SiteRewriter& rewriter)
      : self_{self}, tuning_{tuning}, rewriter_{rewriter} {}

  // As TruthWatcher.
  void resync_started();
  void apply(TimePoint now, const Ownership& record, DirectoryActions& actions);
  void gone(TimePoint now, const NodeKey& key, std::uint64_t epoch, DirectoryActions& actions);
  void resync_finished(TimePoint now, DirectoryActions& actions);

  /// What the rewriter has seen.
  void on_event(TimePoint now, const SiteEvent& event, DirectoryActions& actions);
  void on_time(TimePoint now, DirectoryActions& actions);
  /// A packet, or a neighbour solicitation, of somebody inside: the record of the node that it claims to be, when that
  /// one is at another site and this should be told.
  const Ownership* claimed(TimePoint now, const Address& source);
  const NodeClaims& claims() const { return claims_; }
  TimePoint next_deadline() const { return timers_.empty() ? never : timers_.begin()->first; }

  const Ownership* find(const NodeKey& key) const;
  std::size_t size() const { return known_.size(); }
  /// Records that are not obeyed, because of a clash or a full table.
  std::size_t not_obeyed() const { return not_obeyed_; }
  template <class F>
  void for_each(F&& f) const {
    for (const auto& [key, known] : known_) f(known.record);
  }

 private:
  struct Known {
    Ownership record;
    TimePoint since{};           ///< of this phase, by our clock
    TimePoint left_at{};         ///< when it went from here
    TimePoint heard_at = never;  ///< after it has come here
    TimePoint timer = never;
    std::uint64_t named_in = 0;  ///< the resync in which it was named last
    bool obeyed = true;
  };
  /// Where the record wants the node's entry, seen from here.
  struct Role {
    enum class Kind : std::uint8_t { none, inside, away, leaving } kind = Kind::none;
    Locator home, now;
    SiteId site = 0;
    bool is_guest = false, is_expected = false, is_former_home = false;
  };

  Role role_of(const Ownership& record, bool has_entry) const;
  void install(TimePoint now, Known& known, bool moved_here, DirectoryActions& actions);
  NidEntry* entry_of(const NodeKey& key);
  NidEntry* make_entry(Known& known, const Role& role, DirectoryActions& actions);
  void place(TimePoint now, Known& known, NidEntry& entry, const Role& role, bool moved_here,
             DirectoryActions& actions);
  void set_timer(Known& known, TimePoint when);
  void serve(TimePoint now, Known& known, DirectoryActions& actions);
  void request(Known& known, MoveStep step, DirectoryActions& actions);

  SiteId self_;
  DirectoryTuning tuning_;
  SiteRewriter& rewriter_;
  std::map<NodeKey, Known> known_;
  std::set<std::pair<TimePoint, NodeKey>> timers_;
  std::uint64_t resync_ = 0;
  std::size_t not_obeyed_ = 0;
  NodeClaims claims_;
};

}  // namespace ilnp
