// SPDX-License-Identifier: Apache-2.0
// Construction, time, the data plane's questions, and what survives a restart.
#include "core/lisp/xtr.h"

#include <algorithm>

#include "core/lisp/xtr_parts.h"

namespace ilnp::lisp {
namespace {

// Of one source, before the authentication is looked at. A gateway that hands over a rack does it at once.
constexpr double changes_per_second = 100, changes_burst = 1000;
constexpr double owner_questions_per_second = 100, owner_questions_burst = 1000;
constexpr double owner_hints_per_second = 50, reminders_per_second = 1000;  // also as bursts
constexpr std::size_t most_owner_hints = 1000, most_watched = 1000, most_late = 100'000,
                      most_known_subscriptions = 10'000;
constexpr Duration save_heard_every = seconds{1};
constexpr Duration same_client_again = seconds{1};

std::vector<KeyName> names_of(const std::vector<Secret>& secrets) {
  std::vector<KeyName> names;
  for (const Secret& secret : secrets) names.push_back(secret.name);
  return names;
}

MappingRecord site_record(const XtrSettings& settings, const EidPrefix& eid) {
  MappingRecord record;
  record.ttl = settings.site_ttl;
  record.eid = eid;
  record.is_authoritative = true;
  record.rlocs = settings.rlocs;
  for (RlocRecord& rloc : record.rlocs) rloc.is_local = settings.underlay.owns(rloc.address);
  return record;
}

}  // namespace

Xtr::Parts::Parts(XtrSettings given, std::optional<XtrMemory> old, Random& chance, Hmac& mac)
    : settings{tuned(std::move(given))},
      random{chance},
      hmac{mac},
      cache{settings.cache, random.u64(), drops},
      resolution{settings.resolution, random, settings.underlay, settings.rules, cache, receiver, drops},
      probing{settings.probing, random, drops},
      itr{settings.itr, settings.underlay, cache, resolution, probing, drops},
      probe_responder{random.u64(), drops},
      responder{random.u64()},
      registrations{settings.registration, settings.own, old ? old->registration_nonce : 0, random},
      clients{settings.clients, random.u64()},
      peers{settings.peers, settings.change_priority},
      changes{ChangeSenderTuning{}, settings.own, old ? old->change_nonce : 0},
      signalling{settings.signalling, clients, changes, SmrTuning{}, random},
      raw_nonces{old ? old->change_nonce : 0},
      change_limit{random.u64(), changes_per_second, changes_burst},
      owner_limit{owner_questions_per_second, owner_questions_burst},
      hint_limit{owner_hints_per_second, owner_hints_per_second},
      owner_asked{most_owner_hints},
      noticed{most_owner_hints},
      late{most_late},
      reminder_limit{reminders_per_second, reminders_per_second},
      places{random.u64()},
      watched{most_watched} {
  probing.set_own_rlocs(reply_addresses());
  signalling.set_own_rlocs(reply_addresses());
  responder.set_families(settings.underlay.has(Family::ipv4), settings.underlay.has(Family::ipv6));
  if (!settings.server.sites.empty()) {
    server = std::make_unique<XtrServer>(settings.server, settings.underlay, random, hmac, counters);
    if (old) server->restore(std::move(old->server_nonces));
  }
  for (std::size_t i = 0; i < settings.map_servers.size(); ++i) {
    const XtrMapServer& to = settings.map_servers[i];
    const PeerHabits habits = habits_of(to.profile);
    registrations.add_server({to.address, names_of(to.secrets), habits.always_notify, to.merges, to.proxy_reply});
    if (!to.subscribes) continue;
    SubscriptionsTuning tuning;
    tuning.nonces_may_stand = habits.nonces_may_stand;
    subscribers.emplace_back(i, tuning, settings.own, !old, random.u64(), drops);
    subscribers.back().machine.set_own_rlocs(reply_addresses());
  }
  if (old) {
    receiver.restore(std::move(old->change_highest));
    known_subscriptions = {old->subscriptions.begin(), old->subscriptions.end()};
  }
  saved_registration_nonce = registrations.reserved_nonce();
  saved_change_nonce = changes.reserved_nonce();
}

/// What is ours always.
void Xtr::Parts::start(TimePoint now) {
  is_started = true;
  for (const EidPrefix& eid : settings.site) {
    const MappingRecord record = site_record(settings, eid);
    registrations.set(now, record);
    responder.set(record);
    cache.install(now, record, MappingOrigin::own);
    places.insert(eid).first->second = {};
  }
  for (const MappingRecord& record : settings.static_mappings) cache.install(now, record, MappingOrigin::configured);
  review_subscriptions(now);
}

// --- Time
// ------------------------------------------------------------------------------------------------------------------------

void Xtr::Parts::run(Instant at, XtrActions& actions) {
  if (!is_started) start(at.now);
  ResolutionActions resolved;
  resolution.on_time(at.now, resolved);
  obey(std::move(resolved), actions);
  ProbingActions probed;
  probing.on_time(at.now, probed);
  obey(probed, actions);
  for (Subscriber& subscriber : subscribers) {
    SubscriptionActions subscribed;
    subscriber.machine.on_time(at.now, at.unix_microseconds, subscribed);
    obey(at, subscriber, subscribed, actions);
  }
  run_presences(at, actions);
  std::vector<ChangeSend> sends, given_up;
  changes.on_time(at.now, at.unix_microseconds, sends, given_up);
  for (const ChangeSend& change : sends) send(change, actions);
  on_given_up(at, given_up, actions);
  SignallingActions signalled;
  signalling.on_time(at.now, signalled);
  obey(at, signalled, actions);
  if (server) {
    std::vector<ControlToSend> out;
    server->on_time(at.now, out);
    post_all(std::move(out), actions);
  }
  if (review_at <= at.now) review_subscriptions(at.now);
  look_at_memory(at.now, actions);
}

// Not after each message: what arrives in the same turn goes into the same Map-Register.
void Xtr::Parts::run_registrations(Instant at, XtrActions& actions) {
  RegistrationActions wanted;
  registrations.on_time(at.now, at.unix_microseconds, wanted);
  obey(at, wanted, actions);
}

TimePoint Xtr::Parts::next_deadline() const {
  if (!is_started || !to_ourselves.empty()) return TimePoint{};
  TimePoint next = std::min({resolution.next_deadline(), probing.next_deadline(), registrations.next_deadline(),
                             changes.next_deadline(), signalling.next_deadline(), review_at});
  for (const Subscriber& subscriber : subscribers) next = std::min(next, subscriber.machine.next_deadline());
  if (!due_presences.empty()) next = std::min(next, due_presences.begin()->first);
  if (server) next = std::min(next, server->next_deadline());
  if (has_heard_nonces) next = std::min(next, saved_at + save_heard_every);
  return next;
}

// Our own nonces are reserved on the disk before they leave. Of those that others used, the last second may be lost in
// a crash: what could be replayed then is what was obeyed in that second.
void Xtr::Parts::look_at_memory(TimePoint now, XtrActions& actions) {
  const bool is_reserved = registrations.reserved_nonce() == saved_registration_nonce &&
                           std::max(changes.reserved_nonce(), raw_nonces.reserved()) == saved_change_nonce;
  const bool is_late = has_heard_nonces && now - saved_at >= save_heard_every;
  if (is_reserved && !is_late && !actions.memory_changed) return;
  saved_registration_nonce = registrations.reserved_nonce();
  saved_change_nonce = std::max(changes.reserved_nonce(), raw_nonces.reserved());
  has_heard_nonces = false;
  saved_at = now;
  actions.memory_changed = true;
}

XtrMemory Xtr::Parts::memory() const {
  XtrMemory out;
  out.registration_nonce = registrations.reserved_nonce();
  out.change_nonce = std::max(changes.reserved_nonce(), raw_nonces.reserved());
  out.change_highest = receiver.highest();
  std::map<EidPrefix, std::uint64_t> subscriptions;
  for (const Subscriber& subscriber : subscribers)
    subscriber.machine.for_each_nonce([&](const EidPrefix& eid, std::uint64_t nonce) {
      std::uint64_t& known = subscriptions[eid];
      known = std::max(known, nonce);
    });
  for (const auto& one : known_subscriptions)  // what is in use goes first
    if (subscriptions.size() < most_known_subscriptions) subscriptions.insert(one);
  out.subscriptions.assign(subscriptions.begin(), subscriptions.end());
  if (server) out.server_nonces = server->machine().nonces();
  return out;
}

// --- Xtr
// -------------------------------------------------------------------------------------------------------------------------

Xtr::Xtr(XtrSettings settings, std::optional<XtrMemory> memory, Random& random, Hmac& hmac)
    : parts_{std::make_unique<Parts>(std::move(settings), std::move(memory), random, hmac)} {}
Xtr::~Xtr() = default;

ItrVerdict Xtr::route(TimePoint now, const Eid& source, const Eid& destination, const Flow& flow, const Packet& packet,
                      XtrActions& actions) {
  ResolutionActions wanted;
  const ItrVerdict verdict = parts_->itr.route(now, source, destination, flow, packet, wanted);
  parts_->obey(std::move(wanted), actions);
  return verdict;
}

bool Xtr::is_behind(TimePoint now, const Eid& source, const IpAddress& rloc, XtrActions& actions) {
  const Mapping* mapping = parts_->cache.look_up(now, source).mapping;
  if (mapping == nullptr || mapping->state == MappingState::pending) {
    ResolutionActions wanted;
    parts_->resolution.on_miss(now, std::nullopt, source, nullptr, wanted);
    parts_->obey(std::move(wanted), actions);
    return false;
  }
  return std::ranges::any_of(mapping->rlocs, [&](const RlocRecord& one) { return one.address == rloc; });
}

EidPlace Xtr::place_of(TimePoint, const Eid& eid) const {
  const auto* place = std::as_const(parts_->places).match(eid);
  if (place == nullptr) return {};
  const bool is_away = place->second.kind == EidPlace::Kind::away;
  return {place->second.kind, is_away ? &place->second.elsewhere : nullptr};
}

void Xtr::on_data(Instant at, const Eid& destination, const IpAddress& outer_source, XtrActions& actions) {
  auto* place = parts_->places.match(destination);
  if (place == nullptr) return;
  const EidPrefix& owned = place->first;
  if (place->second.kind == EidPlace::Kind::away) {
    if (parts_->remind(at.now, owned, place->second.elsewhere, outer_source)) parts_->run(at, actions);
    return;
  }
  if (place->second.last_client == outer_source && at.now - place->second.last_heard < same_client_again) return;
  place->second.last_client = outer_source;
  place->second.last_heard = at.now;
  parts_->clients.on_data(at.now, owned, outer_source, parts_->peers.capability_of(outer_source));
  if (place->second.presence == nullptr || place->second.has_changed) return;
  parts_->signalling.heard(owned, outer_source);
}

void Xtr::doubt(TimePoint now, const IpAddress& rloc) { parts_->probing.doubt(now, rloc); }
void Xtr::expect(std::span<const Eid> destinations) const { parts_->cache.expect(destinations); }

void Xtr::on_control(Instant at, const ControlReceived& datagram, XtrActions& actions) {
  parts_->receive(at, datagram, actions);
  parts_->run(at, actions);
}

void Xtr::on_time(Instant at, XtrActions& actions) {
  for (std::size_t left = parts_->to_ourselves.size(); left > 0; --left) {
    const ControlToSend own = std::move(parts_->to_ourselves.front());
    parts_->to_ourselves.pop_front();
    parts_->receive(at, {own.from.value_or(own.to), own.to, control_port, own.message}, actions);
  }
  parts_->run_registrations(at, actions);
  parts_->run(at, actions);
}

TimePoint Xtr::next_deadline() const { return parts_->next_deadline(); }

bool Xtr::is_mobile(const Eid& eid) const { return parts_->is_mobile(EidPrefix::host(eid)); }

void Xtr::arrived(Instant at, const MappingRecord& record, XtrActions& actions) {
  parts_->arrived(at, record, actions);
  parts_->run(at, actions);
}

void Xtr::not_here(Instant at, const EidPrefix& eid, XtrActions& actions) {
  parts_->tell(at, eid, actions, [](EidPresence& presence, auto& wanted) { presence.not_here(wanted); });
  parts_->run(at, actions);
}

void Xtr::heard(TimePoint now, const EidPrefix& eid) {
  auto* place = parts_->places.find(eid);
  if (place != nullptr && place->second.presence != nullptr) place->second.presence->heard(now);
}

void Xtr::stopped(const EidPrefix& eid) {
  if (EidPresence* presence = parts_->presence_of(eid)) presence->stopped();
}

void Xtr::locators_gone(TimePoint now, const EidPrefix& eid) {
  XtrActions none;
  parts_->tell({now, 0}, eid, none, [&](EidPresence& presence, auto&) { presence.locators_gone(now); });
}

void Xtr::locators_back(TimePoint now, const EidPrefix& eid) {
  XtrActions none;
  parts_->tell({now, 0}, eid, none, [](EidPresence& presence, auto&) { presence.locators_back(); });
}

void Xtr::will_move(Instant at, const EidPrefix& eid, XtrActions& actions) {
  if (parts_->make_presence(at.now, eid) == nullptr) return;
  parts_->tell(at, eid, actions, [](EidPresence& presence, auto& wanted) { presence.will_move(wanted); });
  parts_->run(at, actions);
}

std::vector<SavedPresence> Xtr::saved_presences(TimePoint now) const { return parts_->saved_presences(now); }

void Xtr::restore(Instant at, const std::vector<SavedPresence>& saved, XtrActions& actions) {
  for (const SavedPresence& one : saved) parts_->restore(at, one, actions);
  parts_->run(at, actions);
}

MappingRecord Xtr::own_record(const EidPrefix& eid) const {
  MappingRecord record = site_record(parts_->settings, eid);
  record.ttl = parts_->settings.mobile_ttl;
  return record;
}

const MapCache& Xtr::cache() const { return parts_->cache; }
const RlocProbing& Xtr::probing() const { return parts_->probing; }
const ClientLog& Xtr::clients() const { return parts_->clients; }
bool Xtr::restore_clients(TimePoint now, Bytes saved) { return parts_->clients.restore(now, saved); }
const MapServer* Xtr::server() const { return parts_->server ? &parts_->server->machine() : nullptr; }
const RegistrationClient& Xtr::registrations() const { return parts_->registrations; }
const XtrSettings& Xtr::settings() const { return parts_->settings; }
std::uint64_t Xtr::drops(ItrDrop reason) const { return parts_->drops.of(reason); }
std::uint64_t Xtr::refused(ReadError reason) const { return parts_->counters.of(reason); }
std::uint64_t Xtr::dropped(XtrDrop reason) const { return parts_->counters.of(reason); }
XtrMemory Xtr::memory() const { return parts_->memory(); }
const std::map<EidPrefix, EidPresence>& Xtr::presences() const { return parts_->presences; }

}  // namespace ilnp::lisp
