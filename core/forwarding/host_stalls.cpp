// SPDX-License-Identifier: Apache-2.0
// TCP after a silence. A sender whose segments were lost has doubled its retransmission timer again and again; when the
// peer is reachable again it would still wait for it. RFC 6069: an ICMP "no route" about the segment at the head of the
// window makes TCP take back one doubling, and retransmit when its timer would be over by then. We tell our own kernel,
// once per doubling; it believes only what quotes a connection and a sequence number of its own. Nothing is on the
// wire. A connection that is only being opened is left alone: for it any such error is the end.
#include <algorithm>

#include "core/forwarding/host_forwarder.h"
#include "core/forwarding/packet_fields.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {

namespace {

constexpr std::size_t tcp_header_length = 20;
constexpr int doublings = 8;  ///< from the shortest timer to beyond the longest silence that a session outlives
constexpr std::uint8_t no_route = 0;

}  // namespace

/// What is sent during a silence is the retransmission of the head of the window.
void HostForwarder::note_stalled(Correspondent& c, const Packet& packet, const HeaderWalk& walk) {
  const TcpFields fields = tcp_of(packet, walk);
  if (!fields.valid || (fields.flags & tcp_syn) != 0 || !c.is_session()) return;
  const std::uint8_t* tcp = packet.data() + walk.upper_offset;
  const StalledSegment segment{load_u16(tcp), load_u16(tcp + 2), load_u32(tcp + 4)};
  if (c.stalled == nullptr) c.stalled = std::make_unique<std::vector<StalledSegment>>();
  const auto known = std::find_if(c.stalled->begin(), c.stalled->end(), [&](const StalledSegment& s) {
    return s.local_port == segment.local_port && s.remote_port == segment.remote_port;
  });
  if (known != c.stalled->end())
    *known = segment;
  else if (c.stalled->size() < tuning_.max_stalled)
    c.stalled->push_back(segment);
}

void HostForwarder::wake_stalled(Correspondent& c, Actions& actions) {
  if (c.stalled == nullptr) return;
  const Address ours = own_identity(c.local_nid);
  for (const StalledSegment& segment : *c.stalled) {
    ByteVector tcp(tcp_header_length);
    store_u16(tcp.data(), segment.local_port);
    store_u16(tcp.data() + 2, segment.remote_port);
    store_u32(tcp.data() + 4, segment.sequence);
    tcp[12] = (tcp_header_length / 4) << 4;
    const ByteVector quote = build_packet(ours, c.identity, next_header::tcp, tcp);
    const ByteVector error = build_error(icmpv6::destination_unreachable, no_route, 0, quote);
    const ByteVector packet = build_packet(c.identity, ours, next_header::icmpv6, error);
    for (int i = 0; i < doublings; ++i) actions.to_identity.push_back({packet, {}});
  }
  c.stalled.reset();
}

}  // namespace ilnp
