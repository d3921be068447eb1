// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/header_walk.h"

#include <algorithm>

namespace ilnp {
namespace {

enum class OptionsHeader : std::uint8_t { hop_by_hop, destination };

/// One walk over one packet. Offsets are checked against `end` before they are read; at most max_extension_headers
/// headers of at most 2 KiB each are crossed, so every offset fits 16 bits.
class Walker {
 public:
  Walker(Bytes packet, bool quoted) : p_{packet.data()}, size_{packet.size()}, quoted_{quoted} {}

  WalkOutcome run() {
    if (size_ < ipv6_header_length) return failure(ParseError::truncated, 0);
    if (p_[0] >> 4 != 6) return failure(ParseError::not_ipv6, 0);
    walk_.source = Address::load(p_ + 8);
    walk_.destination = Address::load(p_ + 24);
    walk_.hop_limit = p_[7];
    end_ = ipv6_header_length + load_u16(p_ + 4);
    if (end_ != size_) {
      if (!quoted_) return failure(end_ > size_ ? ParseError::truncated : ParseError::length_mismatch, 4);
      end_ = std::min(end_, size_);
    }
    next_ = p_[6];
    // Nearly every packet: the upper layer follows at once.
    if (next_ == next_header::tcp || next_ == next_header::udp || next_ == next_header::icmpv6) return success();
    return extension_headers();
  }

 private:
  WalkOutcome extension_headers() {
    for (int headers = 0;; ++headers) {
      switch (next_) {
        case next_header::hop_by_hop:
          if (headers != 0) return failure(ParseError::header_not_allowed, pointer_);
          break;
        case next_header::destination_options:
        case next_header::authentication:
          break;
        case next_header::routing:
          if (walk_.has_nonce()) return failure(ParseError::header_not_allowed, walk_.nonce_option);
          break;
        case next_header::fragment:
          if (walk_.fragment_header != 0) return failure(ParseError::header_not_allowed, pointer_);
          break;
        case next_header::mobility:
        case next_header::hip:
        case next_header::shim6:
        case 253:  // experiments, RFC 4727
        case 254:
          return failure(ParseError::header_not_allowed, pointer_);
        default:
          return success();
      }
      if (headers == max_extension_headers) return failure(ParseError::too_many_headers, pointer_);
      if (end_ - at_ < 8) return failure(past_the_end(), at_);
      const std::size_t length = header_length();
      if (length > end_ - at_) return failure(past_the_end(), at_ + 1);
      if (!one_header(length)) return failure(error_, error_offset_);
      next_ = p_[at_];
      pointer_ = at_;
      at_ += length;
      if (!walk_.has_upper_layer()) return success();  // what follows is data of a later fragment
    }
  }

  std::size_t header_length() const {
    const std::size_t units = p_[at_ + 1];
    if (next_ == next_header::fragment) return 8;
    if (next_ == next_header::authentication) return 4 * (units + 2);  // RFC 4302 section 2.2
    return 8 * (units + 1);
  }

  bool one_header(std::size_t length) {
    switch (next_) {
      case next_header::destination_options:
        return options(length, OptionsHeader::destination);
      case next_header::hop_by_hop:
        return options(length, OptionsHeader::hop_by_hop);
      case next_header::routing:
        // RFC 5095: type 0 is dead. Segments left: the destination is not the end of the path, the pseudo-header
        // belongs to another address.
        if (p_[at_ + 2] == 0) return reject(ParseError::header_not_allowed, at_ + 2);
        if (p_[at_ + 3] != 0) return reject(ParseError::header_not_allowed, at_ + 3);
        return true;
      case next_header::authentication:
        return length >= 12 || reject(ParseError::bad_extension_header, at_ + 1);
      default:  // Fragment
        walk_.fragment_header = u16(at_);
        walk_.fragment_pointer = u16(pointer_);
        walk_.fragment_offset = load_u16(p_ + at_ + 2) & 0xfff8;
        walk_.more_fragments = (p_[at_ + 3] & 1) != 0;
        walk_.fragment_id = load_u32(p_ + at_ + 4);
        walk_.is_fragment = walk_.fragment_offset != 0 || walk_.more_fragments;
        return true;
    }
  }

  bool options(std::size_t header_length, OptionsHeader kind) {
    const std::size_t end = at_ + header_length;
    bool nonce_here = false, others = false;
    for (std::size_t at = at_ + 2; at < end;) {
      if (++options_ > max_options) return reject(ParseError::too_many_headers, at);
      const std::uint8_t type = p_[at];
      if (type == 0) {  // Pad1
        ++at;
        continue;
      }
      if (end - at < 2) return reject(ParseError::bad_option, at);
      const std::size_t length = p_[at + 1];
      if (length > end - at - 2) return reject(ParseError::bad_option, at + 1);
      if (type == nonce_option_type) {
        if (walk_.has_nonce()) return reject(ParseError::two_nonces, at);
        if (kind == OptionsHeader::hop_by_hop || length < min_nonce_length || length > max_nonce_length)
          return reject(ParseError::bad_option, at);
        walk_.nonce_option = u16(at);
        walk_.nonce_offset = u16(at + 2);
        walk_.nonce_length = static_cast<std::uint8_t>(length);
        nonce_here = true;
      } else if (type != 1) {  // not PadN
        others = true;
      }
      at += 2 + length;
    }
    if (nonce_here) {
      walk_.nonce_header = u16(at_);
      walk_.nonce_header_length = u16(header_length);
      walk_.nonce_header_pointer = u16(pointer_);
      walk_.nonce_alone = !others;
    }
    return true;
  }

  ParseError past_the_end() const { return quoted_ ? ParseError::truncated : ParseError::bad_extension_header; }

  bool reject(ParseError error, std::size_t offset) {
    error_ = error;
    error_offset_ = offset;
    return false;
  }
  WalkOutcome failure(ParseError error, std::size_t offset) const {
    WalkOutcome out;
    out.walk.source = walk_.source;
    out.walk.destination = walk_.destination;
    out.walk.hop_limit = walk_.hop_limit;
    out.error = error;
    out.error_offset = u16(offset);
    return out;
  }
  WalkOutcome success() {
    walk_.upper_protocol = next_;
    walk_.upper_offset = u16(at_);
    walk_.upper_pointer = u16(pointer_);
    walk_.upper_length = static_cast<std::uint32_t>(end_ - at_);
    return {walk_, true, {}, 0};
  }
  static std::uint16_t u16(std::size_t offset) { return static_cast<std::uint16_t>(offset); }

  const std::uint8_t* p_;
  std::size_t size_;
  bool quoted_;
  std::size_t end_ = 0;                  ///< of the packet
  std::size_t at_ = ipv6_header_length;  ///< the header being looked at
  std::size_t pointer_ = 6;              ///< of the octet that names it
  std::uint8_t next_ = 0;                ///< its type
  int options_ = 0;                      ///< seen so far, in all headers
  ParseError error_{};
  std::size_t error_offset_ = 0;
  HeaderWalk walk_;
};

}  // namespace

WalkOutcome walk_headers(Bytes packet, bool quoted) { return Walker{packet, quoted}.run(); }

}  // namespace ilnp
