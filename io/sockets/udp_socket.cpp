// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/udp_socket.h"

#include <linux/errqueue.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <tuple>

namespace ilnp {
namespace {

constexpr std::size_t largest_datagram = 65535;
constexpr int udp_no_check6_tx = 101, udp_no_check6_rx = 102;  // UDP_NO_CHECK6_TX, UDP_NO_CHECK6_RX, linux/udp.h
constexpr std::size_t control_octets = 256;
using Control = std::array<std::uint8_t, control_octets>;

bool set(int fd, int level, int option, int value) {
  return ::setsockopt(fd, level, option, &value, sizeof value) == 0;
}

socklen_t to_sockaddr(const lisp::IpAddress& address, std::uint16_t port, sockaddr_storage& out) {
  out = {};
  if (address.is_ipv4()) {
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = htons(port);
    name.sin_addr.s_addr = htonl(address.ipv4());
    std::memcpy(&out, &name, sizeof name);
    return sizeof name;
  }
  sockaddr_in6 name{};
  name.sin6_family = AF_INET6;
  name.sin6_port = htons(port);
  address.ipv6().store(name.sin6_addr.s6_addr);
  std::memcpy(&out, &name, sizeof name);
  return sizeof name;
}

std::pair<lisp::IpAddress, std::uint16_t> from_sockaddr(const sockaddr_storage& in) {
  if (in.ss_family == AF_INET) {
    sockaddr_in name{};
    std::memcpy(&name, &in, sizeof name);
    return {lisp::IpAddress::v4(ntohl(name.sin_addr.s_addr)), ntohs(name.sin_port)};
  }
  sockaddr_in6 name{};
  std::memcpy(&name, &in, sizeof name);
  return {Address::load(name.sin6_addr.s6_addr), ntohs(name.sin6_port)};
}

template <class Value>
Value value_of(const cmsghdr* part) {
  Value value{};
  std::memcpy(&value, CMSG_DATA(part), std::min(sizeof value, part->cmsg_len - CMSG_LEN(0)));
  return value;
}

/// What the kernel says beside a datagram. False: not all that was asked for.
bool read_control(msghdr& message, ReceivedDatagram& out) {
  bool has_destination = false, has_hop_limit = false;
  for (cmsghdr* part = CMSG_FIRSTHDR(&message); part != nullptr; part = CMSG_NXTHDR(&message, part)) {
    const bool is_ipv6 = part->cmsg_level == IPPROTO_IPV6, is_ipv4 = part->cmsg_level == IPPROTO_IP;
    if (is_ipv6 && part->cmsg_type == IPV6_PKTINFO) {
      out.destination = Address::load(value_of<in6_pktinfo>(part).ipi6_addr.s6_addr);
      has_destination = true;
    } else if (is_ipv4 && part->cmsg_type == IP_PKTINFO) {
      out.destination = lisp::IpAddress::v4(ntohl(value_of<in_pktinfo>(part).ipi_addr.s_addr));
      has_destination = true;
    } else if ((is_ipv6 && part->cmsg_type == IPV6_HOPLIMIT) || (is_ipv4 && part->cmsg_type == IP_TTL)) {
      out.hop_limit = static_cast<std::uint8_t>(value_of<int>(part));
      has_hop_limit = true;
    } else if (is_ipv6 && part->cmsg_type == IPV6_TCLASS) {
      out.traffic_class = static_cast<std::uint8_t>(value_of<int>(part));
    } else if (is_ipv4 && part->cmsg_type == IP_TOS) {
      out.traffic_class = value_of<std::uint8_t>(part);
    } else if (part->cmsg_level == SOL_UDP && part->cmsg_type == UDP_GRO) {
      out.segment = static_cast<std::size_t>(value_of<int>(part));
    }
  }
  return has_destination && has_hop_limit;
}

/// Appends control messages to a message that is to be sent.
class ControlWriter {
 public:
  explicit ControlWriter(Control& control) : control_{control} {}
  template <class Value>
  void add(int level, int type, const Value& value) {
    cmsghdr head{};
    head.cmsg_level = level;
    head.cmsg_type = type;
    head.cmsg_len = CMSG_LEN(sizeof value);
    std::memcpy(control_.data() + used_, &head, sizeof head);
    std::memcpy(control_.data() + used_ + CMSG_LEN(0), &value, sizeof value);
    used_ += CMSG_SPACE(sizeof value);
  }
  std::size_t used() const { return used_; }

 private:
  Control& control_;
  std::size_t used_ = 0;
};

void write_control(ControlWriter& out, lisp::Family family, const DatagramToSend& to) {
  const bool is_ipv4 = family == lisp::Family::ipv4;
  if (to.source && is_ipv4) {
    in_pktinfo info{};
    info.ipi_spec_dst.s_addr = htonl(to.source->ipv4());
    out.add(IPPROTO_IP, IP_PKTINFO, info);
  } else if (to.source) {
    in6_pktinfo info{};
    to.source->ipv6().store(info.ipi6_addr.s6_addr);
    out.add(IPPROTO_IPV6, IPV6_PKTINFO, info);
  }
  if (to.hop_limit) out.add(is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6, is_ipv4 ? IP_TTL : IPV6_HOPLIMIT, int{*to.hop_limit});
  if (to.traffic_class)
    out.add(is_ipv4 ? IPPROTO_IP : IPPROTO_IPV6, is_ipv4 ? IP_TOS : IPV6_TCLASS, int{*to.traffic_class});
  if (to.may_fragment && !is_ipv4) out.add(IPPROTO_IPV6, IPV6_DONTFRAG, int{0});
  if (to.segment != 0) out.add(SOL_UDP, UDP_SEGMENT, static_cast<std::uint16_t>(to.segment));
}

}  // namespace

struct UdpSocket::Buffers {
  explicit Buffers(std::size_t batch)
      : memory{std::make_unique_for_overwrite<std::uint8_t[]>(batch * largest_datagram)},
        names(batch),
        controls(batch),
        parts(batch),
        messages(batch) {
    datagrams.reserve(batch);
  }
  std::span<mmsghdr> prepare() {
    for (std::size_t i = 0; i < messages.size(); ++i) {
      parts[i] = {memory.get() + i * largest_datagram, largest_datagram};
      msghdr& head = messages[i].msg_hdr;
      head = {};
      head.msg_name = &names[i];
      head.msg_namelen = sizeof names[i];
      head.msg_iov = &parts[i];
      head.msg_iovlen = 1;
      head.msg_control = controls[i].data();
      head.msg_controllen = controls[i].size();
    }
    return messages;
  }

  std::unique_ptr<std::uint8_t[]> memory;  ///< pages that nothing arrives in are not touched
  std::vector<sockaddr_storage> names;
  std::vector<Control> controls;
  std::vector<iovec> parts;
  std::vector<mmsghdr> messages;
  std::vector<ReceivedDatagram> datagrams;
};

UdpSocket::UdpSocket(Descriptor descriptor, lisp::Family family, std::size_t batch)
    : descriptor_{std::move(descriptor)}, family_{family}, buffers_{std::make_unique<Buffers>(batch)} {}
UdpSocket::UdpSocket(UdpSocket&&) noexcept = default;
UdpSocket& UdpSocket::operator=(UdpSocket&&) noexcept = default;
UdpSocket::~UdpSocket() = default;

Result<UdpSocket> UdpSocket::open(lisp::Family family, std::uint16_t port, Options options) {
  const bool is_ipv4 = family == lisp::Family::ipv4;
  const auto fail = [&](const char* what) {
    return error("UDP port " + std::to_string(port) + " over " + (is_ipv4 ? "IPv4" : "IPv6") + ": cannot " + what +
                 ": " + std::strerror(errno));
  };
  Descriptor descriptor{::socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (!descriptor.is_open()) return fail("open");
  const int fd = descriptor.get();
  const bool told = is_ipv4 ? set(fd, IPPROTO_IP, IP_PKTINFO, 1) && set(fd, IPPROTO_IP, IP_RECVTTL, 1) &&
                                  set(fd, IPPROTO_IP, IP_RECVTOS, 1) && set(fd, IPPROTO_IP, IP_RECVERR, 1) &&
                                  set(fd, IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
                            : set(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1) && set(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1) &&
                                  set(fd, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1) &&
                                  set(fd, IPPROTO_IPV6, IPV6_RECVTCLASS, 1) && set(fd, IPPROTO_IPV6, IPV6_RECVERR, 1) &&
                                  set(fd, IPPROTO_IPV6, IPV6_DONTFRAG, 1);
  if (!told) return fail("set options");
  if (options.share_port && !set(fd, SOL_SOCKET, SO_REUSEPORT, 1)) return fail("share the port");
  if (options.trains && !set(fd, SOL_UDP, UDP_GRO, 1)) return fail("receive trains");
  if (options.zero_checksum && !is_ipv4 && !set(fd, SOL_UDP, udp_no_check6_rx, 1)) return fail("do without checksums");
  const bool bare =
      !options.no_checksum || (is_ipv4 ? set(fd, SOL_SOCKET, SO_NO_CHECK, 1) : set(fd, SOL_UDP, udp_no_check6_tx, 1));
  if (!bare) return fail("send without checksums");
  if (!set(fd, SOL_SOCKET, SO_RCVBUFFORCE, options.receive_buffer))
    set(fd, SOL_SOCKET, SO_RCVBUF, options.receive_buffer);
  sockaddr_storage name{};
  socklen_t size = to_sockaddr(is_ipv4 ? lisp::IpAddress::v4(0) : lisp::IpAddress{}, port, name);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&name), size) < 0) return fail("bind");
  size = sizeof name;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&name), &size) < 0) return fail("bind");
  UdpSocket socket{std::move(descriptor), family, std::max<std::size_t>(options.batch, 1)};
  socket.port_ = from_sockaddr(name).second;
  return socket;
}

UdpSocket::Batch UdpSocket::receive() {
  buffers_->datagrams.clear();
  const auto messages = buffers_->prepare();
  const int got = ::recvmmsg(fd(), messages.data(), static_cast<unsigned>(messages.size()), MSG_DONTWAIT, nullptr);
  if (got < 0) {
    // What an ICMP error made of the socket comes first: it is in the error queue as well.
    if (errno == EAGAIN) return {};
    if (errno != EINTR) ++counters_.receive_failed;
    return {{}, true};
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    ReceivedDatagram datagram;
    std::tie(datagram.source, datagram.source_port) = from_sockaddr(buffers_->names[i]);
    datagram.payload = {buffers_->memory.get() + i * largest_datagram, messages[i].msg_len};
    datagram.segment = datagram.payload.size();
    const bool is_cut = (messages[i].msg_hdr.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
    if (is_cut || !read_control(messages[i].msg_hdr, datagram)) {
      ++counters_.malformed;
      continue;
    }
    ++counters_.received;
    buffers_->datagrams.push_back(datagram);
  }
  return {buffers_->datagrams, static_cast<std::size_t>(got) == messages.size()};
}

/// 0, or the errno.
int UdpSocket::transmit(const DatagramToSend& to, Bytes payload) {
  sockaddr_storage name{};
  alignas(cmsghdr) Control control{};
  iovec part{const_cast<std::uint8_t*>(payload.data()), payload.size()};
  msghdr message{};
  message.msg_name = &name;
  message.msg_namelen = to_sockaddr(to.destination, to.port, name);
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  ControlWriter writer{control};
  write_control(writer, family_, to);
  message.msg_control = writer.used() == 0 ? nullptr : control.data();
  message.msg_controllen = writer.used();
  // An error that waits from an earlier datagram is told by the next call, which then has sent nothing.
  for (int i = 0; i < 2; ++i) {
    if (::sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0) return 0;
    if (errno == EAGAIN || errno == EMSGSIZE || errno == EINVAL) break;
  }
  return errno;
}

void UdpSocket::count_lost(int problem, std::size_t datagrams) {
  if (problem == EAGAIN || problem == ENOBUFS || problem == ENOMEM)
    counters_.send_full += datagrams;
  else if (problem == EMSGSIZE)
    counters_.send_too_big += datagrams;
  else
    counters_.send_failed += datagrams;
}

bool UdpSocket::send(const DatagramToSend& to, Bytes payload) {
  const std::size_t datagrams = to.segment == 0 ? 1 : (payload.size() + to.segment - 1) / to.segment;
  int problem = transmit(to, payload);
  if (problem == 0) {
    counters_.sent += datagrams;
    return true;
  }
  if (to.segment != 0 && (problem == EINVAL || problem == EMSGSIZE)) {
    // Of a train that is larger than the path the kernel does not say how large it may be: of one datagram it does.
    DatagramToSend first = to;
    first.segment = 0;
    problem = transmit(first, payload.first(std::min(to.segment, payload.size())));
    if (problem == 0) {
      ++counters_.sent;
      count_lost(EINVAL, datagrams - 1);
      return false;
    }
  }
  count_lost(problem, datagrams);
  return false;
}

std::vector<DatagramError> UdpSocket::receive_errors() {
  std::vector<DatagramError> out;
  for (;;) {
    sockaddr_storage name{};
    std::array<std::uint8_t, 64> ignored{};
    alignas(cmsghdr) Control control{};
    iovec part{ignored.data(), ignored.size()};
    msghdr message{};
    message.msg_name = &name;
    message.msg_namelen = sizeof name;
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    if (::recvmsg(fd(), &message, MSG_ERRQUEUE | MSG_DONTWAIT) < 0) return out;
    for (cmsghdr* p = CMSG_FIRSTHDR(&message); p != nullptr; p = CMSG_NXTHDR(&message, p)) {
      const bool is_error = (p->cmsg_level == IPPROTO_IP && p->cmsg_type == IP_RECVERR) ||
                            (p->cmsg_level == IPPROTO_IPV6 && p->cmsg_type == IPV6_RECVERR);
      if (!is_error) continue;
      const auto told = value_of<sock_extended_err>(p);
      DatagramError e;
      std::tie(e.destination, e.port) = from_sockaddr(name);
      e.reason = static_cast<int>(told.ee_errno);
      e.mtu = e.reason == EMSGSIZE ? told.ee_info : 0;
      out.push_back(e);
    }
  }
}

}  // namespace ilnp
