// SPDX-License-Identifier: Apache-2.0
// What Map-Servers say: that a registration is there, that somebody else has registered an EID of ours, that a mapping
// changed which we subscribed to. And questions of our own about who has an EID.
#include <algorithm>

#include "core/lisp/map_request.h"
#include "core/lisp/registration.h"
#include "core/lisp/xtr_parts.h"

namespace ilnp::lisp {
namespace {

constexpr Duration review_every = seconds{30};
constexpr Duration owner_answer_within = seconds{10}, owner_spacing = seconds{3};
constexpr std::size_t most_owner_questions = 1000;

std::vector<Secret> notify_secrets(const XtrMapServer& server) {
  std::vector<Secret> secrets = server.secrets;
  secrets.insert(secrets.end(), server.subscriber_secrets.begin(), server.subscriber_secrets.end());
  return secrets;
}

bool is_ours(const EidPresence& presence) {
  return presence.state() == EidPresence::State::moving_in || presence.state() == EidPresence::State::here;
}

}  // namespace

void Xtr::Parts::on_map_notify(Instant at, const ControlReceived& datagram, XtrActions& actions) {
  const auto from = std::ranges::find(settings.map_servers, datagram.source, &XtrMapServer::address);
  if (from == settings.map_servers.end()) return counters.count(XtrDrop::stranger);
  const auto index = static_cast<std::size_t>(from - settings.map_servers.begin());
  const auto sealed = inspect_map_notify(datagram.message);
  if (sealed.has_error()) return counters.count(sealed.error());
  const std::vector<Secret> secrets = notify_secrets(*from);
  const auto opened = open_with(sealed.value(), secrets, hmac, open_map_notify);
  if (opened.has_error()) return counters.count(opened.error());
  const MapNotify& notify = opened.value().message;
  const auto acknowledge = [&](const MapNotify& ack) {
    post({datagram.source, control_port, datagram.destination,
          encode_map_notify(ack, key_of(*opened.value().secret), hmac)},
         actions);
  };

  RegistrationActions registered;
  if (registrations.on_notify(at.now, static_cast<ServerId>(index), notify.nonce, registered))
    return obey(at, registered, actions);
  const auto concerns_us = [&](const MappingRecord& record) {
    return responder.find(record.eid) != nullptr || presence_of(record.eid) != nullptr;
  };
  const bool is_notice = std::ranges::any_of(notify.records, concerns_us);
  bool is_acknowledged = false;
  for (Subscriber& subscriber : subscribers) {
    const auto is_related = [&](const MappingRecord& record) { return subscriber.machine.is_related(record.eid); };
    if (subscriber.server != index || (is_notice && std::ranges::none_of(notify.records, is_related))) continue;
    SubscriptionActions wanted;
    subscriber.machine.on_notify(at.now, notify, wanted);
    for (const MapNotify& ack : wanted.acks) acknowledge(ack);
    is_acknowledged |= !wanted.acks.empty();
    has_heard_nonces = true;
    obey(at, subscriber, wanted, actions);
  }
  if (is_notice) on_notice(at, index, notify, actions);
  if (is_notice && !is_acknowledged) acknowledge({true, notify.nonce, notify.key, notify.records, settings.own});
  if (!is_notice && !is_acknowledged) counters.count(XtrDrop::unasked_notify);
}

/// Nobody asked for it: somebody else has registered EIDs of ours. It may be said again by anybody who has heard it
/// once; what is not newer than all before makes us ask.
void Xtr::Parts::on_notice(Instant at, std::size_t server_index, const MapNotify& notice, XtrActions& actions) {
  const auto highest = notice_nonces.find(server_index);
  if (highest != notice_nonces.end() && notice.nonce == highest->second) return;  // the acknowledgement was lost
  const bool is_newer = highest != notice_nonces.end() && notice.nonce > highest->second;
  if (is_newer) highest->second = notice.nonce;
  for (const MappingRecord& said : notice.records) {
    const MappingRecord record = settings.rules.believed(said, settings.underlay, drops);
    if (!names_others(record)) continue;
    noticed.put(record.eid, at.now);
    signalling.confirmed(at.now, record.eid);  // who is asked to ask again gets the new answer
    const EidPresence* presence = presence_of(record.eid);
    if (is_newer || (presence != nullptr && !is_ours(*presence)))
      claimed(at, record, actions);
    else
      ask_owner(at, {record.eid, {}, false, std::pair{server_index, notice.nonce}}, actions);
  }
}

/// The mapping system says that somebody else has it.
void Xtr::Parts::claimed(Instant at, const MappingRecord& record, XtrActions& actions) {
  const EidPresence* presence = presence_of(record.eid);
  if (presence == nullptr) {
    if (responder.find(record.eid) != nullptr)  // of the site, which never leaves
      actions.events.push_back({XtrEvent::Kind::dual_claim, record.eid, record.rlocs.front().address});
    return;
  }
  noticed.put(record.eid, at.now);
  const MappingRecord told =
      with_former(record, is_ours(*presence) ? record_of(record.eid).rlocs : std::vector<RlocRecord>{});
  tell(at, record.eid, actions, [&](EidPresence& one, auto& wanted) { one.claimed_elsewhere(at.now, told, wanted); });
}

// --- Subscriptions
// ---------------------------------------------------------------------------------------------------------------

void Xtr::Parts::obey(Instant at, Subscriber& subscriber, const SubscriptionActions& wanted, XtrActions& actions) {
  const XtrMapServer& from = settings.map_servers[subscriber.server];
  for (const MapRequest& request : wanted.requests) ask(from.address, request, actions);
  actions.memory_changed |= !wanted.requests.empty();
  for (const MappingRecord& record : wanted.records) {
    ResolutionActions resolved;
    resolution.on_publication(at.now, record, resolved);
    obey(std::move(resolved), actions);
  }
  for (const SubscriptionActions::Change& change : wanted.changes)
    actions.events.push_back({change.is_subscribed ? XtrEvent::Kind::subscribed : XtrEvent::Kind::subscription_ended,
                              change.eid,
                              {},
                              from.name});
}

void Xtr::Parts::subscribe_to(Instant at, const std::vector<MappingRecord>& answered) {
  for (Subscriber& subscriber : subscribers) {
    for (const MappingRecord& record : answered) {
      const Mapping* mapping = cache.find(record.eid);
      const bool is_of_use = mapping != nullptr && mapping->state == MappingState::active && !mapping->is_fixed() &&
                             mapping->last_used != Mapping::unused;
      if (!is_of_use) continue;
      const auto known = known_subscriptions.find(record.eid);
      std::optional<std::uint64_t> nonce;
      if (known != known_subscriptions.end()) nonce = known->second;
      const bool is_taken = subscriber.machine.subscribe(at.now, record.eid, nonce);
      if (is_taken && nonce) known_subscriptions.erase(known);
    }
  }
}

void Xtr::Parts::review_subscriptions(TimePoint now) {
  review_at = subscribers.empty() ? never : now + review_every;
  for (Subscriber& subscriber : subscribers) {
    std::vector<EidPrefix> useless;
    subscriber.machine.for_each_nonce([&](const EidPrefix& eid, std::uint64_t) {
      const Mapping* mapping = cache.find(eid);
      if (mapping == nullptr || mapping->is_fixed()) useless.push_back(eid);
    });
    for (const EidPrefix& eid : useless) subscriber.machine.unsubscribe(now, eid);
  }
}

// --- Who has an EID
// --------------------------------------------------------------------------------------------------------------

bool Xtr::Parts::names_others(const MappingRecord& record) const {
  return record.ttl != 0 && std::ranges::any_of(record.rlocs, [this](const RlocRecord& rloc) {
           return rloc.is_reachable && rloc.priority != never_use && !owns(rloc.address);
         });
}

void Xtr::Parts::ask_owner(Instant at, OwnerQuestion question, XtrActions& actions) {
  if (settings.map_resolvers.empty()) return;
  const TimePoint* last = owner_asked.find(question.eid);
  const bool is_hint = !question.at_arrival;
  if (is_hint && last != nullptr && at.now - *last < owner_spacing) return;
  std::erase_if(owner_questions, [&](const auto& one) { return at.now - one.second.sent > owner_answer_within; });
  // Anybody can send an SMR: those questions leave room for the others.
  const bool is_anybodys = is_hint && !question.notice;
  if (owner_questions.size() >= most_owner_questions || (is_anybodys && !hint_limit.allow(at.now)) ||
      !owner_limit.allow(at.now))
    return counters.count(XtrDrop::too_many_asked);
  if (is_hint) owner_asked.put(question.eid, at.now);
  question.sent = at.now;
  MapRequest request;
  request.nonce = random.u64();
  request.is_smr_invoked = is_hint;
  request.itr_rlocs = reply_addresses();
  request.records = {{question.eid}};
  owner_questions[request.nonce] = question;
  ask(settings.map_resolvers.front(), std::move(request), actions);
}

bool Xtr::Parts::on_owner_answer(Instant at, const MapReply& reply, XtrActions& actions) {
  const auto found = owner_questions.find(reply.nonce);
  if (found == owner_questions.end()) return false;
  const OwnerQuestion question = found->second;
  owner_questions.erase(found);
  const EidPresence* presence = presence_of(question.eid);
  if (presence == nullptr || !is_ours(*presence) || at.now - question.sent > owner_answer_within) return true;
  bool is_unclaimed = true;
  for (const MappingRecord& said : reply.records) {
    MappingRecord record = settings.rules.believed(said, settings.underlay, drops);
    if (!record.eid.contains(question.eid) || !names_others(record)) continue;
    is_unclaimed = false;
    if (question.at_arrival) {
      record.eid = question.eid;
      const auto& expected = presence->elsewhere();
      if (expected && peers.owners_of(*expected) == peers.owners_of(record)) continue;  // it was told
      transfer_to(at, peers.owners_of(record), with_former(record_of(question.eid), record.rlocs), actions);
    } else if (record.eid == question.eid) {
      if (question.notice) notice_nonces[question.notice->first] = question.notice->second;
      claimed(at, record, actions);
    }
  }
  if (is_unclaimed) tell(at, question.eid, actions, [](EidPresence& one, auto& wanted) { one.unclaimed(wanted); });
  return true;
}

}  // namespace ilnp::lisp
