// SPDX-License-Identifier: Apache-2.0
// Where the nodes are: what is configured, what their names say, and what they say themselves in their sessions, which
// is the latest.
#include <algorithm>

#include "core/forwarding/node_sessions.h"
#include "core/ilnp/text.h"

namespace ilnp {
namespace {

constexpr std::uint16_t behind_what_was_told = 1000;  ///< added to preferences
constexpr seconds usual_life{300}, least_life_of_a_name{60};
constexpr Duration still_speaks = std::chrono::minutes{1};

bool has(const auto& locators, Locator locator) {
  return std::ranges::any_of(locators, [&](const auto& l) { return l.locator == locator; });
}

AdvertisedLocator lasting(TimePoint now, Locator locator, std::uint16_t preference, TimePoint end) {
  using Lifetime = std::chrono::duration<std::uint16_t>;
  constexpr Lifetime unlimited{0xffff};
  const bool ends = end != never && end - now < seconds{unlimited.count()};
  const auto left = ends ? std::chrono::ceil<seconds>(end - now).count() : unlimited.count();
  return {locator, preference, Lifetime{static_cast<std::uint16_t>(left)}};
}

/// When a lifetime is over and nothing came after it, the node is there for as long as it speaks.
std::vector<AdvertisedLocator> still_there(TimePoint now, const RemoteLocators& told) {
  std::vector<AdvertisedLocator> out;
  for (const RemoteLocator& l : told.all()) {
    if (l.receive_only) continue;
    const bool is_over = l.validity == Validity::expired || l.expires <= now;
    const TimePoint end = is_over ? l.last_received + still_speaks : l.expires;
    if (end > now) out.push_back(lasting(now, l.locator, l.preference, end));
  }
  return out;
}

}  // namespace

/// The first packet of a node to a client. What belongs to a session, whatever its nonce, is the engine's to judge, and
/// so is what can begin none: errors of routers.
bool NodeSessions::comes_from_its_place(const HeaderWalk& walk, NodeActions& actions) {
  if (!walk.has_nonce() && walk.fragment_header == 0) return true;
  if (!forwarder_.nids().contains(walk.destination.nid)) return true;
  if (forwarder_.ilcc().find_pair(walk.destination.nid, walk.source.nid) != nullptr) return true;
  const auto found = nodes_.find(walk.source.nid);
  if (found == nodes_.end()) return false;
  Place& place = found->second;
  if (has(places_of(place), walk.source.locator)) return true;
  // It tries again; by then its name may have said more.
  if (!place.configured.name.empty())
    actions.name_queries.push_back(
        {{settings_.exchange.identity_prefix, walk.source.nid}, place.configured.name, walk.destination.nid});
  return false;
}

/// Of the node that clients mean: another one with its NID has an identity of its own.
Correspondent* NodeSessions::session_of(NodeId client, NodeId node) {
  Ilcc& ilcc = forwarder_.ilcc();
  for (Correspondent* c = ilcc.find_pair(client, node); c != nullptr; c = ilcc.sibling(*c))
    if (c->is_session() && c->identity.locator == settings_.exchange.identity_prefix) return c;
  return nullptr;
}

const Correspondent* NodeSessions::teller_of(Place& place) {
  if (!place.teller) return nullptr;
  if (const Correspondent* c = session_of(*place.teller, place.configured.nid)) return c;
  place.teller.reset();  // that session has ended: any other one
  forwarder_.ilcc().for_each([&](const Correspondent& c) {
    if (!place.teller && c.remote_nid() == place.configured.nid && session_of(c.local_nid, c.remote_nid()) == &c)
      place.teller = c.local_nid;
  });
  return place.teller ? session_of(*place.teller, place.configured.nid) : nullptr;
}

/// In a session here, or else in one at another gateway.
const RemoteLocators* NodeSessions::told_by_node(Place& place) {
  const Correspondent* c = teller_of(place);
  const bool is_ours = c != nullptr && !lent_.contains({c->local_nid, c->remote_nid()});
  const RemoteLocators* theirs = is_ours ? nullptr : group_.places_of(place.configured.nid);
  return theirs != nullptr || c == nullptr ? theirs : &c->remote;
}

std::vector<ResolvedLocator> NodeSessions::places_of(Place& place) {
  std::vector<ResolvedLocator> out;
  if (const RemoteLocators* told = told_by_node(place))
    for (const RemoteLocator& l : told->all())
      if (!l.receive_only && l.reach != Reach::failed) out.push_back({l.locator, l.preference, usual_life});
  const std::uint16_t behind = out.empty() ? std::uint16_t{0} : behind_what_was_told;
  for (const std::vector<ResolvedLocator>* more : {&place.named, &place.configured.locators})
    for (ResolvedLocator locator : *more) {
      if (has(out, locator.locator)) continue;
      locator.preference = static_cast<std::uint16_t>(std::min(locator.preference + behind, 0xffff));
      out.push_back(locator);
    }
  return out;
}

void NodeSessions::answer(TimePoint now, const NameQuery& query, NodeActions& actions) {
  const auto found = nodes_.find(query.identity.nid);
  if (found == nodes_.end() || query.identity.locator != settings_.exchange.identity_prefix)
    forwarder_.not_resolved(now, query.identity, did_);
  else if (found->second.configured.name.empty())
    install(now, query, found->second);
  else
    actions.name_queries.push_back({query.identity, found->second.configured.name, query.local});
}

void NodeSessions::install(TimePoint now, const NameQuery& query, Place& place) {
  const NodeSettings::Node& node = place.configured;
  const std::string& name = node.name.empty() ? to_text(node.nid) : node.name;
  if (!forwarder_.resolved(now, name, query.local, node.nid, places_of(place), did_))
    forwarder_.not_resolved(now, query.identity, did_);
}

void NodeSessions::resolved(TimePoint now, const NameQuery& query, std::vector<ResolvedLocator> locators,
                            NodeActions& actions) {
  const auto found = nodes_.find(query.identity.nid);
  if (found == nodes_.end()) return;
  seconds life = least_life_of_a_name;
  for (const ResolvedLocator& locator : locators) life = std::max(life, locator.ttl);
  found->second.named_until = now + life;
  found->second.named = std::move(locators);
  actions.heard.push_back(query.identity.nid);
  install(now, query, found->second);
  settle(now, actions);
}

/// What it said itself, or what is configured, may still be right.
void NodeSessions::not_resolved(TimePoint now, const NameQuery& query, NodeActions& actions) {
  const auto found = nodes_.find(query.identity.nid);
  if (found == nodes_.end()) return;
  install(now, query, found->second);
  settle(now, actions);
}

void NodeSessions::note(const HostEvent& event, NodeActions& actions) {
  if (event.kind == EventKind::session_ended) {
    turns_.erase({event.local_nid, event.remote_nid});
    lent_.erase({event.local_nid, event.remote_nid});
  }
  const bool tells = event.kind == EventKind::session_established || event.kind == EventKind::peer_moved;
  const auto found = nodes_.find(event.remote_nid);
  if ((!tells && event.kind != EventKind::session_ended) || found == nodes_.end()) return;
  if (tells) found->second.teller = event.local_nid;
  actions.heard.push_back(event.remote_nid);
}

/// What the teller said counts first. Lifetimes may have been told anew in another session; that is no news, and made
/// no new teller.
std::vector<AdvertisedLocator> NodeSessions::still_told(TimePoint now, Place& place) {
  std::vector<AdvertisedLocator> out;
  if (const RemoteLocators* told = told_by_node(place)) out = still_there(now, *told);
  if (!out.empty() || !place.teller) return out;
  forwarder_.ilcc().for_each([&](Correspondent& c) {
    if (!out.empty() || c.remote_nid() != place.configured.nid) return;
    if (session_of(c.local_nid, c.remote_nid()) != &c) return;
    c.note_heard_in_place();
    out = still_there(now, c.remote);
  });
  return out;
}

std::vector<AdvertisedLocator> NodeSessions::places(TimePoint now, NodeId nid) {
  const std::vector<AdvertisedLocator> unknown{lasting(now, Locator{}, 0, never)};
  const auto found = nodes_.find(nid);
  if (found == nodes_.end()) return unknown;
  Place& place = found->second;
  std::vector<AdvertisedLocator> out = still_told(now, place);
  if (!out.empty()) return out;
  // A name is asked again in the end; what is configured has no end.
  const TimePoint named_until = place.teller ? place.named_until : never;
  if (named_until > now)
    for (const ResolvedLocator& l : place.named) out.push_back(lasting(now, l.locator, l.preference, named_until));
  for (const ResolvedLocator& l : place.configured.locators)
    if (!has(out, l.locator)) out.push_back(lasting(now, l.locator, l.preference, never));
  return out.empty() && !place.teller ? unknown : out;
}

void NodeSessions::ask_name(NodeId nid, NodeActions& actions) {
  const auto found = nodes_.find(nid);
  if (found == nodes_.end() || found->second.configured.name.empty()) return;
  actions.name_queries.push_back({{settings_.exchange.identity_prefix, nid},
                                  found->second.configured.name,
                                  found->second.teller.value_or(NodeId{})});
}

std::vector<NodeSessions::Row> NodeSessions::rows() {
  std::vector<Row> out;
  forwarder_.ilcc().for_each([&](const Correspondent& c) {
    const auto client = clients().find(c.local_nid);
    if (!client || !settings_.exchange.eid_prefixes.contains(client->instance)) return;
    const Locator prefix = settings_.exchange.eid_prefixes.at(client->instance);
    const lisp::Eid node{client->instance, Address{prefix, c.remote_nid()}};
    out.push_back({*client, node, c.using_local, c.using_remote, c.state, c.packets_in, c.packets_out,
                   lent_.contains({c.local_nid, c.remote_nid()})});
  });
  return out;
}

}  // namespace ilnp
