// SPDX-License-Identifier: Apache-2.0
#include "tests/support/packet_builder.h"

#include <cstdlib>

#include "core/ipv6/icmpv6.h"

namespace ilnp::test {

PacketBuilder& PacketBuilder::hop_limit(std::uint8_t hops) {
  hop_limit_ = hops;
  return *this;
}

PacketBuilder& PacketBuilder::traffic_class(std::uint8_t octet) {
  first_word_ = (first_word_ & 0xf00fffff) | static_cast<std::uint32_t>(octet) << 20;
  return *this;
}

PacketBuilder& PacketBuilder::flow_label(std::uint32_t label) {
  first_word_ = (first_word_ & 0xfff00000) | (label & 0xfffff);
  return *this;
}

PacketBuilder& PacketBuilder::checksum(ChecksumMode mode) {
  mode_ = mode;
  return *this;
}

PacketBuilder& PacketBuilder::keep_checksum() {
  keep_checksum_ = true;
  return *this;
}

PacketBuilder& PacketBuilder::options_header(std::uint8_t type, Bytes options) {
  const std::size_t octets = (2 + options.size() + 7) / 8 * 8;
  ByteVector body;
  ByteWriter out{body};
  out.u8(static_cast<std::uint8_t>(octets / 8 - 1));
  out.bytes(options);
  const std::size_t padding = octets - 2 - options.size();
  if (padding == 1) out.u8(0);
  if (padding >= 2) {
    out.u8(1);
    out.u8(static_cast<std::uint8_t>(padding - 2));
    out.zeros(padding - 2);
  }
  return extension(type, body);
}

PacketBuilder& PacketBuilder::hop_by_hop(Bytes options) { return options_header(next_header::hop_by_hop, options); }

PacketBuilder& PacketBuilder::destination_options(Bytes options) {
  return options_header(next_header::destination_options, options);
}

PacketBuilder& PacketBuilder::nonce(Bytes value) {
  ByteVector option{nonce_option_type, static_cast<std::uint8_t>(value.size())};
  option.insert(option.end(), value.begin(), value.end());
  return destination_options(option);
}

PacketBuilder& PacketBuilder::routing(std::uint8_t type, std::uint8_t segments_left, std::size_t octets) {
  ByteVector body(octets - 1);
  body[0] = static_cast<std::uint8_t>(octets / 8 - 1);
  body[1] = type;
  body[2] = segments_left;
  return extension(next_header::routing, body);
}

PacketBuilder& PacketBuilder::fragment(std::size_t offset, bool more, std::uint32_t identification) {
  ByteVector body;
  ByteWriter out{body};
  out.u8(0);
  out.u16(static_cast<std::uint16_t>((offset & 0xfff8) | (more ? 1 : 0)));
  out.u32(identification);
  return extension(next_header::fragment, body);
}

PacketBuilder& PacketBuilder::authentication(std::size_t octets) {
  ByteVector body(octets - 1, 0xa1);
  body[0] = static_cast<std::uint8_t>(octets / 4 - 2);
  return extension(next_header::authentication, body);
}

PacketBuilder& PacketBuilder::extension(std::uint8_t type, Bytes body) {
  extensions_.emplace_back(type, ByteVector{body.begin(), body.end()});
  return *this;
}

PacketBuilder& PacketBuilder::udp(std::uint16_t source_port, std::uint16_t destination_port, Bytes payload_octets) {
  ByteVector upper;
  ByteWriter out{upper};
  out.u16(source_port);
  out.u16(destination_port);
  out.u16(static_cast<std::uint16_t>(8 + payload_octets.size()));
  out.u16(0);
  out.bytes(payload_octets);
  return payload(next_header::udp, upper);
}

PacketBuilder& PacketBuilder::tcp(std::uint16_t source_port, std::uint16_t destination_port, std::uint32_t sequence,
                                  std::uint32_t acknowledgement, std::uint8_t flags, Bytes payload_octets,
                                  Bytes options) {
  ByteVector upper;
  ByteWriter out{upper};
  out.u16(source_port);
  out.u16(destination_port);
  out.u32(sequence);
  out.u32(acknowledgement);
  out.u8(static_cast<std::uint8_t>((5 + options.size() / 4) << 4));
  out.u8(flags);
  out.u16(64800);
  out.u32(0);  // checksum, urgent pointer
  out.bytes(options);
  out.bytes(payload_octets);
  return payload(next_header::tcp, upper);
}

PacketBuilder& PacketBuilder::icmpv6(std::uint8_t type, std::uint8_t code, Bytes body) {
  ByteVector upper{type, code, 0, 0};
  upper.insert(upper.end(), body.begin(), body.end());
  return payload(next_header::icmpv6, upper);
}

PacketBuilder& PacketBuilder::echo_request(std::uint16_t identifier, std::uint16_t sequence, Bytes payload_octets) {
  ByteVector body;
  ByteWriter out{body};
  out.u16(identifier);
  out.u16(sequence);
  out.bytes(payload_octets);
  return icmpv6(icmpv6::echo_request, 0, body);
}

PacketBuilder& PacketBuilder::payload(std::uint8_t protocol, Bytes upper_layer) {
  protocol_ = protocol;
  upper_layer_.assign(upper_layer.begin(), upper_layer.end());
  return *this;
}

ByteVector PacketBuilder::build() const {
  ByteVector upper = upper_layer_;
  const int field = checksum_field_offset(protocol_);
  if (!keep_checksum_ && field >= 0 && upper.size() >= static_cast<std::size_t>(field) + 2) {
    Address source = source_, destination = destination_;
    if (mode_ == ChecksumMode::rfc6741 && protocol_ != next_header::icmpv6) source.locator = destination.locator = {};
    store_u16(upper.data() + field, 0);
    store_u16(upper.data() + field, upper_layer_checksum(source, destination, protocol_, upper));
  }
  ByteVector packet;
  ByteWriter out{packet};
  out.u32(first_word_);
  out.u16(0);
  out.u8(extensions_.empty() ? protocol_ : extensions_.front().first);
  out.u8(hop_limit_);
  out.bytes(source_.octets());
  out.bytes(destination_.octets());
  for (std::size_t i = 0; i < extensions_.size(); ++i) {
    out.u8(i + 1 < extensions_.size() ? extensions_[i + 1].first : protocol_);
    out.bytes(extensions_[i].second);
  }
  out.bytes(upper);
  store_u16(packet.data() + 4, static_cast<std::uint16_t>(packet.size() - ipv6_header_length));
  return packet;
}

ByteVector text(std::string_view characters) { return {characters.begin(), characters.end()}; }

ByteVector hex(std::string_view digits) {
  ByteVector octets;
  int high = -1;
  for (const char c : digits) {
    if (c == ' ' || c == '\n') continue;
    const int value = c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
    if (value < 0 || value > 15) std::abort();
    if (high < 0) {
      high = value;
    } else {
      octets.push_back(static_cast<std::uint8_t>(high << 4 | value));
      high = -1;
    }
  }
  if (high >= 0) std::abort();
  return octets;
}

ByteVector counting(std::size_t n) {
  ByteVector octets(n);
  for (std::size_t i = 0; i < n; ++i) octets[i] = static_cast<std::uint8_t>(i);
  return octets;
}

Address address(std::string_view text_form) {
  const auto parsed = parse_address(text_form);
  if (!parsed) std::abort();
  return *parsed;
}

bool checksum_is_good(Bytes packet, ChecksumMode mode) {
  const WalkOutcome out = walk_headers(packet);
  if (!out.ok || out.walk.is_fragment || checksum_field_offset(out.walk.upper_protocol) < 0) return false;
  const HeaderWalk& walk = out.walk;
  const std::uint64_t pseudo = std::uint64_t{wire_sum(mode, walk.upper_protocol, {walk.source, walk.destination})} +
                               walk.upper_length + walk.upper_protocol;
  return ones_complement_sum(packet.subspan(walk.upper_offset), pseudo) == 0xffff;
}

}  // namespace ilnp::test
