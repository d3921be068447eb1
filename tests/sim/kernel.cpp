// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/kernel.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/ipv6/checksum.h"
#include "core/ipv6/icmpv6.h"
#include "tests/support/packet_builder.h"

namespace ilnp::sim {

namespace {

constexpr std::size_t udp_header = 8, counter_octets = 16;
constexpr std::uint16_t echo_id = 0x7069;

std::uint8_t padding_octet(std::uint64_t counter, std::size_t offset) {
  return static_cast<std::uint8_t>(counter * 31 + offset);
}

}  // namespace

// --- Input

void Kernel::input(ByteVector packet) {
  const WalkOutcome outcome = walk_headers(packet);
  if (!outcome.ok) {
    ADD_FAILURE() << owner_.name() << ": the kernel got a malformed packet";
    return;
  }
  const HeaderWalk& walk = outcome.walk;
  if (walk.fragment_header != 0) {
    Reassembler::Outcome whole = reassembler_.on_fragment(world_.now(), packet, walk);
    if (whole.kind == Reassembler::Outcome::Kind::complete) input(std::move(whole.packet));
    return;
  }
  if (walk.has_nonce()) world_.violation(owner_.name() + ": a nonce reached the kernel", packet);
  if (checksum_field_offset(walk.upper_protocol) >= 0 && !test::checksum_is_good(packet)) {
    ++bad_checksums_;
    return;
  }
  const Bytes upper = Bytes{packet}.subspan(walk.upper_offset, walk.upper_length);
  if (walk.upper_protocol == next_header::udp) input_udp(walk.source, walk.destination, upper, packet);
  if (walk.upper_protocol == next_header::tcp && upper.size() >= 20) input_tcp(walk.source, walk.destination, upper);
  if (walk.upper_protocol == next_header::icmpv6 && upper.size() >= 8)
    input_icmpv6(walk.source, walk.destination, upper);
}

void Kernel::input_udp(const Address& from, const Address& to, Bytes datagram, Bytes packet) {
  if (datagram.size() < udp_header) return;
  const std::uint16_t port = load_u16(datagram.data() + 2);
  const auto listener = udp_ports_.find(port);
  if (listener == udp_ports_.end()) {
    constexpr std::uint8_t port_unreachable = 4;
    if (closes_unknown)
      output(to, from, next_header::icmpv6, build_error(icmpv6::destination_unreachable, port_unreachable, 0, packet));
    return;
  }
  if (datagram.size() < udp_header + counter_octets) return;
  const std::uint64_t counter = load_u64(datagram.data() + udp_header + 8);
  UdpReceived& r = received_[{port, from}];
  const TimePoint now = world_.now();
  if (r.last != TimePoint{}) r.longest_gap = std::max(r.longest_gap, now - r.last);
  r.last = now;
  for (std::size_t i = udp_header + counter_octets; i < datagram.size(); ++i)
    r.wrong_octets += datagram[i] != padding_octet(counter, i) ? 1 : 0;
  if (r.seen.size() <= counter) r.seen.resize(counter + 1);
  if (r.seen[counter]) {
    ++r.duplicates;
    return;
  }
  r.seen[counter] = true;
  ++r.datagrams;
  if (counter < r.highest) {
    ++r.overtaken;
    r.longest_overtaking = std::max(r.longest_overtaking, now - r.arrived[counter]);
  }
  r.highest = std::max(r.highest, counter);
  r.arrived.resize(r.highest + 1, now);
  if (!listener->second) return;
  ByteVector answer{datagram.begin(), datagram.end()};
  std::swap_ranges(answer.begin(), answer.begin() + 2, answer.begin() + 2);
  store_u16(answer.data() + 6, 0);
  output(to, from, next_header::udp, answer);
}

void Kernel::input_tcp(const Address& from, const Address& to, Bytes bytes) {
  const std::size_t header = std::size_t{bytes[12]} / 16 * 4;
  if (header > bytes.size()) return;
  const Segment segment{load_u16(bytes.data()),
                        load_u16(bytes.data() + 2),
                        load_u32(bytes.data() + 4),
                        load_u32(bytes.data() + 8),
                        bytes[13],
                        bytes.subspan(header)};
  const TcpStream::Ends ends{to, from, segment.destination_port, segment.source_port};
  TcpStream* stream = find_stream(ends);
  const bool opens = (segment.flags & (tcp_syn | tcp_ack | tcp_rst)) == tcp_syn;
  if (stream == nullptr && opens && tcp_ports_.contains(segment.destination_port)) {
    stream = &add_stream(ends, false);
    if (const auto& on_accept = tcp_ports_[segment.destination_port]) on_accept(*stream);
  }
  if (stream != nullptr) {
    stream->input(world_.now(), segment);
    return;
  }
  if (!closes_unknown || (segment.flags & tcp_rst) != 0) return;
  ByteVector reset;
  ByteWriter out{reset};
  out.u16(segment.destination_port);
  out.u16(segment.source_port);
  out.u32((segment.flags & tcp_ack) != 0 ? segment.acknowledgement : 0);
  out.u32(segment.sequence + static_cast<std::uint32_t>(segment.payload.size()) + (opens ? 1u : 0u));
  out.u8(0x50);
  out.u8(tcp_rst | tcp_ack);
  out.zeros(6);
  output(to, from, next_header::tcp, reset);
}

void Kernel::input_icmpv6(const Address& from, const Address& to, Bytes message) {
  if (message[0] == icmpv6::echo_request) {
    ByteVector reply{message.begin(), message.end()};
    reply[0] = icmpv6::echo_reply;
    output(to, from, next_header::icmpv6, reply);
  } else if (message[0] == icmpv6::echo_reply) {
    if (load_u16(message.data() + 4) == echo_id) ++echo_replies_;
  } else if (icmpv6::is_error(message[0])) {
    input_error(from, message);
  }
}

void Kernel::input_error(const Address& from, Bytes message) {
  errors_.push_back({message[0], message[1], from, load_u32(message.data() + 4)});
  const Bytes quote = message.subspan(8);
  const WalkOutcome quoted = walk_headers(quote, true);
  if (!quoted.ok) return;
  const Address remote = quoted.walk.destination;
  if (message[0] == icmpv6::packet_too_big) {
    std::size_t& mtu = path_mtu_.try_emplace(remote, route_mtu).first->second;
    mtu = std::min(mtu, std::max<std::size_t>(load_u32(message.data() + 4), minimum_mtu));
    for (auto& stream : streams_)
      if (stream->ends().remote == remote) stream->set_segment_size(world_.now(), mtu_to(remote) - 60);
    return;
  }
  if (quoted.walk.upper_protocol != next_header::tcp || quoted.walk.upper_length < 4) return;
  const std::uint8_t* ports = quote.data() + quoted.walk.upper_offset;
  TcpStream* stream = find_stream({quoted.walk.source, remote, load_u16(ports), load_u16(ports + 2)});
  if (stream == nullptr) return;
  // As Linux: an error ends a connection that is being opened, not one that is open.
  if (stream->state() == TcpStream::State::syn_sent) stream->fail("ICMPv6 error");
  const bool no_route = message[0] == icmpv6::destination_unreachable && message[1] == 0;
  if (no_route && quoted.walk.upper_length >= 8) stream->on_no_route(world_.now(), load_u32(ports + 4));
}

// --- Output

void Kernel::output(const Address& from, const Address& to, std::uint8_t protocol, Bytes upper) {
  ByteVector packet = build_packet(from, to, protocol, upper);
  const std::size_t mtu = mtu_to(to);
  if (packet.size() <= mtu || protocol == next_header::tcp) {
    output_(std::move(packet));
    return;
  }
  const WalkOutcome outcome = walk_headers(packet);
  for (ByteVector& piece : fragment_packet(packet, outcome.walk, mtu, ++fragment_id_)) output_(std::move(piece));
}

std::size_t Kernel::mtu_to(const Address& remote) const {
  const auto known = path_mtu_.find(remote);
  return known == path_mtu_.end() ? route_mtu : std::min(route_mtu, known->second);
}

// --- Applications

UdpSender& Kernel::send_every(Duration interval, const Address& from, const Address& to, std::uint16_t port,
                              std::size_t size) {
  senders_.push_back(std::make_unique<UdpSender>());
  UdpSender& s = *senders_.back();
  s.from = from;
  s.to = to;
  s.source_port = next_port_++;
  s.port = port;
  s.interval = interval;
  s.size = std::max(size, counter_octets);
  s.next = world_.now();
  udp_ports_.try_emplace(s.source_port, false);  // answers come to it
  return s;
}

void Kernel::send_datagram(UdpSender& s) {
  ByteVector datagram;
  ByteWriter out{datagram};
  out.u16(s.source_port);
  out.u16(s.port);
  out.u16(static_cast<std::uint16_t>(udp_header + s.size));
  out.u16(0);
  out.u64(s.source_port);
  out.u64(++s.sent);
  while (datagram.size() < udp_header + s.size) out.u8(padding_octet(s.sent, datagram.size()));
  output(s.from, s.to, next_header::udp, datagram);
}

UdpReceived& Kernel::udp(std::uint16_t port) {
  UdpReceived* found = nullptr;
  for (auto& [key, value] : received_) {
    if (key.first != port) continue;
    EXPECT_EQ(found, nullptr) << owner_.name() << ": more than one remote address sent to port " << port;
    found = &value;
  }
  return found != nullptr ? *found : received_[{port, Address{}}];
}

std::size_t Kernel::udp_remotes(std::uint16_t port) const {
  return static_cast<std::size_t>(
      std::count_if(received_.begin(), received_.end(), [&](const auto& entry) { return entry.first.first == port; }));
}

TcpStream::Output Kernel::tcp_output() {
  return [this](const TcpStream::Ends& ends, ByteVector segment) {
    output(ends.local, ends.remote, next_header::tcp, segment);
  };
}

TcpStream& Kernel::add_stream(TcpStream::Ends ends, bool active) {
  const auto sequence = static_cast<std::uint32_t>(world_.random().u64());
  auto stream = std::make_unique<TcpStream>(ends, sequence, active, world_.now(), tcp_output());
  stream->set_segment_size(world_.now(), mtu_to(ends.remote) - 60);
  TcpStream& reference = *stream;
  by_ends_[ends] = stream.get();
  streams_.push_back(std::move(stream));
  return reference;
}

TcpStream* Kernel::find_stream(const TcpStream::Ends& ends) {
  const auto it = by_ends_.find(ends);
  return it == by_ends_.end() ? nullptr : it->second;
}

TcpStream& Kernel::connect(const Address& from, const Address& to, std::uint16_t port) {
  return add_stream({from, to, next_port_++, port}, true);
}

std::vector<TcpStream*> Kernel::all_accepted(std::uint16_t port) {
  std::vector<TcpStream*> found;
  for (auto& stream : streams_)
    if (stream->ends().local_port == port) found.push_back(stream.get());
  return found;
}

TcpStream* Kernel::accepted(std::uint16_t port) {
  const auto found = all_accepted(port);
  return found.empty() ? nullptr : found.back();
}

void Kernel::ping(const Address& from, const Address& to, std::size_t size) {
  ByteVector message{icmpv6::echo_request, 0, 0, 0};
  ByteWriter out{message};
  out.u16(echo_id);
  out.u16(next_echo_++);
  out.zeros(size);
  output(from, to, next_header::icmpv6, message);
}

bool Kernel::has_sockets_with(const Address& remote) const {
  const auto is_open = [&](const auto& s) {
    return s->ends().remote == remote && s->state() != TcpStream::State::failed;
  };
  return std::any_of(streams_.begin(), streams_.end(), is_open) ||
         std::any_of(senders_.begin(), senders_.end(),
                     [&](const auto& s) { return s->to == remote && s->next != never; });
}

std::uint64_t Kernel::wrong_octets() const {
  std::uint64_t total = 0;
  for (const auto& stream : streams_) total += stream->wrong_octets();
  for (const auto& [key, value] : received_) total += value.wrong_octets;
  return total;
}

// --- Time

void Kernel::on_time() {
  const TimePoint now = world_.now();
  reassembler_.on_time(now);
  for (std::size_t i = 0; i < senders_.size(); ++i) {
    UdpSender& s = *senders_[i];
    if (s.next > now) continue;
    s.next += s.interval;
    send_datagram(s);
  }
  for (std::size_t i = 0; i < streams_.size(); ++i)
    if (streams_[i]->next_deadline() <= now) streams_[i]->on_time(now);
}

TimePoint Kernel::next_deadline() const {
  TimePoint next = reassembler_.next_deadline();
  for (const auto& s : senders_) next = std::min(next, s->next);
  for (const auto& stream : streams_) next = std::min(next, stream->next_deadline());
  return next;
}

}  // namespace ilnp::sim
