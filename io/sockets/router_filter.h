// SPDX-License-Identifier: Apache-2.0
// A border router's nftables table, `netdev ilnp_sbr`: one ingress chain for each of its interfaces that drops exactly
// what WirePort takes with router_wire_filter(), so that the kernel neither forwards nor refuses it. Replaced in one
// transaction.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/result.h"
#include "core/ipv6/address.h"
#include "core/ipv6/prefix.h"

namespace ilnp {

class RouterFilter {
 public:
  static constexpr const char* table = "ilnp_sbr";
  struct Plan {
    std::vector<std::string> interfaces;
    std::vector<Address> own;       ///< addresses of this machine
    std::vector<Prefix> kernels{};  ///< destinations that the kernel forwards
    bool operator==(const Plan&) const = default;
  };

  /// To be repeated when an interface appears, also under a known name: the kernel drops a chain together with its
  /// device. An interface that is not there is an error before Linux 6.16.
  static Result<void> apply(const Plan& plan);
  /// Takes the table away, whoever made it. It may be absent.
  static Result<void> remove();
  /// Packets left to WirePort.
  static Result<std::uint64_t> tapped();

  /// The script for `nft -f -`; an interface name that nftables cannot quote is an error.
  static Result<std::string> script(const Plan& plan);
};

}  // namespace ilnp
