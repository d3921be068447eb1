// SPDX-License-Identifier: Apache-2.0
#include "io/netlink/socket_table.h"

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "io/loop/descriptor.h"

namespace ilnp {

namespace {

constexpr std::uint32_t tcp_states = ~((1u << TCP_LISTEN) | (1u << TCP_TIME_WAIT) | (1u << TCP_CLOSE)) & 0xfffu;
constexpr std::uint32_t udp_states = 1u << TCP_ESTABLISHED;  // connected

struct Request {
  nlmsghdr header;
  inet_diag_req_v2 body;
};

Result<void> ask(int fd, std::uint8_t protocol, std::uint32_t states) {
  Request request{};
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  request.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  request.body.sdiag_family = AF_INET6;
  request.body.sdiag_protocol = protocol;
  request.body.idiag_states = states;
  if (::send(fd, &request, sizeof request, 0) < 0) return error(std::string{"sock_diag: "} + std::strerror(errno));
  return ok();
}

Address address_of(const __be32 (&words)[4]) {
  std::array<std::uint8_t, 16> octets{};
  std::memcpy(octets.data(), words, octets.size());
  return Address::load(octets.data());
}

/// One datagram of the dump; true when it was the last.
Result<bool> read_some(int fd, Locator local_prefix, SocketPairs& out) {
  alignas(nlmsghdr) std::array<char, 32768> buffer;
  const ssize_t length = ::recv(fd, buffer.data(), buffer.size(), 0);
  if (length < 0) return error(std::string{"sock_diag: "} + std::strerror(errno));
  std::size_t at = 0;
  while (at + sizeof(nlmsghdr) <= static_cast<std::size_t>(length)) {
    nlmsghdr header;
    std::memcpy(&header, buffer.data() + at, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > static_cast<std::size_t>(length) - at) break;
    if (header.nlmsg_type == NLMSG_DONE) return true;
    if (header.nlmsg_type == NLMSG_ERROR) return error("sock_diag: the kernel refused");
    if (header.nlmsg_len >= NLMSG_HDRLEN + sizeof(inet_diag_msg)) {
      inet_diag_msg message;
      std::memcpy(&message, buffer.data() + at + NLMSG_HDRLEN, sizeof message);
      const Address local = address_of(message.id.idiag_src), remote = address_of(message.id.idiag_dst);
      if (local.locator == local_prefix) out.insert({local, remote});
    }
    at += NLMSG_ALIGN(header.nlmsg_len);
  }
  return false;
}

}  // namespace

Result<SocketPairs> connected_sockets(Locator local_prefix) {
  const Descriptor descriptor{::socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG)};
  if (!descriptor.is_open()) return error(std::string{"sock_diag: "} + std::strerror(errno));
  const timeval limit{1, 0};
  ::setsockopt(descriptor.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  SocketPairs out;
  for (const auto& [protocol, states] :
       {std::pair{std::uint8_t{IPPROTO_TCP}, tcp_states}, std::pair{std::uint8_t{IPPROTO_UDP}, udp_states}}) {
    if (auto asked = ask(descriptor.get(), protocol, states); !asked) return asked.error();
    for (bool last = false; !last;) {
      const auto more = read_some(descriptor.get(), local_prefix, out);
      if (!more) return more.error();
      last = more.value();
    }
  }
  return out;
}

}  // namespace ilnp
