// SPDX-License-Identifier: Apache-2.0
// Datagrams in: which machine a message is for (RFC 9301 section 5).
#include "core/lisp/encapsulated_control.h"
#include "core/lisp/map_reply.h"
#include "core/lisp/map_request.h"
#include "core/lisp/message_type.h"
#include "core/lisp/xtr_parts.h"

namespace ilnp::lisp {

void Xtr::Parts::receive(Instant at, const ControlReceived& datagram, XtrActions& actions) {
  const auto type = message_type(datagram.message);
  if (type.has_error()) return counters.count(type.error());
  switch (type.value()) {
    case MessageType::map_request:
      return on_map_request(at, datagram, actions);
    case MessageType::encapsulated_control:
      return on_encapsulated(at, datagram, actions);
    case MessageType::map_reply:
      return on_map_reply(at, datagram, actions);
    case MessageType::map_notify:
      return on_map_notify(at, datagram, actions);
    case MessageType::map_notify_ack:
      return on_type_five(at, datagram, actions);
    case MessageType::shared_extension:
      return on_shared_extension(at, datagram, actions);
    case MessageType::map_register: {
      if (!server) return counters.count(XtrDrop::no_map_server);
      std::vector<ControlToSend> out;
      has_heard_nonces |= server->on_register(at.now, datagram, out);
      return post_all(std::move(out), actions);
    }
    case MessageType::map_referral:
    case MessageType::info:
      return counters.count(XtrDrop::unused_type);
  }
}

void Xtr::Parts::on_map_request(Instant at, const ControlReceived& datagram, XtrActions& actions) {
  const auto read = parse_map_request(datagram.message);
  if (read.has_error()) return counters.count(read.error());
  const MapRequest& request = read.value();
  if (request.is_probe) return on_probe(at, datagram, request, actions);
  if (!request.is_smr) {
    answer(at, {datagram.source, datagram.destination, datagram.source_port, datagram.message}, request, actions);
    return;
  }
  // About an EID that is here: somebody else may have registered it.
  const EidPrefix changed = request.source ? EidPrefix::host(*request.source) : request.records.front().eid;
  const EidPresence* presence = presence_of(changed);
  if (presence != nullptr && presence->state() == EidPresence::State::here) return ask_owner(at, {changed}, actions);
  ResolutionActions wanted;
  resolution.on_smr(at.now, request, datagram.source, wanted);
  obey(std::move(wanted), actions);
}

void Xtr::Parts::on_probe(Instant at, const ControlReceived& datagram, const MapRequest& probe, XtrActions& actions) {
  const EidPrefix& eid = probe.records.front().eid;
  const EidPrefix host = EidPrefix::host({eid.instance, eid.prefix.address});
  const MappingRecord* own = responder.find(host);
  // Of an EID that has left, too: it is our RLOC that is asked about, and whoever finds it dead will not come back here
  // when the EID does.
  MappingRecord former;
  const auto* place = places.match(host);
  if (own == nullptr && place != nullptr && place->second.kind == EidPlace::Kind::away) {
    former = with_former(place->second.elsewhere, settings.rlocs);
    own = &former;
  }
  const auto reply = probe_responder.answer(at.now, probe, datagram.source, datagram.destination, own, false);
  if (!reply) return;
  post_reply({datagram.source, datagram.source_port, datagram.destination, {}}, *reply, datagram.message.size(),
             actions);
}

bool Xtr::Parts::answer(Instant at, const EncapsulatedControl& question, const MapRequest& request,
                        XtrActions& actions) {
  ResponderActions wanted;
  const bool is_ours = responder.on_request(at.now, question.source, question.source_port, request, wanted);
  obey(at, wanted, question.message.size(), actions);
  return is_ours;
}

void Xtr::Parts::on_encapsulated(Instant at, const ControlReceived& datagram, XtrActions& actions) {
  const auto envelope = parse_encapsulated_control(datagram.message);
  if (envelope.has_error()) return counters.count(envelope.error());
  const auto read = parse_map_request(envelope.value().message);
  if (read.has_error()) return counters.count(read.error());
  const MapRequest& request = read.value();
  if (request.is_probe || request.is_smr) return counters.count(XtrDrop::hint_through_resolver);
  const bool is_served = server && server->serves(request.records.front().eid);
  if (!is_served && answer(at, envelope.value(), request, actions)) return;
  // Neither registered nor ours: as a Map-Resolver we say so.
  if (server) resolve(at, datagram, envelope.value(), request, actions);
}

void Xtr::Parts::resolve(Instant at, const ControlReceived& datagram, const EncapsulatedControl& envelope,
                         const MapRequest& request, XtrActions& actions) {
  std::vector<ControlToSend> out;
  const auto forwards = server->on_request(at.now, datagram.source, envelope, request, out);
  const bool is_answered = !out.empty() || !forwards.empty();
  post_all(std::move(out), actions);
  bool is_answered_here = false;
  for (const IpAddress& etr : forwards) {
    is_answered_here |= owns(etr);
    if (owns(etr))
      answer(at, envelope, request, actions);
    else
      forward(etr, envelope, actions);
  }
  if (is_answered_here || request.itr_rlocs.empty()) return;
  // The Map-Server answers for us: whoever asked keeps the mapping all the same.
  for (const MapRequest::Record& asked : request.records) {
    const MappingRecord* own = responder.find(asked.eid);
    if (own == nullptr) continue;
    const bool subscribes = asked.subscribes && server->publishes();
    if (!is_answered && !subscribes) continue;
    const IpAddress& rloc = request.itr_rlocs.front();
    std::optional<EidPrefix> clients_own;
    if (request.source) clients_own = EidPrefix::host(*request.source);
    clients.on_request(at.now, own->eid, rloc, clients_own,
                       subscribes ? Capability::pubsub : peers.capability_of(rloc));
  }
}

void Xtr::Parts::on_map_reply(Instant at, const ControlReceived& datagram, XtrActions& actions) {
  const auto read = parse_map_reply(datagram.message);
  if (read.has_error()) return counters.count(read.error());
  const MapReply& reply = read.value();
  if (reply.is_probe) {
    ProbingActions wanted;
    probing.on_reply(at.now, reply, wanted);
    return obey(wanted, actions);
  }
  for (Subscriber& subscriber : subscribers) {
    SubscriptionActions wanted;
    const bool is_refusal = subscriber.machine.on_map_reply(at.now, reply, wanted);
    obey(at, subscriber, wanted, actions);
    if (is_refusal) return;
  }
  if (on_owner_answer(at, reply, actions)) return;
  ResolutionActions wanted;
  resolution.on_map_reply(at.now, reply, wanted);
  obey(std::move(wanted), actions);
  subscribe_to(at, reply.records);
  for (const MappingRecord& record : reply.records) watch_rlocs(at.now, record.eid);
  for (const MappingRecord& record : reply.records) {
    const Mapping* mapping = cache.find(record.eid);
    const bool is_believed = mapping != nullptr && mapping->state == MappingState::active && !mapping->is_fixed();
    if (!is_believed || !names_others(record)) continue;
    tell(at, record.eid, actions, [&](EidPresence& presence, auto&) { presence.seen_elsewhere(record); });
  }
}

}  // namespace ilnp::lisp
