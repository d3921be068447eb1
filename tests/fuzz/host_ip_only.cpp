// SPDX-License-Identifier: Apache-2.0
// A script of packets between our kernel and correspondents without ILNP, errors about them, pauses and moves, beside a
// session that is established.
#include "tests/fuzz/host_script.h"

using namespace ilnp;

namespace {

const ByteVector peer_nonce = test::hex("41d0c7729e1835fb0a66284c");

/// Some correspondents: the peer's own address is one of them.
Address remote(std::uint8_t bits) {
  if ((bits & 3) == 3) return {fuzz::peer_home, fuzz::peer_nid};
  return {{0x20010db800770000u + (bits & 3)}, {0x99}};
}

ByteVector packet(std::uint8_t kind, bool from_us, Bytes octets) {
  static constexpr std::uint8_t protocols[] = {next_header::icmpv6, next_header::udp, next_header::tcp,
                                               next_header::destination_options};
  const Address ours = from_us ? fuzz::our_identity : Address{(kind & 4) != 0 ? fuzz::away : fuzz::home, fuzz::our_nid};
  const Address theirs = remote(kind >> 5);
  test::PacketBuilder builder{from_us ? ours : theirs, from_us ? theirs : ours};
  if ((kind & 8) != 0 && octets.size() >= 3) {
    builder.fragment(std::size_t{octets[0]} * 8, (octets[1] & 1) != 0, octets[2]);
    octets = octets.subspan(3);
  }
  return builder.payload(protocols[kind & 3], octets).build();
}

/// An ICMPv6 error about a packet: of a router about ours, or of our kernel about theirs.
void error_about(fuzz::HostScript& host, std::uint8_t kind, Bytes octets) {
  const bool from_us = (kind & 16) != 0;
  const Address kernels = fuzz::our_identity, wire{fuzz::home, fuzz::our_nid}, theirs = remote(kind >> 5);
  const Address quoted_source = from_us ? theirs : wire, quoted_destination = from_us ? kernels : theirs;
  const ByteVector quoted = test::PacketBuilder{quoted_source, quoted_destination}
                                .payload((kind & 1) != 0 ? next_header::udp : next_header::tcp, octets)
                                .build();
  const std::uint8_t type = static_cast<std::uint8_t>(1 + (kind >> 1 & 3));
  const ByteVector message = build_error(type, 0, 1000u + 8 * kind, quoted);
  const ByteVector error = test::PacketBuilder{from_us ? kernels : remote(0), from_us ? theirs : wire}
                               .payload(next_header::icmpv6, message)
                               .build();
  from_us ? host.outbound(error) : host.inbound(error);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::HostScript host;
  host.forwarder().use_ephemeral_nids(false);
  host.forwarder().bind_ip_only({53});
  ByteReader script{{data, size}};
  for (int steps = 0; steps < 64 && script.remaining() >= 3; ++steps) {
    const std::uint8_t what = script.u8(), kind = script.u8();
    const std::size_t length = script.u8();
    switch (what % 8) {
      case 0:
        host.pass(milliseconds{50 * length});
        break;
      case 1:
        (kind & 1) != 0 ? host.attach(fuzz::away) : host.detach((kind & 2) != 0 ? fuzz::away : fuzz::home);
        break;
      case 2:
        host.attach(fuzz::home);
        break;
      case 3:
        host.establish(peer_nonce);
        break;
      case 4:
        error_about(host, kind, script.take(std::min(length, script.remaining())));
        break;
      case 5:
        host.outbound(packet(kind, true, test::counting(16 * length)));
        break;
      case 6:
        host.outbound(packet(kind, true, script.take(std::min(length, script.remaining()))));
        break;
      default:
        host.inbound(packet(kind, false, script.take(std::min(length, script.remaining()))));
    }
  }
  host.end();
  FUZZ_REQUIRE(host.forwarder().ip_only_flows() <= IpOnlyFlows::capacity);
  return 0;
}
