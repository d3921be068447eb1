// SPDX-License-Identifier: Apache-2.0
// Tunnels: data packets come to UDP port 4341 and leave by a pool of sockets whose ports give the underlay something to
// spread flows by (RFC 9300 section 5.3). Super-packets leave as trains of datagrams that the kernel cuts, and trains
// that it gathered are taken apart here.
//
// Packets of one flow and one size that follow each other in one turn of the loop leave as a train as well: a call of
// the kernel costs more than their checksums.
//
// A source port is that of the pool which the flow's hash falls on. Without udp_csum_data there are two sockets on
// each: one sends zero checksums, the other one trains, which the kernel refuses without real ones.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/forwarding/lisp_interworking.h"
#include "core/lisp/train.h"
#include "io/loop/loop.h"
#include "io/sockets/udp_socket.h"

namespace ilnp {

class DataPort {
 public:
  struct Settings {
    lisp::Underlay underlay;
    std::size_t source_ports = 16;  ///< of a family
    bool real_checksums = false;
    bool trains = true;
  };
  struct Hooks {
    std::function<void(const TunnelEnd&, MutableBytes packet)> on_packet;
    std::function<void()> on_train_end;  ///< of a train or of a single packet; the octets are valid until it returns
    std::function<void()> on_batch_end;
    std::function<void(const DatagramError&)> on_error;
  };
  struct Counters {
    std::uint64_t received = 0, sent = 0;  ///< packets, and pieces of super-packets
    std::uint64_t received_octets = 0, sent_octets = 0;
    std::uint64_t malformed = 0;         ///< in: no LISP header, or an encrypted payload
    std::uint64_t not_encapsulable = 0;  ///< out: offload metadata and headers contradict each other
    std::uint64_t no_rloc = 0;           ///< out: we have no address of the RLOC's family
    std::uint64_t send_full = 0, send_too_big = 0, send_failed = 0, receive_failed = 0;
  };

  static Result<std::unique_ptr<DataPort>> open(Loop& loop, const Settings& settings, Hooks hooks);
  DataPort(const DataPort&) = delete;
  DataPort& operator=(const DataPort&) = delete;

  /// Leaves with flush() at the latest.
  void send(const lisp::IpAddress& rloc, const lisp::OuterHeader& outer, std::uint32_t instance, const Packet& packet);
  void flush();
  Counters counters() const;

 private:
  struct Sender {
    UdpSocket socket;
    std::unique_ptr<Watch> watch;
  };
  struct Port {
    std::unique_ptr<Sender> checked, bare;  ///< bare: nullptr where all have checksums
  };
  struct Side {
    lisp::Family family;
    lisp::IpAddress own;  ///< source of what leaves
    std::unique_ptr<UdpSocket> receiver;
    std::unique_ptr<Watch> watch;
    std::vector<Port> ports;
  };

  DataPort(const Settings& settings, Hooks hooks) : settings_{settings}, hooks_{std::move(hooks)} {}
  Result<void> open_side(Loop& loop, lisp::Family family, const lisp::IpAddress& own);
  Result<std::unique_ptr<Sender>> open_sender(Loop& loop, lisp::Family family, std::uint16_t port, bool no_checksum);
  bool drain(Side& side);
  bool drain(Sender& sender);
  /// Packets that wait for others like them: a header and a payload after the other.
  struct Waiting {
    Port* port = nullptr;
    DatagramToSend to;
    std::size_t datagram = 0;  ///< octets of each but the last
    ByteVector octets;

    bool takes(const Port& its, const DatagramToSend& like, std::size_t size) const;
  };
  void wait(Port& port, const DatagramToSend& to, Bytes header, Bytes packet);
  void send_train(Port& port, DatagramToSend to, Bytes octets, std::size_t datagram);
  void take_apart(const ReceivedDatagram& train);

  Settings settings_;
  Hooks hooks_;
  std::vector<std::unique_ptr<Side>> sides_;
  std::vector<lisp::Train> trains_;  ///< reused
  Waiting waiting_;
  Counters counters_;
};

}  // namespace ilnp
