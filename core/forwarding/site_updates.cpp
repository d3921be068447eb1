// SPDX-License-Identifier: Apache-2.0
// Locator Updates that pass (RFC 6743; RFC 6748 section 3.4): a node inside lists its inside locators, its
// correspondent outside must read those of all uplinks that carry traffic, and the acknowledgement must list again what
// the node sent. The nonce does not cover the list, so this needs no key; with AH or ESP around the message it cannot
// be done.
#include <algorithm>

#include "core/forwarding/packet_fields.h"
#include "core/forwarding/rewrite.h"
#include "core/forwarding/site_rewriter.h"
#include "core/ilnp/locator_update.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {
bool SiteRewriter::is_locator_update(const Job& job) const {
  const HeaderWalk& walk = job.walk;
  return walk.upper_protocol == next_header::icmpv6 && !walk.is_fragment && walk.upper_length > 0 &&
         icmp_type(job.packet, walk) == icmpv6::locator_update;
}

bool SiteRewriter::take_acknowledgement(const Job& job) {
  const HeaderWalk& walk = job.walk;
  if (!is_locator_update(job) || !walk.has_nonce()) return false;
  const auto parsed = parse_locator_update(job.packet.bytes().subspan(walk.upper_offset, walk.upper_length));
  if (!parsed || parsed.value().operation != LocatorUpdateOperation::acknowledgement) return false;
  if (!checksum_verifies(job.packet, walk, ChecksumMode::ipv6)) return false;
  return proxy_.acknowledged(job.now, {walk.destination.nid, walk.source.nid}, nonce_of(job.packet, walk),
                             parsed.value());
}

std::optional<SiteVerdict> SiteRewriter::rewrite_update(Job& job, Side to, const AddressPair& addresses,
                                                        Naming naming) {
  const HeaderWalk& walk = job.walk;
  const Bytes message = job.packet.bytes().subspan(walk.upper_offset, walk.upper_length);
  const auto parsed = parse_locator_update(message);
  if (!parsed || !checksum_verifies(job.packet, walk, ChecksumMode::ipv6))
    return drop(SiteDropReason::locator_update_malformed);

  const std::size_t room =
      std::min(max_encoded_locators, (mtu_of(to) - walk.upper_offset - locator_update_header) / locator_update_entry);
  LocatorUpdate update{parsed.value().operation, {}};
  const bool is_acknowledgement = update.operation == LocatorUpdateOperation::acknowledgement;
  for (const AdvertisedLocator& l : parsed.value().locators) {
    std::vector<AdvertisedLocator> names;
    if (is_acknowledgement && naming.kind != Naming::Kind::outside)
      names = {{self_name({l.locator, walk.destination.nid}).locator, l.preference, l.lifetime}};
    else if (!is_acknowledgement && naming.kind == Naming::Kind::inside)
      names = {{home_name({l.locator, walk.source.nid}).locator, l.preference, l.lifetime}};
    else if (!is_acknowledgement)
      names =
          proxy_.names_of(walk.source.nid, {home_name({l.locator, walk.source.nid}).locator, l.preference, l.lifetime});
    // A relay knows all names that its nodes may have outside: another one would say where they are.
    if (names.empty() && relayed_.find(walk.source.locator)) continue;
    if (names.empty()) names = {l};
    for (const AdvertisedLocator& name : names)
      if (update.locators.size() < room) add_name(update.locators, name);
  }
  if (update.locators.empty()) return drop(SiteDropReason::locator_update_malformed);
  if (!is_acknowledgement && naming.kind == Naming::Kind::outside && job.session != nullptr)
    proxy_.node_told(job.now, *job.session, update.locators);
  if (is_acknowledgement) {
    const RewrittenUpdate* rewritten = rewritten_updates_.find({walk.destination.nid, walk.source.nid});
    if (rewritten != nullptr && rewritten->left == parsed.value().locators) update.locators = rewritten->sent;
  }
  if (update == parsed.value()) return std::nullopt;
  if (!is_acknowledgement)
    rewritten_updates_.put({walk.source.nid, walk.destination.nid}, {parsed.value().locators, update.locators});

  const Bytes packet = job.packet.bytes();
  ByteVector bytes{packet.begin(), packet.begin() + walk.upper_offset};
  ByteVector upper = encode_locator_update(update);
  store_u16(upper.data() + 2,
            upper_layer_checksum(addresses.source, addresses.destination, next_header::icmpv6, upper));
  bytes.insert(bytes.end(), upper.begin(), upper.end());
  store_u16(bytes.data() + 4, static_cast<std::uint16_t>(bytes.size() - ipv6_header_length));
  --bytes[hop_limit_offset];
  addresses.source.store(bytes.data() + 8);
  addresses.destination.store(bytes.data() + 24);
  job.actions.packets.push_back({to, std::move(bytes), {}});
  return SiteVerdict{SiteVerdict::Kind::replaced, to, SiteDropReason::none};
}

}  // namespace ilnp
