// SPDX-License-Identifier: Apache-2.0
#include "core/forwarding/eid_exchange.h"

#include <utility>

#include "core/forwarding/rewrite.h"
#include "core/ilnp/error_translation.h"
#include "core/ipv6/icmpv6.h"
#include "core/ipv6/offload.h"
#include "core/ipv6/udp_checksum.h"
#include "core/lisp/ip_address.h"

namespace ilnp {
namespace {

SumChange change_of(const AddressPair& before, const AddressPair& after) {
  return readdressed_checksum(ChecksumMode::ipv6, next_header::icmpv6, before, after);
}
AddressPair turned(const AddressPair& pair) { return {pair.destination, pair.source}; }

bool is_error(const Packet& packet, const HeaderWalk& walk) {
  return walk.upper_protocol == next_header::icmpv6 && !walk.is_fragment && walk.upper_length > 0 &&
         icmpv6::is_error(packet.data()[walk.upper_offset]);
}

ExchangeDrop ensure_udp_checksum(Packet& packet, const HeaderWalk& walk) {
  if (walk.upper_protocol != next_header::udp || !walk.has_upper_layer() || packet.offload.partial_checksum)
    return ExchangeDrop::none;
  const MutableBytes udp = packet.bytes().subspan(walk.upper_offset, walk.upper_length);
  const auto addresses = wire_sum(ChecksumMode::ipv6, next_header::udp, {walk.source, walk.destination});
  switch (fill_udp_checksum(udp, walk.is_fragment, addresses)) {
    case UdpChecksum::present:
      return ExchangeDrop::none;
    case UdpChecksum::in_pieces:
      return ExchangeDrop::no_udp_checksum;
    case UdpChecksum::malformed:
      break;
  }
  return ExchangeDrop::malformed;
}

/// An ICMPv6 error about a packet that went between other addresses: its own become `after`, those of the quoted packet
/// `quoted_after`.
void readdress_error(Packet& packet, const HeaderWalk& walk, const QuotedPacket& quoted, const AddressPair& after,
                     const AddressPair& quoted_after) {
  const SumChange quote =
      readdress_quote(packet.data() + quoted.offset, quoted, quoted_after, change_of(quoted.addresses(), quoted_after));
  const SumChange own = change_of({walk.source, walk.destination}, after);
  (void)rewrite_addresses(packet, walk, after, own.then(quote));  // the header is there: it was parsed
}

}  // namespace

const char* name_of(ExchangeDrop reason) {
  constexpr std::array names{
      "none",     "malformed",      "unknown_instance", "not_for_a_node",  "not_a_client",  "too_many_clients",
      "same_nid", "unknown_client", "not_from_a_node",  "no_udp_checksum", "unusable_quote"};
  static_assert(names.size() == static_cast<std::size_t>(ExchangeDrop::count));
  return names[static_cast<std::size_t>(reason)];
}

EidExchange::EidExchange(ExchangeSettings settings, Hasher& hasher, std::uint64_t seed)
    : settings_{std::move(settings)}, clients_{hasher, seed, settings_.most_clients, settings_.client_silence} {}

bool EidExchange::is_client_address(const Address& address, Locator eid_prefix) const {
  return lisp::IpAddress{address}.is_routable_unicast() && address.locator != eid_prefix &&
         address.locator != settings_.identity_prefix;
}

EidExchange::Entered EidExchange::to_identity(TimePoint now, std::uint32_t instance, Packet& packet) {
  const auto drop = [&](ExchangeDrop reason) { return Entered{count(reason)}; };
  const auto prefix = settings_.eid_prefixes.find(instance);
  if (prefix == settings_.eid_prefixes.end()) return drop(ExchangeDrop::unknown_instance);
  const WalkOutcome outcome = walk_headers(packet.bytes());
  if (!outcome.ok) return drop(ExchangeDrop::malformed);
  const HeaderWalk& walk = outcome.walk;
  const NodeId node = walk.destination.nid;
  if (walk.destination.locator != prefix->second || node == NodeId{}) return drop(ExchangeDrop::not_for_a_node);

  // A router on the way tells of an error in the client's name: it is about a packet to the client.
  std::optional<QuotedPacket> quoted;
  Address client = walk.source;
  if (is_error(packet, walk)) {
    complete_checksum(packet);
    const auto parsed = parse_quoted(packet.bytes(), walk);
    if (!parsed || parsed.value().walk.source != walk.destination) return drop(ExchangeDrop::unusable_quote);
    quoted = parsed.value();
    client = quoted->walk.destination;
    if (!clients_.find({instance, client})) return drop(ExchangeDrop::unusable_quote);
  }
  if (!is_client_address(client, prefix->second)) return drop(ExchangeDrop::not_a_client);
  if (const ExchangeDrop reason = ensure_udp_checksum(packet, walk); reason != ExchangeDrop::none) return drop(reason);
  const auto taken = clients_.take(now, {instance, client}, node);
  if (!taken) return drop(ExchangeDrop::too_many_clients);
  if (taken->nid == node) return drop(ExchangeDrop::same_nid);

  const AddressPair identity{{settings_.identity_prefix, taken->nid}, {settings_.identity_prefix, node}};
  const AddressPair before{walk.source, walk.destination};
  Entered out;
  if (taken->is_new) out.new_client = taken->nid;
  out.retired = taken->retired;
  if (quoted)
    readdress_error(packet, walk, *quoted, identity, turned(identity));
  else if (!rewrite_addresses(packet, walk, identity, change_of(before, identity)))
    out.drop = count(ExchangeDrop::malformed);
  return out;
}

EidExchange::Left EidExchange::to_eid(TimePoint now, Packet& packet) {
  const auto drop = [&](ExchangeDrop reason) { return Left{count(reason)}; };
  const WalkOutcome outcome = walk_headers(packet.bytes());
  if (!outcome.ok) return drop(ExchangeDrop::malformed);
  const HeaderWalk& walk = outcome.walk;
  if (walk.destination.locator != settings_.identity_prefix) return drop(ExchangeDrop::unknown_client);
  const auto client = clients_.client_of(now, walk.destination.nid);
  if (!client) return drop(ExchangeDrop::unknown_client);
  const auto prefix = settings_.eid_prefixes.find(client->instance);
  if (prefix == settings_.eid_prefixes.end()) return drop(ExchangeDrop::unknown_instance);
  const Address eid = client->address.ipv6();
  const bool from_node = walk.source.locator == settings_.identity_prefix;
  const AddressPair after{from_node ? Address{prefix->second, walk.source.nid} : walk.source, eid};

  if (!is_error(packet, walk)) {
    if (!from_node) return drop(ExchangeDrop::not_from_a_node);
    const AddressPair before{walk.source, walk.destination};
    if (!rewrite_addresses(packet, walk, after, change_of(before, after))) return drop(ExchangeDrop::malformed);
    return {ExchangeDrop::none, client->instance};
  }
  complete_checksum(packet);
  const auto quoted = parse_quoted(packet.bytes(), walk);
  if (!quoted || quoted.value().walk.source != walk.destination ||
      quoted.value().walk.destination.locator != settings_.identity_prefix)
    return drop(ExchangeDrop::unusable_quote);
  const AddressPair sent{eid, {prefix->second, quoted.value().walk.destination.nid}};
  readdress_error(packet, walk, quoted.value(), after, sent);
  return {ExchangeDrop::none, client->instance};
}

}  // namespace ilnp
