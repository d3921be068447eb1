// SPDX-License-Identifier: Apache-2.0
// Statements that hold for every packet, checked by RapidCheck: a counterexample is shrunk before it is shown.
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "core/ilnp/checksum_mode.h"
#include "core/ilnp/error_translation.h"
#include "core/ilnp/locator_update.h"
#include "core/ilnp/nonce.h"
#include "core/ilnp/text.h"
#include "core/ipv6/fragments.h"
#include "tests/support/packet_builder.h"

namespace rc {

template <>
struct Arbitrary<ilnp::Locator> {
  static Gen<ilnp::Locator> arbitrary() {
    return gen::map(gen::arbitrary<std::uint64_t>(), [](std::uint64_t bits) { return ilnp::Locator{bits}; });
  }
};

template <>
struct Arbitrary<ilnp::Address> {
  static Gen<ilnp::Address> arbitrary() {
    // Words of zeros and ones often: that is where carries and the two zeros of ones' complement live.
    const auto half = gen::oneOf(gen::arbitrary<std::uint64_t>(), gen::just<std::uint64_t>(0),
                                 gen::just(~std::uint64_t{0}), gen::just<std::uint64_t>(0xfd494c4e50366631));
    return gen::map(gen::pair(half, half), [](const auto& halves) {
      return ilnp::Address{{halves.first}, {halves.second}};
    });
  }
};

}  // namespace rc

namespace ilnp {
inline void showValue(const Address& address, std::ostream& out) { out << to_string(address); }
inline void showValue(const Locator& locator, std::ostream& out) { out << to_text(locator); }
}  // namespace ilnp

namespace ilnp {
namespace {

using test::PacketBuffer;
using test::PacketBuilder;

rc::Gen<std::uint8_t> any_transport() {
  return rc::gen::element(next_header::tcp, next_header::udp, next_header::icmpv6, next_header::dccp,
                          next_header::udp_lite);
}

/// Some extension headers that a nonce header may follow.
PacketBuilder& with_some_headers(PacketBuilder& builder) {
  if (*rc::gen::arbitrary<bool>()) builder.hop_by_hop();
  if (*rc::gen::arbitrary<bool>()) builder.routing(4, 0, 8 * *rc::gen::inRange<std::size_t>(1, 6));
  if (*rc::gen::arbitrary<bool>()) builder.fragment(0, false, 1);
  if (*rc::gen::arbitrary<bool>()) builder.authentication(4 * *rc::gen::inRange<std::size_t>(3, 9));
  return builder;
}

ByteVector any_packet(const Address& source, const Address& destination, ChecksumMode mode) {
  auto upper = *rc::gen::container<ByteVector>(rc::gen::arbitrary<std::uint8_t>());
  upper.resize(upper.size() + 20);
  PacketBuilder builder{source, destination};
  return with_some_headers(builder).checksum(mode).payload(*any_transport(), upper).build();
}

RC_GTEST_PROP(Properties, ChecksumRewrittenToTheWireIsTheOneMadeThere,
              (Address source, Address destination, Locator to_source, Locator to_destination)) {
  const AddressPair identity{source, destination};
  const AddressPair wire{{to_source, source.nid}, {to_destination, destination.nid}};
  const auto mode = *rc::gen::element(ChecksumMode::ipv6, ChecksumMode::rfc6741);
  ByteVector packet = any_packet(source, destination, ChecksumMode::ipv6);
  const HeaderWalk walk = walk_headers(packet).walk;
  const auto field = walk.upper_offset + static_cast<std::size_t>(checksum_field_offset(walk.upper_protocol));
  adjust_field(packet.data() + field, walk.upper_protocol, to_wire_checksum(mode, walk.upper_protocol, identity, wire));
  wire.source.store(packet.data() + 8);
  wire.destination.store(packet.data() + 24);
  RC_ASSERT(test::checksum_is_good(packet, mode));
  adjust_field(packet.data() + field, walk.upper_protocol,
               to_identity_checksum(mode, walk.upper_protocol, identity, wire));
  identity.source.store(packet.data() + 8);
  identity.destination.store(packet.data() + 24);
  RC_ASSERT(test::checksum_is_good(packet));
}

RC_GTEST_PROP(Properties, ZeroLocatorChecksumSurvivesALocatorChange,
              (Address source, Address destination, Locator to)) {
  ByteVector packet = any_packet(source, destination, ChecksumMode::rfc6741);
  RC_PRE(walk_headers(packet).walk.upper_protocol != next_header::icmpv6);
  Address{to, source.nid}.store(packet.data() + 8);
  RC_ASSERT(test::checksum_is_good(packet, ChecksumMode::rfc6741));
}

RC_GTEST_PROP(Properties, NonceInsertedAndStrippedRestoresThePacket, (Address source, Address destination)) {
  const ByteVector original = any_packet(source, destination, ChecksumMode::ipv6);
  const HeaderWalk before = walk_headers(original).walk;
  const Nonce nonce{
      *rc::gen::container<ByteVector>(*rc::gen::element<std::size_t>(4, 12), rc::gen::arbitrary<std::uint8_t>())};
  PacketBuffer buffer{original};
  insert_nonce_header(buffer.packet, before, nonce);
  const WalkOutcome with = walk_headers(buffer.bytes());
  RC_ASSERT(with.ok);
  RC_ASSERT(with.walk.nonce_alone);
  RC_ASSERT(nonce.matches(Bytes{buffer.packet.bytes()}.subspan(with.walk.nonce_offset, with.walk.nonce_length)));
  RC_ASSERT(with.walk.upper_protocol == before.upper_protocol);
  RC_ASSERT(with.walk.upper_offset == before.upper_offset + nonce.header_length());
  strip_nonce(buffer.packet, with.walk);
  RC_ASSERT(buffer.bytes() == original);
}

RC_GTEST_PROP(Properties, StrippingANonceLeavesTheOtherOptionsInPlace, (Address source, Address destination)) {
  // Random options around a nonce; none is left of it afterwards, all others keep their octets and alignment.
  ByteVector options;
  const auto add = [&options](std::uint8_t type, std::size_t length) {
    options.push_back(type);
    if (type == 0) return;
    options.push_back(static_cast<std::uint8_t>(length));
    options.insert(options.end(), length, static_cast<std::uint8_t>(type == 1 ? 0 : 0xcc));
  };
  const auto some = [&add] {
    for (int n = *rc::gen::inRange(0, 4); n > 0; --n)
      add(*rc::gen::element<std::uint8_t>(0, 1, 0x1e, 0x3e), *rc::gen::inRange<std::size_t>(0, 7));
  };
  some();
  add(nonce_option_type, *rc::gen::inRange<std::size_t>(4, 65));
  some();
  const ByteVector original =
      PacketBuilder{source, destination}.destination_options(options).udp(1, 2, test::counting(9)).build();
  const HeaderWalk before = walk_headers(original).walk;
  PacketBuffer buffer{original};
  strip_nonce(buffer.packet, before);
  const ByteVector stripped = buffer.bytes();
  const WalkOutcome after = walk_headers(stripped);
  RC_ASSERT(after.ok);
  RC_ASSERT(!after.walk.has_nonce());
  RC_ASSERT(after.walk.upper_protocol == next_header::udp);
  RC_ASSERT(test::checksum_is_good(stripped));

  struct Option {
    std::uint8_t type;
    std::size_t length, alignment;
    bool operator==(const Option&) const = default;
  };
  const auto others = [](const ByteVector& packet, const HeaderWalk& walk) {
    std::vector<Option> found;
    if (packet[6] != next_header::destination_options) return found;
    for (std::size_t at = 42; at < walk.upper_offset;) {
      if (packet[at] > 1 && packet[at] != nonce_option_type) found.push_back({packet[at], packet[at + 1], at % 8});
      at += packet[at] == 0 ? 1 : std::size_t{2} + packet[at + 1];
    }
    return found;
  };
  RC_ASSERT(others(stripped, after.walk) == others(original, before));
}

RC_GTEST_PROP(Properties, FragmentsReassembleToThePacket, (Address source, Address destination)) {
  PacketBuilder builder{source, destination};
  const ByteVector original =
      with_some_headers(builder).udp(1, 2, test::counting(*rc::gen::inRange<std::size_t>(0, 6000))).build();
  const std::size_t mtu = *rc::gen::inRange<std::size_t>(1280, 2000);
  const HeaderWalk walk = walk_headers(original).walk;
  const auto fragments = fragment_packet(original, walk, mtu, *rc::gen::arbitrary<std::uint32_t>());
  RC_ASSERT(!fragments.empty());
  if (fragments.size() == 1) {
    RC_ASSERT(fragments[0] == original);
    return;
  }
  Reassembler reassembler;
  Reassembler::Outcome outcome;
  for (const ByteVector& fragment : fragments) {
    RC_ASSERT(fragment.size() <= mtu);
    outcome = reassembler.on_fragment(TimePoint{}, fragment, walk_headers(fragment).walk);
  }
  RC_ASSERT(outcome.kind == Reassembler::Outcome::Kind::complete);
  RC_ASSERT(test::checksum_is_good(outcome.packet));
  if (walk.fragment_header == 0) RC_ASSERT(outcome.packet == original);
}

RC_GTEST_PROP(Properties, LocatorUpdateIsReadAsWritten, ()) {
  LocatorUpdate update;
  update.operation = *rc::gen::element(LocatorUpdateOperation::advertisement, LocatorUpdateOperation::acknowledgement);
  for (std::size_t n = *rc::gen::inRange<std::size_t>(1, 256); n > 0; --n) {
    update.locators.push_back({{*rc::gen::arbitrary<std::uint64_t>()},
                               *rc::gen::arbitrary<std::uint16_t>(),
                               std::chrono::duration<std::uint16_t>{*rc::gen::arbitrary<std::uint16_t>()}});
  }
  const auto parsed = parse_locator_update(encode_locator_update(update));
  RC_ASSERT(parsed.has_value());
  RC_ASSERT(parsed.value() == update);
}

RC_GTEST_PROP(Properties, TextIsReadAsWritten, (Address address)) {
  RC_ASSERT(parse_ilv(to_ilv_text(address)) == address);
  RC_ASSERT(parse_ilv(to_string(address)) == address);
  RC_ASSERT(parse_locator(to_text(address.locator)) == address.locator);
  RC_ASSERT(parse_locator(to_dns_text(address.locator.bits)) == address.locator);
  RC_ASSERT(parse_node_id(to_text(address.nid)) == address.nid);
  RC_ASSERT(parse_node_id(to_dns_text(address.nid.bits)) == address.nid);
}

}  // namespace
}  // namespace ilnp
