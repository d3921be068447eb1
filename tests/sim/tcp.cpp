// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/tcp.h"

#include <algorithm>

namespace ilnp::sim {

namespace {
constexpr Duration min_rto = milliseconds{200}, max_rto = seconds{60};
constexpr Duration max_retry_time = seconds{924};  // Linux's 15 retransmissions, which it counts as time too
constexpr int max_syn_retries = 8;
constexpr double max_window = 64;
}  // namespace

TcpStream::TcpStream(Ends ends, std::uint32_t initial_sequence, bool active, TimePoint now, Output output)
    : ends_{ends},
      output_{std::move(output)},
      state_{active ? State::syn_sent : State::syn_received},
      active_{active},
      iss_{initial_sequence} {
  last_progress_ = now;
  if (!active) return;  // the SYN that made us comes by input()
  send_segment(tcp_syn, 0, 0);
  arm(now);
}

std::uint64_t TcpStream::key(bool ours) const {
  const std::uint64_t client = active_ ? ends_.local_port : ends_.remote_port;
  const std::uint64_t server = active_ ? ends_.remote_port : ends_.local_port;
  return client << 24 | server << 8 | (ours == active_ ? 1u : 2u);
}

std::uint8_t TcpStream::octet(std::uint64_t stream_key, std::uint64_t offset) const {
  const std::uint64_t word = (offset / 4 + stream_key) * 0x9e3779b97f4a7c15;
  return static_cast<std::uint8_t>((word >> 32) + offset);
}

void TcpStream::fail(const char* reason) {
  state_ = State::failed;
  failure_ = reason;
  retransmit_at_ = never;
}

void TcpStream::write(TimePoint now, std::uint64_t octets) {
  written_ += octets;
  if (state_ == State::established) send_what_fits(now);
}

void TcpStream::write_every(TimePoint now, Duration interval, std::uint64_t octets) {
  write_interval_ = interval;
  write_size_ = octets;
  next_write_ = now;
}

void TcpStream::set_segment_size(TimePoint now, std::size_t octets) {
  if (octets >= segment_size_) return;
  segment_size_ = octets;
  if (state_ != State::established || una_ == highest_sent_) return;
  nxt_ = una_;  // what was too big goes again, smaller
  send_what_fits(now);
}

void TcpStream::send_segment(std::uint8_t flags, std::uint64_t offset, std::size_t length) {
  ByteVector segment;
  segment.reserve(20 + length);
  ByteWriter out{segment};
  out.u16(ends_.local_port);
  out.u16(ends_.remote_port);
  const bool syn = (flags & tcp_syn) != 0;
  out.u32(syn ? iss_ : iss_ + 1 + static_cast<std::uint32_t>(offset));
  out.u32((flags & tcp_ack) != 0 ? irs_ + 1 + static_cast<std::uint32_t>(next_expected_) : 0);
  out.u8(0x50);
  out.u8(flags);
  out.u16(64800);
  out.u32(0);
  const std::uint64_t stream_key = key(true);
  for (std::size_t i = 0; i < length; ++i) out.u8(octet(stream_key, offset + i));
  output_(ends_, std::move(segment));
}

void TcpStream::send_what_fits(TimePoint now) {
  const std::uint64_t limit = una_ + static_cast<std::uint64_t>(window_) * segment_size_;
  while (nxt_ < written_ && nxt_ < limit) {
    const auto length = static_cast<std::size_t>(std::min<std::uint64_t>(segment_size_, written_ - nxt_));
    if (nxt_ < highest_sent_) {
      ++retransmissions_;
      timed_offset_ = 0;  // Karn
    } else if (timed_offset_ == 0) {
      timed_offset_ = nxt_ + length;
      timed_at_ = now;
    }
    send_segment(tcp_ack, nxt_, length);
    nxt_ += length;
    highest_sent_ = std::max(highest_sent_, nxt_);
    if (retransmit_at_ == never) arm(now);
  }
}

void TcpStream::input(TimePoint now, const Segment& segment) {
  if (state_ == State::failed) return;
  if ((segment.flags & tcp_rst) != 0) {
    const bool in_window = segment.sequence - (irs_ + 1 + static_cast<std::uint32_t>(next_expected_)) < 65536;
    const bool refused = state_ == State::syn_sent && segment.acknowledgement == iss_ + 1;
    if (refused || (state_ != State::syn_sent && in_window)) fail("reset");
    return;
  }
  const bool syn = (segment.flags & tcp_syn) != 0, ack = (segment.flags & tcp_ack) != 0;
  switch (state_) {
    case State::syn_sent:
      if (!syn || !ack || segment.acknowledgement != iss_ + 1) return;
      irs_ = segment.sequence;
      state_ = State::established;
      connected_at_ = last_progress_ = now;
      retries_ = doublings_ = 0;
      rto_ = seconds{1};
      retransmit_at_ = never;
      send_segment(tcp_ack, 0, 0);
      send_what_fits(now);
      return;
    case State::syn_received:
      if (syn && !ack) {
        irs_ = segment.sequence;
        send_segment(tcp_syn | tcp_ack, 0, 0);
        if (retransmit_at_ == never) arm(now);
        return;
      }
      if (!ack || syn || segment.acknowledgement - (iss_ + 1) > 0x7fffffff) return;
      state_ = State::established;
      connected_at_ = last_progress_ = now;
      retries_ = doublings_ = 0;
      rto_ = seconds{1};
      retransmit_at_ = never;
      send_what_fits(now);
      break;
    case State::established:
      if (syn) {  // our ACK of the SYN/ACK was lost
        send_segment(tcp_ack, nxt_, 0);
        return;
      }
      break;
    case State::failed:
      return;
  }
  if (ack) on_acknowledgement(now, segment.acknowledgement, segment.payload.empty());
  if (!segment.payload.empty()) on_payload(now, segment.sequence, segment.payload);
}

void TcpStream::on_acknowledgement(TimePoint now, std::uint32_t acknowledgement, bool pure) {
  const std::uint32_t advance = acknowledgement - (iss_ + 1 + static_cast<std::uint32_t>(una_));
  if (advance > 0x7fffffff || una_ + advance > highest_sent_) return;  // old, or about nothing that we sent
  if (advance == 0) {
    if (!pure || una_ == highest_sent_ || ++duplicate_acks_ != 3) return;
    threshold_ = window_ = std::max(window_ / 2, 2.0);
    ++retransmissions_;
    timed_offset_ = 0;
    send_segment(tcp_ack, una_, static_cast<std::size_t>(std::min<std::uint64_t>(segment_size_, highest_sent_ - una_)));
    return;
  }
  una_ += advance;
  nxt_ = std::max(nxt_, una_);
  duplicate_acks_ = 0;
  retries_ = doublings_ = 0;
  if (timed_offset_ != 0 && una_ >= timed_offset_) {
    const Duration sample = now - timed_at_;
    rttvar_ = srtt_ == Duration{} ? sample / 2 : (3 * rttvar_ + std::chrono::abs(srtt_ - sample)) / 4;
    srtt_ = srtt_ == Duration{} ? sample : (7 * srtt_ + sample) / 8;
    timed_offset_ = 0;
  }
  if (srtt_ != Duration{}) rto_ = std::clamp<Duration>(srtt_ + 4 * rttvar_, min_rto, max_rto);
  window_ = std::min(max_window, window_ < threshold_ ? window_ + 1 : window_ + 1 / window_);
  if (una_ == highest_sent_)
    retransmit_at_ = never;
  else
    arm(now);
  send_what_fits(now);
}

void TcpStream::on_payload(TimePoint now, std::uint32_t sequence, Bytes payload) {
  const auto relative = static_cast<std::int32_t>(sequence - (irs_ + 1 + static_cast<std::uint32_t>(next_expected_)));
  const std::int64_t begin = static_cast<std::int64_t>(next_expected_) + relative;
  if (begin >= 0 && begin < static_cast<std::int64_t>(next_expected_) + 1'000'000) {
    const auto first = static_cast<std::uint64_t>(begin);
    const std::uint64_t stream_key = key(false);
    for (std::size_t i = 0; i < payload.size(); ++i)
      wrong_octets_ += payload[i] != octet(stream_key, first + i) ? 1 : 0;
    std::uint64_t& end = ahead_[first];
    end = std::max(end, first + payload.size());
    const std::uint64_t before = next_expected_;
    while (!ahead_.empty() && ahead_.begin()->first <= next_expected_) {
      next_expected_ = std::max(next_expected_, ahead_.begin()->second);
      ahead_.erase(ahead_.begin());
    }
    if (next_expected_ > before) {
      longest_gap_ = std::max(longest_gap_, now - last_progress_);
      last_progress_ = now;
    }
  }
  send_segment(tcp_ack, nxt_, 0);
}

void TcpStream::on_no_route(TimePoint now, std::uint32_t sequence) {
  const bool head = sequence == iss_ + 1 + static_cast<std::uint32_t>(una_);
  if (state_ != State::established || !head || doublings_ == 0 || retransmit_at_ == never) return;
  const TimePoint armed_at = retransmit_at_ - rto_;
  --doublings_;
  rto_ = std::max<Duration>(rto_ / 2, min_rto);
  retransmit_at_ = std::max(now, armed_at + rto_);
}

void TcpStream::on_time(TimePoint now) {
  if (state_ == State::failed) return;
  while (next_write_ <= now) {
    next_write_ += write_interval_;
    write(now, write_size_);
  }
  if (retransmit_at_ > now) return;
  const bool handshake = state_ != State::established;
  if (retries_++ == 0) retrying_since_ = now;
  if (handshake ? retries_ > max_syn_retries : now - retrying_since_ > max_retry_time) {
    fail("timed out");
    return;
  }
  rto_ = std::min<Duration>(2 * rto_, max_rto);
  ++doublings_;
  retransmit_at_ = never;
  if (handshake) {
    send_segment(state_ == State::syn_sent ? tcp_syn : tcp_syn | tcp_ack, 0, 0);
  } else if (una_ < highest_sent_) {
    threshold_ = std::max(window_ / 2, 2.0);
    window_ = 1;
    duplicate_acks_ = 0;
    nxt_ = una_;
    send_what_fits(now);
  } else {
    return;
  }
  if (retransmit_at_ == never) arm(now);
}

}  // namespace ilnp::sim
