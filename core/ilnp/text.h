// SPDX-License-Identifier: Apache-2.0
// Text forms of Locators, Node Identifiers and I-LVs: `2001-0db8-0001-0002`, `0200+00ff+fe00+1234`,
// `2001-0db8-0001-0002.0200+00ff+fe00+1234` (2026 draft, FreeBSD prototype), and the colon form of DNS zone files
// (RFC 6742: four groups, no "::"). Printed with four lower-case digits a group; 1 to 4 digits are read.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/ipv6/address.h"

namespace ilnp {

std::string to_text(Locator locator);
std::string to_text(NodeId nid);
/// I-LV form.
std::string to_ilv_text(const Address& ilv);
/// DNS presentation: four groups of four lower-case digits with colons.
std::string to_dns_text(std::uint64_t bits);

std::optional<Locator> parse_locator(std::string_view text);  ///< '-' or ':' between the groups
std::optional<NodeId> parse_node_id(std::string_view text);   ///< '+' or ':' between the groups
std::optional<Address> parse_ilv(std::string_view text);      ///< I-LV form or an IPv6 address

}  // namespace ilnp
