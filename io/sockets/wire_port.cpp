// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/wire_port.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/ipv6/header_walk.h"
#include "io/tun/virtio_header.h"

namespace ilnp {
namespace {

constexpr std::size_t large_packets_at_once = 2;

constexpr int packet_ignore_outgoing = 23;  // PACKET_IGNORE_OUTGOING, Linux 4.20

// A received frame lies in its buffer as virtio header, Ethernet header, packet; the packet begins at packet_headroom.
constexpr std::size_t frame_begin = packet_headroom - ethernet_header_length - virtio_header_length;

std::string reason() { return std::strerror(errno); }

template <class Value>
bool set_option(int socket, int level, int option, const Value& value) {
  return ::setsockopt(socket, level, option, &value, sizeof value) == 0;
}

/// Beyond the administrator's limit when we may, up to it otherwise.
void set_buffer(int socket, int forced_option, int option, int octets) {
  if (!set_option(socket, SOL_SOCKET, forced_option, octets)) set_option(socket, SOL_SOCKET, option, octets);
}

bool attach_filter(int socket, std::span<const sock_filter> filter) {
  const sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
  return set_option(socket, SOL_SOCKET, SO_ATTACH_FILTER, program);
}

std::string why_not_attached() { return reason() + (errno == ENOMEM ? " (net.core.optmem_max is too small)" : ""); }

}  // namespace

/// Everything recvmmsg needs, allocated once.
struct WirePort::Buffers {
  explicit Buffers(std::size_t batch) : memory(batch * packet_buffer_size), parts(batch), messages(batch) {
    frames.reserve(batch);
    for (std::size_t i = 0; i < batch; ++i) {
      const MutableBytes all = buffer(i);
      parts[i] = {all.data() + frame_begin, all.size() - frame_begin};
      messages[i] = {};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
  }
  MutableBytes buffer(std::size_t i) { return {memory.data() + i * packet_buffer_size, packet_buffer_size}; }

  std::vector<std::uint8_t> memory;
  std::vector<iovec> parts;
  std::vector<mmsghdr> messages;
  std::vector<ReceivedFrame> frames;
  std::size_t asked = ~std::size_t{0};  ///< frames of the next batch
};

void WirePort::BuffersDeleter::operator()(Buffers* buffers) const { delete buffers; }

Result<WirePort> WirePort::open(unsigned ifindex, std::span<const sock_filter> filter, Options options) {
  char name[IF_NAMESIZE] = "?";
  if_indextoname(ifindex, name);
  const auto fail = [&](const char* what, const std::string& why = reason()) {
    return error(std::string{"packet socket on "} + name + ": cannot " + what + ": " + why);
  };
  // Protocol 0: the socket receives nothing until it is bound, and by then the filter is there.
  WirePort port;
  port.ifindex_ = ifindex;
  port.descriptor_ = Descriptor{::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  const int fd = port.fd();
  if (fd < 0) return fail(errno == EPERM ? "open (CAP_NET_RAW is needed)" : "open");
  if (!attach_filter(fd, filter)) return fail("attach the filter", why_not_attached());
  if (!set_option(fd, SOL_PACKET, PACKET_VNET_HDR, 1)) return fail("turn virtio headers on");
  if (!set_option(fd, SOL_PACKET, packet_ignore_outgoing, 1)) return fail("ignore outgoing frames");
  if (options.qdisc_bypass && !set_option(fd, SOL_PACKET, PACKET_QDISC_BYPASS, 1)) return fail("bypass the queue");
  set_buffer(fd, SO_RCVBUFFORCE, SO_RCVBUF, options.receive_buffer);
  set_buffer(fd, SO_SNDBUFFORCE, SO_SNDBUF, options.send_buffer);

  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_ALL);  // before tc and netfilter ingress; ETH_P_IPV6 would come after them
  address.sll_ifindex = static_cast<int>(ifindex);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) < 0) return fail("bind");
  port.buffers_.reset(new Buffers{std::clamp<std::size_t>(options.batch, 1, 64)});
  return port;
}

Result<void> WirePort::set_filter(std::span<const sock_filter> filter) {
  if (!attach_filter(fd(), filter)) return error("cannot replace a packet socket's filter: " + why_not_attached());
  return ok();
}

WirePort::Batch WirePort::receive() {
  Buffers& buffers = *buffers_;
  buffers.frames.clear();
  const auto asked = static_cast<unsigned>(std::min(buffers.asked, buffers.messages.size()));
  const int got = ::recvmmsg(fd(), buffers.messages.data(), asked, MSG_DONTWAIT, nullptr);
  if (got < 0) {
    if (errno == EAGAIN || errno == EINTR) return {{}, errno == EINTR};
    // ENETDOWN comes once when the link goes down; EINVAL when the kernel has no virtio form for a frame. The socket
    // lives on in both cases.
    ++counters_.receive_failed;
    return {{}, errno == EINVAL};
  }
  for (std::size_t i = 0; i < static_cast<std::size_t>(got); ++i) {
    const std::size_t octets = buffers.messages[i].msg_len;
    const MutableBytes buffer = buffers.buffer(i);
    const std::uint8_t* packet = buffer.data() + packet_headroom;
    constexpr std::size_t in_front = virtio_header_length + ethernet_header_length;
    if (octets < in_front + ipv6_header_length) {
      ++counters_.malformed;
      continue;
    }
    // A short frame is padded behind the packet (IEEE 802.3), so the packet's own length counts.
    const std::size_t length = load_u16(packet + 4) + ipv6_header_length;
    VirtioHeader header;
    std::memcpy(&header, buffer.data() + frame_begin, sizeof header);
    const auto offload = offload_from_virtio(header, ethernet_header_length, length);
    if (!offload || length > octets - in_front) {
      ++counters_.malformed;
      continue;
    }
    ++counters_.received;
    counters_.received_octets += length;
    buffers.frames.push_back({Packet{buffer, packet_headroom, length, *offload},
                              MacAddress::load(buffer.data() + packet_headroom - ethernet_header_length + 6)});
  }
  const bool large = std::any_of(buffers.frames.begin(), buffers.frames.end(),
                                 [](const ReceivedFrame& frame) { return frame.packet.size() >= large_packet; });
  buffers.asked = large ? large_packets_at_once : buffers.messages.size();
  return {buffers.frames, static_cast<unsigned>(got) == asked};
}

bool WirePort::send(const Packet& packet, const MacAddress& destination, const MacAddress& source) {
  VirtioHeader header = virtio_from_offload(packet.offload, ethernet_header_length);
  std::uint8_t ethernet[ethernet_header_length];
  std::copy(destination.octets.begin(), destination.octets.end(), ethernet);
  std::copy(source.octets.begin(), source.octets.end(), ethernet + 6);
  store_u16(ethernet + 12, ETH_P_IPV6);
  iovec parts[] = {
      {&header, sizeof header}, {ethernet, sizeof ethernet}, {const_cast<std::uint8_t*>(packet.data()), packet.size()}};
  // Bound with ETH_P_ALL, the socket would mark frames so; the protocol of each is said here.
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(ETH_P_IPV6);
  address.sll_ifindex = static_cast<int>(ifindex_);
  msghdr message{};
  message.msg_name = &address;
  message.msg_namelen = sizeof address;
  message.msg_iov = parts;
  message.msg_iovlen = std::size(parts);
  ssize_t sent = 0;
  do {
    sent = ::sendmsg(fd(), &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent >= 0) {
    ++counters_.sent;
    counters_.sent_octets += packet.size();
    return true;
  }
  switch (errno) {
    case EAGAIN:
    case ENOBUFS:
    case ENOMEM:
      ++counters_.send_full;
      break;
    case EMSGSIZE:
      ++counters_.send_too_big;
      break;
    case ENETDOWN:
    case ENODEV:
    case ENXIO:
      ++counters_.send_down;
      break;
    default:
      ++counters_.send_failed;
  }
  return false;
}

const WirePort::Counters& WirePort::counters() {
  tpacket_stats statistics{};  // reading resets them
  socklen_t size = sizeof statistics;
  if (::getsockopt(fd(), SOL_PACKET, PACKET_STATISTICS, &statistics, &size) == 0)
    counters_.overrun += statistics.tp_drops;
  return counters_;
}

}  // namespace ilnp
