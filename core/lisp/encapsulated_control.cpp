// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/encapsulated_control.h"

#include <cassert>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "core/lisp/message_type.h"

namespace ilnp::lisp {
namespace {

constexpr std::uint8_t security_bit = 0x08;
constexpr std::size_t ipv4_header_length = 20, udp_header_length = 8;
constexpr std::uint16_t dont_fragment = 0x4000, any_fragment = 0x3fff;  ///< more fragments, or an offset
constexpr std::uint8_t inner_hop_limit = 64;

struct InnerPacket {
  IpAddress source, destination;
  Bytes udp;
};

/// The sum over pseudo-header and datagram: 0xffff when the checksum in it is good.
std::uint16_t udp_sum(const IpAddress& source, const IpAddress& destination, Bytes udp) {
  const std::uint64_t addresses =
      std::uint64_t{ones_complement_sum(source.octets())} + ones_complement_sum(destination.octets());
  return ones_complement_sum(udp, addresses + udp.size() + next_header::udp);
}

Result<InnerPacket, ReadError> read_ipv4(Bytes packet) {
  if (packet.size() < ipv4_header_length) return ReadError::truncated;
  const std::size_t header = (packet[0] & 15u) * 4, total = load_u16(packet.data() + 2);
  if (header < ipv4_header_length || total < header) return ReadError::inner_header;
  if (packet.size() < total) return ReadError::truncated;
  if (packet.size() > total) return ReadError::trailing_octets;
  if ((load_u16(packet.data() + 6) & any_fragment) != 0 || packet[9] != next_header::udp)
    return ReadError::inner_header;
  if (ones_complement_sum(packet.first(header)) != 0xffff) return ReadError::inner_checksum;
  return InnerPacket{IpAddress::load(packet.subspan(12, 4)), IpAddress::load(packet.subspan(16, 4)),
                     packet.subspan(header)};
}

Result<InnerPacket, ReadError> read_ipv6(Bytes packet) {
  if (packet.size() < ipv6_header_length) return ReadError::truncated;
  const std::size_t total = ipv6_header_length + load_u16(packet.data() + 4);
  if (packet.size() < total) return ReadError::truncated;
  if (packet.size() > total) return ReadError::trailing_octets;
  if (packet[6] != next_header::udp) return ReadError::inner_header;
  return InnerPacket{IpAddress::load(packet.subspan(8, 16)), IpAddress::load(packet.subspan(24, 16)),
                     packet.subspan(ipv6_header_length)};
}

Result<InnerPacket, ReadError> read_inner(Bytes packet) {
  if (packet.empty()) return ReadError::truncated;
  switch (packet[0] >> 4) {
    case 4:
      return read_ipv4(packet);
    case 6:
      return read_ipv6(packet);
    default:
      return ReadError::inner_header;
  }
}

void write_ipv4(ByteVector& message, const EncapsulatedControl& control, std::size_t udp_length) {
  const std::size_t start = message.size();
  ByteWriter out{message};
  out.u16(0x4500);
  out.u16(static_cast<std::uint16_t>(ipv4_header_length + udp_length));
  out.u16(0);  // identification: it is never cut
  out.u16(dont_fragment);
  out.u8(inner_hop_limit);
  out.u8(next_header::udp);
  out.u16(0);
  out.bytes(control.source.octets());
  out.bytes(control.destination.octets());
  const auto sum = ones_complement_sum(Bytes{message}.subspan(start));
  store_u16(message.data() + start + 10, static_cast<std::uint16_t>(~sum));
}

void write_ipv6(ByteVector& message, const EncapsulatedControl& control, std::size_t udp_length) {
  ByteWriter out{message};
  out.u32(std::uint32_t{6} << 28);
  out.u16(static_cast<std::uint16_t>(udp_length));
  out.u8(next_header::udp);
  out.u8(inner_hop_limit);
  out.bytes(control.source.octets());
  out.bytes(control.destination.octets());
}

}  // namespace

Result<EncapsulatedControl, ReadError> parse_encapsulated_control(Bytes message) {
  const auto type = message_type(message);
  if (type.has_error()) return type.error();
  if (type.value() != MessageType::encapsulated_control) return ReadError::wrong_type;
  if ((message[0] & security_bit) != 0) return ReadError::security_data;
  if (message.size() < 4) return ReadError::truncated;
  const auto inner = read_inner(message.subspan(4));
  if (inner.has_error()) return inner.error();
  const Bytes udp = inner.value().udp;
  if (udp.size() < udp_header_length || load_u16(udp.data() + 4) != udp.size()) return ReadError::inner_header;
  const bool has_checksum = load_u16(udp.data() + 6) != 0;
  if (!has_checksum || udp_sum(inner.value().source, inner.value().destination, udp) != 0xffff)
    return ReadError::inner_checksum;
  if (load_u16(udp.data() + 2) != control_port) return ReadError::inner_port;
  const Bytes request = udp.subspan(udp_header_length);
  const auto inner_type = message_type(request);
  if (inner_type.has_error()) return inner_type.error();
  if (inner_type.value() == MessageType::encapsulated_control) return ReadError::nested_encapsulation;
  if (inner_type.value() != MessageType::map_request) return ReadError::inner_type;
  return EncapsulatedControl{inner.value().source, inner.value().destination, load_u16(udp.data()), request};
}

ByteVector encode_encapsulated_control(const EncapsulatedControl& control) {
  assert(control.source.family() == control.destination.family());
  const std::size_t udp_length = udp_header_length + control.message.size();
  assert(udp_length + (control.source.is_ipv4() ? ipv4_header_length : 0) <= 0xffff);
  ByteVector message;
  ByteWriter out{message};
  out.u32(static_cast<std::uint32_t>(MessageType::encapsulated_control) << 28);
  control.source.is_ipv4() ? write_ipv4(message, control, udp_length) : write_ipv6(message, control, udp_length);
  const std::size_t udp_at = message.size();
  out.u16(control.source_port);
  out.u16(control_port);
  out.u16(static_cast<std::uint16_t>(udp_length));
  out.u16(0);
  out.bytes(control.message);
  const auto checksum =
      static_cast<std::uint16_t>(~udp_sum(control.source, control.destination, Bytes{message}.subspan(udp_at)));
  store_u16(message.data() + udp_at + 6, checksum == 0 ? std::uint16_t{0xffff} : checksum);
  return message;
}

}  // namespace ilnp::lisp
