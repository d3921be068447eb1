// SPDX-License-Identifier: Apache-2.0
// The mechanism of ilnp-host without ILNP: carries packets between a TUN device and a packet socket, as ilnp-host does,
// and exchanges one fixed prefix for another one of the same checksum. What it reaches is what any user-space shim can
// reach on this machine.
//
//   bench_relay TUN INTERFACE OWN_MAC PEER_MAC NID     addresses fd00:3176::NID and 2001:db8:be::NID, NID in hex
#include <net/if.h>
#include <poll.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "core/ipv6/mac_address.h"
#include "io/sockets/wire_filter.h"
#include "io/sockets/wire_port.h"
#include "io/tun/tun_device.h"
#include "io/tun/virtio_header.h"

using namespace ilnp;

namespace {

constexpr Locator inside{0xfd00'3176'0000'0000}, outside{0x2001'0db8'00be'0000};  // equal in ones' complement
constexpr std::size_t source = 8, destination = 24;
constexpr int batch = 64;

/// False: not for us.
bool exchange(Packet& packet, Locator from, Locator to) {
  if (load_u64(packet.data() + destination) != from.bits) return false;
  store_u64(packet.data() + source, to.bits);
  store_u64(packet.data() + destination, to.bits);
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: see the head of relay.cpp\n");
    return 3;
  }
  const auto own = parse_mac(argv[3]), peer = parse_mac(argv[4]);
  if (!own || !peer) return 3;
  const NodeId nid{std::strtoull(argv[5], nullptr, 16)};
  auto tun = TunDevice::open(argv[1], 1500);
  auto port = WirePort::open(if_nametoindex(argv[2]), wire_filter(std::span{&nid, 1}));
  if (!tun || !port) {
    std::fprintf(stderr, "%s\n", !tun ? tun.error().message.c_str() : port.error().message.c_str());
    return 2;
  }
  std::puts("ready");
  std::fflush(stdout);
  ByteVector buffer(packet_buffer_size);
  for (;;) {
    std::array<pollfd, 2> wait{{{tun.value().fd(), POLLIN, 0}, {port.value().fd(), POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;
    for (int i = 0; wait[0].revents != 0 && i < batch; ++i) {
      TunDevice::ReadResult read = tun.value().read(buffer);
      if (read.status == TunDevice::ReadStatus::empty) break;
      if (read.packet && exchange(*read.packet, inside, outside)) port.value().send(*read.packet, *peer, *own);
    }
    if (wait[1].revents == 0) continue;
    for (ReceivedFrame& frame : port.value().receive().frames)
      if (exchange(frame.packet, outside, inside)) tun.value().write(frame.packet);
  }
}
