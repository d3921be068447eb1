// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/mss.h"

#include <algorithm>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"

namespace ilnp::lisp {
namespace {

constexpr std::size_t tcp_least = 20, tcp_offset = 12, tcp_flags = 13, tcp_checksum = 16;
constexpr std::uint8_t syn = 0x02;
constexpr std::uint8_t end_of_options = 0, no_operation = 1, maximum_segment_size = 2;
constexpr std::uint8_t mss_octets = 4;

/// Where in the TCP header the announced size is; 0: nowhere.
std::size_t find_mss(Bytes tcp) {
  if (tcp.size() < tcp_least || (tcp[tcp_flags] & syn) == 0) return 0;
  const std::size_t end = std::min<std::size_t>(tcp.size(), static_cast<std::size_t>(tcp[tcp_offset] >> 4) * 4);
  for (std::size_t at = tcp_least; at + 1 < end && tcp[at] != end_of_options;) {
    if (tcp[at] == no_operation) {
      ++at;
      continue;
    }
    const std::uint8_t octets = tcp[at + 1];
    if (octets < 2 || at + octets > end) return 0;
    if (tcp[at] == maximum_segment_size) return octets == mss_octets ? at + 2 : 0;
    at += octets;
  }
  return 0;
}

/// What a word adds to the sum: one that begins at an odd octet stands in two words.
std::uint16_t in_sum(std::uint16_t word, std::size_t offset) {
  return offset % 2 == 0 ? word : static_cast<std::uint16_t>(word << 8 | word >> 8);
}

}  // namespace

void clamp_mss(MutableBytes packet, const InnerPacket& inner, std::size_t most, bool leaves_checksum) {
  if (inner.protocol != next_header::tcp || inner.is_fragment) return;
  const MutableBytes tcp = packet.first(inner.length).subspan(inner.upper_offset);
  const std::size_t at = find_mss(tcp);
  if (at == 0 || load_u16(tcp.data() + at) <= most) return;
  const std::uint16_t before = load_u16(tcp.data() + at), after = static_cast<std::uint16_t>(most);
  store_u16(tcp.data() + at, after);
  // A checksum that is left to a device holds the sum of the pseudo-header only.
  if (!leaves_checksum)
    adjust_field(tcp.data() + tcp_checksum, inner.protocol, {in_sum(before, at), in_sum(after, at)});
}

}  // namespace ilnp::lisp
