// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/fragments.h"

#include <algorithm>
#include <cassert>

namespace ilnp {
namespace {

constexpr std::size_t fragment_header_length = 8;
constexpr std::size_t max_payload = 0xffff;
constexpr std::size_t max_pieces = 128;  // 64 KiB over a path of 1280 makes 54
constexpr std::size_t datagram_cost = 256, piece_cost = 64;

/// Where the cut begins: headers before `begin` go into every fragment, `pointer` is the octet that names what follows.
struct Cut {
  std::size_t begin = ipv6_header_length;
  std::size_t pointer = 6;
};

/// The per-fragment headers end after the last Hop-by-Hop or Routing header (RFC 8200 section 4.5). walk_headers() has
/// accepted the chain, which bounds the loop.
Cut first_cut(Bytes packet, const HeaderWalk& walk) {
  Cut cut;
  for (std::size_t at = cut.begin, pointer = cut.pointer; at < walk.upper_offset;) {
    const std::uint8_t type = packet[pointer];
    const std::size_t units = packet[at + 1];
    pointer = at;
    at += type == next_header::authentication ? 4 * (units + 2) : 8 * (units + 1);
    if (type == next_header::hop_by_hop || type == next_header::routing) cut = {at, pointer};
  }
  return cut;
}

ByteVector one_fragment(Bytes headers, std::size_t pointer, std::uint8_t next, std::size_t offset, bool more,
                        std::uint32_t identification, Bytes data) {
  ByteVector fragment;
  fragment.reserve(headers.size() + fragment_header_length + data.size());
  ByteWriter out{fragment};
  out.bytes(headers);
  out.u8(next);
  out.u8(0);
  out.u16(static_cast<std::uint16_t>(offset | (more ? 1 : 0)));
  out.u32(identification);
  out.bytes(data);
  fragment[pointer] = next_header::fragment;
  store_u16(fragment.data() + 4, static_cast<std::uint16_t>(fragment.size() - ipv6_header_length));
  return fragment;
}

// ECN codepoints in the low two bits of the traffic class (RFC 3168 section 5).
constexpr unsigned not_capable = 0, congestion = 3;
unsigned ecn_of(Bytes packet) { return packet[1] >> 4 & 3U; }

}  // namespace

std::vector<ByteVector> fragment_packet(Bytes packet, const HeaderWalk& walk, std::size_t mtu,
                                        std::uint32_t identification) {
  if (packet.size() <= mtu) return {ByteVector{packet.begin(), packet.end()}};
  const bool again = walk.fragment_header != 0;
  const Cut cut = again ? Cut{walk.fragment_header, walk.fragment_pointer} : first_cut(packet, walk);
  const std::size_t data_begin = again ? cut.begin + fragment_header_length : cut.begin;
  const std::uint8_t next = packet[again ? cut.begin : cut.pointer];
  if (again) identification = walk.fragment_id;
  const Bytes data = packet.subspan(data_begin);
  const std::size_t repeated = cut.begin + fragment_header_length;
  if (mtu < repeated + 8) return {};
  const std::size_t step = (mtu - repeated) / 8 * 8;
  constexpr std::size_t shortest_upper_header = 8;
  if (walk.has_upper_layer() && walk.upper_offset - data_begin + shortest_upper_header > step) return {};

  std::vector<ByteVector> fragments;
  for (std::size_t at = 0; at < data.size(); at += step) {
    const Bytes piece = data.subspan(at, std::min(step, data.size() - at));
    const bool more = at + piece.size() < data.size() || walk.more_fragments;
    fragments.push_back(one_fragment(packet.first(cut.begin), cut.pointer, next, walk.fragment_offset + at, more,
                                     identification, piece));
  }
  return fragments;
}

Reassembler::Reassembler(ReassemblyLimits limits) : limits_{limits} {
  limits_.datagrams = std::max<std::size_t>(limits_.datagrams, 1);
  limits_.octets = std::max(limits_.octets, 2 * max_payload);
}

Reassembler::Outcome Reassembler::drop(FragmentDrop reason) {
  ++drops_[static_cast<std::size_t>(reason)];
  return {Outcome::Kind::dropped, reason, {}, 0};
}

Reassembler::Outcome Reassembler::condemn(Datagram& datagram, FragmentDrop reason) {
  datagram.is_condemned = true;
  datagram.pieces = {};
  datagram.headers = {};
  octets_ -= datagram.cost - datagram_cost;
  datagram.cost = datagram_cost;
  return drop(reason);
}

void Reassembler::charge(Datagram& datagram, std::size_t octets) {
  datagram.cost += octets;
  octets_ += octets;
}

void Reassembler::erase(Datagrams::iterator datagram) {
  octets_ -= datagram->cost;
  by_key_.erase(datagram->key);
  datagrams_.erase(datagram);
}

void Reassembler::make_room(Datagrams::iterator keep) {
  while (datagrams_.size() > limits_.datagrams || octets_ > limits_.octets) {
    auto oldest = datagrams_.begin();
    if (oldest == keep) ++oldest;
    if (oldest == datagrams_.end()) return;  // one datagram alone is below both limits
    ++drops_[static_cast<std::size_t>(FragmentDrop::evicted)];
    erase(oldest);
  }
}

void Reassembler::on_time(TimePoint now) {
  while (!datagrams_.empty() && datagrams_.front().deadline <= now) {
    if (!datagrams_.front().is_condemned) ++drops_[static_cast<std::size_t>(FragmentDrop::timed_out)];
    erase(datagrams_.begin());
  }
}

Reassembler::Datagrams::iterator Reassembler::find_or_create(TimePoint now, const Key& key) {
  const auto found = by_key_.find(key);
  if (found != by_key_.end()) return found->second;
  Datagram& fresh = datagrams_.emplace_back();
  fresh.key = key;
  fresh.deadline = now + limits_.timeout;
  charge(fresh, datagram_cost);
  const auto datagram = std::prev(datagrams_.end());
  by_key_.emplace(key, datagram);
  return datagram;
}

Reassembler::Outcome Reassembler::on_fragment(TimePoint now, Bytes packet, const HeaderWalk& walk) {
  assert(walk.fragment_header != 0);
  on_time(now);
  const std::size_t data_begin = walk.fragment_header + fragment_header_length;
  const std::size_t length = packet.size() - data_begin;
  if (!walk.is_fragment) {
    ByteVector whole{packet.begin(), packet.begin() + walk.fragment_header};
    whole.insert(whole.end(), packet.begin() + static_cast<std::ptrdiff_t>(data_begin), packet.end());
    whole[walk.fragment_pointer] = packet[walk.fragment_header];
    store_u16(whole.data() + 4, static_cast<std::uint16_t>(whole.size() - ipv6_header_length));
    ++completed_;
    return {Outcome::Kind::complete, {}, std::move(whole), packet.size()};
  }
  if (length == 0 || (walk.more_fragments && length % 8 != 0)) return drop(FragmentDrop::bad_length);
  const std::size_t headers = walk.fragment_header - ipv6_header_length;
  if (headers + walk.fragment_offset + length > max_payload) return drop(FragmentDrop::too_long);

  const auto datagram = find_or_create(now, {walk.source, walk.destination, walk.fragment_id});
  if (datagram->is_condemned) return drop(FragmentDrop::condemned);
  Outcome outcome = add(datagram, packet, walk);
  if (outcome.kind == Outcome::Kind::held) make_room(datagram);
  return outcome;
}

Reassembler::Outcome Reassembler::add(Datagrams::iterator datagram, Bytes packet, const HeaderWalk& walk) {
  const Bytes data = packet.subspan(walk.fragment_header + fragment_header_length);
  const std::size_t begin = walk.fragment_offset, end = begin + data.size();

  auto& pieces = datagram->pieces;
  const auto after = std::lower_bound(pieces.begin(), pieces.end(), begin,
                                      [](const Piece& piece, std::size_t offset) { return piece.begin < offset; });
  if (after != pieces.end() && after->begin == begin && std::ranges::equal(after->data, data))
    return drop(FragmentDrop::duplicate);
  const bool overlaps =
      (after != pieces.end() && after->begin < end) || (after != pieces.begin() && std::prev(after)->end() > begin);
  if (overlaps) return condemn(*datagram, FragmentDrop::overlap);

  if (!walk.more_fragments && datagram->length == 0) {
    if (!pieces.empty() && pieces.back().end() > end) return condemn(*datagram, FragmentDrop::conflicting_end);
    datagram->length = end;
  } else if (datagram->length != 0 && (!walk.more_fragments || end > datagram->length)) {
    return condemn(*datagram, FragmentDrop::conflicting_end);
  }
  if (pieces.size() == max_pieces) return condemn(*datagram, FragmentDrop::too_many_fragments);
  datagram->ecn_seen = static_cast<std::uint8_t>(datagram->ecn_seen | 1U << ecn_of(packet));
  constexpr unsigned contradiction = 1U << not_capable | 1U << congestion;
  if ((datagram->ecn_seen & contradiction) == contradiction) return condemn(*datagram, FragmentDrop::conflicting_ecn);

  if (begin == 0) {
    const Bytes headers = packet.first(walk.fragment_header);
    datagram->headers.assign(headers.begin(), headers.end());
    datagram->header_pointer = walk.fragment_pointer;
    datagram->next_header = packet[walk.fragment_header];
    charge(*datagram, headers.size());
  }
  pieces.insert(after, Piece{begin, {data.begin(), data.end()}});
  datagram->received += data.size();
  charge(*datagram, piece_cost + data.size());
  if (datagram->length != 0 && datagram->received == datagram->length) return complete(datagram);
  return {};
}

Reassembler::Outcome Reassembler::complete(Datagrams::iterator datagram) {
  const std::size_t payload = datagram->headers.size() - ipv6_header_length + datagram->length;
  if (payload > max_payload) return condemn(*datagram, FragmentDrop::too_long);
  ByteVector whole = std::move(datagram->headers);
  std::size_t largest = 0;
  for (const Piece& piece : datagram->pieces)
    largest = std::max(largest, whole.size() + fragment_header_length + piece.data.size());
  whole.reserve(ipv6_header_length + payload);
  for (const Piece& piece : datagram->pieces) whole.insert(whole.end(), piece.data.begin(), piece.data.end());
  whole[datagram->header_pointer] = datagram->next_header;
  store_u16(whole.data() + 4, static_cast<std::uint16_t>(payload));
  if ((datagram->ecn_seen & 1U << congestion) != 0) whole[1] |= congestion << 4;
  erase(datagram);
  ++completed_;
  return {Outcome::Kind::complete, {}, std::move(whole), largest};
}

}  // namespace ilnp
