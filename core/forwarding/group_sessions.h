// SPDX-License-Identifier: Apache-2.0
// Sessions of mode N that the other gateways of a group hold, as they told last. When a client comes to us in the
// middle of one, because its node is here now or the other gateway is dead, we go on with it: same NIDs, same nonces.
//
// How often a session has changed hands is its turn, which goes with it. Of two gateways that hold it the one with the
// higher turn speaks for the client. The other one has lent it: it still delivers what comes from the node, which may
// not have heard yet, and tells where the node says that it is.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <utility>

#include "core/forwarding/saved_session.h"
#include "core/lisp/ip_address.h"

namespace ilnp {

using SessionKey = std::pair<NodeId, NodeId>;  ///< of the client, of the node
using SessionTurns = std::map<SessionKey, std::uint32_t>;

/// Whether `theirs` has obeyed a later Locator Update of the node than the session here.
bool is_fresher(const SavedSession& theirs, const Correspondent& own);

/// The parts of what a gateway keeps of its sessions; the sessions themselves are for SavedSessions.
struct NodeMemory {
  Bytes clients;
  SessionTurns turns;  ///< of those that have changed hands
  Bytes sessions;
};
ByteVector to_octets(const NodeMemory& memory);
/// Nothing: damaged.
std::optional<NodeMemory> read_node_memory(Bytes octets);

class GroupSessions {
 public:
  using Key = std::pair<lisp::Eid, NodeId>;  ///< client, node
  struct Session {
    std::uint32_t turn = 0;
    SavedSession saved;  ///< local: the NID of the client
  };
  using Sessions = std::map<Key, Session>;

  GroupSessions(const Tuning& tuning, Locator identity_prefix) : tuning_{tuning}, identity_prefix_{identity_prefix} {}

  /// All that this member holds, in place of what it told before. False: damaged, and it counts up to there.
  bool replace(TimePoint now, std::uint64_t member, Bytes octets, Duration age);
  const Sessions& of(std::uint64_t member) { return members_[member].sessions; }
  bool empty() const { return members_.empty(); }

  /// The one that changed hands last; nullptr: none. Until the next replace() or erase().
  Session* find(const Key& key);
  /// It is ours now, or of no use.
  void erase(const Key& key);
  /// Where that node is, as it told in the session that was heard of last; nullptr: nobody has any.
  const RemoteLocators* places_of(NodeId node) const;

 private:
  const Tuning& tuning_;
  Locator identity_prefix_;
  struct Told {
    TimePoint at{};
    RemoteLocators locators;
  };
  struct Member {
    Sessions sessions;
    std::map<NodeId, Told> places;
  };
  std::map<std::uint64_t, Member> members_;
};

}  // namespace ilnp
