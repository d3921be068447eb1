// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/registration.h"

#include <gtest/gtest.h>

#include "core/lisp/mapping_record.h"
#include "io/crypto/crypto.h"
#include "tests/support/matchers.h"
#include "tests/unit/lisp/show.h"
#include "tests/vectors/lisp_vectors.h"

namespace ilnp::lisp {
namespace {

using test::hex;
using test::text;
using namespace vectors;

class Registration : public testing::Test {
 protected:
  Result<MapRegister, ReadError> read_register(Bytes message) {
    const auto sealed = inspect_map_register(message);
    if (sealed.has_error()) return sealed.error();
    return open_map_register(sealed.value(), key_, hmac_);
  }
  Result<MapNotify, ReadError> read_notify(Bytes message) {
    const auto sealed = inspect_map_notify(message);
    if (sealed.has_error()) return sealed.error();
    return open_map_notify(sealed.value(), key_, hmac_);
  }
  /// With a good authentication, whatever the rest is.
  ByteVector sealed(std::uint32_t first_word, const ByteVector& records, std::string_view salt,
                    std::optional<XtrIdentity> named = {}) {
    return seal({first_word, 1, {1, 3}, records, named, salt}, key_, hmac_);
  }
  static ByteVector octets_of(const MappingRecord& mapping) {
    ByteVector octets;
    ByteWriter out{octets};
    write_mapping_record(out, mapping);
    return octets;
  }

  OpensslHmac hmac_;
  const ByteVector secret_ = text(registration_secret);
  const AuthenticationKey key_{secret_};
  const ByteVector one_ = octets_of(at_g1());
};

TEST_F(Registration, EveryFlagOfMapRegisterHasItsBit) {
  const auto expect = [&](std::uint32_t first_word, auto change) {
    MapRegister message{.nonce = 1, .key = {1, 3}, .records = {at_g1()}};
    change(message);
    const ByteVector octets = encode_map_register(message, key_, hmac_);
    EXPECT_EQ(load_u32(octets.data()), first_word);
    const auto read = read_register(octets);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read.value(), message) << std::hex << first_word;
  };
  expect(0x30000001, [](MapRegister&) {});
  expect(0x38000001, [](MapRegister& m) { m.wants_proxy_reply = true; });
  expect(0x34000001, [](MapRegister& m) { m.supports_security = true; });
  expect(0x32000001, [](MapRegister& m) { m.sender = sender; });
  expect(0x30000801, [](MapRegister& m) { m.is_ttl_timeout = true; });
  expect(0x30000401, [](MapRegister& m) { m.merges = true; });
  expect(0x30000101, [](MapRegister& m) { m.wants_notify = true; });
  expect(0x300000ff, [](MapRegister& m) { m.records.assign(255, at_g1()); });
}

TEST_F(Registration, ReservedBitsOfMapRegisterAreIgnored) {
  const auto read = read_register(sealed(0x31fff201, one_, salt::map_register));
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read.value(), (MapRegister{.nonce = 1, .key = {1, 3}, .records = {at_g1()}}));
}

TEST_F(Registration, NotifyNamesTheSenderByAnotherBit) {
  for (const bool is_ack : {false, true}) {
    MapNotify message{is_ack, 7, {1, 3}, {at_g1()}, sender};
    const ByteVector octets = encode_map_notify(message, key_, hmac_);
    EXPECT_EQ(load_u32(octets.data()), is_ack ? 0x58000001u : 0x48000001u);
    const auto read = read_notify(octets);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read.value(), message);
  }
}

TEST_F(Registration, SenderIsKnownBeforeTheSecretIs) {
  MapRegister message{.nonce = 77, .key = {3, 2}, .records = {at_g1()}, .sender = sender};
  const ByteVector octets = encode_map_register(message, key_, hmac_);
  const auto inspected = inspect_map_register(octets);
  ASSERT_TRUE(inspected.has_value());
  EXPECT_EQ(inspected.value().sender(), sender);
  EXPECT_EQ(inspected.value().nonce(), 77u);
  EXPECT_EQ(inspected.value().key(), (KeyName{3, 2}));
}

TEST_F(Registration, NotifyIsNoAcknowledgement) {
  MapNotify message{false, 7, {1, 3}, {at_g1()}, {}};
  ByteVector octets = encode_map_notify(message, key_, hmac_);
  octets[0] = 0x50;
  EXPECT_EQ(read_notify(octets).error(), ReadError::authentication_failed);
  EXPECT_EQ(inspect_map_register(octets).error(), ReadError::wrong_type);
  octets[0] = 0x30;
  EXPECT_EQ(inspect_map_notify(octets).error(), ReadError::wrong_type);
}

TEST_F(Registration, CountHasToBeThatOfTheRecords) {
  const auto read = [&](std::uint32_t word, const ByteVector& records) {
    return read_register(sealed(word, records, salt::map_register)).error();
  };
  ByteVector two = one_;
  two.insert(two.end(), one_.begin(), one_.end());
  EXPECT_EQ(read(0x30000001, two), ReadError::trailing_octets);
  EXPECT_EQ(read(0x30000003, two), ReadError::truncated);
  EXPECT_EQ(read(0x30000000, {}), ReadError::record_count);
  EXPECT_EQ(read_notify(sealed(0x40000000, {}, salt::map_notify)).error(), ReadError::record_count);
  EXPECT_EQ(read_notify(sealed(0x40000001, two, salt::map_notify)).error(), ReadError::trailing_octets);
}

TEST_F(Registration, AcknowledgementMayCountNoRecords) {
  const MapNotify bare{true, 1, {1, 3}, {}, {}};
  EXPECT_EQ(read_notify(sealed(0x50000000, one_, salt::map_notify_ack)).value(), bare);
  EXPECT_EQ(read_notify(encode_map_notify(bare, key_, hmac_)).value(), bare);
}

TEST_F(Registration, RecordsOfNoUseAreNotAMessage) {
  EXPECT_EQ(read_register(sealed(0x30000001, hex("00000005 00 20 0000 0000 0011 766d00"), salt::map_register)).error(),
            ReadError::no_usable_record);
}

/// What takes both octets for one number says the algorithm by it, and reads as key 0.
TEST_F(Registration, OneNumberForKeyAndAlgorithm) {
  const MapRegister message{.nonce = 1, .key = {0, 1}, .records = {at_g1()}};
  const ByteVector octets = encode_map_register(message, key_, hmac_);
  EXPECT_EQ(load_u16(octets.data() + 12), 1);
  EXPECT_EQ(read_register(octets).value(), message);
}

}  // namespace
}  // namespace ilnp::lisp
