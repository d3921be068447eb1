// SPDX-License-Identifier: Apache-2.0
// The ETR's side of registration (RFC 9301 section 8.2): every EID-prefix of ours is registered with every Map-Server,
// again and again, and taken back when it is not ours any more.
//
// A row, one EID-prefix at one Map-Server:
//   quick        new or changed: every 20 s, Map-Notify wanted.   3 Map-Notifies, or 5 min over -> registered
//   registered   every 60 s +-10 %, Map-Notify wanted every 5 min.   set() with another record -> quick
//   withdrawing  TTL 0 is repeated until it is notified or was sent five times -> gone.   set() -> quick
// A bundle, one Map-Register whose Map-Notify is awaited: repeated after 1, 2, 4 .. 60 s, twice the same octets, then
// with a new nonce, because a strict Map-Server takes copies for replays when only its Map-Notify was lost.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/lisp/growing_nonce.h"
#include "core/lisp/messages.h"

namespace ilnp::lisp {

struct RegistrationTuning {
  Duration period = seconds{60}, quick_period = seconds{20}, quick_for = seconds{300};
  Duration notify_wanted_after = seconds{300};  ///< since the last Map-Notify
  Duration lost_after = seconds{180};           ///< without any: the operator is told
  Duration resend_first = seconds{1}, resend_most = seconds{60};
  Duration spacing = milliseconds{200};  ///< of two messages about one EID-prefix; the last change wins
  std::size_t most_records = 20, most_octets = 1200;
};

using ServerId = std::uint8_t;

struct MapServerPeer {
  IpAddress address;
  std::vector<KeyName> keys;   ///< at least one; the next is tried when three messages in a row stay unanswered
  bool always_notify = false;  ///< M in every message: for servers that forget (Open Overlay Router)
  bool merges = false;         ///< a
  bool proxy_reply = true;     ///< P
};

struct RegistrationEvent {
  enum class Kind : std::uint8_t { registered, lost, other_key, withdrawn };
  Kind kind = Kind::registered;
  ServerId server = 0;
  EidPrefix eid{};  ///< registered, lost, withdrawn
  KeyName key{};    ///< other_key: from now on
};

struct RegistrationActions {
  struct Send {
    ServerId server = 0;
    MapRegister message;
    bool again = false;  ///< the same octets as before
  };
  std::vector<Send> sends;
  std::vector<RegistrationEvent> events;
};

class RegistrationClient {
 public:
  RegistrationClient(RegistrationTuning tuning, XtrIdentity own, std::uint64_t reserved_nonce, Random& random)
      : tuning_{tuning}, own_{own}, nonces_{reserved_nonce}, random_{random} {}

  /// Before any prefix.
  ServerId add_server(MapServerPeer server);

  /// The record is ours from now on, or has changed. `wall`: microseconds since 1970.
  void set(TimePoint now, const MappingRecord& record);
  /// Somebody else says that it is his: as if it were new. Nothing when it is not ours.
  void set_again(TimePoint now, const EidPrefix& eid);
  /// It is not ours any more. `new_owner_registers`: say nothing, it would take away what the new owner said.
  void drop(TimePoint now, const EidPrefix& eid, bool new_owner_registers);

  /// An authenticated Map-Notify from that server. False: it answers nothing of ours.
  bool on_notify(TimePoint now, ServerId server, std::uint64_t nonce, RegistrationActions& actions);
  void on_time(TimePoint now, std::uint64_t unix_microseconds, RegistrationActions& actions);
  TimePoint next_deadline() const;

  bool is_registered(const EidPrefix& eid, ServerId server) const;
  std::size_t outstanding() const { return bundles_.size(); }
  /// To be kept on the disk before what was asked for is sent.
  std::uint64_t reserved_nonce() const { return nonces_.reserved(); }

 private:
  enum class State : std::uint8_t { quick, registered, withdrawing };
  using RowKey = std::pair<ServerId, EidPrefix>;
  struct Row {
    State state = State::quick;
    MappingRecord record;  ///< withdrawing: the last one
    bool changed = true;   ///< not yet notified as it is now
    bool is_lost = false;
    int notified = 0, sent = 0;
    TimePoint since{};  ///< when this record began
    TimePoint last_sent{}, last_notified{};
    TimePoint due = never;
    std::uint64_t bundle = 0;  ///< nonce of the message whose answer it awaits; 0: none
  };
  struct Bundle {
    ServerId server = 0;
    MapRegister message;
    std::vector<RowKey> rows;  ///< some may be in a later one by now
    int sent = 1;
    Duration wait{};
    TimePoint due{};
  };

  using Rows = std::map<RowKey, Row>;

  void set_due(const RowKey& key, Row& row, TimePoint due);
  void began(TimePoint now, const RowKey& key, Row& row, State state);
  Rows::iterator forget(Rows::iterator row);
  void send_due(TimePoint now, std::uint64_t unix_microseconds, RegistrationActions& actions);
  void send(TimePoint now, std::uint64_t unix_microseconds, std::vector<RowKey> keys, RegistrationActions& actions);
  static MappingRecord record_of(const Row& row);
  bool wants_notify(TimePoint now, const RowKey& key, const Row& row) const;
  void sent(TimePoint now, const RowKey& key, Row& row);
  void wait_for_notify(TimePoint now, Bundle bundle);
  void resend(TimePoint now, std::uint64_t unix_microseconds, Bundle bundle, RegistrationActions& actions);
  void look_for_lost(TimePoint now, const Bundle& bundle, RegistrationActions& actions);
  void count_unanswered(ServerId server, RegistrationActions& actions);

  RegistrationTuning tuning_;
  XtrIdentity own_;
  GrowingNonce nonces_;
  Random& random_;
  struct Server {
    MapServerPeer peer;
    std::size_t key = 0;  ///< in use
    int unanswered = 0;   ///< fresh messages in a row
  };
  std::vector<Server> servers_;
  Rows rows_;
  std::set<std::pair<TimePoint, RowKey>> due_rows_;
  std::map<std::uint64_t, Bundle> bundles_;  ///< by nonce
  std::set<std::pair<TimePoint, std::uint64_t>> due_bundles_;
};

/// Octets of a record in a message.
std::size_t record_octets(const MappingRecord& record);

}  // namespace ilnp::lisp
