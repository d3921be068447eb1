// SPDX-License-Identifier: Apache-2.0
#include "io/tun/tun_device.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <cstring>

#include "core/ipv6/header_walk.h"
#include "io/tun/virtio_header.h"

namespace ilnp {
namespace {

// Since Linux 6.2, after Debian 12's headers. The kernel takes them only together.
constexpr unsigned offload_uso4 = 0x20, offload_uso6 = 0x40;

constexpr int queue_length = 1000;  ///< packets, many of them super-packets

std::string reason(int number) { return std::strerror(number); }

/// An interface request with the name filled in; the caller has checked its length.
ifreq request_for(const std::string& name) {
  ifreq request{};
  std::memcpy(request.ifr_name, name.data(), name.size());
  return request;
}

TunError classify(const std::string& name, bool existed, int number) {
  switch (number) {
    case EPERM:
    case EACCES:
      return {TunFailure::no_permission, "no permission to open TUN device " + name + ": CAP_NET_ADMIN is needed"};
    case EBUSY:
      return {TunFailure::busy, "TUN device " + name + " is held by another process: is a second instance running?"};
    case EINVAL:
      if (existed)
        return {TunFailure::wrong_kind, "interface " + name + " exists and is not a TUN device of one queue"};
      [[fallthrough]];
    default:
      return {TunFailure::other, "cannot open TUN device " + name + ": " + reason(number)};
  }
}

struct Attached {
  Descriptor descriptor;
  std::string name;
  bool existed = false;
};

Result<Attached, TunError> attach(const std::string& name) {
  if (name.empty() || name.size() >= IFNAMSIZ) return TunError{TunFailure::other, "bad interface name: " + name};
  Descriptor descriptor{::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC)};
  if (!descriptor.is_open()) {
    if (errno == ENOENT || errno == ENODEV || errno == ENXIO)
      return TunError{TunFailure::no_device,
                      "there is no /dev/net/tun: load the tun module, or give the container the device"};
    if (errno == EACCES || errno == EPERM)
      return TunError{TunFailure::no_permission, "no permission to open /dev/net/tun"};
    return TunError{TunFailure::other, "cannot open /dev/net/tun: " + reason(errno)};
  }
  const bool existed = if_nametoindex(name.c_str()) != 0;
  ifreq request = request_for(name);
  request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
  if (::ioctl(descriptor.get(), TUNSETIFF, &request) < 0) return classify(name, existed, errno);
  return Attached{std::move(descriptor), std::string{request.ifr_name, strnlen(request.ifr_name, IFNAMSIZ)}, existed};
}

/// Asks for what the kernel knows, best first.
TunDevice::Features enable_offloads(int descriptor, TunDevice::Options options) {
  const unsigned tcp4 = options.carries == TunDevice::Carries::both ? TUN_F_TSO4 : 0;
  const unsigned tcp = TUN_F_CSUM | TUN_F_TSO6 | TUN_F_TSO_ECN | tcp4;
  if (options.segmentation) {
    if (::ioctl(descriptor, TUNSETOFFLOAD, tcp | offload_uso4 | offload_uso6) == 0) return {true, true, true};
    if (::ioctl(descriptor, TUNSETOFFLOAD, tcp) == 0) return {true, true, false};
  }
  if (::ioctl(descriptor, TUNSETOFFLOAD, unsigned{TUN_F_CSUM}) == 0) return {true, false, false};
  return {};
}

Result<void> interface_ioctl(unsigned long command, ifreq& request, const std::string& what) {
  const Descriptor socket{::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (!socket.is_open() || ::ioctl(socket.get(), command, &request) < 0)
    return error("cannot set " + what + " of " + request.ifr_name + ": " + reason(errno));
  return ok();
}

/// As its header says; 0: no header.
std::size_t length_of(Bytes packet, IpVersion version) {
  if (version == IpVersion::v4) return packet.size() < 20 ? 0 : load_u16(packet.data() + 2);
  return packet.size() < ipv6_header_length ? 0 : load_u16(packet.data() + 4) + ipv6_header_length;
}

}  // namespace

Result<TunDevice, TunError> TunDevice::open(const std::string& name, std::uint32_t mtu, Options options) {
  auto attached = attach(name);
  if (!attached) return attached.error();
  TunDevice device;
  device.descriptor_ = std::move(attached.value().descriptor);
  device.name_ = attached.value().name;
  device.adopted_ = attached.value().existed;
  device.ifindex_ = if_nametoindex(device.name_.c_str());

  const auto fail = [](const std::string& message) { return TunError{TunFailure::other, message}; };
  int header_size = static_cast<int>(virtio_header_length);
  if (::ioctl(device.fd(), TUNSETVNETHDRSZ, &header_size) < 0)
    return fail("cannot set the virtio header: " + reason(errno));
  // The send buffer stays at the kernel's default (unlimited): what a TUN write brings in is charged to the receiving
  // socket at once, and a limit here would drop packets that the kernel has room for.
  device.features_ = enable_offloads(device.fd(), options);
  device.carries_ = options.carries;
  if (const auto done = device.set_mtu(mtu); !done) return fail(done.error().message);
  ifreq request = request_for(device.name_);
  request.ifr_qlen = queue_length;
  if (const auto done = interface_ioctl(SIOCSIFTXQLEN, request, "queue length"); !done)
    return fail(done.error().message);
  return device;
}

Result<void, TunError> TunDevice::remove(const std::string& name) {
  if (if_nametoindex(name.c_str()) == 0) return ok();
  const auto attached = attach(name);
  if (!attached) return attached.error();
  if (::ioctl(attached.value().descriptor.get(), TUNSETPERSIST, 0) < 0)
    return TunError{TunFailure::other, "cannot delete " + name + ": " + reason(errno)};
  return ok();
}

Result<void> TunDevice::set_persistent(bool persistent) {
  if (::ioctl(fd(), TUNSETPERSIST, persistent ? 1 : 0) < 0)
    return error("cannot make " + name_ + (persistent ? " persistent: " : " temporary: ") + reason(errno));
  return ok();
}

Result<void> TunDevice::set_mtu(std::uint32_t mtu) {
  ifreq request = request_for(name_);
  request.ifr_mtu = static_cast<int>(mtu);
  return interface_ioctl(SIOCSIFMTU, request, "MTU " + std::to_string(mtu));
}

TunDevice::ReadResult TunDevice::read(MutableBytes buffer) {
  constexpr std::size_t begin = packet_headroom - virtio_header_length;
  assert(buffer.size() >= packet_headroom + ipv6_header_length);
  ssize_t received = 0;
  do {
    received = ::read(fd(), buffer.data() + begin, buffer.size() - begin);
  } while (received < 0 && errno == EINTR);
  if (received < 0) {
    if (errno == EAGAIN) return {ReadStatus::empty, std::nullopt};
    ++counters_.read_failed;
    return {ReadStatus::failed, std::nullopt};
  }
  const auto octets = static_cast<std::size_t>(received);
  if (octets <= virtio_header_length) {
    ++counters_.malformed;
    return {ReadStatus::dropped, std::nullopt};
  }
  const std::size_t length = octets - virtio_header_length;
  const std::uint8_t* packet = buffer.data() + packet_headroom;
  const auto version = static_cast<IpVersion>(packet[0] >> 4);
  if (version != IpVersion::v6 && (version != IpVersion::v4 || carries_ != Carries::both)) {
    ++counters_.not_ipv6;
    return {ReadStatus::dropped, std::nullopt};
  }
  VirtioHeader header;
  std::memcpy(&header, buffer.data() + begin, sizeof header);
  const auto offload = offload_from_virtio(header, 0, length, version);
  if (!offload || length_of({packet, length}, version) != length) {
    ++counters_.malformed;
    return {ReadStatus::dropped, std::nullopt};
  }
  ++counters_.read;
  counters_.read_octets += length;
  return {ReadStatus::packet, Packet{buffer, packet_headroom, length, *offload}};
}

bool TunDevice::write(Bytes first, std::span<const Bytes> rest, const Offload& offload) {
  if (first.empty() || rest.size() + 2 > most_pieces) {
    ++counters_.write_refused;
    return false;
  }
  VirtioHeader header = virtio_from_offload(offload, 0, static_cast<IpVersion>(first[0] >> 4));
  std::array<iovec, most_pieces> parts;
  int count = 0;
  std::size_t octets = 0;
  const auto add = [&](Bytes part) {
    parts[static_cast<std::size_t>(count++)] = {const_cast<std::uint8_t*>(part.data()), part.size()};
    octets += part.size();
  };
  parts[static_cast<std::size_t>(count++)] = {&header, sizeof header};
  add(first);
  for (const Bytes& part : rest) add(part);
  ssize_t sent = 0;
  do {
    sent = ::writev(fd(), parts.data(), count);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) {
    const bool full = errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM;
    ++(full ? counters_.write_full : counters_.write_refused);
    return false;
  }
  ++counters_.written;
  counters_.written_octets += octets;
  return true;
}

}  // namespace ilnp
