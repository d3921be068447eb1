// SPDX-License-Identifier: Apache-2.0
// From what the machines want to datagrams.
#include <algorithm>
#include <array>

#include "core/lisp/change_priority.h"
#include "core/lisp/encapsulated_control.h"
#include "core/lisp/map_reply.h"
#include "core/lisp/map_request.h"
#include "core/lisp/raw_change_priority.h"
#include "core/lisp/registration.h"
#include "core/lisp/reply_limit.h"
#include "core/lisp/xtr_parts.h"

namespace ilnp::lisp {
namespace {

constexpr std::size_t most_to_ourselves = 10'000;

std::optional<IpAddress> of_family(const std::vector<IpAddress>& addresses, Family family) {
  const auto found = std::ranges::find(addresses, family, &IpAddress::family);
  return found == addresses.end() ? std::nullopt : std::optional{*found};
}

/// Where we have no RLOC of that family: the end that asks, or one of our EID-prefixes.
IpAddress stand_in(const XtrSettings& settings, const std::optional<Eid>& source, Family family) {
  if (source && source->address.family() == family) return source->address;
  for (const auto* eids : {&settings.site, &settings.mobile})
    for (const EidPrefix& eid : *eids)
      if (eid.prefix.family() == family) return eid.prefix.address;
  return family == Family::ipv4 ? IpAddress::v4(0) : IpAddress{};
}

}  // namespace

void Xtr::Parts::post(ControlToSend datagram, XtrActions& actions) {
  if (!owns(datagram.to)) {
    actions.datagrams.push_back(std::move(datagram));
  } else if (to_ourselves.size() < most_to_ourselves) {
    to_ourselves.push_back(std::move(datagram));
  } else {
    counters.count(XtrDrop::handover_full);
  }
}

void Xtr::Parts::post_all(std::vector<ControlToSend> datagrams, XtrActions& actions) {
  for (ControlToSend& datagram : datagrams) post(std::move(datagram), actions);
}

void Xtr::Parts::post_reply(ControlToSend to, MapReply reply, std::size_t asked, XtrActions& actions) {
  auto message = encode_map_reply(std::move(reply), std::min(most_answer_octets(asked), most_message_octets));
  if (!message) return counters.count(XtrDrop::answer_too_large);
  to.message = std::move(*message);
  post(std::move(to), actions);
}

std::vector<IpAddress> Xtr::Parts::reply_addresses() const {
  std::vector<IpAddress> addresses;
  for (const Family family : {Family::ipv4, Family::ipv6})
    if (const auto own = of_family(settings.underlay.rlocs, family)) addresses.push_back(*own);
  return addresses;
}

void Xtr::Parts::ask(const IpAddress& resolver, MapRequest request, XtrActions& actions) {
  const IpAddress eid = request.records.front().eid.prefix.address;
  const auto own = of_family(settings.underlay.rlocs, eid.family());
  const IpAddress source = own ? *own : stand_in(settings, request.source, eid.family());
  const ByteVector message = encode_map_request(request);
  forward(resolver, {source, eid, control_port, message}, actions);
}

void Xtr::Parts::forward(const IpAddress& to, const EncapsulatedControl& envelope, XtrActions& actions) {
  post({to, control_port, {}, encode_encapsulated_control(envelope)}, actions);
}

void Xtr::Parts::send(const ResolutionActions::Send& request, XtrActions& actions) {
  if (settings.map_resolvers.empty()) return;
  MapRequest message = request.message;
  message.from_proxy = settings.proxies;
  message.itr_rlocs = reply_addresses();
  const std::size_t which = static_cast<std::size_t>(request.attempt) % settings.map_resolvers.size();
  ask(settings.map_resolvers[which], std::move(message), actions);
}

void Xtr::Parts::send(const RegistrationActions::Send& message, XtrActions& actions) {
  const XtrMapServer& to = settings.map_servers[message.server];
  const Secret* secret = find_secret(to.secrets, message.message.key);
  if (secret == nullptr) return counters.count(XtrDrop::no_key);
  post({to.address, control_port, {}, encode_map_register(message.message, key_of(*secret), hmac)}, actions);
}

void Xtr::Parts::send(const ChangeSend& change, XtrActions& actions) {
  const XtrPeer* peer = peers.find(change.to);
  const Secret* secret = peer == nullptr ? nullptr : change_secret(*peer);
  if (secret == nullptr) return counters.count(XtrDrop::no_key);
  ChangePriority message = change.message;
  message.key = secret->name;
  post({change.to,
        control_port,
        {},
        encode_change_priority(message, key_of(*secret), hmac, settings.change_priority_subtype)},
       actions);
  if (message.kind == ChangePriority::Kind::update && !message.is_ack)
    actions.events.push_back({XtrEvent::Kind::client_updated, message.records.front().eid, change.to});
}

void Xtr::Parts::send_raw(std::uint64_t unix_microseconds, const ChangeSend& change, XtrActions& actions) {
  const XtrPeer* peer = peers.find(change.to);
  const Secret* secret = peer == nullptr ? nullptr : raw_change_secret(*peer);
  if (secret == nullptr) return counters.count(XtrDrop::no_key);
  ChangePriority message = change.message;
  message.key = secret->name;
  message.wants_ack = false;
  message.nonce = raw_nonces.next(unix_microseconds);
  post({change.to, control_port, {}, encode_thesis_change_priority(message, key_of(*secret), hmac)}, actions);
}

/// It knows IPv4 only, and neither priorities nor instances.
void Xtr::Parts::send_openlisp(std::uint64_t unix_microseconds, const XtrPeer& peer, OpenLispNotice::Kind kind,
                               const MappingRecord& record, XtrActions& actions) {
  const Secret* secret = raw_change_secret(peer);
  if (secret == nullptr) return counters.count(XtrDrop::no_key);
  OpenLispNotice notice;
  notice.kind = kind;
  notice.nonce = raw_nonces.next(unix_microseconds);
  notice.eid = record.eid.prefix;
  for (const RlocRecord& rloc : record.rlocs) {
    const bool is_meant = kind == OpenLispNotice::Kind::clients || (rloc.is_reachable && rloc.priority != never_use);
    if (rloc.address.is_ipv4() && is_meant) notice.addresses.push_back(rloc.address);
  }
  if (record.eid.instance != 0 || !notice.eid.address.is_ipv4() || notice.addresses.empty()) return;
  post({peer.addresses.front(), control_port, {}, encode_openlisp_notice(notice, key_of(*secret), hmac)}, actions);
}

void Xtr::Parts::acknowledge(const ControlReceived& datagram, const Secret& secret, ChangePriority message,
                             XtrActions& actions) {
  if (!message.wants_ack) return;
  message.is_ack = true;
  message.wants_ack = false;
  message.sender = settings.own;
  ByteVector octets = encode_change_priority(message, key_of(secret), hmac, settings.change_priority_subtype);
  post({datagram.source, datagram.source_port, datagram.destination, std::move(octets)}, actions);
}

// --- What the machines want
// ------------------------------------------------------------------------------------------------------

void Xtr::Parts::obey(ResolutionActions wanted, XtrActions& actions) {
  for (const ResolutionActions::Send& request : wanted.requests) send(request, actions);
  std::ranges::move(wanted.packets, std::back_inserter(actions.packets));
  for (const ResolutionEvent& event : wanted.events) {
    constexpr std::array kinds{XtrEvent::Kind::unanswered, XtrEvent::Kind::mapping_disagrees,
                               XtrEvent::Kind::mapping_changed};
    XtrEvent out{kinds.at(static_cast<std::size_t>(event.kind)), event.eid, event.rloc};
    if (event.kind == ResolutionEvent::Kind::disagreed) out.peer = peers.name_of(event.sender);
    actions.events.push_back(std::move(out));
  }
}

void Xtr::Parts::obey(Instant at, const RegistrationActions& wanted, XtrActions& actions) {
  using Kind = RegistrationEvent::Kind;
  for (const RegistrationActions::Send& message : wanted.sends) send(message, actions);
  for (const RegistrationEvent& event : wanted.events) {
    const std::string& name = settings.map_servers[event.server].name;
    if (event.kind == Kind::withdrawn) continue;
    const XtrEvent::Kind kind = event.kind == Kind::registered ? XtrEvent::Kind::registered
                                : event.kind == Kind::lost     ? XtrEvent::Kind::registration_lost
                                                               : XtrEvent::Kind::registration_key;
    actions.events.push_back({kind, event.eid, {}, name});
    if (event.kind != Kind::registered) continue;
    tell(at, event.eid, actions, [](EidPresence& presence, auto& out) { presence.registered(out); });
  }
}

void Xtr::Parts::obey(const ProbingActions& wanted, XtrActions& actions) {
  for (const ProbingActions::Probe& probe : wanted.probes)
    post({probe.to, control_port, {}, encode_map_request(probe.message)}, actions);
  for (const ProbingActions::Change& change : wanted.changes)
    actions.events.push_back({change.is_up ? XtrEvent::Kind::rloc_up : XtrEvent::Kind::rloc_down, {}, change.rloc});
}

void Xtr::Parts::obey(Instant at, const ResponderActions& wanted, std::size_t asked, XtrActions& actions) {
  for (const ResponderActions::Reply& reply : wanted.replies)
    post_reply({reply.to, reply.port, {}, {}}, reply.message, asked, actions);
  for (const ResponderActions::Asked& one : wanted.asked) {
    clients.on_request(at.now, one.owned, one.rloc, one.clients_own, peers.capability_of(one.rloc));
    signalling.heard(one.owned, one.rloc);
    look_whether_told(at, one.owned, actions);
  }
}

void Xtr::Parts::obey(Instant at, const SignallingActions& wanted, XtrActions& actions) {
  for (const ChangeSend& change : wanted.raw_changes) send_raw(at.unix_microseconds, change, actions);
  for (const SmrSend& smr : wanted.smrs) {
    post({smr.to, control_port, {}, encode_map_request(smr.message)}, actions);
    actions.events.push_back({XtrEvent::Kind::client_solicited, EidPrefix::host(*smr.message.source), smr.to});
    look_whether_told(at, EidPrefix::host(*smr.message.source), actions);
  }
}

}  // namespace ilnp::lisp
