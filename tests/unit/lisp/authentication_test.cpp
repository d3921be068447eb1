// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/authentication.h"

#include <gtest/gtest.h>

#include <string>

#include "io/crypto/crypto.h"
#include "tests/support/matchers.h"
#include "tests/unit/lisp/show.h"
#include "tests/vectors/lisp_vectors.h"

namespace ilnp::lisp {
namespace {

using test::hex;
using test::text;

const ByteVector secret = text(vectors::registration_secret), other_secret = text("ilnp-lisp-demp");
constexpr std::string_view test_salt = "Any Authentication";
constexpr std::uint64_t nonce = 0x0102030405060708;

class Authentication : public testing::Test {
 protected:
  ByteVector sealed(std::uint8_t used, std::size_t octets, std::optional<XtrIdentity> sender = {}) {
    return seal({0x38000101, nonce, {9, used}, records_, sender, test_salt}, {secret, octets}, hmac_);
  }
  Result<SealedMessage::Content, ReadError> opened(const ByteVector& message, const AuthenticationKey& key,
                                                   std::string_view salt = test_salt, bool has_sender = false) {
    const auto inspected = SealedMessage::inspect(message, salt, has_sender);
    if (inspected.has_error()) return inspected.error();
    return inspected.value().open(key, hmac_);
  }

  OpensslHmac hmac_;
  const ByteVector records_ = hex("0011223344556677");
};

TEST_F(Authentication, LayoutOfTheHeader) {
  const ByteVector message = sealed(2, 32, vectors::sender);
  EXPECT_SAME_BYTES(Bytes{message}.first(16), hex("38000101 0102030405060708 09 02 0020"));
  EXPECT_SAME_BYTES(Bytes{message}.subspan(48, 8), records_);
  EXPECT_EQ(message.size(), 48u + 8 + 24);
  const auto inspected = SealedMessage::inspect(message, test_salt, true);
  ASSERT_TRUE(inspected.has_value());
  EXPECT_EQ(inspected.value().nonce(), nonce);
  EXPECT_EQ(inspected.value().key(), (KeyName{9, 2}));
  EXPECT_EQ(inspected.value().sender(), vectors::sender);
  const auto content = inspected.value().open({secret}, hmac_);
  ASSERT_TRUE(content.has_value());
  EXPECT_EQ(content.value().first_word, 0x38000101u);
  EXPECT_SAME_BYTES(content.value().records, records_);
}

TEST_F(Authentication, UsualLengths) {
  EXPECT_EQ(load_u16(sealed(1, 0).data() + 14), 20);
  EXPECT_EQ(load_u16(sealed(2, 0).data() + 14), 32);
  EXPECT_EQ(load_u16(sealed(3, 0).data() + 14), 16);
}

TEST_F(Authentication, OnlyTheListedCombinationsOfAlgorithmAndLengthAreRead) {
  for (int used = 0; used < 256; ++used) {
    for (std::uint16_t octets = 0; octets <= 64; ++octets) {
      ByteVector message = sealed(2, 32);
      message.resize(128);
      message[13] = static_cast<std::uint8_t>(used);
      store_u16(message.data() + 14, octets);
      const bool listed =
          (used == 1 && (octets == 20 || octets == 12)) || ((used == 2 || used == 3) && (octets == 32 || octets == 16));
      const auto inspected = SealedMessage::inspect(message, test_salt, false);
      ASSERT_EQ(inspected.has_value(), listed) << used << ' ' << octets;
      if (listed) continue;
      const bool is_known = used >= 1 && used <= 3;
      EXPECT_EQ(inspected.error(), is_known ? ReadError::authentication_length : ReadError::algorithm_refused);
    }
  }
}

TEST_F(Authentication, EachCombinationOpensWithItsSecretOnly) {
  for (const auto& [used, octets] :
       {std::pair{1, 20}, std::pair{2, 32}, std::pair{2, 16}, std::pair{3, 32}, std::pair{3, 16}}) {
    SCOPED_TRACE(testing::Message() << "algorithm " << used << ", " << octets << " octets");
    const ByteVector message = sealed(static_cast<std::uint8_t>(used), static_cast<std::size_t>(octets));
    EXPECT_TRUE(opened(message, {secret}).has_value());
    EXPECT_EQ(opened(message, {other_secret}).error(), ReadError::authentication_failed);
    EXPECT_EQ(opened(message, {{}}).error(), ReadError::authentication_failed);
  }
}

TEST_F(Authentication, TwelveOctetsOfSha1OnlyWhereTheKeySaysSo) {
  const ByteVector message = sealed(1, 12);
  EXPECT_EQ(opened(message, {secret}).error(), ReadError::authentication_length);
  EXPECT_TRUE(opened(message, {secret, 0, true}).has_value());
  EXPECT_EQ(opened(message, {other_secret, 0, true}).error(), ReadError::authentication_failed);
}

TEST_F(Authentication, SaltKeepsKindsOfMessagesApart) {
  EXPECT_EQ(opened(sealed(3, 16), {secret}, "Another Authentication").error(), ReadError::authentication_failed);
}

TEST_F(Authentication, EveryBitIsCovered) {
  for (const std::uint8_t used : {algorithm::hmac_sha1, algorithm::hmac_sha256, algorithm::hkdf_hmac_sha256}) {
    const ByteVector message = sealed(used, 0, vectors::sender);
    for (std::size_t bit = 0; bit < 8 * message.size(); ++bit) {
      ByteVector flipped = message;
      flipped[bit / 8] ^= static_cast<std::uint8_t>(0x80 >> bit % 8);
      EXPECT_TRUE(opened(flipped, {secret}, test_salt, true).has_error())
          << "algorithm " << int{used} << " bit " << bit;
    }
  }
}

TEST_F(Authentication, EveryTruncationIsRefused) {
  const ByteVector message = sealed(2, 32, vectors::sender);
  for (std::size_t octets = 0; octets < message.size(); ++octets)
    EXPECT_TRUE(
        opened({message.begin(), message.begin() + static_cast<std::ptrdiff_t>(octets)}, {secret}, test_salt, true)
            .has_error())
        << octets;
}

// RFC 5869 appendix A.3: no salt, no info; the first 32 octets.
TEST_F(Authentication, HkdfOfRfc5869) {
  EXPECT_SAME_BYTES(hkdf_sha256(hmac_, {}, ByteVector(22, 0x0b)),
                    hex("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"));
}

TEST_F(Authentication, KeyOfOneMessage) {
  ByteVector input = hex("65f0000000000004");
  input.insert(input.end(), secret.begin(), secret.end());
  EXPECT_SAME_BYTES(hkdf_sha256(hmac_, text(salt::map_register), input),
                    hex("176cbf295e1c9bc135b811872ae1e66d5ce2aec8f97578c44711f6e19eb97202"));
}

}  // namespace
}  // namespace ilnp::lisp
