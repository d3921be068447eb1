// SPDX-License-Identifier: Apache-2.0
// generate PCAP JSON [COUNT [SEED]]: packets as the stack sends them, and beside them what was meant, one entry per
// packet. check_with_tshark.py compares both with what tshark reads.
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "core/forwarding/rewrite.h"
#include "core/ilnp/error_translation.h"
#include "core/ilnp/locator_update.h"
#include "core/ilnp/nonce.h"
#include "core/ilnp/text.h"
#include "core/ipv6/fragments.h"
#include "core/ipv6/icmpv6.h"
#include "tests/oracle/generator_main.h"
#include "tests/support/fakes.h"
#include "tests/support/hex_digits.h"
#include "tests/support/packet_builder.h"
#include "tests/support/pcap.h"

namespace ilnp {
namespace {

using nlohmann::json;
using test::hex_digits;
using test::PacketBuffer;
using test::PacketBuilder;

constexpr Locator identity_prefix{0xfd494c4e50366631};
constexpr std::size_t link_mtu = 1280;

class Generator {
 public:
  Generator(const std::string& pcap_path, std::uint64_t seed) : random_{seed}, pcap_{pcap_path} {}

  void one() {
    const std::uint64_t kind = random_.below(20);
    begin();
    if (kind < 6) return transport("udp", next_header::udp);
    if (kind < 12) return transport("tcp", next_header::tcp);
    if (kind < 15) return transport("echo", next_header::icmpv6);
    if (kind < 18) return locator_update();
    if (kind < 19) return fragmented();
    own_error();
  }
  std::size_t packets() const { return meant_.size(); }
  const json& meant() const { return meant_; }

 private:
  /// A new pair of nodes somewhere in the global unicast space, with a nonce and a checksum mode.
  void begin() {
    const auto locator = [&] { return Locator{(random_.u64() & 0x1fffffffffffffff) | 0x2000000000000000}; };
    const auto nid = [&] { return NodeId{random_.u64() & 0xfcffffffffffffff}; };
    const NodeId us = nid(), peer = nid();
    identity_ = {{identity_prefix, us}, {identity_prefix, peer}};
    wire_ = {{locator(), us}, {locator(), peer}};
    mode_ = random_.one_in(2) ? ChecksumMode::ipv6 : ChecksumMode::rfc6741;
    nonce_ = Nonce::draw(random_, random_.one_in(2) ? Nonce::short_length : Nonce::long_length);
  }

  /// Above those that tshark takes for traceroute.
  std::uint16_t port() { return static_cast<std::uint16_t>(40000 + random_.below(20000)); }

  ByteVector from_kernel(std::uint8_t protocol, std::size_t payload) {
    const ByteVector data = random_.octets(payload);
    PacketBuilder builder{identity_.source, identity_.destination};
    if (protocol == next_header::udp) return builder.udp(port(), port(), data).build();
    if (protocol == next_header::icmpv6) return builder.echo_request(port(), 1, data).build();
    return builder.tcp(port(), port(), static_cast<std::uint32_t>(random_.u64()), 1, 0x10, data).build();
  }

  /// As the host sends it: addresses and checksum rewritten, nonce header inserted.
  ByteVector on_the_wire(const ByteVector& packet) {
    PacketBuffer buffer{packet};
    const HeaderWalk walk = walk_headers(packet).walk;
    if (!rewrite_addresses(buffer.packet, walk, wire_, to_wire_checksum(mode_, walk.upper_protocol, identity_, wire_)))
      std::abort();
    insert_nonce_header(buffer.packet, walk, nonce_);
    return buffer.bytes();
  }

  json entry(const char* kind) const {
    return {{"kind", kind},
            {"mode", mode_ == ChecksumMode::ipv6 ? "ipv6" : "rfc6741"},
            {"source", to_string(wire_.source)},
            {"destination", to_string(wire_.destination)},
            {"nonce", hex_digits(nonce_.octets())}};
  }

  void emit(Bytes packet, json meaning) {
    pcap_.write(TimePoint{} + milliseconds{meant_.size()}, packet);
    meant_.push_back(std::move(meaning));
  }

  void transport(const char* kind, std::uint8_t protocol) {
    emit(on_the_wire(from_kernel(protocol, random_.below(1150))), entry(kind));
  }

  void locator_update() {
    LocatorUpdate update;
    const bool advertisement = random_.one_in(2);
    update.operation = advertisement ? LocatorUpdateOperation::advertisement : LocatorUpdateOperation::acknowledgement;
    json meaning = entry("lu");
    meaning["operation"] = advertisement ? 1 : 2;
    for (std::uint64_t n = 1 + random_.below(8); n > 0; --n) {
      const AdvertisedLocator& added = update.locators.emplace_back(
          AdvertisedLocator{{random_.u64()},
                            static_cast<std::uint16_t>(random_.u64()),
                            std::chrono::duration<std::uint16_t>{static_cast<std::uint16_t>(random_.u64())}});
      meaning["locators"].push_back({to_text(added.locator), added.preference, added.lifetime.count()});
    }
    ByteVector header(nonce_.header_length());
    write_nonce_header(header.data(), next_header::icmpv6, nonce_);
    emit(build_packet(wire_.source, wire_.destination, next_header::icmpv6, encode_locator_update(update), header),
         meaning);
  }

  void fragmented() {
    const ByteVector whole = on_the_wire(from_kernel(next_header::udp, 1300 + random_.below(3000)));
    const auto pieces =
        fragment_packet(whole, walk_headers(whole).walk, link_mtu, static_cast<std::uint32_t>(random_.u64()));
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      const bool last = i + 1 == pieces.size();
      json meaning = entry(last ? "last fragment" : "fragment");
      if (last) meaning["whole"] = hex_digits(whole);
      if (!last) meaning["nonce"] = "";  // tshark shows it where it reassembles
      emit(pieces[i], meaning);
    }
  }

  /// Our kernel complains about a datagram of the peer (port unreachable); the quote goes out in wire form.
  void own_error() {
    const ByteVector received = PacketBuilder{identity_.destination, identity_.source}
                                    .udp(port(), port(), random_.octets(random_.below(900)))
                                    .build();
    const ByteVector error = build_packet(identity_.source, identity_.destination, next_header::icmpv6,
                                          build_error(icmpv6::destination_unreachable, 4, 0, received));
    const HeaderWalk walk = walk_headers(error).walk;
    const auto quoted = parse_quoted(error, walk);
    if (quoted.has_error()) std::abort();
    PacketBuffer buffer{translate_own_error(error, walk, quoted.value(), {wire_.destination, wire_.source}, mode_,
                                            nonce_.header_length())};
    insert_nonce_header(buffer.packet, walk_headers(buffer.bytes()).walk, nonce_);
    emit(buffer.bytes(), entry("error"));
  }

  test::FakeRandom random_;
  test::PcapWriter pcap_;
  json meant_ = json::array();
  AddressPair identity_, wire_;
  ChecksumMode mode_ = ChecksumMode::ipv6;
  Nonce nonce_;
};

}  // namespace
}  // namespace ilnp

int main(int argc, char** argv) { return ilnp::test::generator_main<ilnp::Generator>(argc, argv, 10'000); }
