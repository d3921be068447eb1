// SPDX-License-Identifier: Apache-2.0
#include "examples/roam/wire/port.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

namespace ilnp::wire {
namespace {

// struct virtio_net_hdr; <linux/virtio_net.h> is not C++.
constexpr std::size_t vnet_header = 10;
constexpr std::uint8_t vnet_data_valid = 2;
constexpr std::size_t largest_frame = vnet_header + 14 + 4 + 65535 + 256;

std::int64_t nanoseconds_of(clockid_t clock) {
  timespec t{};
  clock_gettime(clock, &t);
  return static_cast<std::int64_t>(t.tv_sec) * 1'000'000'000 + t.tv_nsec;
}

Error failed(const std::string& interface, const char* what) {
  return error(interface + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

TimePoint monotonic_now() { return TimePoint{Duration{nanoseconds_of(CLOCK_MONOTONIC)}}; }

Result<Port> Port::open(const std::string& interface) {
  const unsigned index = if_nametoindex(interface.c_str());
  if (index == 0) return failed(interface, "no such interface");
  Port port{socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (port.fd_ < 0) return failed(interface, "cannot open a packet socket");

  const int on = 1, buffer = 64 << 20;
  if (setsockopt(port.fd_, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof on) != 0)
    return failed(interface, "PACKET_VNET_HDR");
  if (setsockopt(port.fd_, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0)
    return failed(interface, "PACKET_IGNORE_OUTGOING");
  if (setsockopt(port.fd_, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) return failed(interface, "SO_TIMESTAMPNS");
  // Room for a burst while somebody else has the CPU; the kernel grants what it can.
  setsockopt(port.fd_, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
  setsockopt(port.fd_, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
  packet_mreq promiscuous{};
  promiscuous.mr_ifindex = static_cast<int>(index);
  promiscuous.mr_type = PACKET_MR_PROMISC;
  setsockopt(port.fd_, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof promiscuous);

  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = static_cast<std::uint16_t>(__builtin_bswap16(ETH_P_ALL));
  address.sll_ifindex = static_cast<int>(index);
  if (bind(port.fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    return failed(interface, "bind");
  return port;
}

Port::~Port() {
  if (fd_ >= 0) close(fd_);
}

std::optional<Port::Frame> Port::receive() {
  static std::array<std::uint8_t, largest_frame> room;
  alignas(cmsghdr) std::array<std::uint8_t, 128> control{};
  iovec part{room.data(), room.size()};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  const ssize_t n = recvmsg(fd_, &message, 0);
  if (n < static_cast<ssize_t>(vnet_header + 14) || (message.msg_flags & MSG_TRUNC) != 0) return std::nullopt;

  const std::int64_t now = nanoseconds_of(CLOCK_MONOTONIC);
  std::int64_t age = 0;
  for (cmsghdr* c = CMSG_FIRSTHDR(&message); c != nullptr; c = CMSG_NXTHDR(&message, c)) {
    if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_TIMESTAMPNS) continue;
    timespec stamp{};
    std::memcpy(&stamp, CMSG_DATA(c), sizeof stamp);
    age = nanoseconds_of(CLOCK_REALTIME) - (static_cast<std::int64_t>(stamp.tv_sec) * 1'000'000'000 + stamp.tv_nsec);
  }
  // The wall clock may be stepped at any time; an age that cannot be is none.
  if (age < 0 || age > 1'000'000'000) age = 0;

  const auto length = static_cast<std::size_t>(n);
  Frame frame{TimePoint{Duration{now - age}}, ByteVector(room.begin(), room.begin() + n), length - vnet_header};
  // "Checksum already verified" is the receiver's knowledge; on the way out it would be a claim.
  frame.bytes[0] = static_cast<std::uint8_t>(frame.bytes[0] & ~vnet_data_valid);
  return frame;
}

Port::Sent Port::send(Bytes frame) {
  if (::send(fd_, frame.data(), frame.size(), MSG_DONTWAIT) >= 0) return Sent::done;
  return errno == EAGAIN || errno == ENOBUFS || errno == EINTR ? Sent::later : Sent::refused;
}

std::uint64_t Port::missed() {
  tpacket_stats statistics{};
  socklen_t length = sizeof statistics;
  if (getsockopt(fd_, SOL_PACKET, PACKET_STATISTICS, &statistics, &length) != 0) return 0;
  return statistics.tp_drops;
}

}  // namespace ilnp::wire
