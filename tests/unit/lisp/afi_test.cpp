// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/afi.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"
#include "tests/support/packet_builder.h"
#include "tests/unit/lisp/show.h"

namespace ilnp::lisp {
namespace {

using test::hex;
using Kind = EidField::Kind;

const std::string v4 = "0001 c000020a", v6 = "0002 20010db8000000000000000000000001", name = "0011 6e616d6500";

std::string two_digits(std::size_t n) {
  const char* digits = "0123456789abcdef";
  return {digits[n >> 4 & 15], digits[n & 15]};
}
std::string lcaf_of(std::size_t type, std::string_view body, std::size_t second_reserved = 0) {
  const std::size_t length = hex(body).size();
  return "4003 0000" + two_digits(type) + two_digits(second_reserved) + two_digits(length >> 8) + two_digits(length) +
         std::string{body};
}

struct AsEid {
  Result<EidField, ReadError> field;
  std::size_t rest;
};
AsEid eid_in(const std::string& octets) {
  const ByteVector bytes = hex(octets + "eeee");  // what follows must stay
  ByteReader in{bytes};
  auto field = read_eid(in);
  return {field, in.remaining()};
}
void expect_eid(const std::string& octets, std::uint32_t instance, const char* address) {
  SCOPED_TRACE(octets);
  const AsEid read = eid_in(octets);
  ASSERT_TRUE(read.field.has_value());
  ASSERT_EQ(read.field.value().kind, Kind::address);
  EXPECT_EQ(read.field.value().eid, (Eid{instance, parse_ip_address(address).value()}));
  EXPECT_EQ(read.rest, 2u);
}
void expect_eid_kind(const std::string& octets, Kind kind) {
  SCOPED_TRACE(octets);
  const AsEid read = eid_in(octets);
  ASSERT_TRUE(read.field.has_value());
  EXPECT_EQ(read.field.value().kind, kind);
  EXPECT_EQ(read.rest, 2u);
}
void expect_eid_error(const std::string& octets, ReadError error) {
  SCOPED_TRACE(octets);
  const ByteVector bytes = hex(octets);
  ByteReader in{bytes};
  const auto field = read_eid(in);
  ASSERT_TRUE(field.has_error());
  EXPECT_EQ(field.error(), error);
}
/// Empty for one that is left out.
void expect_rloc(const std::string& octets, const char* address) {
  SCOPED_TRACE(octets);
  const ByteVector bytes = hex(octets + "eeee");
  ByteReader in{bytes};
  const auto rloc = read_rloc(in);
  ASSERT_TRUE(rloc.has_value());
  EXPECT_EQ(rloc.value(), parse_ip_address(address));
  EXPECT_EQ(in.remaining(), 2u);
}
void expect_rloc_error(const std::string& octets, ReadError error) {
  SCOPED_TRACE(octets);
  const ByteVector bytes = hex(octets);
  ByteReader in{bytes};
  const auto rloc = read_rloc(in);
  ASSERT_TRUE(rloc.has_error());
  EXPECT_EQ(rloc.error(), error);
}

TEST(Afi, PlainAddresses) {
  expect_eid(v4, 0, "192.0.2.10");
  expect_eid(v6, 0, "2001:db8::1");
  expect_eid_kind("0000", Kind::none);
  expect_rloc(v4, "192.0.2.10");
  expect_rloc(v6, "2001:db8::1");
  expect_rloc("0000", "");
}

TEST(Afi, WhatEndsNowhereIsRefusedInBothPositions) {
  for (const char* octets : {"0005 0011223344", "4005 001122334455", "ffff"}) {
    expect_eid_error(octets, ReadError::unknown_afi);
    expect_rloc_error(octets, ReadError::unknown_afi);
  }
  for (const std::string& octets :
       {std::string{"00"}, std::string{"0001 c00002"}, v6.substr(0, 31), std::string{"4003 0000 02"},
        std::string{"4003 0000 02 20 0016 00001092"}, std::string{"0011 6e616d65"}}) {
    expect_eid_error(octets, ReadError::truncated);
    expect_rloc_error(octets, ReadError::truncated);
  }
}

TEST(Lcaf, InstanceId) {
  expect_eid(lcaf_of(2, "00001092" + v6, 32), 4242, "2001:db8::1");
  expect_eid(lcaf_of(2, "00001092" + v4, 32), 4242, "192.0.2.10");
  expect_eid(lcaf_of(2, "00ffffff" + v4, 32), 0xffffff, "192.0.2.10");
  expect_eid(lcaf_of(2, "00001092" + v4, 0), 4242, "192.0.2.10");  // as some write "exactly this one"
  expect_eid(lcaf_of(2, "00000000" + v4, 32), 0, "192.0.2.10");
  expect_eid_kind(lcaf_of(2, "00001092 0000", 32), Kind::none);
  expect_rloc(lcaf_of(2, "00001092" + v4, 32), "192.0.2.10");
}

TEST(Lcaf, InstancesThatWeCannotKeepApartAreNotUsed) {
  expect_eid_kind(lcaf_of(2, "00001092" + v4, 24), Kind::unusable);                               // a range
  expect_eid_kind(lcaf_of(2, "01000000" + v4, 32), Kind::unusable);                               // 25 bits
  expect_eid_kind(lcaf_of(2, "00000001" + lcaf_of(2, "00000002" + v4, 32), 32), Kind::unusable);  // two at once
}

TEST(Lcaf, LengthThatDisagreesWithTheContentIsRefused) {
  for (const std::string& octets :
       {lcaf_of(2, "00001092" + v4 + "00", 32), lcaf_of(2, "00001092 0001 c00002", 32), lcaf_of(2, "000010", 32),
        lcaf_of(2, "00001092" + v4, 33), lcaf_of(1, "0002 2001"), lcaf_of(1, v4.substr(0, 9))}) {
    expect_eid_error(octets, ReadError::bad_lcaf);
    expect_rloc_error(octets, ReadError::bad_lcaf);
  }
}

TEST(Lcaf, ListStandsForItsFirstAddress) {
  expect_eid(lcaf_of(1, v4 + v6), 0, "192.0.2.10");
  expect_eid(lcaf_of(1, name + v6), 0, "2001:db8::1");
  expect_rloc(lcaf_of(1, name + v4), "192.0.2.10");
  expect_rloc(lcaf_of(1, "0000" + lcaf_of(5, "0011") + v4), "192.0.2.10");
  expect_rloc(lcaf_of(1, lcaf_of(77, "00112233") + v4), "192.0.2.10");
  expect_rloc(lcaf_of(1, lcaf_of(1, v6)), "2001:db8::1");
  expect_rloc(lcaf_of(1, "0099 1122" + v4), "");  // nobody knows where the second one begins
  expect_rloc(lcaf_of(1, name), "");
  expect_eid_kind(lcaf_of(1, name), Kind::unusable);
  expect_eid_error(lcaf_of(1, "0099 1122"), ReadError::unknown_lcaf);
  expect_eid_kind(lcaf_of(0, ""), Kind::unusable);
}

TEST(Lcaf, KnownTypesAreLeftOutByTheirLength) {
  for (const std::size_t type : {3u, 5u, 6u, 7u, 9u, 10u, 11u, 12u, 13u, 16u}) {
    expect_eid_kind(lcaf_of(type, "0102030405"), Kind::unusable);
    expect_rloc(lcaf_of(type, "0102030405"), "");
  }
  expect_eid_kind(name, Kind::unusable);
  expect_rloc(name, "");
}

TEST(Lcaf, UnknownTypesEndOnlyWhatTheyAreTheEidOf) {
  for (const std::size_t type : {17u, 77u, 254u}) {
    expect_eid_error(lcaf_of(type, "0102"), ReadError::unknown_lcaf);
    expect_rloc(lcaf_of(type, "0102"), "");
  }
}

TEST(Lcaf, VendorsAreUnknownInBothPositions) {
  const std::string vendor = lcaf_of(255, "00 00000c 0102");
  for (const std::string& octets : {vendor, lcaf_of(1, vendor)}) {
    expect_eid_error(octets, ReadError::vendor_lcaf);
    expect_rloc_error(octets, ReadError::vendor_lcaf);
  }
}

TEST(Lcaf, NestingAndListsAreBounded) {
  std::string deep = v4;
  for (int i = 0; i < 3; ++i) deep = lcaf_of(1, deep);
  expect_rloc(deep, "192.0.2.10");
  for (int i = 0; i < 1000; ++i) deep = lcaf_of(1, deep);
  expect_rloc(deep, "");
  std::string names;
  for (int i = 0; i < 31; ++i) names += "0000";
  expect_rloc(lcaf_of(1, names + v4), "192.0.2.10");
  expect_rloc(lcaf_of(1, names + "0000" + v4), "");
}

TEST(EidPrefixField, BitsBeyondTheLengthBecomeZero) {
  const auto read = [](const std::string& octets, std::uint8_t length) {
    const ByteVector bytes = hex(octets);
    ByteReader in{bytes};
    return read_eid_prefix(in, length);
  };
  EXPECT_EQ(read(v4, 24).value(), (EidPrefix{0, parse_ip_prefix("192.0.2.0/24").value()}));
  EXPECT_EQ(read(lcaf_of(2, "00000007" + v6, 32), 32).value(),
            (EidPrefix{7, parse_ip_prefix("2001:db8::/32").value()}));
  EXPECT_EQ(read(v4, 0).value(), (EidPrefix{0, parse_ip_prefix("0.0.0.0/0").value()}));
  EXPECT_EQ(read(v4, 33).error(), ReadError::bad_prefix_length);
  EXPECT_EQ(read(v6, 129).error(), ReadError::bad_prefix_length);
  EXPECT_EQ(read("0000", 0).error(), ReadError::no_eid);
  EXPECT_EQ(read(name, 255).value(), std::nullopt);  // its length is one of octets
}

TEST(Afi, WritingIsReadingBackwards) {
  const auto written = [](const Eid& eid) {
    ByteVector bytes;
    ByteWriter out{bytes};
    write_eid(out, eid);
    return bytes;
  };
  EXPECT_SAME_BYTES(written({0, parse_ip_address("192.0.2.10").value()}), hex(v4));
  EXPECT_SAME_BYTES(written({4242, parse_ip_address("2001:db8::1").value()}), hex(lcaf_of(2, "00001092" + v6, 32)));
  EXPECT_SAME_BYTES(written({4242, parse_ip_address("192.0.2.10").value()}), hex(lcaf_of(2, "00001092" + v4, 32)));
}

}  // namespace
}  // namespace ilnp::lisp
