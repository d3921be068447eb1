// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/mapping_record.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"
#include "tests/unit/lisp/show.h"
#include "tests/vectors/lisp_vectors.h"

namespace ilnp::lisp {
namespace {

using test::hex;
using namespace vectors;

Result<std::optional<MappingRecord>, ReadError> read(const std::string& octets) {
  const ByteVector bytes = hex(octets);
  ByteReader in{bytes};
  return read_mapping_record(in);
}
ByteVector written(const MappingRecord& mapping) {
  ByteVector bytes;
  ByteWriter out{bytes};
  write_mapping_record(out, mapping);
  return bytes;
}

const std::string g1_octets = "20010db800a100000000000000000001", eid_10_8 = "0001 0a080000";

TEST(MappingRecord, EveryField) {
  const auto record = read("00000102 01 10 5000 0abc" + eid_10_8 + "01 02 03 04 0005 0002" + g1_octets);
  ASSERT_TRUE(record.has_value());
  MappingRecord expected{0x102, eid("10.8.0.0/16"), Action::send_map_request, true, 0xabc, {local(rloc(g1, 1, 2))}};
  expected.rlocs[0].multicast_priority = 3;
  expected.rlocs[0].multicast_weight = 4;
  EXPECT_EQ(record.value(), expected);
}

TEST(MappingRecord, FlagsOfALocatorAreApart) {
  for (const auto& [flags, local, probed, reachable] :
       {std::tuple{"0004", true, false, false}, std::tuple{"0002", false, true, false},
        std::tuple{"0001", false, false, true}, std::tuple{"fff8", false, false, false}}) {
    const auto record = read("00000001 01 10 0000 0000" + eid_10_8 + "01 02 ff 00" + flags + "0001 c000020a");
    const RlocRecord& found = record.value().value().rlocs.at(0);
    EXPECT_EQ(std::tuple(found.is_local, found.is_probed, found.is_reachable), std::tuple(local, probed, reachable));
  }
}

TEST(MappingRecord, ActionsThatNoRfcKnowsAreNone) {
  for (const auto& [octet, action] :
       {std::pair{"20", Action::natively_forward}, std::pair{"60", Action::drop}, std::pair{"80", Action::drop_policy},
        std::pair{"a0", Action::drop_authentication}, std::pair{"c0", Action::no_action},
        std::pair{"e0", Action::no_action}})
    EXPECT_EQ(read("00000001 00 10" + std::string{octet} + "00 0000" + eid_10_8).value().value().action, action);
}

TEST(MappingRecord, LocatorsAreSortedBothWays) {
  const std::string first = "01 64 ff 00 0001 0001 c000020a", second = "01 64 ff 00 0001 0002" + g1_octets;
  const std::string head = "00000005 02 10 0000 0000" + eid_10_8;
  const MappingRecord sorted = record(eid("10.8.0.0/16"), 5, {rloc(c_ipv4, 1, 100), rloc(g1, 1, 100)});
  EXPECT_EQ(read(head + second + first).value(), sorted);
  const MappingRecord unsorted = record(eid("10.8.0.0/16"), 5, {rloc(g1, 1, 100), rloc(c_ipv4, 1, 100)});
  EXPECT_SAME_BYTES(written(unsorted), hex(head + first + second));
  EXPECT_SAME_BYTES(written(sorted), written(unsorted));
}

TEST(MappingRecord, HostBitsAreZeroBothWays) {
  const MappingRecord network = negative(eid("10.8.0.0/16"), 1, Action::drop);
  EXPECT_EQ(read("00000001 00 10 6000 0000 0001 0a0801ff").value(), network);
  MappingRecord with_host_bits = network;
  with_host_bits.eid.prefix.address = ip("10.8.1.255");
  EXPECT_SAME_BYTES(written(with_host_bits), hex("00000001 00 10 6000 0000" + eid_10_8));
}

TEST(MappingRecord, WhatIsNoAddressIsLeftOut) {
  const std::string explicit_path = "01 64 ff 00 0001 4003 0000 0a 00 0002 0102",
                    unknown = "01 64 ff 00 0001 4003 0000 63 00 0001 ff", none = "01 64 ff 00 0001 0000",
                    usable = "01 64 ff 00 0001 0001 c000020a";
  EXPECT_EQ(read("00000005 04 10 0000 0000" + eid_10_8 + explicit_path + unknown + none + usable).value(),
            record(eid("10.8.0.0/16"), 5, {rloc(c_ipv4, 1, 100)}));
  EXPECT_EQ(read("00000005 01 20 0000 0000 0011 766d00" + usable).value(), std::nullopt);
  EXPECT_EQ(read("00000005 01 10 0000 0000 4003 0000 63 00 0001 ff" + usable).error(), ReadError::unknown_lcaf);
  EXPECT_EQ(read("00000005 01 10 0000 0000" + eid_10_8 + "01 64 ff 00 0001 0063 c000020a").error(),
            ReadError::unknown_afi);
}

TEST(MappingRecord, CountThatPromisesMoreIsTruncated) {
  const std::string one = "01 64 ff 00 0001 0001 c000020a";
  EXPECT_EQ(read("00000005 02 10 0000 0000" + eid_10_8 + one).error(), ReadError::truncated);
  EXPECT_EQ(read("00000005 ff 10 0000 0000" + eid_10_8).error(), ReadError::truncated);
  const ByteVector bytes = hex("00000005 00 10 0000 0000" + eid_10_8);
  ByteReader in{bytes};
  EXPECT_EQ(read_mapping_records(in, 2).error(), ReadError::truncated);
}

TEST(XtrIdentity, TwentyFourOctets) {
  ByteVector bytes;
  ByteWriter out{bytes};
  write_identity(out, sender);
  EXPECT_SAME_BYTES(bytes, hex("00112233445566778899aabbccddeeff 0000000000000a01"));
  ByteReader in{bytes};
  EXPECT_EQ(read_identity(in), sender);
  EXPECT_TRUE(in.ok() && in.empty());
  ByteReader shorter{Bytes{bytes}.first(23)};
  read_identity(shorter);
  EXPECT_FALSE(shorter.ok());
}

}  // namespace
}  // namespace ilnp::lisp
