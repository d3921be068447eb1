// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/node_registrations.h"

#include <algorithm>
#include <utility>

namespace ilnp {
namespace {

/// Of who is lost: it may speak again in a session, and its name may say more.
constexpr Duration looks_apart = seconds{5}, questions_apart = std::chrono::minutes{1};

}  // namespace

NodeRegistrations::NodeRegistrations(LispPlaces places, const NodeSettings& settings, lisp::Xtr& xtr,
                                     NodeSessions& nodes, Duration spacing)
    : places_{std::move(places)}, xtr_{xtr}, sessions_{nodes}, spacing_{spacing} {
  for (const NodeSettings::Node& each : settings.nodes)
    for (const std::uint32_t instance : each.instances) {
      const lisp::Eid eid{instance, Address{settings.exchange.eid_prefixes.at(instance), each.nid}};
      if (xtr.is_mobile(eid)) nodes_[each.nid].eids.push_back(lisp::EidPrefix::host(eid));
    }
}

bool NodeRegistrations::has(const lisp::EidPrefix& eid) const {
  if (!eid.prefix.is_host() || eid.prefix.address.is_ipv4()) return false;
  const auto node = nodes_.find(eid.prefix.address.ipv6().nid);
  return node != nodes_.end() && std::ranges::count(node->second.eids, eid) != 0;
}

void NodeRegistrations::start(lisp::Instant at, NodeActions& asked, lisp::XtrActions& actions) {
  for (auto& [nid, node] : nodes_) look(at, nid, node, asked, actions);
  set_deadline();
}

void NodeRegistrations::heard(lisp::Instant at, std::span<const NodeId> nodes, NodeActions& asked,
                              lisp::XtrActions& actions) {
  if (nodes.empty()) return;
  for (const NodeId nid : nodes)
    if (const auto node = nodes_.find(nid); node != nodes_.end()) look(at, nid, node->second, asked, actions);
  set_deadline();
}

void NodeRegistrations::look(lisp::Instant at, NodeId nid, Node& node, NodeActions& asked, lisp::XtrActions& actions) {
  node.is_waiting = at.now < node.not_before;
  if (node.is_waiting) return;
  const std::vector<AdvertisedLocator> places = sessions_.places(at.now, nid);
  if (places.empty()) return lose(at.now, nid, node, asked);
  const bool was_lost = std::exchange(node.is_lost, false), may_be_taken = node.has_arrived && !was_lost;
  const bool comes = is_new_of_ours(node, places);
  node.locators.replace(at.now, places);
  const std::vector<AdvertisedLocator> live = node.locators.live();
  const auto record_of = [&](const lisp::EidPrefix& eid) {
    return to_mapping(eid, live, node.locators.gone(), places_);
  };
  std::vector<lisp::RlocRecord> in_use = record_of(node.eids.front()).rlocs;
  std::erase_if(in_use, [](const lisp::RlocRecord& rloc) { return rloc.priority == lisp::never_use; });
  const bool is_new = in_use != node.registered || was_lost;
  if (!is_new && !comes) return;
  node.registered = std::move(in_use);
  node.not_before = at.now + spacing_;
  node.has_arrived = true;
  for (const lisp::EidPrefix& eid : node.eids) {
    const lisp::EidPlace place = xtr_.place_of(at.now, {eid.instance, eid.prefix.address});
    const bool is_taken = may_be_taken && place.kind != lisp::EidPlace::Kind::site;
    if (is_taken ? comes : is_new) xtr_.arrived(at, record_of(eid), actions);
  }
}

bool NodeRegistrations::is_new_of_ours(const Node& node, std::span<const AdvertisedLocator> places) const {
  const std::vector<AdvertisedLocator> before = node.locators.live();
  return std::ranges::any_of(places, [&](const AdvertisedLocator& place) {
    return places_.gateways.contains(place.locator) &&
           std::ranges::find(before, place.locator, &AdvertisedLocator::locator) == before.end();
  });
}

void NodeRegistrations::lose(TimePoint now, NodeId nid, Node& node, NodeActions& asked) {
  if (!std::exchange(node.is_lost, true))
    for (const lisp::EidPrefix& eid : node.eids) xtr_.locators_gone(now, eid);
  node.look_at = now + looks_apart;
  if (now < node.ask_at) return;
  node.ask_at = now + questions_apart;
  sessions_.ask_name(nid, asked);
}

void NodeRegistrations::confirmed(const lisp::EidPrefix& eid) {
  if (has(eid)) nodes_.at(eid.prefix.address.ipv6().nid).locators.registered();
}

/// A lifetime that ends may have been told anew without any change.
void NodeRegistrations::on_time(lisp::Instant at, NodeActions& asked, lisp::XtrActions& actions) {
  if (next_ > at.now) return;
  for (auto& [nid, node] : nodes_)
    if (deadline_of(node) <= at.now) look(at, nid, node, asked, actions);
  set_deadline();
}

TimePoint NodeRegistrations::deadline_of(const Node& node) const {
  if (node.is_waiting) return node.not_before;
  return node.is_lost ? node.look_at : node.locators.next_deadline();
}

void NodeRegistrations::set_deadline() {
  next_ = never;
  for (const auto& [nid, node] : nodes_) next_ = std::min(next_, deadline_of(node));
}

}  // namespace ilnp
