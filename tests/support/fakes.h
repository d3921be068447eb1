// SPDX-License-Identifier: Apache-2.0
// Deterministic stand-ins for what io/crypto offers. Neither is fit for anything but tests.
#pragma once

#include <algorithm>
#include <cstdint>

#include "core/base/crypto.h"

namespace ilnp::test {

/// SplitMix64: the same seed gives the same octets on every machine.
class FakeRandom : public Random {
 public:
  explicit FakeRandom(std::uint64_t seed) : state_{seed} {}

  void fill(MutableBytes out) override {
    std::uint64_t word = 0;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (i % 8 == 0) word = next();
      out[i] = static_cast<std::uint8_t>(word >> 8 * (i % 8));
    }
  }
  /// Uniform enough for tests: 0 .. bound - 1.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  ByteVector octets(std::size_t n) {
    ByteVector out(n);
    fill(out);
    return out;
  }

 private:
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
  }
  std::uint64_t state_;
};

/// Four FNV-1a sums with different starts: equal messages give equal digests, others in practice not.
class FakeHasher : public Hasher {
 public:
  Digest sha256(Bytes message) override {
    Digest digest{};
    for (std::uint64_t lane = 0; lane < 4; ++lane) {
      std::uint64_t hash = 0xcbf29ce484222325 + lane * 0x9e3779b97f4a7c15;
      for (const std::uint8_t octet : message) hash = (hash ^ octet) * 0x100000001b3;
      store_u64(digest.data() + 8 * lane, hash);
    }
    return digest;
  }
};

/// The same sums over key and message.
class FakeHmac : public Hmac {
 public:
  std::array<std::uint8_t, 20> sha1(Bytes key, Bytes message) override {
    const Digest whole = sha256(key, message);
    std::array<std::uint8_t, 20> mac{};
    std::copy_n(whole.begin(), mac.size(), mac.begin());
    return mac;
  }
  Digest sha256(Bytes key, Bytes message) override {
    ByteVector both{key.begin(), key.end()};
    both.insert(both.end(), message.begin(), message.end());
    return FakeHasher{}.sha256(both);
  }
};

}  // namespace ilnp::test
