// SPDX-License-Identifier: Apache-2.0
#include "io/crypto/crypto.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>

namespace ilnp {
namespace {

Bytes octets(std::string_view text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

std::string hex(Bytes bytes) {
  std::string out;
  for (std::uint8_t b : bytes) {
    out += "0123456789abcdef"[b >> 4];
    out += "0123456789abcdef"[b & 15];
  }
  return out;
}

TEST(OpensslRandom, SmallDrawsNeverRepeatAcrossRefills) {
  OpensslRandom random;
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 10000; ++i) EXPECT_TRUE(seen.insert(random.u64()).second) << "draw " << i;
}

TEST(OpensslRandom, FillsExactlyWhatWasAskedFor) {
  OpensslRandom random;
  for (std::size_t length : {1u, 3u, 12u, 1023u, 1024u, 1025u, 4096u, 10000u}) {
    ByteVector buffer(length + 2, 0xa5);
    random.fill(MutableBytes{buffer}.subspan(1, length));
    EXPECT_EQ(buffer.front(), 0xa5);
    EXPECT_EQ(buffer.back(), 0xa5);
    if (length >= 12) {
      const auto untouched = std::count(buffer.begin(), buffer.end(), 0xa5);
      EXPECT_LT(untouched, static_cast<std::ptrdiff_t>(length / 4 + 6)) << length;
    }
  }
  random.fill({});
}

TEST(OpensslRandom, EveryOctetPositionVaries) {
  OpensslRandom random;
  std::array<std::uint8_t, 7> ors{}, ands{};
  ands.fill(0xff);
  for (int i = 0; i < 2000; ++i) {  // 7 does not divide the page: draws cross every boundary
    std::array<std::uint8_t, 7> draw{};
    random.fill(draw);
    for (std::size_t k = 0; k < draw.size(); ++k) {
      ors[k] |= draw[k];
      ands[k] &= draw[k];
    }
  }
  for (std::size_t k = 0; k < ors.size(); ++k) {
    EXPECT_EQ(ors[k], 0xff) << k;
    EXPECT_EQ(ands[k], 0x00) << k;
  }
}

TEST(OpensslHasher, MatchesFips180Examples) {
  OpensslHasher hasher;
  EXPECT_EQ(hex(hasher.sha256(octets("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(hex(hasher.sha256({})), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(hasher.sha256(octets("abc"))), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

// RFC 4231 section 4.3, test case 2.
TEST(Hmac, MatchesRfc4231) {
  const Bytes key = octets("Jefe"), message = octets("what do ya want for nothing?");
  EXPECT_EQ(hex(hmac(HmacAlgorithm::sha256, key, message).value()),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac(HmacAlgorithm::sha384, key, message).value()),
            "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e8e2240ca5e69e2c78b3239ecfab21649");
  EXPECT_EQ(hex(hmac(HmacAlgorithm::sha512, key, message).value()),
            "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
            "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
}

// RFC 2202 section 3 and RFC 4231 section 4.3, test cases 2.
TEST(OpensslHmac, MatchesRfc2202AndRfc4231) {
  OpensslHmac hmac_of;
  const Bytes key = octets("Jefe"), message = octets("what do ya want for nothing?");
  EXPECT_EQ(hex(hmac_of.sha1(key, message)), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  EXPECT_EQ(hex(hmac_of.sha256(key, message)), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  EXPECT_EQ(hex(hmac_of.sha256({}, {})), "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Hmac, EmptyKeyDoesNotReuseTheKeyOfTheCallBefore) {
  const auto keyed = hmac(HmacAlgorithm::sha256, octets("Jefe"), octets("x")).value();
  const auto unkeyed = hmac(HmacAlgorithm::sha256, {}, octets("x")).value();
  EXPECT_NE(keyed, unkeyed);
  EXPECT_EQ(hex(hmac(HmacAlgorithm::sha256, {}, {}).value()),
            "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

TEST(Wipe, ErasesEveryOctet) {
  ByteVector secret(100, 0x5a);
  wipe(secret);
  EXPECT_EQ(secret, ByteVector(100, 0));
}

}  // namespace
}  // namespace ilnp
