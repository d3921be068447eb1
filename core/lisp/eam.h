// SPDX-License-Identifier: Apache-2.0
// Explicit address mappings (RFC 7757): by which IPv4 address an IPv6-only node is known to IPv4, and the other way
// round. A row is a pair of prefixes; what stands behind the IPv4 prefix stands behind the IPv6 prefix too, zeros
// follow. Nodes that speak IPv4 need no row: their addresses fit into a /96 (RFC 6052 section 2.2).
//
// A row says what its node speaks itself: a packet to a node is translated into that, and into nothing else. So one row
// cannot be taken for both ends of a packet, and hairpinning (RFC 7757 section 4) needs no rule of its own: of two
// IPv6-only nodes the one that is not spoken to by its row's IPv6 address is an IPv4 node to the other, in the /96.
//
// Rows do not overlap, neither in IPv4 nor in IPv6: what is mapped comes back the same.
#pragma once

#include <cstdint>
#include <optional>

#include "core/base/result.h"
#include "core/lisp/prefix_table.h"

namespace ilnp::lisp {

struct EamRow {
  std::uint32_t instance = 0;
  IpPrefix ipv4, ipv6;
  Family speaks = Family::ipv6;  ///< what the nodes of the row have themselves
  bool operator==(const EamRow&) const = default;
};

enum class EamProblem : std::uint8_t {
  not_a_pair,       ///< not one IPv4 and one IPv6 prefix, or bits beyond the length
  suffix_too_long,  ///< behind the IPv4 prefix there are more bits than behind the IPv6 prefix (RFC 7757 section 3.2)
  overlaps,         ///< another row, or the /96
  full,
};
const char* name_of(EamProblem problem);

class EamTable {
 public:
  /// `embedding`: first address of the /96 for IPv4 nodes without a row; nothing: they need one. Precondition:
  /// can_embed(). `seed`: secret.
  explicit EamTable(std::uint64_t seed, std::optional<Address> embedding = {}, std::size_t most_rows = 100'000);

  /// A /96 whose octet 8 is zero (RFC 6052 section 2.2).
  static bool can_embed(const IpPrefix& prefix);

  Result<void, EamProblem> add(const EamRow& row);
  /// The row with these prefixes. False: there is none.
  bool remove(const EamRow& row);
  std::size_t size() const { return rows_.size() / 2; }

  // Nodes that speak IPv6 themselves: only those with a row have an IPv4 address.
  std::optional<Address> ipv6_of_ipv6_node(std::uint32_t instance, const IpAddress& ipv4) const;
  std::optional<IpAddress> ipv4_of_ipv6_node(std::uint32_t instance, const Address& ipv6) const;
  // Nodes that speak IPv4 themselves: by their row, otherwise in the /96. An address in the /96 is that of a node with
  // whatever row, because who writes it there asks for IPv4.
  std::optional<Address> ipv6_of_ipv4_node(std::uint32_t instance, const IpAddress& ipv4) const;
  std::optional<IpAddress> ipv4_of_ipv4_node(std::uint32_t instance, const Address& ipv6) const;

 private:
  const EamRow* row_of(std::uint32_t instance, const IpAddress& address, Family speaks) const;
  bool overlaps(std::uint32_t instance, const IpPrefix& prefix) const;
  bool is_embedded(const Address& address) const;

  std::optional<Address> embedding_;
  std::size_t most_rows_;
  PrefixTable<EamRow> rows_;  ///< each under both of its prefixes
};

}  // namespace ilnp::lisp
