// SPDX-License-Identifier: Apache-2.0
#include "io/crypto/crypto.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/mman.h>

#include <cassert>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>

namespace ilnp {

namespace {

constexpr std::size_t page_size = 4096;

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "ilnp: %s failed; ending before anything predictable is sent\n", what);
  std::abort();
}

void random_octets(MutableBytes out) {
  assert(out.size() <= static_cast<std::size_t>(std::numeric_limits<int>::max()));
  if (RAND_bytes(out.data(), static_cast<int>(out.size())) != 1) give_up("the random generator");
}

EVP_MD_CTX* md_context(void* context) { return static_cast<EVP_MD_CTX*>(context); }

const EVP_MD* digest_of(HmacAlgorithm algorithm) {
  switch (algorithm) {
    case HmacAlgorithm::sha256:
      return EVP_sha256();
    case HmacAlgorithm::sha384:
      return EVP_sha384();
    case HmacAlgorithm::sha512:
      return EVP_sha512();
  }
  return nullptr;
}

/// At most EVP_MAX_MD_SIZE octets into `mac`; how many, 0 when it failed.
std::size_t compute_hmac(const EVP_MD* digest, Bytes key, Bytes message, std::uint8_t* mac) {
  static constexpr std::uint8_t nothing = 0;  // a null key would mean "the key of the call before" to OpenSSL
  const std::uint8_t* key_octets = key.empty() ? &nothing : key.data();
  unsigned length = 0;
  const bool made =
      HMAC(digest, key_octets, static_cast<int>(key.size()), message.data(), message.size(), mac, &length) != nullptr;
  return made ? length : 0;
}

}  // namespace

OpensslRandom::OpensslRandom() : used_{page_size} {
  void* page = mmap(nullptr, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) throw std::bad_alloc{};
  page_ = {static_cast<std::uint8_t*>(page), page_size};
  locked_ = mlock(page, page_size) == 0;
  madvise(page, page_size, MADV_DONTDUMP);
}

OpensslRandom::~OpensslRandom() {
  wipe(page_);
  munmap(page_.data(), page_.size());
}

void OpensslRandom::refill() {
  random_octets(page_);
  used_ = 0;
}

void OpensslRandom::fill(MutableBytes out) {
  if (out.size() > page_size / 4) return random_octets(out);
  if (out.empty()) return;
  if (out.size() > page_size - used_) refill();
  const MutableBytes drawn = page_.subspan(used_, out.size());
  std::memcpy(out.data(), drawn.data(), drawn.size());
  wipe(drawn);
  used_ += drawn.size();
}

OpensslHasher::OpensslHasher() : context_{EVP_MD_CTX_new()} {
  if (context_ == nullptr) throw std::bad_alloc{};
}

OpensslHasher::~OpensslHasher() { EVP_MD_CTX_free(md_context(context_)); }

Digest OpensslHasher::sha256(Bytes message) {
  Digest digest{};
  unsigned length = 0;
  EVP_MD_CTX* context = md_context(context_);
  if (EVP_DigestInit_ex(context, EVP_sha256(), nullptr) != 1 ||
      EVP_DigestUpdate(context, message.data(), message.size()) != 1 ||
      EVP_DigestFinal_ex(context, digest.data(), &length) != 1 || length != digest.size()) {
    give_up("SHA-256");
  }
  return digest;
}

std::array<std::uint8_t, 20> OpensslHmac::sha1(Bytes key, Bytes message) {
  std::array<std::uint8_t, 20> mac{};
  if (compute_hmac(EVP_sha1(), key, message, mac.data()) != mac.size()) give_up("HMAC-SHA-1");
  return mac;
}

Digest OpensslHmac::sha256(Bytes key, Bytes message) {
  Digest mac{};
  if (compute_hmac(EVP_sha256(), key, message, mac.data()) != mac.size()) give_up("HMAC-SHA-256");
  return mac;
}

Result<ByteVector> hmac(HmacAlgorithm algorithm, Bytes key, Bytes message) {
  if (key.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return error("HMAC key is too long");
  ByteVector mac(EVP_MAX_MD_SIZE);
  const std::size_t length = compute_hmac(digest_of(algorithm), key, message, mac.data());
  if (length == 0) return error("OpenSSL could not compute the HMAC");
  mac.resize(length);
  return mac;
}

void wipe(MutableBytes secret) { OPENSSL_cleanse(secret.data(), secret.size()); }

}  // namespace ilnp
