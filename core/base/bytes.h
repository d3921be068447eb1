// SPDX-License-Identifier: Apache-2.0
// Bounded reading and writing of network-order bytes. Everything that comes from a wire, a file or a socket is read
// through ByteReader: after the first short read every later read yields zero and ok() stays false, so parsing code
// reads straight down and checks once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

namespace ilnp {

using Bytes = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;
using ByteVector = std::vector<std::uint8_t>;

class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : rest_{bytes} {}

  std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
  std::uint64_t u64() { return number(8); }

  /// The next n octets, or an empty span (and a failed reader) when fewer remain.
  Bytes take(std::size_t n) {
    if (!ok_ || n > rest_.size()) {
      ok_ = false;
      rest_ = {};
      return {};
    }
    Bytes head = rest_.first(n);
    rest_ = rest_.subspan(n);
    return head;
  }
  void skip(std::size_t n) { take(n); }

  /// A reader over the next n octets only: bounds a nested length.
  ByteReader sub(std::size_t n) {
    ByteReader inner{take(n)};
    inner.ok_ = ok_;
    return inner;
  }

  Bytes rest() const { return rest_; }
  std::size_t remaining() const { return rest_.size(); }
  bool empty() const { return rest_.empty(); }
  bool ok() const { return ok_; }
  void fail() {
    ok_ = false;
    rest_ = {};
  }

 private:
  std::uint64_t number(std::size_t n) {
    std::uint64_t value = 0;
    for (std::uint8_t octet : take(n)) value = value << 8 | octet;
    return value;
  }

  Bytes rest_;
  bool ok_ = true;
};

/// Appends network-order bytes to a vector.
class ByteWriter {
 public:
  explicit ByteWriter(ByteVector& out) : out_{out} {}

  void u8(std::uint8_t v) { out_.push_back(v); }
  void u16(std::uint16_t v) { number(v, 2); }
  void u32(std::uint32_t v) { number(v, 4); }
  void u64(std::uint64_t v) { number(v, 8); }
  void bytes(Bytes b) { out_.insert(out_.end(), b.begin(), b.end()); }
  void zeros(std::size_t n) { out_.insert(out_.end(), n, std::uint8_t{0}); }
  std::size_t size() const { return out_.size(); }

 private:
  void number(std::uint64_t v, int octets) {
    for (int shift = 8 * (octets - 1); shift >= 0; shift -= 8) out_.push_back(static_cast<std::uint8_t>(v >> shift));
  }
  ByteVector& out_;
};

// Fields at known offsets of a buffer that the caller has already checked to be long enough.
inline std::uint16_t load_u16(const std::uint8_t* p) { return static_cast<std::uint16_t>(p[0] << 8 | p[1]); }
inline std::uint32_t load_u32(const std::uint8_t* p) {
  return static_cast<std::uint32_t>(load_u16(p)) << 16 | load_u16(p + 2);
}
inline std::uint64_t load_u64(const std::uint8_t* p) {
  return static_cast<std::uint64_t>(load_u32(p)) << 32 | load_u32(p + 4);
}
inline void store_u16(std::uint8_t* p, std::uint16_t v) {
  p[0] = static_cast<std::uint8_t>(v >> 8);
  p[1] = static_cast<std::uint8_t>(v);
}
inline void store_u32(std::uint8_t* p, std::uint32_t v) {
  store_u16(p, static_cast<std::uint16_t>(v >> 16));
  store_u16(p + 2, static_cast<std::uint16_t>(v));
}
inline void store_u64(std::uint8_t* p, std::uint64_t v) {
  store_u32(p, static_cast<std::uint32_t>(v >> 32));
  store_u32(p + 4, static_cast<std::uint32_t>(v));
}

}  // namespace ilnp
