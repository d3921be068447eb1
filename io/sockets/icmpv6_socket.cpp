// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/icmpv6_socket.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace ilnp {
namespace {

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

Result<Icmpv6Socket> Icmpv6Socket::open(const std::string& name, std::initializer_list<std::uint8_t> types) {
  const auto fail = [&](const char* what) { return error(name + ": cannot " + what + ": " + std::strerror(errno)); };
  Descriptor descriptor{::socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6)};
  if (!descriptor.is_open()) return fail(errno == EPERM ? "open (CAP_NET_RAW is needed)" : "open");
  icmp6_filter filter{};
  ICMP6_FILTER_SETBLOCKALL(&filter);
  for (const std::uint8_t type : types) ICMP6_FILTER_SETPASS(type, &filter);
  const int fd = descriptor.get(), on = 1;
  if (::setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0) return fail("set the filter");
  if (::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, &on, sizeof on) < 0 ||
      ::setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) < 0)
    return fail("set options");
  return Icmpv6Socket{std::move(descriptor)};
}

Icmpv6Socket::Receipt Icmpv6Socket::receive_one() {
  sockaddr_in6 source{};
  iovec part{buffer_.data(), buffer_.size()};
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
    if (errno == EAGAIN) return {.none_left = true};
    if (errno != EINTR) ++failed_;
    return {};
  }
  const Ancillary info = read_ancillary(message);
  if (!info.destination || info.hop_limit < 0 || info.hop_limit > 255) {
    ++failed_;
    return {};
  }
  return {.received = ReceivedIcmpv6{info.ifindex, Address::load(source.sin6_addr.s6_addr), *info.destination,
                                     static_cast<std::uint8_t>(info.hop_limit),
                                     Bytes{buffer_.data(), static_cast<std::size_t>(octets)}}};
}

}  // namespace ilnp
