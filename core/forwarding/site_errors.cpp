// SPDX-License-Identifier: Apache-2.0
// ICMPv6 errors (RFC 4443): those that pass have to speak of the packet that their reader sent, in its words; and our
// own ones. RFC 6748 section 2.8 sees no need for the former, because it thinks of a checksum that covers nothing of
// the quote's addresses; but a host does not recognise its packet by another locator.
#include "core/forwarding/packet_fields.h"
#include "core/forwarding/rewrite.h"
#include "core/forwarding/site_rewriter.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {
/// Reads the quote of an ICMPv6 error; a reason when it cannot be forwarded honestly.
std::optional<SiteDropReason> SiteRewriter::read_error(Job& job) const {
  const HeaderWalk& walk = job.walk;
  if (walk.upper_protocol != next_header::icmpv6 || walk.is_fragment || walk.upper_length == 0) return std::nullopt;
  if (!icmpv6::is_error(icmp_type(job.packet, walk))) return std::nullopt;
  const auto quoted = parse_quoted(job.packet.bytes(), walk);
  if (quoted) {
    job.quoted = quoted.value();
    return std::nullopt;
  }
  return quoted.error() == QuoteError::bad_checksum ? SiteDropReason::error_bad_checksum
                                                    : SiteDropReason::error_unreadable;
}

/// The node that this was an outside name of, at its former home.
NidEntry* SiteRewriter::former_owner(const Address& address) {
  NidEntry* owner = nids_.find_owner(address.nid);
  if (owner == nullptr || !owner->former) return nullptr;
  const auto map = other_maps_.find(owner->former->site);
  if (map == other_maps_.end()) return nullptr;
  const auto inside = map->second.to_inside(address.locator);
  return inside && !inside->hidden && inside->locator == owner->former->locator ? owner : nullptr;
}

Address SiteRewriter::self_name(const Address& address) {
  Destination known{address.locator, nullptr};
  if (const auto inside = map_.to_inside(address.locator)) {
    const auto found = destination_of(address.nid, *inside);
    if (!found) return address;
    known = *found;
  } else {
    known.entry = nids_.find(address.nid, address.locator);
    if (known.entry == nullptr) known.entry = former_owner(address);
  }
  return {known.entry != nullptr ? known.entry->now : known.home, address.nid};
}

Address SiteRewriter::home_name(const Address& address) {
  const NidEntry* entry = nids_.find(address.nid, address.locator);
  // A locator of a place where it was before.
  if (entry == nullptr && other_site(address.locator)) entry = nids_.find_owner(address.nid);
  return entry != nullptr ? Address{entry->home, address.nid} : address;
}

Address SiteRewriter::outside_name(const Address& address, UplinkId uplink) {
  const auto outside = map_.to_outside(home_name(address).locator, uplink);
  return outside ? Address{*outside, address.nid} : address;
}

/// The quoted packet went from the error's reader to a node that answered it, or to a router on the way.
void SiteRewriter::rewrite_error(Job& job, const AddressPair& addresses, Naming naming) {
  const QuotedPacket& quoted = *job.quoted;
  const AddressPair before = quoted.addresses();
  AddressPair after = before;
  if (naming.kind != Naming::Kind::outside) after.source = self_name(before.source);
  after.destination = naming.kind == Naming::Kind::inside ? home_name(before.destination)
                                                          : outside_name(before.destination, naming.uplink);

  const std::uint8_t protocol = quoted.walk.upper_protocol;
  const bool knows_mode = job.flow != nullptr && job.flow->checksum;
  const ChecksumMode mode = knows_mode ? *job.flow->checksum : ChecksumMode::ipv6;
  const SumChange change =
      readdressed_checksum(ChecksumMode::ipv6, next_header::icmpv6, {job.walk.source, job.walk.destination}, addresses)
          .then(readdress_quote(job.packet.data() + quoted.offset, quoted, after,
                                readdressed_checksum(mode, protocol, before, after)));
  (void)rewrite_addresses(job.packet, job.walk, addresses, change);  // the header is there: it was parsed
}

/// Tells the sender, unless nobody may be told (RFC 4443 section 2.4 e) or too many were told already.
SiteVerdict SiteRewriter::answer(Job& job, std::uint8_t type, std::uint8_t code, std::uint32_t parameter,
                                 SiteDropReason reason) {
  ++drops_[static_cast<std::size_t>(reason)];
  SiteVerdict verdict{SiteVerdict::Kind::dropped, job.from, reason};
  const Address own = own_address(job.from);
  const HeaderWalk& walk = job.walk;
  const bool is_error = walk.upper_protocol == next_header::icmpv6 && walk.has_upper_layer() &&
                        (walk.upper_length == 0 || icmpv6::is_error(icmp_type(job.packet, walk)) ||
                         icmp_type(job.packet, walk) == icmpv6::redirect);
  if (own.is_unspecified() || is_error || !error_rate_.allow(job.now)) return verdict;
  const ByteVector message = build_error(type, code, parameter, job.packet.bytes());
  job.actions.packets.push_back({job.from, build_packet(own, walk.source, next_header::icmpv6, message), {}});
  verdict.kind = SiteVerdict::Kind::answered;
  return verdict;
}

}  // namespace ilnp
