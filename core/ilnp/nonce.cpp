// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/nonce.h"

#include <algorithm>
#include <cassert>
#include <utility>

namespace ilnp {
namespace {

void change_payload_length(Packet& packet, int change) {
  std::uint8_t* field = packet.data() + 4;
  const int length = load_u16(field) + change;
  assert(length >= 0 && length <= 0xffff);
  store_u16(field, static_cast<std::uint16_t>(length));
}

void write_padding(std::uint8_t* out, std::size_t length) {
  if (length == 0) return;
  std::fill_n(out, length, std::uint8_t{0});  // Pad1 is a zero
  if (length == 1) return;
  out[0] = 1;  // PadN
  out[1] = static_cast<std::uint8_t>(length - 2);
}

struct Range {
  std::size_t begin, end;
};

/// The nonce option and the padding that touches it, as offsets in the packet.
Range nonce_and_padding_around(Bytes packet, const HeaderWalk& walk) {
  const std::size_t end = std::size_t{walk.nonce_header} + walk.nonce_header_length;
  Range run{walk.nonce_header + std::size_t{2}, walk.nonce_header + std::size_t{2}};
  for (std::size_t at = run.begin; at < end;) {  // bounded: walk_headers() has accepted these options
    const bool removable = packet[at] <= 1 || packet[at] == nonce_option_type;
    at += packet[at] == 0 ? 1 : std::size_t{2} + packet[at + 1];
    if (removable) {
      run.end = at;
    } else if (run.begin <= walk.nonce_option && walk.nonce_option < run.end) {
      break;
    } else {
      run = {at, at};
    }
  }
  return run;
}

}  // namespace

Nonce::Nonce(Bytes octets) : length_{static_cast<std::uint8_t>(octets.size())} {
  assert(is_storable(octets.size()));
  std::copy(octets.begin(), octets.end(), octets_.begin());
}

Nonce Nonce::draw(Random& random, std::size_t length) {
  assert(is_storable(length));
  Nonce nonce;
  random.fill(MutableBytes{nonce.octets_}.first(length));
  // Linux forwards a super-packet (GSO, GRO) after comparing its segments with the MTU, and takes what follows the IPv6
  // header for TCP: the octet that it reads as the data offset is this one. Above 0x9f it would believe in a longer TCP
  // header than there is, and answer Packet Too Big to segments that fit. 95 random bits remain.
  if (length == long_length) nonce.octets_[8] &= 0x7f;
  nonce.length_ = static_cast<std::uint8_t>(length);
  return nonce;
}

Nonce::~Nonce() {
  volatile std::uint8_t* p = octets_.data();  // volatile: the last writes before the end of life must happen
  for (std::size_t i = 0; i < octets_.size(); ++i) p[i] = 0;
}

void write_nonce_header(std::uint8_t* out, std::uint8_t next_header, const Nonce& nonce) {
  assert(nonce.is_set());
  out[0] = next_header;
  out[1] = static_cast<std::uint8_t>(nonce.header_length() / 8 - 1);
  out[2] = nonce_option_type;
  out[3] = static_cast<std::uint8_t>(nonce.length());
  std::memcpy(out + 4, nonce.octets().data(), nonce.length());
}

void insert_nonce_header(Packet& packet, const HeaderWalk& walk, const Nonce& nonce) {
  assert(!walk.is_fragment && !walk.has_nonce());
  const std::size_t length = nonce.header_length();
  packet.insert_gap(walk.upper_offset, length);
  std::uint8_t* p = packet.data();
  p[walk.upper_pointer] = next_header::destination_options;
  write_nonce_header(p + walk.upper_offset, walk.upper_protocol, nonce);
  change_payload_length(packet, static_cast<int>(length));
}

void strip_nonce(Packet& packet, const HeaderWalk& walk) {
  if (!walk.has_nonce()) return;
  std::uint8_t* p = packet.data();
  if (walk.nonce_alone) {
    p[walk.nonce_header_pointer] = p[walk.nonce_header];
    packet.remove(walk.nonce_header, walk.nonce_header_length);
    change_payload_length(packet, -int{walk.nonce_header_length});
    return;
  }
  const Range run = nonce_and_padding_around(std::as_const(packet).bytes(), walk);
  const std::size_t surplus = (run.end - run.begin) / 8 * 8;
  write_padding(p + run.begin + surplus, run.end - run.begin - surplus);
  if (surplus == 0) return;
  p[walk.nonce_header + 1] = static_cast<std::uint8_t>(p[walk.nonce_header + 1] - surplus / 8);
  packet.remove(run.begin, surplus);
  change_payload_length(packet, -static_cast<int>(surplus));
}

}  // namespace ilnp
