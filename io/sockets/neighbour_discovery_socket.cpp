// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/neighbour_discovery_socket.h"

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "core/ipv6/icmpv6.h"

namespace ilnp {
namespace {

constexpr std::size_t largest_message = 9216;  ///< octets; a longer one is cut and then fails its own lengths

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

/// What the kernel says beside a message.
struct Ancillary {
  unsigned ifindex = 0;
  int hop_limit = -1;
  std::optional<Address> destination;
};

Ancillary read_ancillary(msghdr& message) {
  Ancillary out;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    if (part->cmsg_level != IPPROTO_IPV6) continue;
    if (part->cmsg_type == IPV6_HOPLIMIT) {
      std::memcpy(&out.hop_limit, CMSG_DATA(part), sizeof out.hop_limit);
    } else if (part->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part), sizeof info);
      out.ifindex = info.ipi6_ifindex;
      out.destination = Address::load(info.ipi6_addr.s6_addr);
    }
  }
  return out;
}

}  // namespace

Result<NeighbourDiscoverySocket> NeighbourDiscoverySocket::open() {
  const auto fail = [](const char* what) {
    return error(std::string{"neighbour discovery socket: cannot "} + what + ": " + reason());
  };
  NeighbourDiscoverySocket out;
  out.descriptor_ = Descriptor{::socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6)};
  if (!out.descriptor_.is_open()) return fail(errno == EPERM ? "open (CAP_NET_RAW is needed)" : "open");
  icmp6_filter filter{};
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(icmpv6::router_solicitation, &filter);
  ICMP6_FILTER_SETPASS(icmpv6::router_advertisement, &filter);
  ICMP6_FILTER_SETPASS(icmpv6::neighbour_solicitation, &filter);
  ICMP6_FILTER_SETPASS(icmpv6::neighbour_advertisement, &filter);
  if (::setsockopt(out.fd(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0) return fail("set the filter");
  const bool done = set_option(out.fd(), IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) &&
                    set_option(out.fd(), IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
                    set_option(out.fd(), IPPROTO_IPV6, IPV6_MULTICAST_HOPS, 255) &&
                    set_option(out.fd(), IPPROTO_IPV6, IPV6_UNICAST_HOPS, 255) &&
                    set_option(out.fd(), IPPROTO_IPV6, IPV6_MULTICAST_LOOP, 0);
  if (!done) return fail("set options");
  out.sender_ = Descriptor{::socket(AF_PACKET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!out.sender_.is_open()) return fail("open the packet socket");
  return out;
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
  std::array<std::uint8_t, largest_message> buffer;
  for (int i = 0; i < batch; ++i) {
    sockaddr_in6 source{};
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<std::uint8_t, 256> control{};
    msghdr message{};
    message.msg_name = &source;
    message.msg_namelen = sizeof source;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t octets = ::recvmsg(fd(), &message, MSG_DONTWAIT);
    if (octets < 0) {
      if (errno == EAGAIN) return out;
      if (errno != EINTR) ++counters_.receive_failed;
      continue;
    }
    const Ancillary info = read_ancillary(message);
    if (!info.destination || info.hop_limit < 0 || info.hop_limit > 255) {
      ++counters_.receive_failed;
      continue;
    }
    const auto parsed = parse_neighbour_message(Address::load(source.sin6_addr.s6_addr), *info.destination,
                                                static_cast<std::uint8_t>(info.hop_limit),
                                                Bytes{buffer.data(), static_cast<std::size_t>(octets)});
    if (!parsed) {
      ++counters_.malformed;
      continue;
    }
    ++counters_.received;
    out.messages.push_back({info.ifindex, parsed.value()});
  }
  out.more = true;
  return out;
}

}  // namespace ilnp
