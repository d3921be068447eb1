// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/registration_client.h"

#include <algorithm>
#include <cassert>

namespace ilnp::lisp {
namespace {

constexpr int notified_enough = 3;   ///< quick -> registered
constexpr int same_octets_most = 2;  ///< then with a new nonce
constexpr int withdrawals_most = 5;
constexpr int unanswered_most = 3;  ///< then the other key
constexpr int jitter_permille = 100;

/// The robust form: an implementation that ignores TTL 0 still stops using the locators.
MappingRecord withdrawal_of(MappingRecord record) {
  record.ttl = 0;
  for (RlocRecord& rloc : record.rlocs) {
    rloc.priority = never_use;
    rloc.weight = 0;
    rloc.is_reachable = false;
  }
  return record;
}

}  // namespace

std::size_t record_octets(const MappingRecord& record) {
  const auto address = [](const IpAddress& a) { return 2 + a.octets().size(); };
  constexpr std::size_t instance_lcaf = 12;
  std::size_t octets = 10 + address(record.eid.prefix.address) + (record.eid.instance != 0 ? instance_lcaf : 0);
  for (const RlocRecord& rloc : record.rlocs) octets += 6 + address(rloc.address);
  return octets;
}

ServerId RegistrationClient::add_server(MapServerPeer server) {
  assert(!server.keys.empty() && rows_.empty());
  servers_.push_back({std::move(server)});
  return static_cast<ServerId>(servers_.size() - 1);
}

void RegistrationClient::set_due(const RowKey& key, Row& row, TimePoint due) {
  due_rows_.erase({row.due, key});
  row.due = due;
  if (due != never) due_rows_.insert({due, key});
}

/// What the row says is new. An answer to what it said before counts for nothing.
void RegistrationClient::began(TimePoint now, const RowKey& key, Row& row, State state) {
  row.state = state;
  row.changed = true;
  row.notified = 0;
  row.sent = 0;
  row.since = now;
  row.bundle = 0;
  const bool was_sent = row.last_sent != TimePoint{};
  set_due(key, row, was_sent ? std::max(now, row.last_sent + tuning_.spacing) : now);
}

void RegistrationClient::set(TimePoint now, const MappingRecord& record) {
  for (std::size_t server = 0; server < servers_.size(); ++server) {
    const RowKey key{static_cast<ServerId>(server), record.eid};
    Row& row = rows_[key];
    if (row.due != never && row.state != State::withdrawing && row.record == record) continue;
    row.record = record;
    began(now, key, row, State::quick);
  }
}

void RegistrationClient::set_again(TimePoint now, const EidPrefix& eid) {
  for (std::size_t server = 0; server < servers_.size(); ++server) {
    const auto found = rows_.find({static_cast<ServerId>(server), eid});
    if (found == rows_.end() || found->second.state == State::withdrawing) continue;
    began(now, found->first, found->second, State::quick);
  }
}

void RegistrationClient::drop(TimePoint now, const EidPrefix& eid, bool new_owner_registers) {
  for (std::size_t server = 0; server < servers_.size(); ++server) {
    const auto found = rows_.find({static_cast<ServerId>(server), eid});
    if (found == rows_.end()) continue;
    const bool was_said = found->second.last_sent != TimePoint{};
    if (new_owner_registers || !was_said)
      forget(found);
    else if (found->second.state != State::withdrawing)
      began(now, found->first, found->second, State::withdrawing);
  }
}

RegistrationClient::Rows::iterator RegistrationClient::forget(Rows::iterator row) {
  due_rows_.erase({row->second.due, row->first});
  return rows_.erase(row);
}

bool RegistrationClient::on_notify(TimePoint now, ServerId server, std::uint64_t nonce, RegistrationActions& actions) {
  const auto found = bundles_.find(nonce);
  if (found == bundles_.end() || found->second.server != server) return false;
  for (const RowKey& key : found->second.rows) {
    const auto at = rows_.find(key);
    if (at == rows_.end() || at->second.bundle != nonce) continue;
    Row& row = at->second;
    if (row.state == State::withdrawing) {
      actions.events.push_back({RegistrationEvent::Kind::withdrawn, server, key.second, {}});
      forget(at);
      continue;
    }
    if (row.changed || row.is_lost)
      actions.events.push_back({RegistrationEvent::Kind::registered, server, key.second, {}});
    row.changed = row.is_lost = false;
    row.bundle = 0;
    row.last_notified = now;
    if (++row.notified >= notified_enough) row.state = State::registered;
  }
  due_bundles_.erase({found->second.due, nonce});
  bundles_.erase(found);
  servers_[server].unanswered = 0;
  return true;
}

void RegistrationClient::on_time(TimePoint now, std::uint64_t unix_microseconds, RegistrationActions& actions) {
  while (!due_bundles_.empty() && due_bundles_.begin()->first <= now) {
    auto bundle = bundles_.extract(due_bundles_.begin()->second);
    due_bundles_.erase(due_bundles_.begin());
    resend(now, unix_microseconds, std::move(bundle.mapped()), actions);
  }
  send_due(now, unix_microseconds, actions);
}

TimePoint RegistrationClient::next_deadline() const {
  return std::min(due_rows_.empty() ? never : due_rows_.begin()->first,
                  due_bundles_.empty() ? never : due_bundles_.begin()->first);
}

/// As many as fit go into one message. Hosts, which come and go, and prefixes have messages of their own: a Map-Server
/// may have them in different sites, and refuses a message about two.
void RegistrationClient::send_due(TimePoint now, std::uint64_t unix_microseconds, RegistrationActions& actions) {
  struct Message {
    std::vector<RowKey> keys;
    std::size_t octets = 0;
  };
  std::vector<Message> messages(2 * servers_.size());
  while (!due_rows_.empty() && due_rows_.begin()->first <= now) {
    const RowKey key = due_rows_.begin()->second;
    Row& row = rows_.at(key);
    set_due(key, row, row.bundle != 0 ? now + tuning_.period : never);
    if (row.bundle != 0) continue;  // it is being repeated
    const std::size_t octets = record_octets(row.record);
    Message& message = messages[2u * key.first + (key.second.prefix.is_host() ? 1 : 0)];
    if (message.keys.size() == tuning_.most_records || message.octets + octets > tuning_.most_octets) {
      send(now, unix_microseconds, std::move(message.keys), actions);
      message = {};
    }
    message.keys.push_back(key);
    message.octets += octets;
  }
  for (Message& message : messages) send(now, unix_microseconds, std::move(message.keys), actions);
}

/// All of one server.
void RegistrationClient::send(TimePoint now, std::uint64_t unix_microseconds, std::vector<RowKey> keys,
                              RegistrationActions& actions) {
  if (keys.empty()) return;
  const Server& server = servers_[keys.front().first];
  MapRegister message;
  message.wants_proxy_reply = server.peer.proxy_reply;
  message.merges = server.peer.merges;
  message.nonce = nonces_.next(unix_microseconds);
  message.key = server.peer.keys[server.key];
  message.sender = own_;
  for (const RowKey& key : keys) {
    const Row& row = rows_.at(key);
    message.records.push_back(record_of(row));
    message.wants_notify |= wants_notify(now, key, row);
  }
  for (const RowKey& key : keys) {
    Row& row = rows_.at(key);
    row.bundle = message.wants_notify ? message.nonce : 0;
    sent(now, key, row);
  }
  actions.sends.push_back({keys.front().first, message, false});
  if (message.wants_notify) wait_for_notify(now, {keys.front().first, std::move(message), keys, 1, {}, {}});
}

MappingRecord RegistrationClient::record_of(const Row& row) {
  return row.state == State::withdrawing ? withdrawal_of(row.record) : row.record;
}

bool RegistrationClient::wants_notify(TimePoint now, const RowKey& key, const Row& row) const {
  return row.changed || row.state == State::quick || servers_[key.first].peer.always_notify ||
         now - row.last_notified >= tuning_.notify_wanted_after;
}

void RegistrationClient::sent(TimePoint now, const RowKey& key, Row& row) {
  row.last_sent = now;
  ++row.sent;
  if (row.state == State::withdrawing) return;  // its bundle repeats it
  if (row.state == State::quick && now - row.since >= tuning_.quick_for) row.state = State::registered;
  if (row.state == State::quick) return set_due(key, row, now + tuning_.quick_period);
  const Duration jitter = tuning_.period * static_cast<int>(random_.u64() % (2 * jitter_permille + 1)) / 1000;
  set_due(key, row, now + tuning_.period - tuning_.period * jitter_permille / 1000 + jitter);
}

void RegistrationClient::wait_for_notify(TimePoint now, Bundle bundle) {
  bundle.wait = bundle.wait == Duration{} ? tuning_.resend_first : std::min(2 * bundle.wait, tuning_.resend_most);
  bundle.due = now + bundle.wait;
  due_bundles_.insert({bundle.due, bundle.message.nonce});
  bundles_.insert_or_assign(bundle.message.nonce, std::move(bundle));
}

void RegistrationClient::resend(TimePoint now, std::uint64_t unix_microseconds, Bundle bundle,
                                RegistrationActions& actions) {
  const std::uint64_t nonce = bundle.message.nonce;
  std::erase_if(bundle.rows, [&](const RowKey& key) {
    const auto row = rows_.find(key);
    if (row == rows_.end() || row->second.bundle != nonce) return true;
    if (row->second.state != State::withdrawing || bundle.sent < withdrawals_most) return false;
    forget(row);
    return true;
  });
  if (bundle.rows.empty()) return;  // a later message speaks for each of them
  look_for_lost(now, bundle, actions);
  if (bundle.sent >= same_octets_most) {
    count_unanswered(bundle.server, actions);
    bundle.message.nonce = nonces_.next(unix_microseconds);
    bundle.message.key = servers_[bundle.server].peer.keys[servers_[bundle.server].key];
    bundle.message.records.clear();
    for (const RowKey& key : bundle.rows) {
      bundle.message.records.push_back(record_of(rows_.at(key)));
      rows_.at(key).bundle = bundle.message.nonce;
    }
  }
  actions.sends.push_back({bundle.server, bundle.message, bundle.message.nonce == nonce});
  ++bundle.sent;
  wait_for_notify(now, std::move(bundle));
}

void RegistrationClient::look_for_lost(TimePoint now, const Bundle& bundle, RegistrationActions& actions) {
  for (const RowKey& key : bundle.rows) {
    Row& row = rows_.at(key);
    if (row.is_lost || row.state == State::withdrawing) continue;
    if (now - std::max(row.since, row.last_notified) < tuning_.lost_after) continue;
    row.is_lost = true;
    actions.events.push_back({RegistrationEvent::Kind::lost, bundle.server, key.second, {}});
  }
}

/// A Map-Server that refuses says nothing. Another key is tried, a weaker algorithm only if the operator listed it.
void RegistrationClient::count_unanswered(ServerId id, RegistrationActions& actions) {
  Server& server = servers_[id];
  if (++server.unanswered < unanswered_most) return;
  server.unanswered = 0;
  if (server.peer.keys.size() < 2) return;
  server.key = (server.key + 1) % server.peer.keys.size();
  actions.events.push_back({RegistrationEvent::Kind::other_key, id, {}, server.peer.keys[server.key]});
}

bool RegistrationClient::is_registered(const EidPrefix& eid, ServerId server) const {
  const auto row = rows_.find({server, eid});
  return row != rows_.end() && !row->second.changed && !row->second.is_lost;
}

}  // namespace ilnp::lisp
