// SPDX-License-Identifier: Apache-2.0
// Why a packet was not translated between IPv4 and IPv6. Names are API: counters appear under them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace ilnp::lisp {

enum class SiitDrop : std::uint8_t {
  none,
  malformed,           ///< headers or lengths lie
  not_unicast,         ///< an address that names no node
  no_mapping,          ///< nobody has the destination address: host unreachable
  source_not_mapped,   ///< the sender has no address of the other family
  hairpin,             ///< from one IPv6-only node to another through IPv4, which is switched off
  too_long,            ///< for an IPv4 header
  source_route,        ///< IPv4 option that is not at its end
  protocol,            ///< a number that is an extension header, or ICMP, in the other family
  authentication,      ///< an Authentication header covers the addresses
  fragmented_headers,  ///< extension headers behind a Fragment header
  no_udp_checksum,     ///< and only a part of the datagram to compute it from
  icmp_fragment,       ///< its checksum covers the length of the whole in one family only
  icmp_type,           ///< nothing in the other family says the same
  icmp_checksum,       ///< of an error; a new one would hide the damage
  icmp_quote,          ///< an error about a packet that we cannot have translated
  count
};

constexpr const char* name_of(SiitDrop reason) {
  constexpr std::array names{
      "none",          "malformed",    "not_unicast",   "no_mapping",     "source_not_mapped",  "hairpin",
      "too_long",      "source_route", "protocol",      "authentication", "fragmented_headers", "no_udp_checksum",
      "icmp_fragment", "icmp_type",    "icmp_checksum", "icmp_quote"};
  static_assert(names.size() == static_cast<std::size_t>(SiitDrop::count));
  return names[static_cast<std::size_t>(reason)];
}

}  // namespace ilnp::lisp
