// SPDX-License-Identifier: Apache-2.0
// Our own nftables tables, and nothing outside them:
//  - `table netdev ilnp`, one ingress chain per wire interface: drops exactly what WirePort takes, so that the kernel's
//    IPv6 input never answers an ILNP packet (it would refuse the nonce option), and any packet from or to an
//    identity prefix;
//  - `table ip6 ilnp`: drops packets from or to an identity prefix that would leave by any interface but our TUN and
//    the loopback: identity addresses never leak.
// The tables are replaced in one nftables transaction by the `nft` program, which runs as a child.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ipv6/address.h"

namespace ilnp {

struct IdentityPrefix {
  Address address;
  std::uint8_t length = 64;  ///< bits, 1..128
  bool operator==(const IdentityPrefix&) const = default;
};

class IngressFilter {
 public:
  struct Plan {
    std::vector<std::string> wire_interfaces;
    std::vector<NodeId> nids;
    std::vector<IdentityPrefix> identity_prefixes;
    std::string tun;
    bool operator==(const Plan&) const = default;
  };
  struct Counters {
    std::uint64_t tapped = 0;     ///< packets left to WirePort
    std::uint64_t leaks_in = 0;   ///< identity addresses that came in from a wire
    std::uint64_t leaks_out = 0;  ///< identity addresses kept from a wire
  };

  /// Replaces both tables in one transaction. To be repeated when a wire interface appears, also under a known name:
  /// the kernel drops a chain together with its device. A wire interface that is not there is an error before
  /// Linux 6.16.
  static Result<void> apply(const Plan& plan);
  /// Takes both tables away, whoever made them. They may be absent.
  static Result<void> remove();
  static Result<Counters> counters();

  /// The script for `nft -f -`; an interface name that nftables cannot quote is an error.
  static Result<std::string> script(const Plan& plan);
};

}  // namespace ilnp
