// SPDX-License-Identifier: Apache-2.0
// A bound UDP socket of one family that tells and sets what tunnels need: both addresses, hop limit, traffic class;
// whole trains of equal datagrams at once (UDP_SEGMENT, UDP_GRO); and the path MTUs that the kernel hears of.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/lisp/ip_address.h"
#include "io/loop/descriptor.h"

namespace ilnp {

struct ReceivedDatagram {
  lisp::IpAddress source, destination;
  std::uint16_t source_port = 0;
  std::uint8_t hop_limit = 0;
  std::uint8_t traffic_class = 0;
  std::size_t segment = 0;  ///< octets of each of the datagrams that `payload` is a train of; its size when it is one
  MutableBytes payload;
};

struct DatagramToSend {
  lisp::IpAddress destination;
  std::uint16_t port = 0;
  std::optional<lisp::IpAddress> source{};  ///< of this machine; the kernel's choice where it does not matter
  std::optional<std::uint8_t> hop_limit{}, traffic_class{};
  std::size_t segment = 0;    ///< octets; 0: one datagram. The kernel cuts the payload, checksums are then real ones
  bool may_fragment = false;  ///< IPv6; otherwise what is larger than the path is an error that receive_errors() tells
};

/// What an ICMP error said about something that was sent.
struct DatagramError {
  lisp::IpAddress destination;
  std::uint16_t port = 0;
  int reason = 0;       ///< errno: EMSGSIZE, EHOSTUNREACH, ECONNREFUSED ...
  std::size_t mtu = 0;  ///< octets, with EMSGSIZE
};

class UdpSocket {
 public:
  struct Options {
    bool share_port = false;       ///< several sockets may be bound to it
    bool trains = false;           ///< received as trains (UDP_GRO)
    bool zero_checksum = false;    ///< take datagrams without one over IPv6 (RFC 6935)
    bool no_checksum = false;      ///< send without one (RFC 6936); trains are then refused by the kernel
    int receive_buffer = 4 << 20;  ///< octets; beyond net.core.rmem_max needs CAP_NET_ADMIN
    std::size_t batch = 16;        ///< datagrams or trains of one receive()
  };
  struct Counters {
    std::uint64_t received = 0;   ///< datagrams or trains
    std::uint64_t sent = 0;       ///< datagrams, as everything that counts what leaves
    std::uint64_t malformed = 0;  ///< without the ancillary data that was asked for, or cut
    std::uint64_t send_full = 0, send_too_big = 0, send_failed = 0, receive_failed = 0;
  };

  /// Port 0: any.
  static Result<UdpSocket> open(lisp::Family family, std::uint16_t port, Options options);
  UdpSocket(UdpSocket&&) noexcept;
  UdpSocket& operator=(UdpSocket&&) noexcept;
  ~UdpSocket();

  int fd() const { return descriptor_.get(); }
  std::uint16_t port() const { return port_; }

  struct Batch {
    std::span<ReceivedDatagram> datagrams;  ///< valid until the next receive()
    bool more = false;
  };
  Batch receive();
  /// False: dropped and counted.
  bool send(const DatagramToSend& to, Bytes payload);
  std::vector<DatagramError> receive_errors();
  const Counters& counters() const { return counters_; }

 private:
  UdpSocket(Descriptor descriptor, lisp::Family family, std::size_t batch);
  int transmit(const DatagramToSend& to, Bytes payload);
  void count_lost(int problem, std::size_t datagrams);
  struct Buffers;
  Descriptor descriptor_;
  lisp::Family family_;
  std::uint16_t port_ = 0;
  Counters counters_;
  std::unique_ptr<Buffers> buffers_;
};

}  // namespace ilnp
