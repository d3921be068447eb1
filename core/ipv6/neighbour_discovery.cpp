// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/neighbour_discovery.h"

#include <algorithm>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

using Outcome = Result<NeighbourMessage, NeighbourMessageError>;

constexpr std::uint8_t option_source_link_layer = 1, option_target_link_layer = 2, option_prefix_information = 3,
                       option_mtu = 5, option_nonce = 14;

Address without_host_bits(const Address& address, std::uint8_t length) {
  const auto mask = [](int bits) {
    return bits <= 0 ? 0 : bits >= 64 ? ~std::uint64_t{0} : ~std::uint64_t{0} << (64 - bits);
  };
  return {{address.locator.bits & mask(length)}, {address.nid.bits & mask(length - 64)}};
}

/// Calls visit(type, body) for every option; body is what follows the length octet. Options are 8-octet units
/// (RFC 4861 section 4.6) and must fill the message exactly.
template <class Visit>
std::optional<NeighbourMessageError> for_each_option(ByteReader in, Visit visit) {
  for (std::size_t count = 0; !in.empty(); ++count) {
    if (count == max_neighbour_discovery_options) return NeighbourMessageError::too_many_options;
    const std::uint8_t type = in.u8();
    const std::size_t length = std::size_t{in.u8()} * 8;
    if (!in.ok()) return NeighbourMessageError::truncated;
    if (length == 0) return NeighbourMessageError::empty_option;
    const ByteReader body = in.sub(length - 2);
    if (!in.ok()) return NeighbourMessageError::truncated;
    visit(type, body);
  }
  return std::nullopt;
}

std::optional<MacAddress> ethernet_address(const ByteReader& body) {
  if (body.remaining() != 6) return std::nullopt;  // not Ethernet
  return MacAddress::load(body.rest().data());
}

std::optional<PrefixInformation> prefix_information(ByteReader body) {
  if (body.remaining() != 30) return std::nullopt;
  PrefixInformation prefix;
  prefix.length = body.u8();
  const std::uint8_t flags = body.u8();
  prefix.on_link = (flags & 0x80) != 0;
  prefix.autonomous = (flags & 0x40) != 0;
  prefix.valid_lifetime = body.u32();
  prefix.preferred_lifetime = body.u32();
  body.skip(4);
  // RFC 4862 section 5.5.3 b and c: the link-local prefix and contradicting lifetimes are ignored.
  const Address whole = Address::load(body.rest().data());
  if (prefix.length > 128 || prefix.preferred_lifetime > prefix.valid_lifetime) return std::nullopt;
  prefix.prefix = without_host_bits(whole, prefix.length);
  if (prefix.prefix.is_link_local() || prefix.prefix.is_multicast()) return std::nullopt;
  return prefix;
}

RouterPreference router_preference(std::uint8_t flags) {
  switch (flags >> 3 & 3) {
    case 1:
      return RouterPreference::high;
    case 3:
      return RouterPreference::low;
    default:
      return RouterPreference::medium;
  }
}

/// RFC 4861 section 6.1.2 and 4.2.
Outcome parse_advertisement(const Address& source, ByteReader in) {
  if (!source.is_link_local()) return NeighbourMessageError::bad_source;
  RouterAdvertisement ra;
  ra.router = source;
  ra.hop_limit = in.u8();
  const std::uint8_t flags = in.u8();
  ra.managed = (flags & 0x80) != 0;
  ra.other = (flags & 0x40) != 0;
  ra.router_lifetime = in.u16();
  // RFC 4191 section 2.2: with lifetime 0 the preference says nothing.
  ra.preference = ra.router_lifetime == 0 ? RouterPreference::medium : router_preference(flags);
  in.skip(8);  // reachable time, retransmission timer
  if (!in.ok()) return NeighbourMessageError::truncated;
  const auto failure = for_each_option(in, [&](std::uint8_t type, ByteReader body) {
    if (type == option_source_link_layer) {
      ra.link_layer = ethernet_address(body);
    } else if (type == option_mtu && body.remaining() == 6) {
      body.skip(2);
      ra.mtu = body.u32();
    } else if (type == option_prefix_information) {
      const auto prefix = prefix_information(body);
      if (!prefix) return;
      if (ra.prefixes.size() < max_advertised_prefixes)
        ra.prefixes.push_back(*prefix);
      else
        ++ra.prefixes_left_out;
    }
  });
  if (failure) return *failure;
  return NeighbourMessage{std::move(ra)};
}

/// RFC 4861 section 7.1.1 and 4.3; nonce of RFC 7527 section 4.1, in the format of RFC 3971 section 5.3.2.
Outcome parse_solicitation(const Address& source, const Address& destination, ByteReader in) {
  NeighbourSolicitation ns;
  ns.source = source;
  in.skip(4);
  const Bytes target = in.take(16);
  if (!in.ok()) return NeighbourMessageError::truncated;
  ns.target = Address::load(target.data());
  if (ns.target.is_multicast()) return NeighbourMessageError::bad_target;
  if (source.is_multicast()) return NeighbourMessageError::bad_source;
  if (source.is_unspecified() && destination != solicited_node(ns.target))
    return NeighbourMessageError::bad_destination;
  const auto failure = for_each_option(in, [&](std::uint8_t type, const ByteReader& body) {
    if (type == option_source_link_layer) {
      ns.link_layer = ethernet_address(body);
    } else if (type == option_nonce && body.remaining() == DadNonce{}.size()) {
      DadNonce nonce{};
      std::copy(body.rest().begin(), body.rest().end(), nonce.begin());
      ns.nonce = nonce;
    }
  });
  if (failure) return *failure;
  if (source.is_unspecified() && ns.link_layer) return NeighbourMessageError::bad_source;
  return NeighbourMessage{ns};
}

/// RFC 4861 section 7.1.2 and 4.4.
Outcome parse_neighbour_advertisement(const Address& source, const Address& destination, ByteReader in) {
  NeighbourAdvertisement na;
  na.source = source;
  const std::uint8_t flags = in.u8();
  na.from_router = (flags & 0x80) != 0;
  na.solicited = (flags & 0x40) != 0;
  na.override_cached = (flags & 0x20) != 0;
  in.skip(3);
  const Bytes target = in.take(16);
  if (!in.ok()) return NeighbourMessageError::truncated;
  na.target = Address::load(target.data());
  if (na.target.is_multicast()) return NeighbourMessageError::bad_target;
  if (source.is_multicast() || source.is_unspecified()) return NeighbourMessageError::bad_source;
  if (na.solicited && destination.is_multicast()) return NeighbourMessageError::bad_destination;
  const auto failure = for_each_option(in, [&](std::uint8_t type, const ByteReader& body) {
    if (type == option_target_link_layer) na.link_layer = ethernet_address(body);
  });
  if (failure) return *failure;
  return NeighbourMessage{na};
}

/// RFC 4861 section 6.1.1 and 4.1.
Outcome parse_router_solicitation(const Address& source, ByteReader in) {
  RouterSolicitation rs;
  rs.source = source;
  in.skip(4);
  if (!in.ok()) return NeighbourMessageError::truncated;
  if (source.is_multicast()) return NeighbourMessageError::bad_source;
  const auto failure = for_each_option(in, [&](std::uint8_t type, const ByteReader& body) {
    if (type == option_source_link_layer) rs.link_layer = ethernet_address(body);
  });
  if (failure) return *failure;
  if (source.is_unspecified() && rs.link_layer) return NeighbourMessageError::bad_source;
  return NeighbourMessage{rs};
}

void write_link_layer(ByteWriter& out, std::uint8_t option, const MacAddress& mac) {
  out.u8(option);
  out.u8(1);
  out.bytes(mac.octets);
}

ByteVector packet_of(const Address& source, const Address& destination, const ByteVector& message) {
  return build_packet(source, destination, next_header::icmpv6, message, {}, 255);
}

}  // namespace

Outcome parse_neighbour_message(const Address& source, const Address& destination, std::uint8_t hop_limit,
                                Bytes message) {
  ByteReader in{message};
  const std::uint8_t type = in.u8();
  const std::uint8_t code = in.u8();
  in.skip(2);  // checksum
  if (!in.ok()) return NeighbourMessageError::truncated;
  if (!icmpv6::is_neighbour_discovery(type) || type == icmpv6::redirect) return NeighbourMessageError::not_relevant;
  if (hop_limit != 255) return NeighbourMessageError::bad_hop_limit;
  if (code != 0) return NeighbourMessageError::bad_code;
  switch (type) {
    case icmpv6::router_solicitation:
      return parse_router_solicitation(source, in);
    case icmpv6::router_advertisement:
      return parse_advertisement(source, in);
    case icmpv6::neighbour_solicitation:
      return parse_solicitation(source, destination, in);
    default:
      return parse_neighbour_advertisement(source, destination, in);
  }
}

Result<NeighbourPacket, NeighbourMessageError> parse_neighbour_packet(Bytes packet) {
  ByteReader in{packet};
  const std::uint8_t version = in.u8() >> 4;
  in.skip(3);
  const std::size_t length = in.u16();
  const std::uint8_t protocol = in.u8(), hop_limit = in.u8();
  const Bytes addresses = in.take(32);
  const Bytes message = in.take(length);
  if (!in.ok()) return NeighbourMessageError::truncated;
  if (version != 6 || protocol != next_header::icmpv6) return NeighbourMessageError::not_relevant;
  const std::uint64_t pseudo = std::uint64_t{ones_complement_sum(addresses)} + length + protocol;
  if (ones_complement_sum(message, pseudo) != 0xffff) return NeighbourMessageError::bad_checksum;
  const Address source = Address::load(addresses.data()), destination = Address::load(addresses.data() + 16);
  auto parsed = parse_neighbour_message(source, destination, hop_limit, message);
  if (!parsed) return parsed.error();
  return NeighbourPacket{std::move(parsed.value()), destination};
}

ByteVector encode_router_solicitation(const std::optional<MacAddress>& link_layer) {
  ByteVector message;
  ByteWriter out{message};
  out.u8(icmpv6::router_solicitation);
  out.zeros(7);
  if (link_layer) write_link_layer(out, option_source_link_layer, *link_layer);
  return message;
}

ByteVector build_router_solicitation(const Address& source, const MacAddress& link_layer) {
  const auto option = source.is_unspecified() ? std::nullopt : std::optional{link_layer};
  return packet_of(source, all_routers, encode_router_solicitation(option));
}

ByteVector build_duplicate_address_probe(const Address& target, const DadNonce& nonce) {
  ByteVector message;
  ByteWriter out{message};
  out.u8(icmpv6::neighbour_solicitation);
  out.zeros(7);
  out.bytes(target.octets());
  out.u8(option_nonce);
  out.u8(1);
  out.bytes(nonce);
  return packet_of({}, solicited_node(target), message);
}

ByteVector build_unsolicited_advertisement(const Address& target, const MacAddress& own_mac, bool override_cached) {
  NeighbourAdvertisement message;
  message.source = message.target = target;
  message.override_cached = override_cached;
  message.link_layer = own_mac;
  return build_neighbour_advertisement(message, all_nodes);
}

ByteVector build_neighbour_advertisement(const NeighbourAdvertisement& advertisement, const Address& destination) {
  ByteVector message;
  ByteWriter out{message};
  out.u8(icmpv6::neighbour_advertisement);
  out.zeros(3);
  out.u8(static_cast<std::uint8_t>((advertisement.from_router ? 0x80 : 0) | (advertisement.solicited ? 0x40 : 0) |
                                   (advertisement.override_cached ? 0x20 : 0)));
  out.zeros(3);
  out.bytes(advertisement.target.octets());
  if (advertisement.link_layer) write_link_layer(out, option_target_link_layer, *advertisement.link_layer);
  return packet_of(advertisement.source, destination, message);
}

ByteVector encode_neighbour_solicitation(const Address& target, const MacAddress& own_mac) {
  ByteVector message;
  ByteWriter out{message};
  out.u8(icmpv6::neighbour_solicitation);
  out.zeros(7);
  out.bytes(target.octets());
  write_link_layer(out, option_source_link_layer, own_mac);
  return message;
}

ByteVector build_neighbour_solicitation(const Address& source, const Address& target, const MacAddress& own_mac) {
  return packet_of(source, solicited_node(target), encode_neighbour_solicitation(target, own_mac));
}

ByteVector build_router_advertisement(const RouterAdvertisement& advertisement, const Address& destination) {
  constexpr std::uint8_t preferences[] = {3, 0, 1};  // low, medium, high (RFC 4191 section 2.1)
  ByteVector message;
  ByteWriter out{message};
  out.u8(icmpv6::router_advertisement);
  out.zeros(3);
  out.u8(advertisement.hop_limit);
  out.u8(static_cast<std::uint8_t>((advertisement.managed ? 0x80 : 0) | (advertisement.other ? 0x40 : 0) |
                                   preferences[static_cast<int>(advertisement.preference)] << 3));
  out.u16(advertisement.router_lifetime);
  out.zeros(8);  // reachable time, retransmission timer: not said
  if (advertisement.link_layer) write_link_layer(out, option_source_link_layer, *advertisement.link_layer);
  if (advertisement.mtu != 0) {
    out.u8(option_mtu);
    out.u8(1);
    out.zeros(2);
    out.u32(advertisement.mtu);
  }
  for (const PrefixInformation& prefix : advertisement.prefixes) {
    out.u8(option_prefix_information);
    out.u8(4);
    out.u8(prefix.length);
    out.u8(static_cast<std::uint8_t>((prefix.on_link ? 0x80 : 0) | (prefix.autonomous ? 0x40 : 0)));
    out.u32(prefix.valid_lifetime);
    out.u32(prefix.preferred_lifetime);
    out.zeros(4);
    out.bytes(prefix.prefix.octets());
  }
  return packet_of(advertisement.router, destination, message);
}

}  // namespace ilnp
