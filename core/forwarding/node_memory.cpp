// SPDX-License-Identifier: Apache-2.0
// Sessions over a restart: the NIDs of clients, then what the node engine keeps. Clients come first, because sessions
// are those of known NIDs only.
#include "core/forwarding/node_sessions.h"

namespace ilnp {

ByteVector NodeSessions::memory(TimePoint now) {
  const ByteVector clients = exchange_.clients().save(), sessions = forwarder_.save(now);
  return to_octets({clients, turns_, sessions});
}

bool NodeSessions::start(TimePoint now, Bytes memory, NodeActions& actions, std::optional<Duration> age) {
  for (const OwnLocator& own : settings_.locators) forwarder_.locator_up(now, own, did_);
  bool is_whole = memory.empty();
  if (auto former = read_node_memory(memory)) {
    for (const NodeId nid : exchange_.clients().restore(now, former->clients)) forwarder_.add_own_nid(nid);
    turns_ = std::move(former->turns);
    is_whole = forwarder_.restore(now, former->sessions, did_, age);
  }
  settle(now, actions);
  return is_whole;
}

}  // namespace ilnp
