// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/change_priority.h"

#include <gtest/gtest.h>

#include "core/lisp/mapping_record.h"
#include "io/crypto/crypto.h"
#include "tests/support/matchers.h"
#include "tests/unit/lisp/show.h"
#include "tests/vectors/lisp_vectors.h"

namespace ilnp::lisp {
namespace {

using test::text;
using namespace vectors;
using Kind = ChangePriority::Kind;

class ChangePriorityTest : public testing::Test {
 protected:
  Result<ChangePriority, ReadError> read(const ByteVector& message,
                                         std::uint16_t subtype = default_change_priority_subtype) {
    const auto sealed = inspect_change_priority(message, subtype);
    if (sealed.has_error()) return sealed.error();
    return open_change_priority(sealed.value(), key_, hmac_);
  }
  /// With a good authentication, whatever the rest is.
  ByteVector sealed(std::uint32_t first_word, std::uint8_t used = 2) {
    ByteVector record;
    ByteWriter out{record};
    write_mapping_record(out, at_g1());
    return seal({first_word, 1, {7, used}, record, sender, salt::change_priority}, key_, hmac_);
  }

  OpensslHmac hmac_;
  const ByteVector secret_ = text(change_priority_secret);
  const AuthenticationKey key_{secret_};
  const ChangePriority update_{Kind::update, false, true, 1, {7, 2}, {at_g1()}, sender};
};

TEST_F(ChangePriorityTest, EveryKindHasItsBits) {
  for (const auto& [kind, is_ack, wants_ack, octet] :
       {std::tuple{Kind::arrive, false, true, 0x19}, std::tuple{Kind::transfer, false, false, 0x10},
        std::tuple{Kind::update, true, false, 0x16}, std::tuple{Kind::client_log, false, true, 0x1d}}) {
    const ChangePriority message{kind, is_ack, wants_ack, 1, {7, 3}, {at_g1()}, sender};
    const ByteVector octets = encode_change_priority(message, key_, hmac_);
    EXPECT_EQ(octets[2], octet);
    EXPECT_EQ(read(octets).value(), message);
  }
}

TEST_F(ChangePriorityTest, SubtypeIsAgreedUpon) {
  const ByteVector message = encode_change_priority(update_, key_, hmac_, 1024);
  EXPECT_EQ(load_u16(message.data()), 0xf400);
  EXPECT_EQ(read(message, 1024).value(), update_);
  EXPECT_EQ(read(message).error(), ReadError::unknown_type);
}

TEST_F(ChangePriorityTest, WeakAlgorithmsAreRefused) {
  EXPECT_TRUE(read(sealed(0xff6e1401)).has_value());
  EXPECT_TRUE(read(sealed(0xff6e1401, 3)).has_value());
  EXPECT_EQ(read(sealed(0xff6e1401, 1)).error(), ReadError::algorithm_refused);
}

TEST_F(ChangePriorityTest, OtherVersionsAreNotOurs) {
  for (const std::uint32_t word : {0xff6e0401u, 0xff6e2401u, 0xff6ef401u})
    EXPECT_EQ(read(sealed(word)).error(), ReadError::unknown_version);
}

TEST_F(ChangePriorityTest, AcknowledgementWantsNone) {
  EXPECT_EQ(read(sealed(0xff6e1701)).error(), ReadError::bad_flags);
}

TEST_F(ChangePriorityTest, NeedsAtLeastOneRecord) {
  EXPECT_EQ(read(sealed(0xff6e1400)).error(), ReadError::record_count);
  EXPECT_EQ(read(sealed(0xff6e1402)).error(), ReadError::truncated);
}

TEST_F(ChangePriorityTest, OtherTypesAndSecrets) {
  ByteVector message = encode_change_priority(update_, key_, hmac_);
  EXPECT_EQ(inspect_change_priority({}).error(), ReadError::truncated);
  EXPECT_EQ(inspect_change_priority(Bytes{message}.first(1)).error(), ReadError::truncated);
  const auto inspected = inspect_change_priority(message);
  ASSERT_TRUE(inspected.has_value());
  EXPECT_EQ(inspected.value().sender(), sender);
  EXPECT_EQ(open_change_priority(inspected.value(), {text("cp-scope-b")}, hmac_).error(),
            ReadError::authentication_failed);
  message[0] = 0x3f;
  EXPECT_EQ(read(message).error(), ReadError::wrong_type);
}

}  // namespace
}  // namespace ilnp::lisp
