// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/map_request.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"
#include "tests/unit/lisp/show.h"
#include "tests/vectors/lisp_vectors.h"

namespace ilnp::lisp {
namespace {

using test::hex;
using namespace vectors;

const std::string nonce = "1122334455667788", no_source = "0000", itr = "0001 c000020a", one = "00 20 0001 0a080007";

MapRequest plain() {
  return {.nonce = 0x1122334455667788, .source = {}, .itr_rlocs = {c_ipv4}, .records = {{eid("10.8.0.7/32")}}};
}
void expect_error(const std::string& octets, ReadError error) {
  SCOPED_TRACE(octets);
  const auto request = parse_map_request(hex(octets));
  ASSERT_TRUE(request.has_error());
  EXPECT_EQ(request.error(), error);
}

TEST(MapRequest, EveryFlagHasItsBit) {
  const auto expect = [](const char* first_word, auto change) {
    MapRequest request = plain();
    change(request);
    const ByteVector octets = hex(first_word + nonce + no_source + itr + one);
    EXPECT_SAME_BYTES(encode_map_request(request), octets);
    EXPECT_EQ(parse_map_request(octets).value(), request) << first_word;
  };
  expect("10000001", [](MapRequest&) {});
  expect("18000001", [](MapRequest& r) { r.wants_authoritative = true; });
  expect("12000001", [](MapRequest& r) { r.is_probe = true; });
  expect("11000001", [](MapRequest& r) { r.is_smr = true; });
  expect("10800001", [](MapRequest& r) { r.from_proxy = true; });
  expect("10400001", [](MapRequest& r) { r.is_smr_invoked = true; });
  expect("10004001", [](MapRequest& r) { r.is_local_xtr = true; });
  expect("10002001", [](MapRequest& r) { r.wants_no_reply = true; });
}

TEST(MapRequest, OwnMappingAndSenderFollowTheRecords) {
  MapRequest request = plain();
  request.own_mapping = record(eid("10.9.0.0/16"), 5, {rloc(c_ipv4, 1, 100)});
  request.sender = sender;
  const ByteVector octets = hex("14100001" + nonce + no_source + itr + one +
                                "00000005 01 10 0000 0000 0001 0a090000 01 64 ff 00 0001 0001 c000020a"
                                "00112233445566778899aabbccddeeff 0000000000000a01");
  EXPECT_SAME_BYTES(encode_map_request(request), octets);
  EXPECT_EQ(parse_map_request(octets).value(), request);
}

TEST(MapRequest, ManyRecordsAndItrRlocs) {
  MapRequest request = plain();
  request.itr_rlocs.assign(max_itr_rlocs, g1);
  request.records.assign(max_requested_records, {vm, true});
  const ByteVector octets = encode_map_request(request);
  EXPECT_EQ(load_u32(octets.data()), 0x10001f20u);
  EXPECT_EQ(parse_map_request(octets).value(), request);
}

TEST(MapRequest, RecordCountIsBounded) {
  expect_error("10000000" + nonce + no_source + itr, ReadError::record_count);
  std::string records;
  for (int i = 0; i < 33; ++i) records += one;
  expect_error("10000021" + nonce + no_source + itr + records, ReadError::record_count);
  expect_error("10000002" + nonce + no_source + itr + one, ReadError::truncated);
  expect_error("10000101" + nonce + no_source + itr, ReadError::truncated);
}

TEST(MapRequest, PaddingAndUnknownTrailersAreTolerated) {
  EXPECT_EQ(parse_map_request(hex("10000001" + nonce + no_source + itr + one + "0011223344")).value(), plain());
}

TEST(MapRequest, ReservedBitsAreIgnored) {
  EXPECT_EQ(parse_map_request(hex("102f8001" + nonce + no_source + itr + "7f 20 0001 0a080007")).value(), plain());
}

TEST(MapRequest, WhoCannotBeAnsweredIsNotHeard) {
  expect_error("10000001" + nonce + no_source + "0000" + one, ReadError::no_itr_rloc);
  expect_error("10000001" + nonce + no_source + "4003 0000 63 00 0001 ff" + one, ReadError::no_itr_rloc);
  const auto second = parse_map_request(hex("10000101" + nonce + no_source + "0000" + itr + one));
  EXPECT_EQ(second.value(), plain());
}

TEST(MapRequest, RecordsOfNoUseAreLeftOut) {
  const std::string name = "00 00 0011 766d00";
  EXPECT_EQ(parse_map_request(hex("10000002" + nonce + no_source + itr + name + one)).value(), plain());
  expect_error("10000001" + nonce + no_source + itr + name, ReadError::no_usable_record);
  EXPECT_EQ(parse_map_request(hex("10000001" + nonce + "0011 766d00" + itr + one)).value(), plain());
  expect_error("10000001" + nonce + "0063 00" + itr + one, ReadError::unknown_afi);
  expect_error("10000001" + nonce + no_source + itr + "00 20 4003 0000 63 00 0001 ff", ReadError::unknown_lcaf);
  expect_error("10000001" + nonce + no_source + itr + "00 21 0001 0a080007", ReadError::bad_prefix_length);
}

TEST(MapRequest, OtherTypes) {
  expect_error("20000001" + nonce + no_source + itr + one, ReadError::wrong_type);
  expect_error("", ReadError::truncated);
}

}  // namespace
}  // namespace ilnp::lisp
