// SPDX-License-Identifier: Apache-2.0
// By what names a packet leaves: its flow remembers them, an ILNP session is free to change them once its correspondent
// has been told; and what passes is remembered.
#include "core/forwarding/packet_fields.h"
#include "core/forwarding/rewrite.h"
#include "core/forwarding/site_rewriter.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

/// The flow that an outward packet belongs to, or the reverse of an inward one. An ICMPv6 error belongs to the flow
/// that it is about.
FlowKey key_of(const Packet& packet, const HeaderWalk& walk, const QuotedPacket* quoted, bool outward) {
  if (quoted != nullptr) {
    const HeaderWalk& inner = quoted->walk;
    FlowKey key{outward ? inner.destination.nid : inner.source.nid, outward ? inner.source : inner.destination};
    if (!quoted->has_ports) return key.protocol = next_header::fragment, key;
    key.protocol = inner.upper_protocol;
    key.inside_port = outward ? quoted->destination_port : quoted->source_port;
    key.outside_port = outward ? quoted->source_port : quoted->destination_port;
    return key;
  }
  FlowKey key{outward ? walk.source.nid : walk.destination.nid, outward ? walk.destination : walk.source};
  key.protocol = walk.upper_protocol;
  if (walk.is_fragment) return key.protocol = next_header::fragment, key;
  const std::uint8_t* upper = packet.data() + walk.upper_offset;
  if (has_ports(walk.upper_protocol) && walk.upper_length >= 4) {
    key.inside_port = load_u16(upper + (outward ? 0 : 2));
    key.outside_port = load_u16(upper + (outward ? 2 : 0));
  } else if (walk.upper_protocol == next_header::icmpv6 && walk.upper_length >= 6 &&
             (upper[0] == icmpv6::echo_request || upper[0] == icmpv6::echo_reply)) {
    key.inside_port = load_u16(upper + 4);
  }
  return key;
}

/// A part of it is covered by AH, or all of it is in ESP.
bool is_protected(const Packet& packet, const HeaderWalk& walk) {
  if (walk.upper_protocol == next_header::esp) return true;
  const std::uint8_t* p = packet.data();
  std::uint8_t header = p[6];
  for (std::size_t at = ipv6_header_length; at < walk.upper_offset;) {  // bounded: walk_headers() has been there
    if (header == next_header::authentication) return true;
    const std::size_t length = header == next_header::fragment ? 8 : (std::size_t{p[at + 1]} + 1) * 8;
    header = p[at];
    at += length;
  }
  return false;
}

std::uint8_t dscp_of(const Packet& packet) {
  const std::uint8_t* p = packet.data();
  return static_cast<std::uint8_t>(((p[0] & 0x0f) << 4 | p[1] >> 4) >> 2);
}

/// It may be the first packet of its flow.
bool may_begin(const Packet& packet, const HeaderWalk& walk) {
  if (walk.is_fragment) return false;
  const TcpFields tcp = tcp_of(packet, walk);
  return !tcp.valid || (tcp.flags & tcp_syn) != 0;
}

}  // namespace

void SiteRewriter::expect_flow(const Packet& packet, const HeaderWalk& walk, bool outward) const {
  const FlowKey key = key_of(packet, walk, nullptr, outward);
  flows_.prefetch(flows_.hash(key));
  if (walk.has_nonce()) sessions_.prefetch(sessions_.hash({key.inside, key.outside.nid}));
}

void SiteRewriter::find_flow(Job& job, bool outward) {
  job.key = key_of(job.packet, job.walk, job.quoted ? &*job.quoted : nullptr, outward);
  job.flow_hash = flows_.hash(*job.key);
  job.flow = flows_.find(*job.key, job.flow_hash);
}

/// Outward: it stays there. Inward: the correspondent knows the node by these names and gets its answers from there.
void SiteRewriter::note_flow(Job& job, UplinkId uplink, bool is_foreign, bool outward) {
  if (job.flow == nullptr) {
    Flow flow;
    flow.key = *job.key;
    flow.answered = outward;
    flow.last_seen = job.now;
    job.flow = flows_.add(flow, job.flow_hash);
    if (job.flow == nullptr) return;
  }
  job.flow->uplink = uplink;
  job.flow->is_foreign = is_foreign;
  job.flow->answered = job.flow->answered || outward;
  job.flow->is_ilnp = job.flow->is_ilnp || job.session != nullptr;
  job.flow->last_seen = job.now;
}

/// Of nodes that have names elsewhere, flows are remembered wherever they go.
SiteRewriter::SenderNames SiteRewriter::names_of_sender(Job& job, NidEntry* entry) {
  const Locator home = entry != nullptr ? entry->home : job.walk.source.locator;
  const bool departs = entry != nullptr && entry->is_former_home && entry->presence == Presence::away;
  if (entry == nullptr || (!entry->is_guest && !entry->former && !departs)) return {home, named_by_.find(home)};
  find_flow(job, true);
  // Its home moves with it. What goes by names elsewhere is not ours, also while it still sends from here.
  if (departs && job.flow != nullptr && job.flow->is_foreign) return {entry->now, entry->site};
  if (departs) return {home, named_by_.find(home)};
  if (entry->is_guest && keeps_our_names(job, *entry)) return {entry->now, std::nullopt};
  const bool by_former = !entry->is_guest && keeps_former_names(job, *entry);
  const bool is_foreign = entry->is_guest || by_former;
  if (!job.quoted) {
    const bool has_uplink = job.flow != nullptr && !job.flow->is_foreign && !is_foreign;
    note_flow(job, has_uplink ? job.flow->uplink : no_uplink, is_foreign, true);
  }
  if (!by_former && !entry->is_guest) return {entry->home, std::nullopt};
  // A guest that departs from here may go to a third place: its names are at its home.
  if (!by_former) return {entry->home, entry->presence == Presence::away ? other_site(entry->home) : entry->site};
  renew_former(job.now, *entry);
  return {entry->former->locator, entry->former->site};
}

/// A flow that existed before the home changed keeps its names. An ILNP session changes them when its correspondent
/// knows the new ones.
bool SiteRewriter::keeps_former_names(const Job& job, const NidEntry& entry) {
  if (is_locator_update(job)) return false;
  const WatchedSession* session = sessions_.find({entry.nid, job.walk.destination.nid});
  const bool is_session = session != nullptr && session->answered;
  if (is_session && session->told_home == entry.home) return false;
  if (job.flow != nullptr) return job.flow->is_foreign;
  return is_session || !may_begin(job.packet, job.walk);
}

/// A guest that was at home here before has flows by our names, as long as nobody can be told other ones.
bool SiteRewriter::keeps_our_names(const Job& job, const NidEntry& entry) {
  if (job.flow == nullptr || job.flow->is_foreign || job.flow->uplink == no_uplink) return false;
  const WatchedSession* session = sessions_.find({entry.nid, job.walk.destination.nid});
  return (session == nullptr || !session->answered) && map_.is_inside(entry.now);
}

/// `home`: whose names the packet leaves by.
void SiteRewriter::watch_outward(Job& job, Locator home) {
  if (job.quoted) return;
  const Address& destination = job.walk.destination;
  const SessionKey key{job.walk.source.nid, destination.nid};
  if (!job.walk.has_nonce()) {
    if (job.flow != nullptr && !job.flow->is_ilnp) return;
    job.session = sessions_.find(key);
    if (job.session == nullptr || !job.session->answered) return;
    job.session->correspondent = destination.locator;
    job.session->last_seen = job.now;
    return;
  }
  job.session = sessions_.sent(job.now, key, home, destination.locator, nonce_of(job.packet, job.walk));
  if (job.session == nullptr) return;
  job.session->is_protected = is_protected(job.packet, job.walk);
  if (job.session->told_home != Locator{}) return;
  job.session->told_home = home;
  proxy_.began(job.now, *job.session);
}

/// "I do not know this option" (RFC 6744 section 4): no ILNP node, and nobody to be told anything. Who has sent a nonce
/// is one, and who does not know ours has not seen the packet.
void SiteRewriter::note_error(const Job& job) {
  const QuotedPacket& quoted = *job.quoted;
  if (quoted.type != icmpv6::parameter_problem || quoted.code != icmpv6::unrecognised_option) return;
  WatchedSession* session = sessions_.find({quoted.walk.source.nid, quoted.walk.destination.nid});
  if (session != nullptr && !session->inbound.is_set() && session->nonce.is_set() &&
      session->nonce.matches(quoted.nonce(job.packet.bytes())))
    sessions_.erase(*session);
}

void SiteRewriter::note_inward(Job& job, UplinkId uplink, bool is_foreign) {
  if (job.quoted) return note_error(job);
  find_flow(job, false);
  const SessionKey key{job.walk.destination.nid, job.walk.source.nid};
  if (job.walk.has_nonce()) {
    job.session = sessions_.received(job.now, key, nonce_of(job.packet, job.walk));
  } else if (job.flow == nullptr || (job.flow->is_ilnp && job.now - job.flow->last_seen > seconds{1})) {
    job.session = sessions_.find(key);
    if (job.session != nullptr) job.session->last_seen = job.now;
  }
  note_flow(job, uplink, is_foreign, false);
}

/// The flow stays with its uplink while that is usable and allowed; one whose correspondent takes packets from anywhere
/// goes where it is best.
std::optional<UplinkId> SiteRewriter::uplink_for(Job& job, Locator source_home) {
  if (!job.key) find_flow(job, true);
  watch_outward(job, source_home);
  const FlowKey& key = *job.key;
  const FlowProperties flow{{source_home, key.inside}, key.outside,      key.protocol,
                            key.inside_port,           key.outside_port, dscp_of(job.packet)};
  const auto stays = [&](const Flow& known) {
    if (known.is_foreign || !uplinks_.is_usable(known.uplink) || !uplinks_.allows(flow, known.uplink)) return false;
    return job.session == nullptr || !proxy_.is_current(*job.session) || !uplinks_.has_better(known.uplink);
  };
  const auto uplink =
      job.flow != nullptr && stays(*job.flow) ? std::optional{job.flow->uplink} : uplinks_.choose(flow, job.flow_hash);
  // An error tells where its flow was, not where it is.
  if (uplink && !job.quoted) note_flow(job, *uplink, false, true);
  if (uplink) last_used_.at(*uplink) = job.now;
  return uplink;
}

/// Which checksum the ends compute. A packet with a nonce shows it; the others of its flow follow.
ChecksumMode SiteRewriter::checksum_mode(const Job& job) const {
  if (job.flow != nullptr && job.flow->checksum) return *job.flow->checksum;
  if (!job.walk.has_nonce() || job.walk.is_fragment || job.walk.upper_protocol == next_header::icmpv6)
    return ChecksumMode::ipv6;
  const bool zero = !checksum_verifies(job.packet, job.walk, ChecksumMode::ipv6) &&
                    checksum_verifies(job.packet, job.walk, ChecksumMode::rfc6741);
  const ChecksumMode mode = zero ? ChecksumMode::rfc6741 : ChecksumMode::ipv6;
  if (job.flow != nullptr) job.flow->checksum = mode;
  return mode;
}

}  // namespace ilnp
