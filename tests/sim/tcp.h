// SPDX-License-Identifier: Apache-2.0
// A small TCP, enough to carry a byte stream through everything that the simulated network does: three-way handshake,
// cumulative acknowledgements, out-of-order reception, RTO with backoff (RFC 6298), fast retransmit, slow start. No
// FIN, no options but the fixed segment size, no flow control. Octets are a function of (key, offset), so the receiver
// knows whether each of them is right.
#pragma once

#include <functional>
#include <map>
#include <string>

#include "core/base/bytes.h"
#include "core/base/time.h"
#include "core/ipv6/address.h"

namespace ilnp::sim {

inline constexpr std::uint8_t tcp_syn = 0x02, tcp_rst = 0x04, tcp_ack = 0x10;

struct Segment {
  std::uint16_t source_port, destination_port;
  std::uint32_t sequence, acknowledgement;
  std::uint8_t flags;
  Bytes payload;
};

class TcpStream {
 public:
  enum class State : std::uint8_t { syn_sent, syn_received, established, failed };
  struct Ends {
    Address local, remote;
    std::uint16_t local_port = 0, remote_port = 0;
    auto operator<=>(const Ends&) const = default;
  };
  /// Sends a TCP segment (header and payload, checksum zero) from ends.local to ends.remote.
  using Output = std::function<void(const Ends&, ByteVector)>;

  TcpStream(Ends ends, std::uint32_t initial_sequence, bool active, TimePoint now, Output output);

  void write(TimePoint now, std::uint64_t octets);
  /// The application writes this much again and again until stop_writing().
  void write_every(TimePoint now, Duration interval, std::uint64_t octets);
  void stop_writing() { next_write_ = never; }

  void input(TimePoint now, const Segment& segment);
  void on_time(TimePoint now);
  TimePoint next_deadline() const { return state_ == State::failed ? never : std::min(retransmit_at_, next_write_); }
  void set_segment_size(TimePoint now, std::size_t octets);
  /// ICMPv6 "no route" about this sequence number: RFC 6069 takes back one doubling of the timer, as Linux does.
  void on_no_route(TimePoint now, std::uint32_t sequence);
  void fail(const char* reason);

  State state() const { return state_; }
  bool is_established() const { return state_ == State::established; }
  const std::string& failure() const { return failure_; }
  const Ends& ends() const { return ends_; }
  std::uint64_t written() const { return written_; }
  std::uint64_t acknowledged() const { return una_; }
  std::uint64_t received() const { return next_expected_; }
  std::uint64_t wrong_octets() const { return wrong_octets_; }
  std::uint64_t retransmissions() const { return retransmissions_; }
  Duration longest_gap() const { return longest_gap_; }  ///< between two arrivals of new octets
  void forget_gap(TimePoint now) { longest_gap_ = {}, last_progress_ = now; }
  TimePoint connected_at() const { return connected_at_; }

 private:
  void send_segment(std::uint8_t flags, std::uint64_t offset, std::size_t length);
  void send_what_fits(TimePoint now);
  void on_acknowledgement(TimePoint now, std::uint32_t acknowledgement, bool pure);
  void on_payload(TimePoint now, std::uint32_t sequence, Bytes payload);
  void arm(TimePoint now) { retransmit_at_ = now + rto_; }
  std::uint8_t octet(std::uint64_t key, std::uint64_t offset) const;
  std::uint64_t key(bool ours) const;

  Ends ends_;
  Output output_;
  State state_;
  bool active_;
  std::uint32_t iss_, irs_ = 0;
  std::size_t segment_size_ = 1424;
  // Offsets count the stream's octets from 0.
  std::uint64_t written_ = 0, una_ = 0, nxt_ = 0, highest_sent_ = 0;
  std::uint64_t next_expected_ = 0;
  std::map<std::uint64_t, std::uint64_t> ahead_;  ///< received out of order: begin -> end
  double window_ = 10;                            ///< segments
  double threshold_ = 64;
  int duplicate_acks_ = 0;
  int retries_ = 0;
  int doublings_ = 0;  ///< of rto_, since the last acknowledgement
  Duration rto_ = seconds{1};
  Duration srtt_{}, rttvar_{};
  std::uint64_t timed_offset_ = 0;  ///< acknowledgement of this offset gives a sample; 0 = none
  TimePoint timed_at_{};
  TimePoint retransmit_at_ = never;
  TimePoint retrying_since_{};
  TimePoint next_write_ = never;
  Duration write_interval_{};
  std::uint64_t write_size_ = 0;
  std::uint64_t wrong_octets_ = 0, retransmissions_ = 0;
  TimePoint last_progress_{}, connected_at_{};
  Duration longest_gap_{};
  std::string failure_;
};

}  // namespace ilnp::sim
