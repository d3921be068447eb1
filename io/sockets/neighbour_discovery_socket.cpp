// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/neighbour_discovery_socket.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

std::string reason() { return std::strerror(errno); }

bool set_option(int socket, int level, int option, int value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

sockaddr_in6 socket_address(const Address& address, unsigned ifindex) {
  sockaddr_in6 out{};
  out.sin6_family = AF_INET6;
  address.store(out.sin6_addr.s6_addr);
  out.sin6_scope_id = ifindex;
  return out;
}

}  // namespace

Result<NeighbourDiscoverySocket> NeighbourDiscoverySocket::open() {
  const auto fail = [](const char* what) {
    return error(std::string{"neighbour discovery socket: cannot "} + what + ": " + reason());
  };
  auto socket = Icmpv6Socket::open("neighbour discovery socket",
                                   {icmpv6::router_solicitation, icmpv6::router_advertisement,
                                    icmpv6::neighbour_solicitation, icmpv6::neighbour_advertisement});
  if (!socket) return socket.error();
  const int fd = socket.value().fd();
  const bool done = set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) &&
                    set_option(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255) &&
                    set_option(fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
  if (!done) return fail("set options");
  Descriptor sender{::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!sender.is_open()) return fail("open the packet socket");
  return NeighbourDiscoverySocket{std::move(socket.value()), std::move(sender)};
}

Result<void> NeighbourDiscoverySocket::solicit_routers(unsigned ifindex, const MacAddress& own_mac) {
  const ByteVector message = encode_router_solicitation(own_mac);
  const sockaddr_in6 destination = socket_address(all_routers, ifindex);
  if (::sendto(fd(), message.data(), message.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&destination),
               sizeof destination) >= 0) {
    ++counters_.solicitations_sent;
    return ok();
  }
  // No usable link-local address yet (EADDRNOTAVAIL), or not even a multicast route (ENETUNREACH): RFC 4861 section
  // 4.1 allows the unspecified source.
  const auto sent = send(ifindex, multicast_mac(all_routers), build_router_solicitation({}, own_mac));
  if (sent) ++counters_.solicitations_sent;
  return sent;
}

Result<void> NeighbourDiscoverySocket::solicit_neighbour(unsigned ifindex, const Address& target,
                                                         const MacAddress& own_mac) {
  const ByteVector message = encode_neighbour_solicitation(target, own_mac);
  const sockaddr_in6 destination = socket_address(solicited_node(target), ifindex);
  if (::sendto(fd(), message.data(), message.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&destination),
               sizeof destination) >= 0) {
    ++counters_.probes_sent;
    return ok();
  }
  ++counters_.send_failed;
  return error("cannot ask a neighbour on interface " + std::to_string(ifindex) + ": " + reason());
}

Result<void> NeighbourDiscoverySocket::join_routers(unsigned ifindex) {
  ipv6_mreq request{};
  all_routers.store(request.ipv6mr_multiaddr.s6_addr);
  request.ipv6mr_interface = ifindex;
  if (::setsockopt(fd(), IPPROTO_IPV6, IPV6_JOIN_GROUP, &request, sizeof request) < 0 && errno != EADDRINUSE)
    return error("cannot hear router solicitations on interface " + std::to_string(ifindex) + ": " + reason());
  return ok();
}

Result<void> NeighbourDiscoverySocket::send_probe(unsigned ifindex, const MacAddress& destination, Bytes packet) {
  const auto sent = send(ifindex, destination, packet);
  if (sent) ++counters_.probes_sent;
  return sent;
}

Result<void> NeighbourDiscoverySocket::send(unsigned ifindex, const MacAddress& destination, Bytes packet) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_IPV6);
  address.sll_ifindex = static_cast<int>(ifindex);
  address.sll_halen = static_cast<unsigned char>(destination.octets.size());
  std::copy(destination.octets.begin(), destination.octets.end(), address.sll_addr);
  if (::sendto(sender_.get(), packet.data(), packet.size(), MSG_DONTWAIT, reinterpret_cast<const sockaddr*>(&address),
               sizeof address) < 0) {
    ++counters_.send_failed;
    return error("cannot send a neighbour discovery message on interface " + std::to_string(ifindex) + ": " + reason());
  }
  return ok();
}

NeighbourDiscoverySocket::Batch NeighbourDiscoverySocket::receive() {
  Batch out;
  out.more = socket_.receive([&](const ReceivedIcmpv6& received) {
    const auto parsed =
        parse_neighbour_message(received.source, received.destination, received.hop_limit, received.message);
    if (!parsed) {
      ++counters_.malformed;
      return;
    }
    ++counters_.received;
    out.messages.push_back({received.ifindex, parsed.value()});
  });
  return out;
}

}  // namespace ilnp
