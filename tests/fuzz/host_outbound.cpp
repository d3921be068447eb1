// SPDX-License-Identifier: Apache-2.0
// A script of packets that our kernel might send, in every state of the session, with and without offloads.
#include "tests/fuzz/host_script.h"

using namespace ilnp;

namespace {

const ByteVector peer_nonce = test::hex("1d9a6b3c");

Offload offload_of(std::uint8_t bits) {
  Offload o;
  if ((bits & 3) == 1) o.segmentation = Offload::Segmentation::tcp;
  if ((bits & 3) == 2) o.segmentation = Offload::Segmentation::udp;
  o.segment_size = static_cast<std::uint16_t>(100 * (bits >> 4 & 15));
  if ((bits & 4) != 0) {
    o.partial_checksum = true;
    o.checksum_start = ipv6_header_length;
    o.checksum_offset = (bits & 8) != 0 ? 16 : 6;
  }
  return o;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  fuzz::HostScript host;
  ByteReader script{{data, size}};
  for (int steps = 0; steps < 64 && script.remaining() >= 4; ++steps) {
    const std::uint8_t kind = script.u8(), bits = script.u8();
    const std::size_t length = script.u16();
    switch (kind % 8) {
      case 0:
        host.establish(peer_nonce);
        break;
      case 1:
        host.resolve();
        break;
      case 2:
        host.pass(milliseconds{length});
        break;
      case 3:
        (bits & 1) != 0 ? host.attach(fuzz::away) : host.detach(fuzz::home);
        break;
      case 4: {  // an upper layer of any content
        const Bytes octets = script.take(std::min(length, script.remaining()));
        test::PacketBuilder builder{fuzz::our_identity, fuzz::peer_identity};
        if ((bits & 8) != 0) builder.destination_options(test::counting(0));
        if ((bits & 16) != 0) builder.fragment((kind >> 3) * 8u, (bits & 32) != 0, 1);
        host.outbound(builder.payload((bits & 1) != 0 ? next_header::icmpv6 : next_header::udp, octets).build());
        break;
      }
      case 5:  // a large one
        host.outbound(test::PacketBuilder{fuzz::our_identity, fuzz::peer_identity}
                          .tcp(1, 2, 3, 4, 0x10, test::counting(length))
                          .build(),
                      offload_of(bits));
        break;
      default:
        host.outbound(fuzz::with_right_length(script.take(std::min(length, script.remaining()))));
    }
  }
  host.end();
  return 0;
}
