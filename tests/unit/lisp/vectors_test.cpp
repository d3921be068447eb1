// SPDX-License-Identifier: Apache-2.0
// The golden packets, both ways: what we read out of them, and that our own code makes the same octets.
#include "tests/vectors/lisp_vectors.h"

#include <gtest/gtest.h>

#include "core/ilnp/locator_update.h"
#include "core/ilnp/nonce.h"
#include "core/ipv6/header_walk.h"
#include "core/ipv6/icmpv6.h"
#include "core/lisp/change_priority.h"
#include "core/lisp/data_header.h"
#include "core/lisp/encapsulated_control.h"
#include "core/lisp/map_reply.h"
#include "core/lisp/map_request.h"
#include "core/lisp/raw_change_priority.h"
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

TEST(LispVectors, EncapsulatedControlMessages) {
  for (const auto& [number, addresses] : vectors::inner_addresses()) {
    SCOPED_TRACE(testing::Message() << "packet " << number);
    const auto read = parse_encapsulated_control(payload(number));
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read.value().source, addresses.first);
    EXPECT_EQ(read.value().destination, addresses.second);
    EXPECT_EQ(read.value().source_port, control_port);
    EXPECT_SAME_BYTES(read.value().message, map_request_in(number));
    const ByteVector request = encode_map_request(vectors::map_requests().at(number));
    EXPECT_SAME_BYTES(encode_encapsulated_control({addresses.first, addresses.second, control_port, request}),
                      payload(number));
  }
}

TEST(LispVectors, DataHeaders) {
  for (const auto& [number, header] :
       {std::pair<std::size_t, DataHeader>{19, {}},
        std::pair<std::size_t, DataHeader>{20, {.nonce = 0xabcdef, .locator_status = 1, .instance = vectors::instance}},
        std::pair<std::size_t, DataHeader>{21, {}}}) {
    SCOPED_TRACE(testing::Message() << "packet " << number);
    EXPECT_EQ(parse_data_header(payload(number)).value(), header);
    EXPECT_SAME_BYTES(encode_data_header(header), payload(number).first(data_header_length));
    EXPECT_EQ(payload(number)[data_header_length] >> 4, number == 21 ? 4 : 6);
  }
}

/// The one from which 30 follows.
TEST(LispVectors, LocatorUpdate) {
  using Lifetime = std::chrono::duration<std::uint16_t>;
  const LocatorUpdate update{LocatorUpdateOperation::advertisement,
                             {{{0x20010db800a20010}, 10, Lifetime{300}},
                              {{0x20010db800a30010}, 10, Lifetime{300}},
                              {{0x20010db800a10010}, 50, Lifetime{60}}}};
  const ByteVector& bytes = packet(29);
  const HeaderWalk walk = walk_headers(bytes).walk;
  EXPECT_EQ(parse_locator_update(Bytes{bytes}.subspan(walk.upper_offset)).value(), update);
  const Nonce nonce{test::hex("5eed1234")};
  ByteVector header(nonce.header_length());
  write_nonce_header(header.data(), next_header::icmpv6, nonce);
  EXPECT_SAME_BYTES(
      build_packet(walk.source, walk.destination, next_header::icmpv6, encode_locator_update(update), header), bytes);
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
  const ByteVector registration_secret_ = test::text(vectors::registration_secret),
                   change_priority_secret_ = test::text(vectors::change_priority_secret);
  const AuthenticationKey change_priority_key_{change_priority_secret_};
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

TEST_F(LispVectorsWithSecrets, ChangePriorities) {
  for (const auto& [number, message] : vectors::change_priorities()) {
    if (number == 27) continue;
    SCOPED_TRACE(testing::Message() << "packet " << number);
    const auto sealed = inspect_change_priority(payload(number));
    ASSERT_TRUE(sealed.has_value());
    const auto read = open_change_priority(sealed.value(), change_priority_key_, hmac_);
    ASSERT_TRUE(read.has_value());
    EXPECT_EQ(read.value(), message);
    EXPECT_SAME_BYTES(encode_change_priority(message, change_priority_key_, hmac_), payload(number));
  }
}

TEST_F(LispVectorsWithSecrets, ChangePriorityAsTypeFiveOfTheThesis) {
  const ChangePriority message = vectors::change_priorities().at(27);
  const auto sealed = inspect_raw_change_priority(payload(27));
  ASSERT_TRUE(sealed.has_value());
  const auto read = open_thesis_change_priority(sealed.value(), change_priority_key_, hmac_);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read.value(), message);
  EXPECT_SAME_BYTES(encode_thesis_change_priority(message, change_priority_key_, hmac_), payload(27));
}

TEST_F(LispVectorsWithSecrets, NoticeAsTypeFiveOfOpenLisp) {
  const OpenLispNotice notice{OpenLispNotice::Kind::moved,
                              0x00062a0000000006,
                              vectors::eid("10.8.0.7/32").prefix,
                              {vectors::ip("203.0.113.1")}};
  const auto sealed = inspect_raw_change_priority(payload(28));
  ASSERT_TRUE(sealed.has_value());
  const auto read = open_openlisp_notice(sealed.value(), change_priority_key_, hmac_);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read.value(), notice);
  EXPECT_SAME_BYTES(encode_openlisp_notice(notice, change_priority_key_, hmac_), payload(28));
}

}  // namespace
}  // namespace ilnp::lisp
