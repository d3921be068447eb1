// SPDX-License-Identifier: Apache-2.0
// Where a packet goes: the three kinds of sides that it may come from.
#include "core/forwarding/site_rewriter.h"

#include <algorithm>

#include "core/forwarding/packet_fields.h"
#include "core/forwarding/rewrite.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

bool is_forwardable(const Address& address) {
  return !address.is_multicast() && !address.is_link_local() && !address.is_unspecified() &&
         address != Address{{}, {1}};
}

/// Octets of the largest packet that this one becomes on a link.
std::size_t wire_size(const Packet& packet, const HeaderWalk& walk) {
  if (packet.offload.segmentation == Offload::Segmentation::none) return packet.size();
  const bool is_tcp = packet.offload.segmentation == Offload::Segmentation::tcp && walk.upper_length >= 20;
  const std::size_t header = is_tcp ? std::size_t{packet.data()[walk.upper_offset + 12]} / 16 * 4 : 8;
  return std::min(packet.size(), walk.upper_offset + header + packet.offload.segment_size);
}

}  // namespace

SiteRewriter::SiteRewriter(const SiteTuning& tuning, Random& random)
    : tuning_{tuning},
      nids_{random.u64() | 1, tuning.max_nids},
      flows_{random.u64() | 1, tuning.flows},
      sessions_{random.u64() | 1, tuning.sessions},
      proxy_{tuning_, random, {map_, uplinks_, nids_, other_maps_, named_by_}, sessions_},
      error_rate_{tuning.errors_per_second, tuning.errors_per_second} {}

SiteRewriter::SiteRewriter(const SiteTuning& tuning, Random& random, const SiteMemory& memory)
    : tuning_{tuning},
      nids_{random.u64() | 1, tuning.max_nids},
      flows_{memory.seed, memory.flows},
      sessions_{memory.seed, memory.sessions},
      proxy_{tuning_, random, {map_, uplinks_, nids_, other_maps_, named_by_}, sessions_},
      error_rate_{tuning.errors_per_second, tuning.errors_per_second} {}

Address& SiteRewriter::own_address(Side side) {
  switch (side.kind) {
    case Side::Kind::uplink:
      return uplink_addresses_.at(side.number);
    case Side::Kind::link:
      return link_addresses_.at(side.number);
    case Side::Kind::inside:
      break;
  }
  return inside_address_;
}

SiteVerdict SiteRewriter::drop(SiteDropReason reason) {
  ++drops_[static_cast<std::size_t>(reason)];
  return {SiteVerdict::Kind::dropped, {}, reason};
}

void SiteRewriter::expect_nid(NodeId nid, Locator locator) {
  nids_.prefetch_index(nid, locator);
  expected_.push_back({nid, locator});
}

/// What forward() most often looks for, in the order of the sides below.
void SiteRewriter::expect(Side from, std::span<const Packet* const> packets) {
  expected_.clear();
  for (const Packet* packet : packets) {
    const WalkOutcome outcome = walk_headers(packet->bytes());
    if (!outcome.ok) continue;
    const auto& [source, destination] = std::tie(outcome.walk.source, outcome.walk.destination);
    const bool is_uplink = from.kind == Side::Kind::uplink;
    if (is_uplink) {
      const auto inside = map_.to_inside(destination.locator);
      if (inside) expect_nid(destination.nid, inside->hidden ? NidTable::any_locator : inside->locator);
    } else {
      expect_nid(source.nid, source.locator);
      expect_nid(destination.nid, destination.locator);
      if (map_.is_inside(source.locator)) expect_nid(source.nid, NidTable::any_locator);
    }
    expect_flow(*packet, outcome.walk, from == Side::inside() || (!is_uplink && other_site(source.locator)));
  }
  for (const auto& [nid, locator] : expected_) nids_.prefetch_entry(nid, locator);
}

SiteVerdict SiteRewriter::forward(TimePoint now, Side from, Packet& packet, SiteActions& actions) {
  const WalkOutcome outcome = walk_headers(packet.bytes());
  if (!outcome.ok) return drop(SiteDropReason::malformed);
  const HeaderWalk& walk = outcome.walk;
  if (!is_forwardable(walk.source) || !is_forwardable(walk.destination)) return drop(SiteDropReason::not_forwardable);
  Job job{now, from, packet, walk, actions};
  if (walk.hop_limit <= 1) return answer(job, icmpv6::time_exceeded, 0, 0, SiteDropReason::hop_limit);
  if (const auto problem = read_error(job)) return drop(*problem);
  switch (from.kind) {
    case Side::Kind::inside:
      return from_inside(job);
    case Side::Kind::uplink:
      return from_uplink(job);
    case Side::Kind::link:
      return from_link(job);
  }
  return drop(SiteDropReason::malformed);
}

Result<NidEntry*, SiteDropReason> SiteRewriter::sender_inside(Job& job) {
  const Address& source = job.walk.source;
  NidEntry* entry = nids_.find(source.nid, source.locator);
  if (entry == nullptr && relayed_.find(source.locator)) return SiteDropReason::inside_source_elsewhere;
  const bool is_ours = is_inside(source.locator);
  if (entry == nullptr) {
    // The locator may be that of a place where it was before: it keeps it for a while.
    if (is_ours || other_site(source.locator)) entry = nids_.find_owner(source.nid);
    if (entry == nullptr && is_ours) return entry;
    if (entry == nullptr) return SiteDropReason::inside_foreign_source;
  }
  if (entry->presence == Presence::away) {
    if (!entry->departs_from && job.now < entry->departs_until) return entry;
    if (entry->is_expected) job.expected = entry;
    return SiteDropReason::inside_source_elsewhere;
  }
  if (entry->owns_nid && source.locator != entry->now && (is_ours || entry->presence == Presence::arriving)) {
    // It went to another subnet of ours, or has just got its locator at this place. One that arrives may not have one
    // here yet, and is reached by the one that it uses.
    if (!nids_.set_now(*entry, source.locator)) return SiteDropReason::inside_source_elsewhere;
    job.actions.events.push_back({SiteEventKind::node_moved, entry->nid, entry->home, entry->now});
  }
  entry->last_heard = job.now;
  if (entry->presence == Presence::arriving) heard(job.now, *entry, job.actions);
  return entry;
}

SiteVerdict SiteRewriter::from_inside(Job& job) {
  const auto sender = sender_inside(job);
  if (job.expected != nullptr) {
    heard(job.now, *job.expected, job.actions);
    return hold(job, *job.expected);
  }
  if (!sender) return drop(sender.error());
  const SenderNames names = names_of_sender(job, sender.value());
  const Address& destination = job.walk.destination;
  if (const auto inside = map_.to_inside(destination.locator); inside && !names.site)
    return hairpin(job, names.home, *inside);
  NidEntry* known = known_inside(destination);
  if (known != nullptr || is_inside(destination.locator))
    return deliver(job, names.home, {destination.locator, known}, {});
  if (const auto site = other_site(destination.locator))
    return emit(job, Side::link(*site), {{names.home, job.walk.source.nid}, destination}, {});
  if (!names.site) return leave(job, names.home);
  // Only that site can give the node the locator that its correspondents know.
  watch_outward(job, names.home);
  const Address& source = job.walk.source;
  // It knows the node by its home and by the locator here.
  const bool is_known_there = map_.is_inside(source.locator);
  return emit(job, Side::link(*names.site), {is_known_there ? source : Address{names.home, source.nid}, destination},
              {});
}

SiteVerdict SiteRewriter::from_uplink(Job& job) {
  const Address &source = job.walk.source, &destination = job.walk.destination;
  for (const Locator locator : {source.locator, destination.locator})
    if ((is_inside(locator) && !map_.is_outside(locator)) || other_site(locator))
      return drop(SiteDropReason::outside_inside_address);
  if (map_.is_outside(source.locator)) return drop(SiteDropReason::outside_own_source);
  const auto inside = map_.to_inside(destination.locator);
  if (!inside) return drop(SiteDropReason::outside_no_mapping);
  const auto target = destination_of(destination.nid, *inside);
  if (!target) return drop(SiteDropReason::outside_hidden_unknown);
  if (take_acknowledgement(job)) return {SiteVerdict::Kind::consumed, {}, SiteDropReason::none};
  note_inward(job, inside->uplink, false);
  return deliver(job, source.locator, *target, {});
}

/// The entry of a node that may speak from another site: it is there, or was until now.
NidEntry* SiteRewriter::sender_at(const Job& job, SiteId site) {
  const Address& source = job.walk.source;
  const auto departs = [&](const NidEntry& e) { return e.departs_from == site && job.now < e.departs_until; };
  NidEntry* entry = nids_.find(source.nid, source.locator);
  if (entry == nullptr && other_site(source.locator) == site) {
    entry = nids_.find_owner(source.nid);
    return entry != nullptr && departs(*entry) ? entry : nullptr;
  }
  const bool is_there = entry != nullptr && entry->presence == Presence::away && entry->site == site;
  return is_there || (entry != nullptr && departs(*entry)) ? entry : nullptr;
}

/// Of a node that owns its NID any inside locator will do: it may have gone to another subnet, or come to one, and
/// whoever sends to it has not heard of that yet.
NidEntry* SiteRewriter::known_inside(const Address& destination) {
  NidEntry* entry = nids_.find(destination.nid, destination.locator);
  return entry == nullptr && is_inside(destination.locator) ? nids_.find_owner(destination.nid) : entry;
}

/// What that site sent before it knew is still on its way here.
bool SiteRewriter::has_just_left(const Job& job, const NidEntry& entry, SiteId to) const {
  return entry.presence == Presence::away && entry.site == to && !entry.departs_from && job.now < entry.departs_until;
}

/// The entry of a node that has come from that site, for a packet that was sent there from here and missed it: by the
/// locator that it had there, or by the only address that it has. It may have waited here for a while.
NidEntry* SiteRewriter::turned_round(const Job& job, SiteId site) {
  const Address& destination = job.walk.destination;
  NidEntry* entry = nids_.find(destination.nid, destination.locator);
  const bool is_theirs = other_site(destination.locator) == site;
  if (entry == nullptr && is_theirs) entry = nids_.find_owner(destination.nid);
  if (entry == nullptr || entry->presence == Presence::away) return nullptr;
  if (entry->owns_nid ? !is_theirs : entry->is_guest)
    return nullptr;  // what its home sends after it is named otherwise
  const bool has_come = entry->departs_from == site && job.now < entry->departs_until + tuning_.hold_time;
  return has_come ? entry : nullptr;
}

SiteVerdict SiteRewriter::from_link(Job& job) {
  const SiteId site = job.from.number;
  const Address &source = job.walk.source, &destination = job.walk.destination;
  NidEntry* sender = sender_at(job, site);
  const bool is_ours = sender != nullptr || relayed_.find(source.locator) == site;
  const bool is_theirs = other_site(source.locator) == site;
  const Locator home = sender != nullptr ? sender->home : source.locator;
  if (NidEntry* entry = turned_round(job, site)) return deliver(job, home, {entry->home, entry}, {});
  NidEntry* known = known_inside(destination);
  // What a guest's home, a node's former one, or a relay sends after it comes from anywhere.
  const bool is_sent_after = known != nullptr ? known->is_guest || (known->former && known->former->site == site)
                                              : named_by_.find(destination.locator) == site;
  const bool missed_it = known != nullptr && has_just_left(job, *known, site);
  if (!is_ours && !is_theirs && !is_sent_after && !missed_it) return drop(SiteDropReason::link_stranger);
  const bool is_away = sender != nullptr && sender->presence == Presence::away;
  if (is_away) renew(job.now, *sender);
  if (is_sent_after && known != nullptr) renew_former(job.now, *known);
  if (is_sent_after && !is_theirs) note_inward(job, no_uplink, true);
  // The new home of a node that was at home here tells the names of today and of then apart.
  const bool by_new_home = is_away && sender->is_former_home && source.locator == sender->now;
  if (known != nullptr || is_inside(destination.locator))
    return deliver(job, by_new_home ? source.locator : home, {destination.locator, known}, {});
  if (!is_ours) return drop(SiteDropReason::link_stranger);
  if (const auto inside = map_.to_inside(destination.locator)) return hairpin(job, home, *inside);
  return leave(job, home);
}

std::optional<SiteRewriter::Destination> SiteRewriter::destination_of(NodeId nid, const SubnetMap::Inside& inside) {
  if (!inside.hidden) return Destination{inside.locator, nids_.find(nid, inside.locator)};
  NidEntry* owner = nids_.find_owner(nid);
  if (owner == nullptr) return std::nullopt;
  return Destination{owner->home, owner};
}

/// Inside to inside by an outside name. Never to be sent out (RFC 6748): both are renamed, so that each sees the other
/// one as its correspondents outside do.
SiteVerdict SiteRewriter::hairpin(Job& job, Locator source_home, const SubnetMap::Inside& inside) {
  const auto target = destination_of(job.walk.destination.nid, inside);
  if (!target) return drop(SiteDropReason::outside_hidden_unknown);
  const auto outside = map_.to_outside(source_home, inside.uplink);
  if (!outside) return drop(SiteDropReason::inside_no_outside_locator);
  if (const auto problem = learn_hidden(job, inside.uplink, source_home)) return drop(*problem);
  return deliver(job, *outside, *target, {Naming::Kind::hairpin, inside.uplink});
}

/// To where the node is.
SiteVerdict SiteRewriter::deliver(Job& job, Locator source, const Destination& destination, Naming naming) {
  NidEntry* entry = destination.entry;
  if (entry != nullptr && entry->presence == Presence::arriving) return hold(job, *entry);
  const bool away = entry != nullptr && entry->presence == Presence::away;
  const auto elsewhere = away ? std::optional{entry->site} : relayed_.find(destination.home);
  const Side to = elsewhere ? Side::link(*elsewhere) : Side::inside();
  // Two of ours who are both at that site meet here, since only we know what each calls the other one.
  if (elsewhere && job.from == to && naming.kind != Naming::Kind::hairpin) {
    if (!away || !has_just_left(job, *entry, *elsewhere)) return drop(SiteDropReason::link_loop);
    return emit(job, to, {job.walk.source, job.walk.destination}, naming);  // by the name that they will know again
  }
  if (away) renew(job.now, *entry);
  const Locator now = entry != nullptr ? entry->now : destination.home;
  return emit(job, to, {{source, job.walk.source.nid}, {now, job.walk.destination.nid}}, naming);
}

SiteVerdict SiteRewriter::leave(Job& job, Locator source_home) {
  const auto uplink = uplink_for(job, source_home);
  if (!uplink) return answer(job, icmpv6::destination_unreachable, 0, 0, SiteDropReason::inside_no_uplink);
  const auto outside = map_.to_outside(source_home, *uplink);
  if (!outside) return drop(SiteDropReason::inside_no_outside_locator);
  if (const auto problem = learn_hidden(job, *uplink, source_home)) return drop(*problem);
  return emit(job, Side::uplink(*uplink), {{*outside, job.walk.source.nid}, job.walk.destination},
              {Naming::Kind::outside, *uplink});
}

/// Under one locator for all subnets only the table says where a NID is.
std::optional<SiteDropReason> SiteRewriter::learn_hidden(Job& job, UplinkId uplink, Locator source_home) {
  if (!map_.hides(source_home, uplink)) return std::nullopt;
  const NodeId nid = job.walk.source.nid;
  const NidEntry* owner = nids_.find_owner(nid);
  if (owner != nullptr)
    return owner->home == source_home ? std::nullopt : std::optional{SiteDropReason::inside_source_elsewhere};
  NidEntry entry;
  entry.nid = nid;
  entry.home = entry.now = source_home;
  entry.owns_nid = entry.is_learnt = true;
  entry.last_heard = job.now;
  const auto inserted = nids_.insert(entry);
  if (!inserted)
    return inserted.error() == NidProblem::full ? SiteDropReason::nid_table_full
                                                : SiteDropReason::inside_source_elsewhere;
  schedule(*inserted.value());
  return std::nullopt;
}

std::size_t SiteRewriter::mtu_of(Side to) const {
  switch (to.kind) {
    case Side::Kind::inside:
      return inside_mtu_;
    case Side::Kind::uplink:
      return uplinks_[to.number].mtu;
    case Side::Kind::link:
      return link_mtus_[to.number] != 0 ? link_mtus_[to.number] : usual_mtu;
  }
  return minimum_mtu;
}

SiteVerdict SiteRewriter::emit(Job& job, Side to, const AddressPair& addresses, Naming naming) {
  const std::size_t mtu = mtu_of(to);
  if (wire_size(job.packet, job.walk) > mtu)
    return answer(job, icmpv6::packet_too_big, 0, static_cast<std::uint32_t>(mtu), SiteDropReason::too_big);
  if (is_locator_update(job))
    if (const auto verdict = rewrite_update(job, to, addresses, naming)) return *verdict;
  const AddressPair before{job.walk.source, job.walk.destination};
  if (job.quoted) {
    rewrite_error(job, addresses, naming);
  } else if (before != addresses) {
    const std::uint8_t protocol = job.walk.upper_protocol;
    SumChange change = readdressed_checksum(ChecksumMode::ipv6, protocol, before, addresses);
    if (change.removed != change.added)  // else no mode makes a difference
      change = readdressed_checksum(checksum_mode(job), protocol, before, addresses);
    if (!rewrite_addresses(job.packet, job.walk, addresses, change)) return drop(SiteDropReason::malformed);
  }
  --job.packet.data()[hop_limit_offset];
  return {SiteVerdict::Kind::forward, to, SiteDropReason::none};
}

}  // namespace ilnp
