// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/echo_socket.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "core/ipv6/icmpv6.h"

namespace ilnp {

Result<EchoSocket> EchoSocket::open() {
  const auto fail = [](const char* what) {
    return error(std::string{"echo socket: cannot "} + what + ": " + std::strerror(errno));
  };
  EchoSocket out;
  out.descriptor_ = Descriptor{::socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6)};
  if (!out.descriptor_.is_open()) return fail(errno == EPERM ? "open (CAP_NET_RAW is needed)" : "open");
  icmp6_filter filter{};
  ICMP6_FILTER_SETBLOCKALL(&filter);
  ICMP6_FILTER_SETPASS(icmpv6::echo_reply, &filter);
  if (::setsockopt(out.fd(), IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof filter) < 0) return fail("set the filter");
  const int on = 1;
  if (::setsockopt(out.fd(), IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof on) < 0) return fail("set options");
  return out;
}

EchoSocket::Batch EchoSocket::receive() {
  Batch out;
  for (int i = 0; i < batch; ++i) {
    std::array<std::uint8_t, 64> buffer{};
    sockaddr_in6 source{};
    iovec part{buffer.data(), buffer.size()};
    alignas(cmsghdr) std::array<std::uint8_t, 128> control{};
    msghdr message{};
    message.msg_name = &source;
    message.msg_namelen = sizeof source;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t octets = ::recvmsg(fd(), &message, MSG_DONTWAIT);
    if (octets < 0 && errno == EAGAIN) return out;
    if (octets < 0) continue;
    ByteReader in{Bytes{buffer.data(), static_cast<std::size_t>(octets)}};
    in.skip(4);  // type, which the filter has judged, code, checksum
    EchoReply reply{0, Address::load(source.sin6_addr.s6_addr), in.u16(), in.u16()};
    if (!in.ok()) continue;
    for (cmsghdr* part6 = CMSG_FIRSTHDR(&message); part6 != nullptr; part6 = CMSG_NXTHDR(&message, part6)) {
      if (part6->cmsg_level != IPPROTO_IPV6 || part6->cmsg_type != IPV6_PKTINFO) continue;
      in6_pktinfo info{};
      std::memcpy(&info, CMSG_DATA(part6), sizeof info);
      reply.ifindex = info.ipi6_ifindex;
    }
    out.replies.push_back(reply);
  }
  out.more = true;
  return out;
}

}  // namespace ilnp
