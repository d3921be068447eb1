// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/train.h"

#include <algorithm>
#include <optional>

#include "core/ipv6/checksum.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/offload.h"

namespace ilnp::lisp {
namespace {

constexpr std::size_t ipv4_header_plain = 20, tcp_least = 20, udp_octets = 8;
constexpr std::size_t tcp_sequence = 4, tcp_offset = 12, tcp_flags = 13, tcp_checksum = 16, udp_checksum = 6;
constexpr std::uint8_t fin = 0x01, psh = 0x08, ack = 0x10, cwr = 0x80;
constexpr std::size_t largest_packet = 65535;

/// Of addresses, length and protocol: the same in both families.
std::uint16_t pseudo_sum(const InnerPacket& inner, std::size_t upper_length) {
  const std::uint64_t addresses =
      std::uint64_t{ones_complement_sum(inner.source.octets())} + ones_complement_sum(inner.destination.octets());
  return fold(addresses + upper_length + inner.protocol);
}

/// Of the transport header at `upper`; 0: it is not all there.
std::size_t transport_octets(const InnerPacket& inner, Bytes upper) {
  if (inner.protocol == next_header::udp) return upper.size() >= udp_octets ? udp_octets : 0;
  if (upper.size() < tcp_least) return 0;
  const auto octets = static_cast<std::size_t>(upper[tcp_offset] >> 4) * 4;
  return octets >= tcp_least && octets <= upper.size() ? octets : 0;
}

void set_length(std::uint8_t* ip, const InnerPacket& inner, std::size_t length) {
  if (!inner.source.is_ipv4()) return store_u16(ip + 4, static_cast<std::uint16_t>(length - ipv6_header_length));
  store_u16(ip + 2, static_cast<std::uint16_t>(length));
  store_u16(ip + 10, 0);
  store_u16(ip + 10, ipv4_header_sum({ip, inner.upper_offset}));
}

// --- Cutting
// ----------------------------------------------------------------------------------------------------------------

/// Makes a piece out of a copy of the headers and its part of the payload. `index`: how many pieces before it.
void finish_piece(MutableBytes piece, const InnerPacket& inner, std::size_t index, std::size_t sequence_step,
                  bool is_last) {
  std::uint8_t* upper = piece.data() + inner.upper_offset;
  const std::size_t upper_length = piece.size() - inner.upper_offset;
  std::size_t field = udp_checksum;
  if (inner.protocol == next_header::tcp) {
    field = tcp_checksum;
    store_u32(upper + tcp_sequence, static_cast<std::uint32_t>(load_u32(upper + tcp_sequence) + index * sequence_step));
    if (!is_last) upper[tcp_flags] = static_cast<std::uint8_t>(upper[tcp_flags] & ~(fin | psh));
    if (index > 0) upper[tcp_flags] = static_cast<std::uint8_t>(upper[tcp_flags] & ~cwr);
  } else {
    store_u16(upper + 4, static_cast<std::uint16_t>(upper_length));
  }
  if (inner.source.is_ipv4())
    store_u16(piece.data() + 4, static_cast<std::uint16_t>(load_u16(piece.data() + 4) + index));
  set_length(piece.data(), inner, piece.size());
  store_u16(upper + field, 0);
  const auto sum =
      static_cast<std::uint16_t>(~ones_complement_sum({upper, upper_length}, pseudo_sum(inner, upper_length)));
  store_u16(upper + field, sum == 0 && field == udp_checksum ? std::uint16_t{0xffff} : sum);
}

void append(ByteVector& out, Bytes bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }

void one_datagram(const Packet& packet, Bytes front, std::vector<Train>& out) {
  Train& train = out.emplace_back();
  train.octets.reserve(front.size() + packet.size());
  append(train.octets, front);
  append(train.octets, packet.bytes());
  train.datagram = train.octets.size();
  Packet copy{train.octets, front.size(), packet.size(), packet.offload};
  complete_checksum(copy);
}

}  // namespace

bool cut_into_trains(const Packet& packet, const InnerPacket& inner, Bytes front, std::vector<Train>& out) {
  using Segmentation = Offload::Segmentation;
  const Bytes all = packet.bytes().first(inner.length);
  if (packet.offload.segmentation == Segmentation::none) {
    one_datagram(packet, front, out);
    return true;
  }
  const std::uint8_t expected = packet.offload.segmentation == Segmentation::tcp ? next_header::tcp : next_header::udp;
  const std::size_t transport = transport_octets(inner, all.subspan(inner.upper_offset)),
                    each = packet.offload.segment_size;
  if (inner.protocol != expected || inner.is_fragment || transport == 0 || each == 0) return false;
  const Bytes headers = all.first(inner.upper_offset + transport), payload = all.subspan(headers.size());
  const std::size_t datagram = front.size() + headers.size() + each;
  if (datagram > most_train_octets) return false;
  const std::size_t in_one = std::min(most_in_train, most_train_octets / datagram);

  std::size_t index = 0;
  for (std::size_t at = 0; at < payload.size() || index == 0; at += each, ++index) {
    if (index % in_one == 0) {
      Train& train = out.emplace_back();
      train.octets.reserve(std::min(in_one * datagram, payload.size() + in_one * (front.size() + headers.size())));
      train.datagram = std::min(datagram, front.size() + headers.size() + payload.size() - at);
    }
    const Bytes part = payload.subspan(at, std::min(each, payload.size() - at));
    ByteVector& octets = out.back().octets;
    append(octets, front);
    append(octets, headers);
    append(octets, part);
    const std::size_t size = headers.size() + part.size();
    finish_piece(MutableBytes{octets}.last(size), inner, index, each, at + part.size() == payload.size());
  }
  return true;
}

std::size_t largest_piece(const Packet& packet, const InnerPacket& inner) {
  if (packet.offload.segmentation == Offload::Segmentation::none) return packet.size();
  const std::size_t transport = transport_octets(inner, packet.bytes().subspan(inner.upper_offset));
  return std::min(packet.size(), inner.upper_offset + transport + packet.offload.segment_size);
}

// --- Joining
// ----------------------------------------------------------------------------------------------------------------

namespace {

/// A TCP segment that could be a part of a super-packet.
struct Segment {
  MutableBytes packet;
  InnerPacket inner;
  std::size_t headers = 0;

  const std::uint8_t* tcp() const { return packet.data() + inner.upper_offset; }
  std::uint32_t sequence() const { return load_u32(tcp() + tcp_sequence); }
  std::size_t payload() const { return packet.size() - headers; }
  bool is_pushed() const { return (tcp()[tcp_flags] & psh) != 0; }
};

std::optional<Segment> segment_of(MutableBytes packet) {
  const auto read = parse_inner(packet);
  if (!read || read.value().length != packet.size()) return std::nullopt;
  Segment segment{packet, read.value(), 0};
  const InnerPacket& inner = segment.inner;
  const std::size_t plain = inner.source.is_ipv4() ? ipv4_header_plain : ipv6_header_length;
  if (inner.protocol != next_header::tcp || inner.is_fragment || inner.may_fragment || inner.upper_offset != plain)
    return std::nullopt;
  const Bytes upper = Bytes{packet}.subspan(inner.upper_offset);
  const std::size_t transport = transport_octets(inner, upper);
  if (transport == 0 || transport == upper.size() || (upper[tcp_flags] & ~psh) != ack) return std::nullopt;
  // A new checksum would hide the damage.
  if (ones_complement_sum(upper, pseudo_sum(inner, upper.size())) != 0xffff) return std::nullopt;
  segment.headers = inner.upper_offset + transport;
  return segment;
}

/// Nothing but sequence, checksum, PSH and lengths differs.
bool is_alike(const Segment& a, const Segment& b) {
  if (a.headers != b.headers || a.inner.source != b.inner.source || a.inner.destination != b.inner.destination)
    return false;
  if (a.inner.traffic_class != b.inner.traffic_class || a.inner.hop_limit != b.inner.hop_limit) return false;
  if (a.inner.flow_label != b.inner.flow_label) return false;
  const auto same = [&](std::size_t from, std::size_t to) {
    return std::equal(a.tcp() + from, a.tcp() + to, b.tcp() + from);
  };
  const std::size_t options = a.headers - a.inner.upper_offset;
  return same(0, tcp_sequence) && same(tcp_sequence + 4, tcp_flags) && same(tcp_flags + 1, tcp_checksum) &&
         same(tcp_checksum + 2, options);
}

class Joiner {
 public:
  explicit Joiner(std::vector<Joined>& out) : out_{out} {}

  void add(MutableBytes packet) {
    const auto segment = segment_of(packet);
    if (segment && first_ && fits(*segment)) {
      out_.back().rest.push_back(packet.subspan(segment->headers));
      length_ += segment->payload();
      next_ += static_cast<std::uint32_t>(segment->payload());
      is_pushed_ = segment->is_pushed();
      is_open_ = segment->payload() == first_->payload() && !is_pushed_;
      return;
    }
    finish();
    out_.push_back({packet, {}, {}});
    first_ = segment;
    if (!segment) return;
    length_ = packet.size();
    next_ = segment->sequence() + static_cast<std::uint32_t>(segment->payload());
    is_pushed_ = false;
    is_open_ = !segment->is_pushed();
  }

  void finish() {
    if (!first_ || out_.back().rest.empty()) return;
    const InnerPacket& inner = first_->inner;
    std::uint8_t* upper = first_->packet.data() + inner.upper_offset;
    set_length(first_->packet.data(), inner, length_);
    if (is_pushed_) upper[tcp_flags] = static_cast<std::uint8_t>(upper[tcp_flags] | psh);
    store_u16(upper + tcp_checksum, pseudo_sum(inner, length_ - inner.upper_offset));
    Offload& offload = out_.back().offload;
    offload.partial_checksum = true;
    offload.checksum_start = static_cast<std::uint16_t>(inner.upper_offset);
    offload.checksum_offset = tcp_checksum;
    offload.segmentation = Offload::Segmentation::tcp;
    offload.segment_size = static_cast<std::uint16_t>(first_->payload());
    offload.header_length = static_cast<std::uint16_t>(first_->headers);
  }

 private:
  bool fits(const Segment& segment) const {
    return is_open_ && is_alike(*first_, segment) && segment.sequence() == next_ &&
           segment.payload() <= first_->payload() && length_ + segment.payload() <= largest_packet &&
           out_.back().rest.size() + 1 < most_in_train;
  }

  std::vector<Joined>& out_;
  std::optional<Segment> first_;
  std::size_t length_ = 0;
  std::uint32_t next_ = 0;
  bool is_open_ = false, is_pushed_ = false;
};

}  // namespace

std::vector<Joined> join(std::span<const MutableBytes> packets) {
  std::vector<Joined> out;
  Joiner joiner{out};
  for (const MutableBytes packet : packets) joiner.add(packet);
  joiner.finish();
  return out;
}

}  // namespace ilnp::lisp
