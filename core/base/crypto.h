// SPDX-License-Identifier: Apache-2.0
// What the core needs from a cryptographic library, as an interface: io/crypto implements it with OpenSSL,
// tests/support with a seeded generator.
#pragma once

#include <array>
#include <cstdint>

#include "core/base/bytes.h"

namespace ilnp {

class Random {
 public:
  virtual ~Random() = default;
  /// Fills `out` with random octets; in the daemons cryptographically strong ones (nonces, probes, NIDs).
  virtual void fill(MutableBytes out) = 0;

  std::uint64_t u64() {
    std::array<std::uint8_t, 8> octets{};
    fill(octets);
    return load_u64(octets.data());
  }
};

using Digest = std::array<std::uint8_t, 32>;

class Hasher {
 public:
  virtual ~Hasher() = default;
  virtual Digest sha256(Bytes message) = 0;
};

/// Message authentication by a shared secret (RFC 2104).
class Hmac {
 public:
  virtual ~Hmac() = default;
  virtual std::array<std::uint8_t, 20> sha1(Bytes key, Bytes message) = 0;
  virtual Digest sha256(Bytes key, Bytes message) = 0;
};

/// Compares secrets without revealing by timing where they differ. Unequal lengths are unequal.
inline bool equal_in_constant_time(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) difference = static_cast<std::uint8_t>(difference | (a[i] ^ b[i]));
  return difference == 0;
}

}  // namespace ilnp
