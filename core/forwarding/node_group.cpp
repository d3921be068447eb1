// SPDX-License-Identifier: Apache-2.0
// Sessions that change hands in a group of gateways.
#include <algorithm>
#include <iterator>
#include <set>

#include "core/forwarding/node_sessions.h"

namespace ilnp {
namespace {

constexpr Duration kept_while_lent = seconds{60};

}  // namespace

std::uint32_t NodeSessions::turn_of(const SessionKey& key) const {
  const auto turn = turns_.find(key);
  return turn == turns_.end() ? 0 : turn->second;
}

bool NodeSessions::told_by(TimePoint now, std::uint64_t member, Bytes memory, Duration age, NodeActions& actions) {
  const bool is_whole = group_.replace(now, member, memory, age);
  std::set<NodeId> nodes;
  for (const auto& [key, theirs] : group_.of(member)) {
    nodes.insert(key.second);
    compare(now, {theirs.saved.local, key.second}, theirs);
  }
  std::ranges::copy(nodes, std::back_inserter(actions.heard));
  end_lent(now);
  settle(now, actions);
  return is_whole;
}

void NodeSessions::compare(TimePoint now, const SessionKey& key, const GroupSessions::Session& theirs) {
  Correspondent* own = session_of(key.first, key.second);
  if (own == nullptr) return;
  const std::uint32_t turn = turn_of(key);
  if (theirs.turn > turn && lent_.insert(key).second) {
    forwarder_.lend(*own);
    ++given_up_;
  }
  if (theirs.turn >= turn || lent_.contains(key) || !is_fresher(theirs.saved, *own)) return;
  // The node spoke to the gateway that it knew.
  forwarder_.learn(*own, theirs.saved);
  forwarder_.announce(now, *own, did_);
}

/// Nothing comes to us any more: the node has heard.
void NodeSessions::end_lent(TimePoint now) {
  for (const SessionKey& key : std::set<SessionKey>{lent_})
    if (Correspondent* own = session_of(key.first, key.second); own == nullptr)
      lent_.erase(key);
    else if (now - own->last_received > kept_while_lent)
      forwarder_.give_up(*own, did_);
}

void NodeSessions::take_over(TimePoint now, const lisp::Eid& client, NodeId node, NodeActions& actions) {
  const auto known = clients().find(client);
  Correspondent* own = known ? session_of(*known, node) : nullptr;
  if (own != nullptr && !lent_.contains({*known, node})) return;
  GroupSessions::Session* theirs = group_.find({client, node});
  if (theirs == nullptr && own == nullptr) return;
  const std::uint32_t turn =
      1 + std::max(theirs == nullptr ? 0 : theirs->turn, own == nullptr ? 0 : turn_of({*known, node}));
  if (own != nullptr) {
    if (theirs != nullptr && is_fresher(theirs->saved, *own)) forwarder_.learn(*own, theirs->saved);
    forwarder_.announce(now, *own, did_);
    lent_.erase({*known, node});
  } else if (!begin_theirs(now, client, node, *theirs)) {
    return;
  }
  group_.erase({client, node});
  turns_[{*clients().find(client), node}] = turn;
  ++taken_over_;
  settle(now, actions);
}

/// What a session needs beside: the NID of its client.
bool NodeSessions::begin_theirs(TimePoint now, const lisp::Eid& client, NodeId node, GroupSessions::Session& theirs) {
  const NodeId nid = theirs.saved.local;
  const TimePoint used = std::max(theirs.saved.last_sent, theirs.saved.last_delivered);
  if (now - used >= settings_.keep || session_of(nid, node) != nullptr) return false;
  const bool is_new = !clients().find(client);
  if (!exchange_.clients().adopt(now, client, nid)) return false;
  if (is_new) forwarder_.add_own_nid(nid);
  return forwarder_.take_over(now, std::move(theirs.saved), did_);
}

}  // namespace ilnp
