// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/encapsulated_control.h"

#include <gtest/gtest.h>

#include "core/ipv6/checksum.h"
#include "tests/support/matchers.h"
#include "tests/unit/lisp/show.h"
#include "tests/vectors/lisp_vectors.h"

namespace ilnp::lisp {
namespace {

using test::hex;
using namespace vectors;

const ByteVector request = hex("10000001 1122334455667788 0000 0001 c000020a 00 20 0001 0a080007");
constexpr std::size_t inner_at = 4, udp_in_ipv4 = 4 + 20, udp_in_ipv6 = 4 + 40;

ByteVector ipv4_message(Bytes message = request) {
  return encode_encapsulated_control({c_ipv4, ip("10.8.0.7"), 40000, message});
}
ByteVector ipv6_message(Bytes message = request) {
  return encode_encapsulated_control({c, vm.prefix.address, control_port, message});
}
ReadError error_of(const ByteVector& message) { return parse_encapsulated_control(message).error(); }

void mend_ipv4(ByteVector& message) {
  store_u16(message.data() + inner_at + 10, 0);
  const std::size_t header = (message[inner_at] & 15u) * 4;
  const auto sum = ones_complement_sum(Bytes{message}.subspan(inner_at, header));
  store_u16(message.data() + inner_at + 10, static_cast<std::uint16_t>(~sum));
}

TEST(EncapsulatedControl, Ipv4InnerPacket) {
  const ByteVector message = ipv4_message();
  EXPECT_SAME_BYTES(Bytes{message}.first(24), hex("80000000 45000038 00004000 40116e9c c000020a 0a080007"));
  const auto read = parse_encapsulated_control(message);
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(read.value().source, c_ipv4);
  EXPECT_EQ(read.value().destination, ip("10.8.0.7"));
  EXPECT_EQ(read.value().source_port, 40000);
  EXPECT_SAME_BYTES(read.value().message, request);
}

TEST(EncapsulatedControl, Ipv4Options) {
  ByteVector message = ipv4_message();
  const ByteVector no_operations = hex("01010101");
  message.insert(message.begin() + udp_in_ipv4, no_operations.begin(), no_operations.end());
  message[inner_at] = 0x46;
  store_u16(message.data() + inner_at + 2, static_cast<std::uint16_t>(message.size() - inner_at));
  mend_ipv4(message);
  ASSERT_TRUE(parse_encapsulated_control(message).has_value());
  EXPECT_SAME_BYTES(parse_encapsulated_control(message).value().message, request);
}

TEST(EncapsulatedControl, ReceiverBitsAreIgnoredAndSecurityIsRefused) {
  ByteVector message = ipv6_message();
  for (const char* bits : {"84", "82", "81", "87"}) {
    message[0] = hex(bits).front();
    EXPECT_TRUE(parse_encapsulated_control(message).has_value());
  }
  message[0] = 0x88;
  EXPECT_EQ(error_of(message), ReadError::security_data);
}

TEST(EncapsulatedControl, ChecksumsAreChecked) {
  ByteVector message = ipv4_message();
  message[inner_at + 8] ^= 1;  // time to live
  EXPECT_EQ(error_of(message), ReadError::inner_checksum);
  for (const ByteVector& whole : {ipv4_message(), ipv6_message()}) {
    const std::size_t udp_at = whole[inner_at] >> 4 == 4 ? udp_in_ipv4 : udp_in_ipv6;
    message = whole;
    message.back() ^= 1;
    EXPECT_EQ(error_of(message), ReadError::inner_checksum);
    message = whole;
    store_u16(message.data() + udp_at + 6, 0);
    EXPECT_EQ(error_of(message), ReadError::inner_checksum) << "none is not enough";
  }
}

TEST(EncapsulatedControl, SumOfZeroIsWrittenAsAllOnes) {
  ByteVector trailing = request;
  trailing.resize(request.size() + 2);
  ByteVector message = ipv6_message(trailing);
  store_u16(trailing.data() + request.size(), load_u16(message.data() + udp_in_ipv6 + 6));
  message = ipv6_message(trailing);
  EXPECT_EQ(load_u16(message.data() + udp_in_ipv6 + 6), 0xffff);
  EXPECT_TRUE(parse_encapsulated_control(message).has_value());
}

TEST(EncapsulatedControl, OnlyMapRequestsToTheControlPort) {
  ByteVector message = ipv6_message();
  std::uint8_t* port = message.data() + udp_in_ipv6 + 2;
  std::uint8_t* source_port = message.data() + udp_in_ipv6;
  store_u16(port, 4341);
  store_u16(source_port, 4343);  // the sum stays
  EXPECT_EQ(error_of(message), ReadError::inner_port);
  EXPECT_EQ(error_of(ipv6_message(hex("20000001"))), ReadError::inner_type);
  EXPECT_EQ(error_of(ipv6_message(hex("00000001"))), ReadError::unknown_type);
  EXPECT_EQ(error_of(ipv6_message({})), ReadError::truncated);
}

TEST(EncapsulatedControl, OneInAnotherIsRefused) {
  EXPECT_EQ(error_of(ipv6_message(ipv6_message())), ReadError::nested_encapsulation);
}

TEST(EncapsulatedControl, InnerPacketIsWholeAndNothingButUdp) {
  const auto with_ipv4 = [](auto change) {
    ByteVector message = ipv4_message();
    change(message);
    mend_ipv4(message);
    return error_of(message);
  };
  EXPECT_EQ(with_ipv4([](ByteVector& m) { m[inner_at + 9] = 6; }), ReadError::inner_header);
  EXPECT_EQ(with_ipv4([](ByteVector& m) { m[inner_at + 6] = 0x20; }), ReadError::inner_header) << "more fragments";
  EXPECT_EQ(with_ipv4([](ByteVector& m) { m[inner_at + 7] = 1; }), ReadError::inner_header) << "an offset";
  EXPECT_EQ(with_ipv4([](ByteVector& m) { m[inner_at] = 0x44; }), ReadError::inner_header);
  EXPECT_EQ(with_ipv4([](ByteVector& m) { m[inner_at] = 0x54; }), ReadError::inner_header);
  EXPECT_EQ(with_ipv4([](ByteVector& m) { m[inner_at + 3] -= 1; }), ReadError::trailing_octets);
  EXPECT_EQ(with_ipv4([](ByteVector& m) { m[inner_at + 3] += 1; }), ReadError::truncated);
  EXPECT_EQ(with_ipv4([](ByteVector& m) { m[udp_in_ipv4 + 5] -= 1; }), ReadError::inner_header);
  const auto with_ipv6 = [](auto change) {
    ByteVector message = ipv6_message();
    change(message);
    return error_of(message);
  };
  EXPECT_EQ(with_ipv6([](ByteVector& m) { m[inner_at + 6] = 60; }), ReadError::inner_header);
  EXPECT_EQ(with_ipv6([](ByteVector& m) { m[inner_at + 5] -= 1; }), ReadError::trailing_octets);
  EXPECT_EQ(with_ipv6([](ByteVector& m) { m[inner_at + 5] += 1; }), ReadError::truncated);
  EXPECT_EQ(with_ipv6([](ByteVector& m) { m.push_back(0); }), ReadError::trailing_octets);
}

}  // namespace
}  // namespace ilnp::lisp
