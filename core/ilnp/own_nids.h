// SPDX-License-Identifier: Apache-2.0
// Our own Node Identifiers: those of the node, which names publish and servers have, and ephemeral ones, each for the
// sessions that we begin with one peer (RFC 6740 section 3.1.2, RFC 6741 section 2).
//
// An ephemeral NID is made by the caller and is in turn
//   ready    provisioned, packets to it reach us, no peer knows it; take() gives it to a peer that has none
//   in use   until release() says that the peer's last entry ended; then it is retired, for good.
// While none is ready the peers share one more, the spare: they learn no more than that they speak to one node, and it
// is retired as soon as another one can take its place.
#pragma once

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "core/ipv6/address.h"

namespace ilnp {

class OwnNids {
 public:
  static constexpr std::size_t max_ephemeral = 240;
  /// Stands for "an ephemeral one" where our kernel speaks: the identity address that sockets have when nobody bound
  /// them. A reserved interface identifier (RFC 5453): no node has it, and it is never on a wire.
  static constexpr NodeId client{0xfdff'ffff'ffff'ffea};

  /// `seed`: peers choose their NIDs, so the hash is keyed.
  explicit OwnNids(std::uint64_t seed) : many_{0, Hash{seed}}, peers_{0, Hash{seed}}, users_{0, Hash{seed}} {}

  void add(NodeId nid);
  void remove(NodeId nid);
  /// The first one is the default.
  const std::vector<NodeId>& node() const { return node_; }

  bool is_node(NodeId nid) const {
    if (node_.size() > few) return many_.contains(nid);
    for (const NodeId own : node_)
      if (own == nid) return true;
    return false;
  }
  bool contains(NodeId nid) const { return is_node(nid) || users_.contains(nid); }
  bool is_ephemeral(NodeId nid) const { return !is_node(nid) && users_.contains(nid); }

  /// False when there are enough of them, or it is taken.
  bool provision(NodeId nid);
  /// In the order in which they will be taken.
  const std::vector<NodeId>& ready() const { return ready_; }
  /// The others, the spare among them.
  std::vector<NodeId> in_use() const;
  std::size_t ephemeral() const { return users_.size(); }
  std::size_t peers() const { return peers_.size(); }
  /// How often a peer got the spare.
  std::uint64_t shared() const { return shared_; }

  std::optional<NodeId> of_peer(NodeId remote) const;
  /// The NID for this peer: its own, a ready one, or the spare; nullopt when nothing was provisioned.
  std::optional<NodeId> take(NodeId remote);
  /// From the state file. False when that contradicts what is known.
  bool adopt(NodeId nid, NodeId remote);
  /// The peer's last entry ended.
  void release(NodeId remote);
  /// Another node has it. False when a peer knows it: then it stays.
  bool withdraw(NodeId nid);

 private:
  struct Hash {
    std::uint64_t seed;
    std::size_t operator()(NodeId nid) const noexcept {
      const std::uint64_t h = (nid.bits ^ seed) * 0x9e37'79b9'7f4a'7c15;
      return h ^ h >> 32;
    }
  };
  void replace_spare(NodeId nid);

  static constexpr std::size_t few = 8;  ///< looked at one by one, which is faster than a hash

  std::vector<NodeId> node_;
  std::unordered_set<NodeId, Hash> many_;  ///< the same; a gateway is the node of all of its LISP clients
  std::vector<NodeId> ready_;
  NodeId spare_;  ///< zero: there is none
  bool spare_is_known_ = false;
  std::unordered_map<NodeId, NodeId, Hash> peers_;       ///< remote -> ours
  std::unordered_map<NodeId, std::size_t, Hash> users_;  ///< every ephemeral one: how many peers have it
  std::uint64_t shared_ = 0;
};

}  // namespace ilnp
