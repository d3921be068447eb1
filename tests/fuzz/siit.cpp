// SPDX-License-Identifier: Apache-2.0
// Any octets as a packet to translate. The first octet says what is put right before: bit 0 the addresses, bit 1 the
// upper layer's checksum; bit 2 lets packets go from one IPv6-only node to another. Whatever comes out can be read, is
// as long as it says, and has right checksums if what went in had; there and back it is the same packet, but for what
// only one of the families says.
#include <algorithm>

#include "core/lisp/inner_packet.h"
#include "core/lisp/siit.h"
#include "tests/fuzz/fuzz.h"
#include "tests/support/ipv4_packets.h"
#include "tests/support/packet_builder.h"

using namespace ilnp;
using namespace ilnp::lisp;
using ilnp::test::checksums_are_right;

namespace {

constexpr std::uint8_t udp = 17;
const Address embedding{{0x2001'0db8'0064'0000}, {0}}, client6{{0x2001'0db8'0064'0000}, {0x0a09'0005}},
    vm6{{0x2001'0db8'0e1d'0000}, {0x0200'00ff'fe00'0007}}, other6{{0x2001'0db8'0e1d'0000}, {0x0200'00ff'fe00'0008}};
const IpAddress client4 = IpAddress::v4(0x0a09'0005), vm4 = IpAddress::v4(0x0a08'0007),
                other4 = IpAddress::v4(0x0a08'0008);

/// The checksum of TCP, UDP and ICMP, where there is one: its offset in the packet.
std::optional<std::size_t> checksum_of(Bytes packet, const InnerPacket& read) {
  const bool is_ipv4 = read.source.is_ipv4();
  if (!read.is_first_fragment) return std::nullopt;
  const int field = is_ipv4 && read.protocol == 1 ? 2 : checksum_field_offset(read.protocol);
  if (field < 0 || read.upper_offset + static_cast<std::size_t>(field) + 2 > packet.size()) return std::nullopt;
  return read.upper_offset + static_cast<std::size_t>(field);
}

ByteVector prepared(std::uint8_t how, Bytes octets) {
  ByteVector packet = octets[0] >> 4 == 6 ? fuzz::with_right_length(octets) : ByteVector{octets.begin(), octets.end()};
  const bool is_ipv4 = packet[0] >> 4 == 4;
  if (is_ipv4 && packet.size() >= 20) {
    if ((how & 1) != 0) {
      store_u32(packet.data() + 12, client4.ipv4());
      store_u32(packet.data() + 16, vm4.ipv4());
    }
    const std::size_t header = std::min<std::size_t>(packet.size(), (packet[0] & 15) * std::size_t{4});
    store_u16(packet.data() + 2, static_cast<std::uint16_t>(packet.size()));
    store_u16(packet.data() + 10, 0);
    store_u16(packet.data() + 10, ipv4_header_sum(Bytes{packet}.first(header)));
  } else if (!is_ipv4 && packet.size() >= 40 && (how & 1) != 0) {
    vm6.store(packet.data() + 8);
    ((how & 4) != 0 ? Address{embedding.locator, {other4.ipv4()}} : client6).store(packet.data() + 24);
  }
  const auto read = parse_inner(packet);
  if ((how & 2) == 0 || !read || read.value().is_fragment) return packet;
  const auto at = checksum_of(packet, read.value());
  if (!at) return packet;
  const Bytes upper = Bytes{packet}.subspan(read.value().upper_offset);
  const std::size_t length = read.value().protocol == udp ? load_u16(upper.data() + 4) : upper.size();
  if (length > upper.size()) return packet;
  store_u16(packet.data() + *at, 0);
  const std::uint16_t sum = test::slow_upper_checksum(read.value().source, read.value().destination,
                                                      read.value().protocol, length, upper.first(length));
  store_u16(packet.data() + *at, read.value().protocol == udp && sum == 0 ? std::uint16_t{0xffff} : sum);
  return packet;
}

/// With what the other family cannot say made the same: what is left has to be the same there and back.
ByteVector comparable(Bytes packet) {
  const auto read = parse_inner(packet);
  FUZZ_REQUIRE(read.has_value() && read.value().length == packet.size());
  const InnerPacket& inner = read.value();
  ByteVector out;
  ByteWriter w{out};
  w.bytes(inner.source.octets());
  w.bytes(inner.destination.octets());
  w.u8(inner.hop_limit);
  w.u8(inner.traffic_class);
  w.u8(inner.protocol);
  w.u8(inner.is_fragment ? 1 : 0);
  w.u8(inner.is_first_fragment ? 1 : 0);
  w.bytes(packet.subspan(inner.upper_offset));
  if (const auto at = checksum_of(packet, inner)) {  // 0 and 0xffff are the same sum
    std::uint8_t* field = out.data() + out.size() - (packet.size() - *at);
    if (load_u16(field) == 0xffff) store_u16(field, 0);
  }
  return out;
}

/// What the other end would have sent. No checksum minds.
ByteVector with_ends_swapped(ByteVector packet) {
  const bool is_ipv4 = packet[0] >> 4 == 4;
  const auto source = packet.begin() + (is_ipv4 ? 12 : 8), destination = source + (is_ipv4 ? 4 : 16);
  std::swap_ranges(source, destination, destination);
  return packet;
}

bool has_udp_zero(Bytes packet) {
  const auto read = parse_inner(packet);
  const auto at = checksum_of(packet, read.value());
  return read.value().protocol == udp && at && load_u16(packet.data() + *at) == 0;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::uint8_t how = data[0];
  const ByteVector packet = prepared(how, {data + 1, size - 1});
  const bool is_ipv4 = packet[0] >> 4 == 4;

  EamTable nodes{1, embedding};
  FUZZ_REQUIRE(nodes.add({0, IpPrefix::host(vm4), IpPrefix::host(vm6), Family::ipv6}).has_value());
  FUZZ_REQUIRE(nodes.add({0, IpPrefix::host(other4), IpPrefix::host(other6), Family::ipv6}).has_value());
  SiitSettings settings;
  settings.hairpin = (how & 4) != 0;
  settings.router = IpAddress::v4(0xc000'0008);
  Siit siit{settings, nodes, 1};
  const auto translate = [&](Bytes octets, bool to_ipv6) {
    test::PacketBuffer buffer{octets, Siit::headroom};
    Translation out = to_ipv6 ? siit.to_ipv6(0, buffer.packet) : siit.to_ipv4(0, buffer.packet);
    if (out.kind == Translation::Kind::in_place) out.packets = {buffer.bytes()};
    FUZZ_REQUIRE((out.kind == Translation::Kind::dropped) == (out.reason != SiitDrop::none));
    FUZZ_REQUIRE((out.kind == Translation::Kind::dropped) == out.packets.empty());
    return out;
  };

  const Translation there = translate(packet, is_ipv4);
  if (there.kind == Translation::Kind::dropped) return 0;
  const bool had_no_sum = has_udp_zero(packet);
  const bool was_right = checksums_are_right(packet) || had_no_sum;
  for (const ByteVector& out : there.packets) {
    const auto read = parse_inner(out);
    FUZZ_REQUIRE(read.has_value() && read.value().length == out.size());
    FUZZ_REQUIRE(read.value().source.family() == there.family);
    if (there.packets.size() > 1) FUZZ_REQUIRE(out.size() <= settings.lowest_ipv6_mtu);
    if (was_right && !(had_no_sum && !is_ipv4)) FUZZ_REQUIRE(checksums_are_right(out));
  }
  const bool was_whole = there.kind == Translation::Kind::in_place && (there.family == Family::ipv6) == is_ipv4;
  if (!was_whole || had_no_sum) return 0;
  const Translation back = translate(with_ends_swapped(there.packets[0]), !is_ipv4);
  FUZZ_REQUIRE(back.kind != Translation::Kind::dropped);
  if (back.packets.size() != 1) return 0;
  const ByteVector again = with_ends_swapped(back.packets[0]);
  FUZZ_REQUIRE(comparable(again) == comparable(packet));
  return 0;
}
