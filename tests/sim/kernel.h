// SPDX-License-Identifier: Apache-2.0
// What stands above the forwarder: a kernel with sockets, and applications that use them. It knows addresses only -
// identity addresses on a host, ordinary ones on a plain node - and verifies every checksum over them, as a real one
// does. It answers echo requests, resets unknown TCP segments, reports closed UDP ports, and obeys Packet Too Big.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "core/ipv6/fragments.h"
#include "tests/sim/tcp.h"
#include "tests/sim/world.h"

namespace ilnp::sim {

/// Datagrams with a counter, sent at a fixed interval.
struct UdpSender {
  Address from, to;
  std::uint16_t source_port = 0, port = 0;
  Duration interval{};
  std::size_t size = 100;  ///< octets of UDP payload
  TimePoint next = never;
  std::uint64_t sent = 0;
  void stop() { next = never; }
};

/// What arrived of one sender, as its receiver sees it.
struct UdpReceived {
  std::uint64_t datagrams = 0;  ///< different ones
  std::uint64_t duplicates = 0;
  std::uint64_t wrong_octets = 0;
  std::uint64_t highest = 0;      ///< counter; they start at 1
  std::uint64_t overtaken = 0;    ///< arrived after a later one
  Duration longest_overtaking{};  ///< how long after that later one
  Duration longest_gap{};         ///< between two arrivals
  TimePoint last{};
  std::vector<bool> seen;
  std::vector<TimePoint> arrived;  ///< when each counter, or a later one, was first seen
  std::uint64_t lost() const { return highest - datagrams; }
  void forget_gap(TimePoint now) { longest_gap = {}, last = now; }
};

struct IcmpError {
  std::uint8_t type, code;
  Address from;
  std::uint32_t parameter;
};

class Kernel {
 public:
  using Output = std::function<void(ByteVector)>;
  Kernel(World& world, const Node& owner, Output output) : world_{world}, owner_{owner}, output_{std::move(output)} {}

  /// A whole packet or a fragment, addressed to us.
  void input(ByteVector packet);
  void on_time();
  TimePoint next_deadline() const;

  UdpSender& send_every(Duration interval, const Address& from, const Address& to, std::uint16_t port,
                        std::size_t size = 100);
  void listen_udp(std::uint16_t port, bool answers = false) { udp_ports_[port] = answers; }
  /// From whoever sent to `port`; the only sender when the address is not given.
  UdpReceived& udp(std::uint16_t port);
  UdpReceived& udp(std::uint16_t port, const Address& remote) { return received_[{port, remote}]; }
  std::size_t udp_remotes(std::uint16_t port) const;

  TcpStream& connect(const Address& from, const Address& to, std::uint16_t port);
  void listen_tcp(std::uint16_t port, std::function<void(TcpStream&)> on_accept = {}) {
    tcp_ports_[port] = std::move(on_accept);
  }
  TcpStream* accepted(std::uint16_t port);
  std::vector<TcpStream*> all_accepted(std::uint16_t port);

  void ping(const Address& from, const Address& to, std::size_t size = 56);
  int echo_replies() const { return echo_replies_; }

  bool has_sockets_with(const Address& remote) const;
  std::size_t mtu_to(const Address& remote) const;
  std::size_t route_mtu = usual_mtu - 16;  ///< of the identity prefix, or of the link
  bool closes_unknown = true;              ///< reset unknown segments, report closed ports

  const std::vector<IcmpError>& errors() const { return errors_; }
  std::uint64_t bad_checksums() const { return bad_checksums_; }
  std::uint64_t wrong_octets() const;
  const std::vector<std::unique_ptr<TcpStream>>& streams() const { return streams_; }
  std::vector<std::unique_ptr<UdpSender>>& senders() { return senders_; }

 private:
  void input_udp(const Address& from, const Address& to, Bytes datagram, Bytes packet);
  void input_tcp(const Address& from, const Address& to, Bytes segment);
  void input_icmpv6(const Address& from, const Address& to, Bytes message);
  void input_error(const Address& from, Bytes message);
  void output(const Address& from, const Address& to, std::uint8_t protocol, Bytes upper);
  void send_datagram(UdpSender& sender);
  TcpStream::Output tcp_output();
  TcpStream& add_stream(TcpStream::Ends ends, bool active);
  TcpStream* find_stream(const TcpStream::Ends& ends);

  World& world_;
  const Node& owner_;
  Output output_;
  Reassembler reassembler_;
  std::uint32_t fragment_id_ = 0;
  std::vector<std::unique_ptr<UdpSender>> senders_;
  std::map<std::uint16_t, bool> udp_ports_;
  std::map<std::pair<std::uint16_t, Address>, UdpReceived> received_;
  std::vector<std::unique_ptr<TcpStream>> streams_;
  std::map<TcpStream::Ends, TcpStream*> by_ends_;
  std::map<std::uint16_t, std::function<void(TcpStream&)>> tcp_ports_;
  std::map<Address, std::size_t> path_mtu_;
  std::vector<IcmpError> errors_;
  std::uint16_t next_port_ = 40000;
  std::uint16_t next_echo_ = 1;
  int echo_replies_ = 0;
  std::uint64_t bad_checksums_ = 0;
};

}  // namespace ilnp::sim
