// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/xtr_server.h"

#include <algorithm>

#include "core/lisp/encapsulated_control.h"
#include "core/lisp/map_reply.h"
#include "core/lisp/registration.h"

namespace ilnp::lisp {
namespace {

/// Of one source, that turn out to be nothing: forged, replayed, of no site.
constexpr double registers_per_second = 50, registers_burst = 50;

bool is_same(const Secret& a, const Secret& b) { return a.name == b.name && a.octets == b.octets; }

bool has(const std::vector<Secret>& secrets, const Secret& wanted) {
  return std::ranges::any_of(secrets, [&](const Secret& secret) { return is_same(secret, wanted); });
}

std::vector<MapServerSite> sites_of(const XtrSettings::Server& settings) {
  std::vector<MapServerSite> sites;
  for (const XtrSettings::Server::Site& site : settings.sites) sites.push_back(site.site);
  return sites;
}

}  // namespace

XtrServer::XtrServer(const XtrSettings::Server& settings, const Underlay& underlay, Random& random, Hmac& hmac,
                     ControlCounters& counters)
    : settings_{settings},
      underlay_{underlay},
      hmac_{hmac},
      counters_{counters},
      limit_{random.u64(), registers_per_second, registers_burst},
      machine_{settings.tuning, settings.publisher, sites_of(settings), random} {
  for (const XtrSettings::Server::Site& site : settings_.sites)
    for (const Secret& secret : site.secrets)
      if (!has(site_secrets_, secret)) site_secrets_.push_back(secret);
}

bool XtrServer::on_register(TimePoint now, const ControlReceived& datagram, std::vector<ControlToSend>& out) {
  const auto refuse = [this](auto reason) {
    counters_.count(reason);
    return false;
  };
  if (!limit_.allow(now, datagram.source)) return refuse(XtrDrop::register_limit);
  const auto sealed = inspect_map_register(datagram.message);
  if (sealed.has_error()) return refuse(sealed.error());
  const auto opened = open_with(sealed.value(), site_secrets_, hmac_, open_map_register);
  if (opened.has_error()) return refuse(opened.error());
  const MapRegister& message = opened.value().message;
  const auto site = machine_.site_of(message.records.front().eid);
  if (!site || !has(settings_.sites[*site].secrets, *opened.value().secret)) return refuse(XtrDrop::not_configured);
  MapServerActions actions;
  const auto reason = machine_.on_register(now, *site, datagram.source, datagram.source_port, message, actions);
  if (reason == MapServerReason::registered) limit_.give_back(datagram.source);
  write(actions, out);
  return reason == MapServerReason::registered;
}

bool XtrServer::on_acknowledgement(const ControlReceived& datagram) {
  const auto sealed = inspect_map_notify(datagram.message);
  if (sealed.has_error()) {
    counters_.count(sealed.error());
    return false;
  }
  if (sealed.value().sender()) {
    const auto opened = open_with(sealed.value(), settings_.subscriber_secrets, hmac_, open_map_notify);
    if (opened.has_value() && machine_.on_acknowledgement(*sealed.value().sender(), opened.value().message))
      return true;
  }
  const auto opened = open_with(sealed.value(), site_secrets_, hmac_, open_map_notify);
  return opened.has_value() && machine_.on_notice_acknowledged(datagram.source, opened.value().message);
}

std::vector<IpAddress> XtrServer::on_request(TimePoint now, const IpAddress& from, const EncapsulatedControl& envelope,
                                             MapRequest request, std::vector<ControlToSend>& out) {
  if (!publishes())
    for (MapRequest::Record& record : request.records) record.subscribes = false;
  // Only where we can and may send to; where the question came from is the likeliest way back.
  const auto unreachable = std::erase_if(request.itr_rlocs, [&](const IpAddress& rloc) {
    return !rloc.is_routable_unicast() || !underlay_.has(rloc.family());
  });
  if (request.itr_rlocs.empty() && unreachable > 0) {
    counters_.count(ReadError::no_itr_rloc);
    return {};
  }
  std::ranges::stable_sort(request.itr_rlocs, {}, [&](const IpAddress& rloc) { return rloc != from; });
  MapServerActions actions;
  machine_.on_request(now, from, envelope, request, actions);
  std::size_t left = most_answer_octets(envelope.message.size());
  const auto may_send = [&](std::size_t octets) {
    const bool may = octets <= std::min(left, most_message_octets);
    if (may) left -= octets;
    if (!may) counters_.count(XtrDrop::answer_too_large);
    return may;
  };
  for (const MapServerActions::Reply& reply : actions.replies) {
    ByteVector message = encode_map_reply(reply.message);
    if (may_send(message.size())) out.push_back({reply.to, reply.port, {}, std::move(message)});
  }
  std::vector<IpAddress> forward;
  for (const MapServerActions::Forward& to : actions.forwards)
    if (std::ranges::find(forward, to.to) == forward.end() && may_send(envelope.message.size()))
      forward.push_back(to.to);
  return forward;
}

void XtrServer::on_time(TimePoint now, std::vector<ControlToSend>& out) {
  MapServerActions actions;
  machine_.on_time(now, actions);
  write(actions, out);
}

/// All but answers to Map-Requests.
void XtrServer::write(const MapServerActions& actions, std::vector<ControlToSend>& out) {
  for (const MapServerActions::Notify& notify : actions.notifies) {
    const Secret* secret = find_secret(settings_.sites[notify.site].secrets, notify.message.key);
    if (secret == nullptr) {
      counters_.count(XtrDrop::no_key);
      continue;
    }
    out.push_back({notify.to, notify.port, {}, encode_map_notify(notify.message, key_of(*secret), hmac_)});
  }
  for (const Publication& publication : actions.publications) {
    const Secret& secret = settings_.subscriber_secrets.front();
    const MapNotify message{false, publication.nonce, secret.name, {publication.record}, {}};
    out.push_back({publication.to, control_port, {}, encode_map_notify(message, key_of(secret), hmac_)});
  }
}

}  // namespace ilnp::lisp
