// SPDX-License-Identifier: Apache-2.0
// The mechanisms of ilnp-host and ilnp-sbr without ILNP: carries packets between a TUN device and a packet socket, as
// ilnp-host does, or between two packet sockets, as ilnp-sbr does, and exchanges one fixed prefix for another one of
// the same checksum. What it reaches is what any user-space shim or router can reach on this machine.
//
//   bench_relay host TUN INTERFACE OWN_MAC PEER_MAC NID     addresses fd00:3176::NID and 2001:db8:be::NID, NID in hex
//   bench_relay router INSIDE OWN_MAC PEER_MAC OUTSIDE OWN_MAC PEER_MAC     fd00:3176::/64 is 2001:db8:be::/64 outside
#include <net/if.h>
#include <poll.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "core/ipv6/mac_address.h"
#include "io/sockets/router_filter.h"
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
bool exchange(Packet& packet, std::size_t address, Locator from, Locator to) {
  if (load_u64(packet.data() + address) != from.bits) return false;
  store_u64(packet.data() + address, to.bits);
  return true;
}

bool exchange_both(Packet& packet, Locator from, Locator to) {
  return exchange(packet, destination, from, to) && exchange(packet, source, from, to);
}

[[noreturn]] void die(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(2);
}

template <class Opened>
auto opened(Opened result) {
  if (!result) die(result.error().message);
  return std::move(result.value());
}

MacAddress mac(const char* text) {
  const auto parsed = parse_mac(text);
  if (!parsed) die("not an Ethernet address");
  return *parsed;
}

void say_ready() {
  std::puts("ready");
  std::fflush(stdout);
}

[[noreturn]] void carry_for_a_host(char** arguments) {
  const MacAddress own = mac(arguments[2]), peer = mac(arguments[3]);
  const NodeId nid{std::strtoull(arguments[4], nullptr, 16)};
  TunDevice tun = opened(TunDevice::open(arguments[0], 1500));
  WirePort port = opened(WirePort::open(if_nametoindex(arguments[1]), wire_filter(std::span{&nid, 1})));
  say_ready();
  ByteVector buffer(packet_buffer_size);
  for (;;) {
    std::array<pollfd, 2> wait{{{tun.fd(), POLLIN, 0}, {port.fd(), POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;
    for (int i = 0; wait[0].revents != 0 && i < batch; ++i) {
      TunDevice::ReadResult read = tun.read(buffer);
      if (read.status == TunDevice::ReadStatus::empty) break;
      if (read.packet && exchange_both(*read.packet, inside, outside)) port.send(*read.packet, peer, own);
    }
    if (wait[1].revents == 0) continue;
    for (ReceivedFrame& frame : port.receive().frames)
      if (exchange_both(frame.packet, outside, inside)) tun.write(frame.packet);
  }
}

struct RouterSide {
  WirePort port;
  MacAddress own, peer;

  explicit RouterSide(char** arguments)
      : port{opened(WirePort::open(if_nametoindex(arguments[0]), router_wire_filter({}, {})))},
        own{mac(arguments[1])},
        peer{mac(arguments[2])} {}
};

/// Its interfaces have link-local addresses only, so that neighbour discovery is the kernel's.
[[noreturn]] void carry_for_a_site(char** arguments) {
  const auto filtered = RouterFilter::apply({{arguments[0], arguments[3]}, {}});
  if (!filtered) die(filtered.error().message);
  RouterSide near{arguments}, far{arguments + 3};
  say_ready();
  for (;;) {
    std::array<pollfd, 2> wait{{{near.port.fd(), POLLIN, 0}, {far.port.fd(), POLLIN, 0}}};
    if (::poll(wait.data(), wait.size(), -1) < 0) continue;
    if (wait[0].revents != 0)
      for (ReceivedFrame& frame : near.port.receive().frames)
        if (exchange(frame.packet, source, inside, outside)) far.port.send(frame.packet, far.peer, far.own);
    if (wait[1].revents != 0)
      for (ReceivedFrame& frame : far.port.receive().frames)
        if (exchange(frame.packet, destination, outside, inside)) near.port.send(frame.packet, near.peer, near.own);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view mode = argc > 1 ? argv[1] : "";
  if (mode == "host" && argc == 7) carry_for_a_host(argv + 2);
  if (mode == "router" && argc == 8) carry_for_a_site(argv + 2);
  std::fprintf(stderr, "usage: see the head of relay.cpp\n");
  return 3;
}
