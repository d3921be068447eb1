// SPDX-License-Identifier: Apache-2.0
// The Node Identifiers of LISP clients in the ILNP world. A client has an EID and knows nothing of NIDs: the gateway
// gives it one. It is the lower half of an IPv6 EID where that can be a NID and nobody here has it; otherwise the first
// octets of a hash, with the group and universal bits zero, so that every gateway comes to the same one by itself. Only
// of two clients whose EIDs collide the first one here decides.
//
// The hash is SHA-256 over "ilnp-gw", instance (4 octets), address family (2, as in LISP), EID, counter (4, from 0 on
// until the NID is free).
//
// Bounded: a new client takes the place of the one that was silent longest, if that one has been silent for a while.
#pragma once

#include <cstdint>
#include <list>
#include <optional>
#include <unordered_map>
#include <vector>

#include "core/base/crypto.h"
#include "core/base/time.h"
#include "core/ipv6/address.h"
#include "core/lisp/address_hash.h"

namespace ilnp {

class ClientNids {
 public:
  /// `most`: clients. `silence`: before a client may lose its place. `seed`: secret.
  ClientNids(Hasher& hasher, std::uint64_t seed, std::size_t most = 65'536, Duration silence = seconds{600});
  ClientNids(const ClientNids&) = delete;
  ClientNids& operator=(const ClientNids&) = delete;

  /// NIDs that are no clients': those of the nodes here, the gateway's own. Precondition: no client has it.
  void reserve(NodeId nid) { by_nid_.try_emplace(nid, clients_.end()); }

  struct Taken {
    NodeId nid;
    bool is_new = false;
    std::optional<NodeId> retired{};  ///< of a client that lost its place
  };
  /// Of a client that sends to `correspondent`, which is not its own. Nothing: full of clients that speak.
  std::optional<Taken> take(TimePoint now, const lisp::Eid& client, NodeId correspondent = {});
  /// Whom packets for that NID are for; he counts as speaking.
  std::optional<lisp::Eid> client_of(TimePoint now, NodeId nid);
  std::optional<NodeId> find(const lisp::Eid& client) const;
  std::optional<lisp::Eid> find(NodeId nid) const;
  std::size_t size() const { return by_eid_.size(); }

  /// Under the NID that another gateway gave it. False: it has another one here, or the NID is somebody else's.
  bool adopt(TimePoint now, const lisp::Eid& client, NodeId nid);

  /// For the state file, beside that of the HostForwarder: sessions go on under the NIDs that they have.
  ByteVector save() const;
  struct Known {
    lisp::Eid eid;
    NodeId nid;
  };
  /// What save() wrote, up to where the octets are damaged.
  static std::vector<Known> read(Bytes saved);
  /// Into an empty table; the clients count as heard now. Their NIDs, up to where the octets are damaged.
  std::vector<NodeId> restore(TimePoint now, Bytes saved);

 private:
  struct Client {
    lisp::Eid eid;
    NodeId nid;
    TimePoint heard;
  };
  using Clients = std::list<Client>;
  struct EidHash {
    std::uint64_t seed;
    std::size_t operator()(const lisp::Eid& eid) const { return lisp::hash_of(seed, eid.address, eid.instance); }
  };
  struct NidHash {
    std::uint64_t seed;
    std::size_t operator()(NodeId nid) const { return keyed_hash(seed, {nid.bits}); }
  };

  void insert(TimePoint now, const lisp::Eid& client, NodeId nid);
  void touch(TimePoint now, Clients::iterator client);
  NodeId choose(const lisp::Eid& client, NodeId correspondent) const;
  NodeId hashed(const lisp::Eid& client, std::uint32_t counter) const;
  bool is_free(NodeId nid) const;

  Hasher& hasher_;
  std::size_t most_;
  Duration silence_;
  Clients clients_;  ///< by when they were heard, the longest ago first
  std::unordered_map<lisp::Eid, Clients::iterator, EidHash> by_eid_;
  std::unordered_map<NodeId, Clients::iterator, NidHash> by_nid_;  ///< end: reserved
};

}  // namespace ilnp
