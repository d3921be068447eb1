// SPDX-License-Identifier: Apache-2.0
// A TUN device with virtio-net headers, so that TCP and UDP super-packets and unfinished checksums cross it whole: the
// identity side of a host, the inside of a LISP gateway. Made persistent it survives its daemon (addresses and routes
// on it stay), and the next daemon adopts it. Its MTU is the link's; room for the nonce header is left by the route's
// MTU, because the kernel refuses to deliver packets larger than the device's MTU.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "core/base/result.h"
#include "core/ipv6/packet.h"
#include "io/loop/descriptor.h"

namespace ilnp {

enum class TunFailure : std::uint8_t {
  no_device,      ///< no /dev/net/tun
  no_permission,  ///< CAP_NET_ADMIN is missing
  busy,           ///< another process holds the device
  wrong_kind,     ///< the name belongs to something that is no TUN device
  other,
};
struct TunError {
  TunFailure failure = TunFailure::other;
  std::string message;
};

class TunDevice {
 public:
  enum class Carries : std::uint8_t { ipv6, both };
  /// What the kernel hands over unfinished.
  struct Features {
    bool checksum = false;
    bool tcp_segmentation = false;
    bool udp_segmentation = false;  ///< since Linux 6.2
  };
  struct Counters {
    std::uint64_t read = 0, written = 0;
    std::uint64_t read_octets = 0, written_octets = 0;
    std::uint64_t not_ipv6 = 0;       ///< dropped on read: of a family that it does not carry
    std::uint64_t malformed = 0;      ///< dropped on read: virtio header or length makes no sense
    std::uint64_t write_full = 0;     ///< dropped on write: no buffer in the kernel
    std::uint64_t write_refused = 0;  ///< dropped on write: the packet is invalid or in too many pieces, the link down
    std::uint64_t read_failed = 0;
  };

  struct Options {
    Carries carries = Carries::ipv6;
    bool segmentation = true;  ///< the kernel may hand over super-packets
  };

  /// Creates the device, or adopts a TUN device of that name that nobody holds. Sets MTU and queue length; does not
  /// bring the link up.
  static Result<TunDevice, TunError> open(const std::string& name, std::uint32_t mtu, Options options);
  static Result<TunDevice, TunError> open(const std::string& name, std::uint32_t mtu) {
    return open(name, mtu, Options{});
  }
  /// Deletes a persistent device that a daemon left behind. No device of that name is success.
  static Result<void, TunError> remove(const std::string& name);

  int fd() const { return descriptor_.get(); }
  unsigned ifindex() const { return ifindex_; }
  const std::string& name() const { return name_; }
  bool adopted() const { return adopted_; }
  const Features& features() const { return features_; }
  const Counters& counters() const { return counters_; }

  /// Persistent: survives the descriptor's end.
  Result<void> set_persistent(bool persistent);
  Result<void> set_mtu(std::uint32_t mtu);

  enum class ReadStatus : std::uint8_t { packet, dropped, empty, failed };
  struct ReadResult {
    ReadStatus status = ReadStatus::empty;
    std::optional<Packet> packet;  ///< set with ReadStatus::packet
  };
  /// One packet into `buffer` (packet_buffer_size octets; see virtio_header.h), with packet_headroom octets in front.
  /// `dropped`: counted, read on. `empty`: wait for readability. `failed`: the device is gone.
  ReadResult read(MutableBytes buffer);
  /// Hands a packet to the kernel. False: dropped and counted.
  bool write(const Packet& packet) { return write(packet.bytes(), {}, packet.offload); }
  /// The same for one that lies in pieces: `rest` follows `first`, in which all headers are. Less than most_pieces.
  bool write(Bytes first, std::span<const Bytes> rest, const Offload& offload);
  static constexpr std::size_t most_pieces = 128;

 private:
  TunDevice() = default;
  Descriptor descriptor_;
  std::string name_;
  unsigned ifindex_ = 0;
  bool adopted_ = false;
  Features features_;
  Carries carries_ = Carries::ipv6;
  Counters counters_;
};

}  // namespace ilnp
