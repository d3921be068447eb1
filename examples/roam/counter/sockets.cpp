// SPDX-License-Identifier: Apache-2.0
#include "examples/roam/counter/sockets.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <iostream>
#include <memory>

#include "examples/roam/counter/tally.h"

namespace ilnp::counter {
namespace {

Error failed(const char* what) { return error(std::string{what} + ": " + std::strerror(errno)); }

bool readable(int fd, double within) {
  pollfd wait{fd, POLLIN, 0};
  return poll(&wait, 1, static_cast<int>(within * 1000)) == 1;
}

void set(int fd, int level, int name, int value) { setsockopt(fd, level, name, &value, sizeof value); }

Result<Descriptor> listening(const Settings& settings) {
  Descriptor listener{socket(AF_INET6, (settings.stream() ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0)};
  if (listener.fd < 0) return failed("socket");
  set(listener.fd, SOL_SOCKET, SO_REUSEADDR, 1);
  set(listener.fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(settings.port);
  if (bind(listener.fd, reinterpret_cast<const sockaddr*>(&any), sizeof any) != 0) return failed("bind");
  if (settings.stream() && listen(listener.fd, 1) != 0) return failed("listen");
  return listener;
}

// The first datagram names the peer and the local address it was sent to; the session's socket is bound to both.
Result<Descriptor> accept_datagrams(const Settings& settings, const Descriptor& listener) {
  sockaddr_in6 peer{};
  std::array<std::uint8_t, record_octets> room{};
  alignas(cmsghdr) std::array<std::uint8_t, 256> control{};
  iovec part{room.data(), room.size()};
  msghdr message{};
  message.msg_name = &peer;
  message.msg_namelen = sizeof peer;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  if (recvmsg(listener.fd, &message, 0) < 0) return failed("recvmsg");
  sockaddr_in6 local{};
  local.sin6_family = AF_INET6;
  local.sin6_port = htons(settings.port);
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != IPPROTO_IPV6 || c->cmsg_type != IPV6_PKTINFO) continue;
    in6_pktinfo info{};
    std::memcpy(&info, CMSG_DATA(c), sizeof info);
    local.sin6_addr = info.ipi6_addr;
  }
  Descriptor session{socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  set(session.fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (bind(session.fd, reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0) return failed("bind");
  if (connect(session.fd, reinterpret_cast<const sockaddr*>(&peer), sizeof peer) != 0) return failed("connect");
  return session;
}

// Knock until the other side answers: a datagram has no connection set-up of its own.
Result<void> greet(const Settings& settings, int fd) {
  const std::int64_t until = monotonic_now() + static_cast<std::int64_t>(settings.answer_within * 1e9);
  while (monotonic_now() < until) {
    ByteVector hello;
    append(hello, {Kind::hello, 0, monotonic_now()});
    send(fd, hello.data(), hello.size(), MSG_NOSIGNAL);
    if (readable(fd, 0.25)) {
      std::array<std::uint8_t, record_octets> peek{};
      if (recv(fd, peek.data(), peek.size(), MSG_PEEK) > 0) return ok();
    }
  }
  return error("no answer within " + std::to_string(settings.answer_within) + " s");
}

}  // namespace

std::int64_t monotonic_now() {
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

Result<Descriptor> served(const Settings& settings) {
  Result<Descriptor> listener = listening(settings);
  if (!listener) return listener.error();
  std::cerr << "counter: ready" << std::endl;
  if (!readable(listener.value().fd, settings.seconds)) return error("nobody came");
  if (!settings.stream()) return accept_datagrams(settings, listener.value());
  Descriptor session{accept4(listener.value().fd, nullptr, nullptr, SOCK_CLOEXEC)};
  if (session.fd < 0) return failed("accept");
  return session;
}

Result<Descriptor> connected(const Settings& settings) {
  addrinfo hints{}, *list = nullptr;
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = settings.stream() ? SOCK_STREAM : SOCK_DGRAM;
  const int code = getaddrinfo(settings.host.c_str(), std::to_string(settings.port).c_str(), &hints, &list);
  if (code != 0) return error(settings.host + ": " + gai_strerror(code));
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> owner{list, freeaddrinfo};
  for (const addrinfo* each = list; each != nullptr; each = each->ai_next) {
    Descriptor session{socket(each->ai_family, each->ai_socktype | SOCK_CLOEXEC, 0)};
    if (session.fd < 0 || connect(session.fd, each->ai_addr, each->ai_addrlen) != 0) continue;
    if (!settings.stream())
      if (const Result<void> greeted = greet(settings, session.fd); !greeted) return greeted.error();
    return session;
  }
  return failed("connect");
}

}  // namespace ilnp::counter
