// SPDX-License-Identifier: Apache-2.0
// Change-Priority between routers: who is believed what, acknowledgements, and the client log that goes with an EID.
// In type 5 the same messages come from peers that are configured so; nobody acknowledges those.
#include <algorithm>
#include <chrono>

#include "core/lisp/change_priority.h"
#include "core/lisp/raw_change_priority.h"
#include "core/lisp/xtr_parts.h"

namespace ilnp::lisp {
namespace {

using Kind = ChangePriority::Kind;
using std::chrono::minutes;

constexpr std::size_t clients_in_message = 40;     ///< 24 octets each
constexpr std::size_t most_clients_handed = 1000;  ///< the most recent; the others hear from us
constexpr Duration late_spacing = seconds{3};

bool is_usable(const RlocRecord& rloc) { return rloc.is_reachable && rloc.priority != never_use; }

/// Peers of type 5 name no sender: their address stands for it.
XtrIdentity identity_of(const XtrPeer& peer) {
  if (peer.identity != XtrIdentity{} || peer.addresses.empty()) return peer.identity;
  XtrIdentity identity;
  std::ranges::copy(peer.addresses.front().octets(), identity.xtr.begin());
  return identity;
}

}  // namespace

void Xtr::Parts::on_shared_extension(Instant at, const ControlReceived& datagram, XtrActions& actions) {
  if (!change_limit.allow(at.now, datagram.source)) return counters.count(XtrDrop::change_limit);
  const auto sealed = inspect_change_priority(datagram.message, settings.change_priority_subtype);
  if (sealed.has_error()) return counters.count(sealed.error());
  if (sealed.value().sender() == settings.own) return counters.count(XtrDrop::change_own);
  const auto candidates = peers.candidates(datagram.source, sealed.value());
  if (candidates.empty()) return counters.count(XtrDrop::stranger);
  ReadError error = ReadError::authentication_failed;
  for (const XtrPeer* peer : candidates) {
    const auto opened = open_with(sealed.value(), peer->secrets, hmac, open_change_priority);
    if (opened.has_error()) {
      error = opened.error();
      continue;
    }
    const ChangePriority& message = opened.value().message;
    if (message.is_ack) {
      const auto acknowledged = changes.on_acknowledgement(at.now, datagram.source, message);
      if (!acknowledged) return counters.count(XtrDrop::unasked_acknowledgement);
      change_limit.give_back(datagram.source);
      return on_acknowledged(at, *acknowledged, actions);
    }
    const Epoch epoch{message.nonce, message.sender};
    const Heard heard = on_change(at, datagram.source, *peer, message, epoch, actions);
    if (heard == Heard::obeyed && message.kind != Kind::update) change_limit.give_back(datagram.source);
    if (heard != Heard::refused) acknowledge(datagram, *opened.value().secret, message, actions);
    return;
  }
  counters.count(error);
}

Xtr::Parts::Heard Xtr::Parts::on_change(Instant at, const IpAddress& from, const XtrPeer& peer,
                                        const ChangePriority& message, const Epoch& epoch, XtrActions& actions) {
  if (message.kind == Kind::update) {
    const AuthenticUpdate update{message, from, is_in_scope(peer, message.records), peer.is_trusted};
    ResolutionActions wanted;
    const UpdateVerdict verdict = resolution.on_update(at.now, update, wanted);
    obey(std::move(wanted), actions);
    has_heard_nonces |= verdict == UpdateVerdict::accepted;
    if (verdict == UpdateVerdict::duplicate) return Heard::again;
    return verdict == UpdateVerdict::accepted ? Heard::obeyed : Heard::refused;
  }
  if (const auto problem = objection(from, peer, message)) {
    counters.count(*problem);
    return Heard::refused;
  }
  const ChangeReceiver::Verdict verdict = receiver.check(message);
  if (verdict == ChangeReceiver::Verdict::duplicate) return Heard::again;
  if (verdict != ChangeReceiver::Verdict::fresh) {
    counters.count(XtrDrop::change_replayed);
    return Heard::refused;
  }
  if (!obey_change(at, message, epoch, actions)) return Heard::refused;
  receiver.accept(message);
  has_heard_nonces = true;
  return Heard::obeyed;
}

std::optional<XtrDrop> Xtr::Parts::objection(const IpAddress& from, const XtrPeer& peer,
                                             const ChangePriority& message) {
  if (!is_in_scope(peer, message.records)) return XtrDrop::change_out_of_scope;
  const auto cannot_be_here = [this](const MappingRecord& record) { return !is_mobile(record.eid); };
  if (std::ranges::any_of(message.records, cannot_be_here)) return XtrDrop::not_mobile;
  // A key that got out of a hypervisor is of no use from elsewhere.
  if (message.kind == Kind::arrive && !(peer.may_announce && lisp::owns(peer, from)))
    return XtrDrop::change_not_allowed;
  if (message.kind != Kind::transfer) return std::nullopt;
  // Its own, or ours, when the node stayed; the other gateways of the site may stand behind it.
  const auto is_allowed = [&](const RlocRecord& rloc) {
    const XtrPeer* other = peers.find(rloc.address);
    return !is_usable(rloc) || owns(rloc.address) || lisp::owns(peer, rloc.address) ||
           (other != nullptr && other->is_gateway);
  };
  for (const MappingRecord& record : message.records) {
    const bool is_his = std::ranges::any_of(
        record.rlocs, [&](const RlocRecord& rloc) { return is_usable(rloc) && lisp::owns(peer, rloc.address); });
    const bool is_back = !names_others(record) && std::ranges::any_of(record.rlocs, is_usable);
    if (record.ttl == 0 || !(is_his || is_back) || !std::ranges::all_of(record.rlocs, is_allowed))
      return XtrDrop::change_foreign_rloc;
    // That it did not go after all is news of what was here a moment ago; of anything else it would be an ARRIVE.
    const EidPresence* presence = presence_of(record.eid);
    if (!is_his && !peer.may_announce && (presence == nullptr || presence->is_settled()))
      return XtrDrop::change_not_allowed;
  }
  return std::nullopt;
}

/// True: at least a part of it was news that counts.
bool Xtr::Parts::obey_change(Instant at, const ChangePriority& message, const Epoch& epoch, XtrActions& actions) {
  bool is_obeyed = false;
  for (const MappingRecord& record : message.records) {
    switch (message.kind) {
      case Kind::arrive:
        arrived(at, record_of(record.eid), actions);
        is_obeyed |= presence_of(record.eid) != nullptr;
        break;
      case Kind::transfer:
        is_obeyed |= on_transfer(at, record, epoch, actions);
        break;
      case Kind::client_log:
        take_clients(at.now, record);
        is_obeyed = true;
        break;
      case Kind::update:
        break;
    }
  }
  return is_obeyed;
}

bool Xtr::Parts::on_transfer(Instant at, const MappingRecord& record, const Epoch& epoch, XtrActions& actions) {
  if (!names_others(record)) {  // it did not go after all
    arrived(at, record_of(record.eid), actions);
    return true;
  }
  if (make_presence(at.now, record.eid) == nullptr) return false;
  bool is_obeyed = false;
  tell(at, record.eid, actions,
       [&](EidPresence& presence, auto& wanted) { is_obeyed = presence.transferred(at.now, record, epoch, wanted); });
  if (!is_obeyed) counters.count(XtrDrop::change_outdated);
  return is_obeyed;
}

// --- Type 5
// ----------------------------------------------------------------------------------------------------------------------

void Xtr::Parts::on_type_five(Instant at, const ControlReceived& datagram, XtrActions& actions) {
  const XtrPeer* peer = peers.find(datagram.source);
  const bool may_be_change = peer != nullptr && peer->raw != RawChangePriority::off;
  if (!change_limit.allow(at.now, datagram.source)) return counters.count(XtrDrop::change_limit);
  const bool may_be_acknowledgement = !may_be_change || classify_type_five(datagram.message) == TypeFive::either;
  if (may_be_acknowledgement && server && server->on_acknowledgement(datagram)) return;
  if (may_be_change) return on_raw_change(at, datagram, *peer, actions);
  counters.count(server ? XtrDrop::unasked_acknowledgement : XtrDrop::no_map_server);
}

void Xtr::Parts::on_raw_change(Instant at, const ControlReceived& datagram, const XtrPeer& peer, XtrActions& actions) {
  const auto sealed = inspect_raw_change_priority(datagram.message);
  if (sealed.has_error()) return counters.count(sealed.error());
  if (peer.raw == RawChangePriority::openlisp) {
    const auto opened = open_with(sealed.value(), peer.secrets, hmac, open_openlisp_notice);
    if (opened.has_error()) return counters.count(opened.error());
    return on_openlisp(at, datagram.source, peer, opened.value().message, actions);
  }
  auto opened = open_with(sealed.value(), peer.secrets, hmac, open_thesis_change_priority);
  if (opened.has_error()) return counters.count(opened.error());
  ChangePriority message = std::move(opened.value().message);
  message.sender = identity_of(peer);
  on_change(at, datagram.source, peer, message, {at.unix_microseconds, message.sender}, actions);
}

void Xtr::Parts::on_openlisp(Instant at, const IpAddress& from, const XtrPeer& peer, const OpenLispNotice& notice,
                             XtrActions& actions) {
  ChangePriority message;
  message.nonce = notice.nonce;
  message.key = {0, algorithm::hmac_sha1};
  message.sender = identity_of(peer);
  MappingRecord& record = message.records.emplace_back();
  record.eid = {0, notice.eid};
  record.ttl = settings.mobile_ttl;
  for (const IpAddress& address : notice.addresses) record.rlocs.push_back({.address = address});
  switch (notice.kind) {
    case OpenLispNotice::Kind::arrive:
      message.kind = Kind::arrive;
      break;
    case OpenLispNotice::Kind::moved:
      message.kind = Kind::transfer;
      break;
    case OpenLispNotice::Kind::clients:
      message.kind = Kind::client_log;
      record.ttl = 0;  // seen just now
      for (RlocRecord& rloc : record.rlocs) rloc.multicast_weight = static_cast<std::uint8_t>(Capability::smr);
      break;
  }
  on_change(at, from, peer, message, {at.unix_microseconds, message.sender}, actions);
}

// --- What we say
// -----------------------------------------------------------------------------------------------------------------

void Xtr::Parts::on_acknowledged(Instant at, const ChangePriority& message, XtrActions& actions) {
  const EidPrefix& eid = message.records.front().eid;
  if (message.kind == Kind::update) look_whether_told(at, eid, actions);
  if (message.kind == Kind::client_log) send_more_clients(at.now, eid);
}

void Xtr::Parts::on_given_up(Instant at, const std::vector<ChangeSend>& given_up, XtrActions& actions) {
  signalling.on_given_up(at.now, given_up);
  for (const ChangeSend& lost : given_up) {
    const EidPrefix& eid = lost.message.records.front().eid;
    const XtrPeer* peer = peers.find(lost.to);
    if (lost.message.kind == Kind::client_log) clients_to_send.erase(eid);
    if (lost.message.kind != Kind::transfer) continue;
    actions.events.push_back(
        {XtrEvent::Kind::transfer_unanswered, eid, lost.to, peer != nullptr ? peer->name : std::string{}});
  }
}

void Xtr::Parts::transfer_to(Instant at, const std::vector<const XtrPeer*>& to, const MappingRecord& record,
                             XtrActions& actions) {
  for (const XtrPeer* peer : to) transfer(at, *peer, record, actions);
}

void Xtr::Parts::transfer(Instant at, const XtrPeer& peer, const MappingRecord& record, XtrActions& actions) {
  if (peer.addresses.empty() || !is_in_scope(peer, record.eid)) return;
  ChangePriority message;
  message.kind = Kind::transfer;
  message.records = {record};
  const IpAddress& to = peer.addresses.front();
  switch (peer.raw) {
    case RawChangePriority::off:
      return changes.send(at.now, to, std::move(message));
    case RawChangePriority::thesis:
      return send_raw(at.unix_microseconds, {to, std::move(message)}, actions);
    case RawChangePriority::openlisp:
      return send_openlisp(at.unix_microseconds, peer, OpenLispNotice::Kind::moved, record, actions);
  }
}

/// All of the log goes with the EID, one message after the other.
void Xtr::Parts::hand_over_clients(Instant at, const XtrPeer& peer, const EidPrefix& eid, XtrActions& actions) {
  std::vector<Client> known = clients.clients(at.now, eid);
  if (known.empty() || peer.addresses.empty() || !is_in_scope(peer, eid)) return;
  if (known.size() > most_clients_handed) known.resize(most_clients_handed);
  const IpAddress& to = peer.addresses.front();
  std::deque<ChangeSend> messages;
  for (std::size_t i = 0; i < known.size(); i += clients_in_message) {
    ChangePriority message;
    message.kind = Kind::client_log;
    MappingRecord& record = message.records.emplace_back();
    record.eid = eid;
    record.ttl = static_cast<std::uint32_t>((at.now - known[i].last_seen) / minutes{1});
    for (std::size_t k = i; k < std::min(i + clients_in_message, known.size()); ++k)
      record.rlocs.push_back({.address = known[k].rloc,
                              .priority = never_use,
                              .weight = 0,
                              .multicast_weight = static_cast<std::uint8_t>(known[k].capability)});
    messages.push_back({to, std::move(message)});
  }
  if (peer.raw == RawChangePriority::openlisp)
    return send_openlisp(at.unix_microseconds, peer, OpenLispNotice::Kind::clients, messages.front().message.records[0],
                         actions);
  if (peer.raw == RawChangePriority::thesis) return;  // has no such message
  clients_to_send[eid] = std::move(messages);
  send_more_clients(at.now, eid);
}

void Xtr::Parts::send_more_clients(TimePoint now, const EidPrefix& eid) {
  const auto found = clients_to_send.find(eid);
  if (found == clients_to_send.end()) return;
  ChangeSend next = std::move(found->second.front());
  found->second.pop_front();
  if (found->second.empty()) clients_to_send.erase(found);
  changes.send(now, next.to, std::move(next.message));
}

void Xtr::Parts::take_clients(TimePoint now, const MappingRecord& record) {
  for (const RlocRecord& rloc : record.rlocs) {
    if (!rloc.address.is_routable_unicast() || owns(rloc.address)) continue;
    Client client{.rloc = rloc.address, .prefix = {}};
    client.last_seen = now - minutes{std::min<std::uint32_t>(record.ttl, 7 * 24 * 60)};
    client.capability = static_cast<Capability>(rloc.multicast_weight);
    // How the former owner spoke to it, we can do only with a key.
    if (client.capability != Capability::smr && client.capability != Capability::pubsub)
      client.capability = peers.capability_of(client.rloc);
    clients.merge(now, record.eid, client);
  }
}

bool Xtr::Parts::remind(TimePoint now, const EidPrefix& eid, const MappingRecord& record, const IpAddress& rloc) {
  const std::pair who{eid, rloc};
  const Client* known = clients.find(eid, rloc);
  const TimePoint* told = late.find(who);
  if (told != nullptr && now - *told < late_spacing) return false;
  const bool may_be_on_its_way = told == nullptr && known != nullptr;  // it was told when the EID went
  if (known == nullptr && !reminder_limit.allow(now)) {                // its address may be anybody's
    counters.count(XtrDrop::reminder_limit);
    return false;
  }
  late.put(who, now);
  if (may_be_on_its_way) return false;
  if (known == nullptr) {
    clients.on_data(now, eid, rloc, peers.capability_of(rloc));
    known = clients.find(eid, rloc);
  }
  signalling.remind(now, record, {}, *known);
  return true;
}

}  // namespace ilnp::lisp
