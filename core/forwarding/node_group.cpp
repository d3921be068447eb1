// SPDX-License-Identifier: Apache-2.0
// Sessions that change hands in a group of gateways.
#include <algorithm>
#include <iterator>
#include <set>

#include "core/forwarding/node_sessions.h"

namespace ilnp {

std::uint32_t NodeSessions::turn_of(const SessionKey& key) const {
  const auto turn = turns_.find(key);
  return turn == turns_.end() ? 0 : turn->second;
}

bool NodeSessions::told_by(TimePoint now, std::uint64_t member, Bytes memory, Duration age, NodeActions& actions) {
  const bool is_whole = group_.replace(now, member, memory, age);
  std::set<NodeId> nodes;
  for (const auto& [key, theirs] : group_.of(member)) {
    const SessionKey pair{theirs.saved.local, key.second};
    nodes.insert(key.second);
    Correspondent* own = session_of(pair.first, pair.second);
    if (own == nullptr || theirs.turn <= turn_of(pair)) continue;
    ++given_up_;
    forwarder_.give_up(*own, did_);
  }
  std::ranges::copy(nodes, std::back_inserter(actions.heard));
  settle(now, actions);
  return is_whole;
}

/// What a session needs beside: the NID of its client, and that nobody here has one of the pair.
void NodeSessions::take_over(TimePoint now, const lisp::Eid& client, NodeId node, NodeActions& actions) {
  GroupSessions::Session* theirs = group_.find({client, node});
  if (theirs == nullptr) return;
  const NodeId nid = theirs->saved.local;
  const TimePoint used = std::max(theirs->saved.last_sent, theirs->saved.last_delivered);
  if (now - used >= settings_.keep || session_of(nid, node) != nullptr) return;
  const bool is_new = !exchange_.clients().find(client);
  if (!exchange_.clients().adopt(now, client, nid)) return;
  if (is_new) forwarder_.add_own_nid(nid);
  const std::uint32_t turn = theirs->turn + 1;
  if (!forwarder_.take_over(now, std::move(theirs->saved), did_)) return;
  group_.erase({client, node});
  turns_[{nid, node}] = turn;
  ++taken_over_;
  settle(now, actions);
}

}  // namespace ilnp
