// SPDX-License-Identifier: Apache-2.0
#include "core/records/ilnp_records.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

namespace ilnp {
namespace {

// The octets that BIND, Knot and NSD serve for these records.
TEST(IlnpRecords, OctetsAsServersServeThem) {
  EXPECT_EQ(encode(NidData{10, {0x02144ffffe20ee64}}),
            (ByteVector{0, 10, 0x02, 0x14, 0x4f, 0xff, 0xfe, 0x20, 0xee, 0x64}));
  EXPECT_EQ(encode(L64Data{10, {0x20010db800c00001}}), (ByteVector{0, 10, 0x20, 0x01, 0x0d, 0xb8, 0, 0xc0, 0, 1}));
  EXPECT_EQ(encode(L32Data{10, 0xc0000221}), (ByteVector{0, 10, 0xc0, 0, 2, 0x21}));
  EXPECT_EQ(encode(LpData{10, *DnsName::from_text("l64-bus.example.org")}),
            (ByteVector{0,   10,  7,   'l', '6', '4', '-', 'b', 'u', 's', 7, 'e',
                        'x', 'a', 'm', 'p', 'l', 'e', 3,   'o', 'r', 'g', 0}));
}

TEST(IlnpRecords, TextHasFourDigitsAGroup) {
  EXPECT_EQ(to_text(NidData{10, {0x02144ffffe20ee64}}), "10 0214:4fff:fe20:ee64");
  EXPECT_EQ(to_text(L64Data{20, {0x20010db800020002}}), "20 2001:0db8:0002:0002");
  EXPECT_EQ(to_text(L32Data{10, 0xc0000221}), "10 192.0.2.33");
  EXPECT_EQ(to_text(LpData{10, *DnsName::from_text("l64-bus.example.org")}), "10 l64-bus.example.org.");
}

TEST(IlnpRecords, BothTextFormsAreRead) {
  EXPECT_EQ(parse_l64_data("10 2001:db8:2:2"), (L64Data{10, {0x20010db800020002}}));
  EXPECT_EQ(parse_l64_data("10 2001-0db8-0002-0002"), (L64Data{10, {0x20010db800020002}}));
  EXPECT_EQ(parse_nid_data("  5\t0214+4fff+fe20+ee64 "), (NidData{5, {0x02144ffffe20ee64}}));
  EXPECT_EQ(parse_lp_data("7 l64.example."), (LpData{7, *DnsName::from_text("l64.example")}));
}

TEST(IlnpRecords, TextThatIsNoRecordIsRefused) {
  for (const char* bad : {"", "10", "10 ", "65536 1:2:3:4", "-1 1:2:3:4", "10 1::4", "10 1:2:3", "10 1:2:3:4:5",
                          "10 1:2:3:4/64", "10 1:2:3:12345", "1:2:3:4", "ten 1:2:3:4", "10 1:2:3:g"}) {
    EXPECT_FALSE(parse_l64_data(bad)) << bad;
    EXPECT_FALSE(parse_nid_data(bad)) << bad;
  }
}

TEST(IlnpRecords, EveryOtherLengthIsRefused) {
  for (std::size_t n = 0; n < 32; ++n) {
    const ByteVector octets(n, 0);
    EXPECT_EQ(decode_nid(octets).has_value(), n == 10);
    EXPECT_EQ(decode_l64(octets).has_value(), n == 10);
    EXPECT_EQ(decode_l32(octets).has_value(), n == 6);
    EXPECT_EQ(decode_lp(octets).has_value(), n == 3);  // preference and the root
  }
}

RC_GTEST_PROP(IlnpRecords, OctetsAndTextComeBack, (std::uint16_t preference, std::uint64_t bits)) {
  const NidData nid{preference, {bits}};
  const L64Data l64{preference, {bits}};
  RC_ASSERT(decode_nid(encode(nid)) == nid);
  RC_ASSERT(decode_l64(encode(l64)) == l64);
  RC_ASSERT(parse_nid_data(to_text(nid)) == nid);
  RC_ASSERT(parse_l64_data(to_text(l64)) == l64);
}

TEST(IlnpRecords, LocatorsThatMustNotBePublished) {
  EXPECT_EQ(locator_objection({0x20010db800000001}), nullptr);
  EXPECT_EQ(locator_objection({0x3fff000000000000}), nullptr);
  for (const std::uint64_t bad : std::initializer_list<std::uint64_t>{
           0xff02000000000000, 0xfe80000000000000, 0xfd00000000000000, 0, 0x0064ff9b00000000, 0x4000000000000000}) {
    EXPECT_NE(locator_objection({bad}), nullptr) << std::hex << bad;
  }
}

TEST(IlnpRecords, NidsThatAreReserved) {
  EXPECT_EQ(nid_objection({0x02144ffffe20ee64}), nullptr);
  for (const std::uint64_t bad :
       std::initializer_list<std::uint64_t>{0, 0xfdffffffffffff80, 0xfdffffffffffffff, 0x02005efffe000000}) {
    EXPECT_NE(nid_objection({bad}), nullptr) << std::hex << bad;
  }
  EXPECT_EQ(nid_objection({0xfdffffffffffff7f}), nullptr);
}

TEST(IlnpRecords, TtlsWithTheTopBitSetMeanZero) {
  EXPECT_EQ(effective_ttl(0x7fffffff), seconds{0x7fffffff});
  EXPECT_EQ(effective_ttl(0x80000000), seconds{0});
}

}  // namespace
}  // namespace ilnp
