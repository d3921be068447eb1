// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/raw_change_priority.h"

#include <gtest/gtest.h>

#include "core/lisp/mapping_record.h"
#include "core/lisp/registration.h"
#include "io/crypto/crypto.h"
#include "tests/support/matchers.h"
#include "tests/unit/lisp/show.h"
#include "tests/vectors/lisp_vectors.h"

namespace ilnp::lisp {
namespace {

using test::hex;
using test::text;
using namespace vectors;
using Kind = ChangePriority::Kind;

class RawChangePriority : public testing::Test {
 protected:
  Result<ChangePriority, ReadError> read_thesis(const ByteVector& message) {
    const auto sealed = inspect_raw_change_priority(message);
    if (sealed.has_error()) return sealed.error();
    return open_thesis_change_priority(sealed.value(), key_, hmac_);
  }
  Result<OpenLispNotice, ReadError> read_openlisp(const ByteVector& message) {
    const auto sealed = inspect_raw_change_priority(message);
    if (sealed.has_error()) return sealed.error();
    return open_openlisp_notice(sealed.value(), key_, hmac_);
  }
  /// With a good authentication, whatever the rest is.
  ByteVector sealed(std::uint32_t first_word, Bytes content, KeyName name = {0, 1}, std::size_t octets = 20) {
    return seal({first_word, 1, name, content, std::nullopt, {}}, {secret_, octets, true}, hmac_);
  }

  OpensslHmac hmac_;
  const ByteVector secret_ = text(change_priority_secret);
  const AuthenticationKey key_{secret_};
};

TEST_F(RawChangePriority, KindsOfTheThesis) {
  for (const auto& [kind, rlocs, first_word] :
       {std::tuple{Kind::arrive, 0, 0x58000000u}, std::tuple{Kind::transfer, 2, 0x50000002u},
        std::tuple{Kind::update, 2, 0x54000002u}}) {
    ChangePriority message{kind, false, false, 1, {0, 1}, {record(vm, 5, {})}, {}};
    if (rlocs == 2) message.records[0].rlocs = {rloc(g1, 255, 0), rloc(g2, 1, 100)};
    const ByteVector octets = encode_thesis_change_priority(message, key_, hmac_);
    EXPECT_EQ(load_u32(octets.data()), first_word);
    EXPECT_SAME_BYTES(Bytes{octets}.subspan(12, 4), hex("00010014"));
    EXPECT_EQ(read_thesis(octets).value(), message);
  }
}

TEST_F(RawChangePriority, ThesisCountsLocators) {
  ByteVector two;
  ByteWriter out{two};
  write_mapping_record(out, record(vm, 5, {rloc(g1, 255, 0), rloc(g2, 1, 100)}));
  EXPECT_TRUE(read_thesis(sealed(0x54000002, two)).has_value());
  EXPECT_EQ(read_thesis(sealed(0x54000001, two)).error(), ReadError::record_count);
  EXPECT_EQ(read_thesis(sealed(0x5c000002, two)).error(), ReadError::bad_flags);
  two.push_back(0);
  EXPECT_EQ(read_thesis(sealed(0x54000002, two)).error(), ReadError::trailing_octets);
}

TEST_F(RawChangePriority, KindsOfOpenLisp) {
  for (const auto& [kind, octet] :
       {std::pair{OpenLispNotice::Kind::arrive, 0x58}, std::pair{OpenLispNotice::Kind::clients, 0x54},
        std::pair{OpenLispNotice::Kind::moved, 0x52}}) {
    const OpenLispNotice notice{kind, 1, parse_ip_prefix("10.8.0.7/32").value(), {c_ipv4, g1_ipv4}};
    const ByteVector octets = encode_openlisp_notice(notice, key_, hmac_);
    EXPECT_EQ(octets[0], octet);
    EXPECT_EQ(octets[3], 2);
    EXPECT_EQ(read_openlisp(octets).value(), notice);
  }
}

TEST_F(RawChangePriority, OpenLispWritesTheAfiInEitherOrder) {
  const OpenLispNotice notice{OpenLispNotice::Kind::moved, 1, parse_ip_prefix("10.8.0.7/32").value(), {c_ipv4}};
  EXPECT_EQ(read_openlisp(sealed(0x52000001, hex("20 0100 0a080007 0100 c000020a"))).value(), notice);
  EXPECT_EQ(read_openlisp(sealed(0x52000001, hex("20 0002 0a080007 0100 c000020a"))).error(), ReadError::unknown_afi);
}

TEST_F(RawChangePriority, OpenLispCountsAddresses) {
  EXPECT_EQ(read_openlisp(sealed(0x52000002, hex("20 0001 0a080007 0001 c000020a"))).error(), ReadError::truncated);
  EXPECT_EQ(read_openlisp(sealed(0x52000000, hex("20 0001 0a080007 0001 c000020a"))).error(),
            ReadError::trailing_octets);
  EXPECT_EQ(read_openlisp(sealed(0x52000000, hex("21 0001 0a080007"))).error(), ReadError::bad_prefix_length);
  EXPECT_EQ(read_openlisp(sealed(0x5a000000, hex("20 0001 0a080007"))).error(), ReadError::bad_flags);
  EXPECT_EQ(read_openlisp(sealed(0x50000000, hex("20 0001 0a080007"))).error(), ReadError::bad_flags);
}

TEST_F(RawChangePriority, KeyFieldIsTheNumberOne) {
  const ByteVector content = hex("20 0001 0a080007");
  EXPECT_TRUE(read_openlisp(sealed(0x52000000, content)).has_value());
  EXPECT_EQ(read_openlisp(sealed(0x52000000, content, {1, 1})).error(), ReadError::algorithm_refused);
  EXPECT_EQ(read_openlisp(sealed(0x52000000, content, {0, 2}, 32)).error(), ReadError::algorithm_refused);
  EXPECT_EQ(read_openlisp(sealed(0x52000000, content, {0, 1}, 12)).error(), ReadError::authentication_length);
  EXPECT_EQ(inspect_raw_change_priority(hex("40000000")).error(), ReadError::wrong_type);
}

TEST_F(RawChangePriority, LowNibbleTellsItFromAnAcknowledgement) {
  for (const int nibble : {2, 4, 8}) {
    const auto octet = static_cast<std::uint8_t>(0x50 | nibble);
    EXPECT_EQ(classify_type_five({&octet, 1}), TypeFive::change_priority);
  }
  EXPECT_EQ(classify_type_five(payload(27)), TypeFive::change_priority);
  EXPECT_EQ(classify_type_five(payload(28)), TypeFive::change_priority);
  EXPECT_EQ(classify_type_five(payload(16)), TypeFive::either);
}

/// Who holds only one of the two keys reads only one of the two.
TEST_F(RawChangePriority, TransferIsNoAcknowledgementUnderAnotherKey) {
  const ChangePriority transfer{Kind::transfer, false, false, 1, {0, 1}, {record(vm, 5, {rloc(g2, 1, 100)})}, {}};
  const ByteVector octets = encode_thesis_change_priority(transfer, key_, hmac_);
  const auto as_notify = inspect_map_notify(octets);
  ASSERT_TRUE(as_notify.has_value());
  EXPECT_EQ(open_map_notify(as_notify.value(), {text(registration_secret)}, hmac_).error(),
            ReadError::authentication_failed);
}

}  // namespace
}  // namespace ilnp::lisp
