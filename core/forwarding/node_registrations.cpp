// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/node_registrations.h"

#include <algorithm>

namespace ilnp {

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

void NodeRegistrations::start(lisp::Instant at, lisp::XtrActions& actions) {
  for (auto& [nid, node] : nodes_) look(at, nid, node, actions);
  set_deadline();
}

void NodeRegistrations::heard(lisp::Instant at, std::span<const NodeId> nodes, lisp::XtrActions& actions) {
  if (nodes.empty()) return;
  for (const NodeId nid : nodes)
    if (const auto node = nodes_.find(nid); node != nodes_.end()) look(at, nid, node->second, actions);
  set_deadline();
}

void NodeRegistrations::look(lisp::Instant at, NodeId nid, Node& node, lisp::XtrActions& actions) {
  node.is_waiting = at.now < node.not_before;
  if (node.is_waiting) return;
  node.locators.replace(at.now, sessions_.places(at.now, nid));
  const std::vector<AdvertisedLocator> live = node.locators.live();
  const auto record_of = [&](const lisp::EidPrefix& eid) {
    return to_mapping(eid, live, node.locators.gone(), places_);
  };
  std::vector<lisp::RlocRecord> in_use = record_of(node.eids.front()).rlocs;
  std::erase_if(in_use, [](const lisp::RlocRecord& rloc) { return rloc.priority == lisp::never_use; });
  if (in_use == node.registered) return;
  node.registered = std::move(in_use);
  node.not_before = at.now + spacing_;
  for (const lisp::EidPrefix& eid : node.eids) xtr_.arrived(at, record_of(eid), actions);
}

void NodeRegistrations::confirmed(const lisp::EidPrefix& eid) {
  if (has(eid)) nodes_.at(eid.prefix.address.ipv6().nid).locators.registered();
}

/// A lifetime that ends may have been told anew without any change.
void NodeRegistrations::on_time(lisp::Instant at, lisp::XtrActions& actions) {
  if (next_ > at.now) return;
  for (auto& [nid, node] : nodes_)
    if (deadline_of(node) <= at.now) look(at, nid, node, actions);
  set_deadline();
}

TimePoint NodeRegistrations::deadline_of(const Node& node) const {
  return node.is_waiting ? node.not_before : node.locators.next_deadline();
}

void NodeRegistrations::set_deadline() {
  next_ = never;
  for (const auto& [nid, node] : nodes_) next_ = std::min(next_, deadline_of(node));
}

}  // namespace ilnp
