// SPDX-License-Identifier: Apache-2.0
// The core's cryptographic interfaces (core/base/crypto.h) and message authentication for TSIG, by OpenSSL.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/bytes.h"
#include "core/base/crypto.h"
#include "core/base/result.h"

namespace ilnp {

/// Cryptographically strong octets. Many small draws are cheap: they come from a page that is filled in one go, is
/// kept out of swap and core dumps, and in which every octet is erased as soon as it has been given out.
/// One instance belongs to one thread and one process (do not draw from it on both sides of a fork).
/// When the generator itself fails the process ends: there is nothing safe to go on with.
class OpensslRandom final : public Random {
 public:
  OpensslRandom();
  ~OpensslRandom() override;
  OpensslRandom(const OpensslRandom&) = delete;
  OpensslRandom& operator=(const OpensslRandom&) = delete;

  void fill(MutableBytes out) override;

  /// False when the limit on locked memory (RLIMIT_MEMLOCK) did not allow to lock the page; draws work all the same.
  bool locked() const { return locked_; }

 private:
  void refill();

  MutableBytes page_;
  std::size_t used_;
  bool locked_ = false;
};

class OpensslHasher final : public Hasher {
 public:
  OpensslHasher();
  ~OpensslHasher() override;
  OpensslHasher(const OpensslHasher&) = delete;
  OpensslHasher& operator=(const OpensslHasher&) = delete;

  Digest sha256(Bytes message) override;

 private:
  void* context_;  // EVP_MD_CTX, kept between messages
};

class OpensslHmac final : public Hmac {
 public:
  std::array<std::uint8_t, 20> sha1(Bytes key, Bytes message) override;
  Digest sha256(Bytes key, Bytes message) override;
};

/// The algorithms of RFC 8945 section 6 that are still recommended.
enum class HmacAlgorithm : std::uint8_t { sha256, sha384, sha512 };

/// RFC 2104. The result is 32, 48 or 64 octets; compare it with equal_in_constant_time().
Result<ByteVector> hmac(HmacAlgorithm algorithm, Bytes key, Bytes message);

/// Erases a secret in a way that the compiler does not remove.
void wipe(MutableBytes secret);

}  // namespace ilnp
