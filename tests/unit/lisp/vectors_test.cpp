// SPDX-License-Identifier: Apache-2.0
// The golden packets, both ways: what we read out of them, and that our own code makes the same octets.
#include "tests/vectors/lisp_vectors.h"

#include <gtest/gtest.h>

#include "core/lisp/map_reply.h"
#include "core/lisp/map_request.h"
#include "core/lisp/registration.h"
#include "io/crypto/crypto.h"
#include "tests/support/matchers.h"
#include "tests/unit/lisp/show.h"

namespace ilnp::lisp {
namespace {

using vectors::packet;
using vectors::payload;

/// Behind the header of the encapsulation and inner IPv6 and UDP headers, where there are any.
Bytes map_request_in(std::size_t number) {
  return vectors::inner_addresses().contains(number) ? payload(number).subspan(4 + 40 + 8) : payload(number);
}

TEST(LispVectors, OuterHeadersAreThoseOfTheTable) {
  for (std::size_t number = 1; number <= vectors::expected.size(); ++number) {
    const auto& expected = vectors::expected[number - 1];
    SCOPED_TRACE(testing::Message() << "packet " << number << ": " << expected.what);
    const ByteVector& bytes = packet(number);
    const bool is_ipv6 = bytes[0] >> 4 == 6;
    const std::size_t source_at = is_ipv6 ? 8 : 12, length = is_ipv6 ? 16 : 4;
    EXPECT_EQ(IpAddress::load(Bytes{bytes}.subspan(source_at, length)), expected.source);
    EXPECT_EQ(IpAddress::load(Bytes{bytes}.subspan(source_at + length, length)), expected.destination);
    if (expected.source_port == 0) continue;
    EXPECT_EQ(load_u16(payload(number).data() - 8), expected.source_port);
    EXPECT_EQ(load_u16(payload(number).data() - 6), expected.destination_port);
  }
}

TEST(LispVectors, MapRequests) {
  for (const auto& [number, request] : vectors::map_requests()) {
    SCOPED_TRACE(testing::Message() << "packet " << number);
    const auto read = parse_map_request(map_request_in(number));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read.value(), request);
    EXPECT_SAME_BYTES(encode_map_request(request), map_request_in(number));
  }
}

TEST(LispVectors, MapReplies) {
  for (const auto& [number, reply] : vectors::map_replies()) {
    SCOPED_TRACE(testing::Message() << "packet " << number);
    const auto read = parse_map_reply(payload(number));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read.value(), reply);
    EXPECT_SAME_BYTES(encode_map_reply(reply), payload(number));
  }
}

/// One secret for registrations and notifications, with the usual lengths but in one packet.
class LispVectorsWithSecrets : public testing::Test {
 protected:
  AuthenticationKey registration_key(std::size_t number) const {
    return {registration_secret_, number == vectors::short_authentication ? 16u : 0u};
  }

  OpensslHmac hmac_;
  const ByteVector registration_secret_ = test::text(vectors::registration_secret);
};

TEST_F(LispVectorsWithSecrets, MapRegisters) {
  for (const auto& [number, message] : vectors::map_registers()) {
    SCOPED_TRACE(testing::Message() << "packet " << number);
    const auto sealed = inspect_map_register(payload(number));
    ASSERT_TRUE(sealed.has_value());
    const auto read = open_map_register(sealed.value(), registration_key(number), hmac_);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read.value(), message);
    EXPECT_SAME_BYTES(encode_map_register(message, registration_key(number), hmac_), payload(number));
  }
}

TEST_F(LispVectorsWithSecrets, MapNotifies) {
  for (const auto& [number, message] : vectors::map_notifies()) {
    SCOPED_TRACE(testing::Message() << "packet " << number);
    const auto sealed = inspect_map_notify(payload(number));
    ASSERT_TRUE(sealed.has_value());
    const auto read = open_map_notify(sealed.value(), registration_key(number), hmac_);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read.value(), message);
    EXPECT_SAME_BYTES(encode_map_notify(message, registration_key(number), hmac_), payload(number));
  }
}

}  // namespace
}  // namespace ilnp::lisp
