// SPDX-License-Identifier: Apache-2.0
// A script of packets from the wire, pauses, moves and packets of our kernel, over a session that is established. A
// step that begins with its first octet below 128 gets right addresses, nonce, lengths and checksums, so that mutations
// reach what lies behind these.
#include "tests/fuzz/host_script.h"

using namespace ilnp;

namespace {

const ByteVector peer_nonce = test::hex("41d0c7729e1835fb0a66284c");

/// Raw octets, as they are but for the payload length.
void raw(fuzz::HostScript& host, Bytes octets) { host.inbound(fuzz::with_right_length(octets)); }

/// An upper-layer packet of the peer.
void dressed(fuzz::HostScript& host, std::uint8_t kind, Bytes octets) {
  static constexpr std::uint8_t protocols[] = {next_header::icmpv6, next_header::udp, next_header::tcp,
                                               next_header::destination_options};
  const Locator from = (kind & 4) != 0 ? fuzz::peer_away : fuzz::peer_home;
  test::PacketBuilder builder{{from, fuzz::peer_nid}, {(kind & 8) != 0 ? fuzz::away : fuzz::home, fuzz::our_nid}};
  if ((kind & 16) == 0) builder.nonce(peer_nonce);
  if ((kind & 32) != 0) builder.nonce(test::counting(12));
  if ((kind & 64) != 0 && octets.size() >= 8) {
    builder.fragment(std::size_t{octets[0]} * 8, (octets[1] & 1) != 0, octets[2]);
    octets = octets.subspan(3);
  }
  host.inbound(builder.payload(protocols[kind & 3], octets).build());
}

void other(fuzz::HostScript& host, std::uint8_t kind, std::uint8_t value) {
  switch (kind % 8) {
    case 0:
      host.pass(milliseconds{value});
      break;
    case 1:
      host.pass(seconds{value});
      break;
    case 2:
      host.attach((value & 1) != 0 ? fuzz::away : fuzz::home);
      break;
    case 3:
      host.detach((value & 1) != 0 ? fuzz::away : fuzz::home);
      break;
    case 4:
      host.resolve();
      break;
    case 5:
      host.forwarder().not_resolved(host.now(), fuzz::peer_identity, host.actions());
      break;
    case 6:
      host.client_speaks(40000 + value, test::counting(12));
      break;
    default:
      host.outbound(test::PacketBuilder{fuzz::our_identity, fuzz::peer_identity}
                        .udp(40000, 7777, test::counting(std::size_t{value} * 8))
                        .build());
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::HostScript host;
  host.establish(peer_nonce);
  ByteReader script{{data, size}};
  for (int steps = 0; steps < 64 && script.remaining() >= 2; ++steps) {
    const std::uint8_t kind = script.u8(), value = script.u8();
    if (kind >= 192) {
      other(host, kind, value);
      continue;
    }
    const Bytes octets = script.take(std::min<std::size_t>(value, script.remaining()));
    if (kind < 128)
      dressed(host, kind, octets);
    else
      raw(host, octets);
  }
  host.end();
  return 0;
}
