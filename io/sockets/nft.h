// SPDX-License-Identifier: Apache-2.0
// The `nft` program, which runs as a child and changes the packet filter in one transaction.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "core/base/result.h"

namespace ilnp {

Result<std::string> run_nft(std::vector<std::string> arguments, const std::string& input);
/// The program exists and may change rules here; says what is missing otherwise.
Result<void> check_nft();
/// Whether an interface name can stand in a script.
bool nft_can_quote(const std::string& name);
/// Rules of an ingress chain for what WirePort may take at all (wire_filter.h): IPv6 packets with a whole header in
/// frames to this host without a VLAN tag (VLAN 0 is none). First the frames of VLANs leave the chain; then the
/// condition.
inline constexpr char nft_leave_vlans_alone[] = "    ether type { 8021q, 8021ad } @ll,116,12 != 0 accept\n";
inline constexpr char nft_ipv6_to_this_host[] = "meta pkttype host meta protocol ip6 ip6 version 6 meta length >= 40";
/// Neighbour discovery without an extension header in front, whatever length it says.
// ICMPv6 by number: its name is known to /etc/protocols only, which a small system does not have.
inline constexpr char nft_neighbour_discovery[] = "ip6 nexthdr 58 @nh,320,8 133-137";

/// Packets of each named counter of a table.
Result<std::map<std::string, std::uint64_t>> nft_counters(const std::string& family, const std::string& table);

}  // namespace ilnp
