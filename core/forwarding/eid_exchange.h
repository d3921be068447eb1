// SPDX-License-Identifier: Apache-2.0
// Mode N: a LISP client and an ILNP node in one session, of which neither knows that the other lives in another world.
// The gateway is an ILNP node for the client, by running a HostForwarder in its name. In front of it stands this
// exchange of addresses:
//
//   tunnel side     EID of the client   <->  EID prefix : NID of the node
//   identity side   P : NID of client   <->  P : NID of the node              (P: the identity prefix)
//
// What a tunnel brought becomes what a kernel would give to the HostForwarder, and what that would give to a kernel
// becomes what goes into a tunnel. Checksums follow exactly, complete or partial, ICMPv6 and quoted packets as well;
// lengths stay. Nonces, Locator Updates, probes and what waits for a locator are the HostForwarder's.
//
// An IPv4 client has been translated before (core/lisp/siit.h): its EID is the IPv6 address that it got there.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>

#include "core/base/crypto.h"
#include "core/forwarding/client_nids.h"
#include "core/ilnp/checksum_mode.h"
#include "core/ipv6/packet.h"

namespace ilnp {

/// Why a packet was dropped here. Names are API: counters appear under them.
enum class ExchangeDrop : std::uint8_t {
  none,
  malformed,
  unknown_instance,  ///< it has no EID prefix
  not_for_a_node,    ///< to something else than the EID prefix of its instance
  not_a_client,      ///< from an address that is no client's: not unicast, a node's, an identity
  too_many_clients,
  same_nid,         ///< the client has the NID of the node already
  unknown_client,   ///< to a NID that is no client's (any more)
  not_from_a_node,  ///< to a client from something else than an identity, and no ICMPv6 error
  no_udp_checksum,  ///< and only a part of the datagram to compute it from
  unusable_quote,   ///< an ICMPv6 error that is damaged, or about another session
  count
};
const char* name_of(ExchangeDrop reason);

struct ExchangeSettings {
  Locator identity_prefix;
  std::map<std::uint32_t, Locator> eid_prefixes;  ///< by instance: its nodes have the EIDs of this prefix
  std::size_t most_clients = 65'536;
  Duration client_silence = seconds{600};  ///< before a client may lose its place to another one
};

class EidExchange {
 public:
  /// `seed`: secret.
  EidExchange(ExchangeSettings settings, Hasher& hasher, std::uint64_t seed);

  /// The nodes here have these: no client gets them.
  void reserve(NodeId nid) { clients_.reserve(nid); }

  /// What the HostForwarder has to know before it gets the packet.
  struct Entered {
    ExchangeDrop drop = ExchangeDrop::none;
    std::optional<NodeId> new_client{};  ///< add_own_nid()
    std::optional<NodeId> retired{};     ///< remove_own_nid()
  };
  /// From a client, in place: for HostForwarder::outbound(). May be a super-packet. When it is dropped it is of no more
  /// use, but for an error that `packet` is the cause of: its addresses are those that it came with.
  Entered to_identity(TimePoint now, std::uint32_t instance, Packet& packet);

  struct Left {
    ExchangeDrop drop = ExchangeDrop::none;
    std::uint32_t instance = 0;
  };
  /// What the HostForwarder has for the kernel, in place: for the tunnel to the client, in that instance.
  Left to_eid(TimePoint now, Packet& packet);

  ClientNids& clients() { return clients_; }
  const ClientNids& clients() const { return clients_; }
  std::uint64_t drops(ExchangeDrop reason) const { return drops_[static_cast<std::size_t>(reason)]; }

 private:
  ExchangeDrop count(ExchangeDrop reason) {
    ++drops_[static_cast<std::size_t>(reason)];
    return reason;
  }
  bool is_client_address(const Address& address, Locator eid_prefix) const;

  ExchangeSettings settings_;
  ClientNids clients_;
  std::array<std::uint64_t, static_cast<std::size_t>(ExchangeDrop::count)> drops_{};
};

}  // namespace ilnp
