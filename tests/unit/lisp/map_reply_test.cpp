// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/map_reply.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/support/matchers.h"
#include "tests/unit/lisp/show.h"
#include "tests/vectors/lisp_vectors.h"

namespace ilnp::lisp {
namespace {

using test::hex;
using namespace vectors;

const std::string nonce = "1122334455667788", one = "0000000f 00 10 2000 0000 0001 0a080000";

MapReply plain() {
  return {.nonce = 0x1122334455667788, .records = {negative(eid("10.8.0.0/16"), 15, Action::natively_forward)}};
}

TEST(MapReply, EveryFlagHasItsBit) {
  MapReply reply = plain();
  EXPECT_SAME_BYTES(encode_map_reply(reply), hex("20000001" + nonce + one));
  reply.is_probe = true;
  EXPECT_SAME_BYTES(encode_map_reply(reply), hex("28000001" + nonce + one));
  EXPECT_EQ(parse_map_reply(hex("28000001" + nonce + one)).value(), reply);
  reply.is_probe = false;
  reply.echoes_nonces = true;
  EXPECT_SAME_BYTES(encode_map_reply(reply), hex("24000001" + nonce + one));
  EXPECT_EQ(parse_map_reply(hex("24000001" + nonce + one)).value(), reply);
}

TEST(MapReply, SecurityDataIsSeenAndNotRead) {
  MapReply expected = plain();
  expected.has_security_data = true;
  EXPECT_EQ(parse_map_reply(hex("22000001" + nonce + one + "01000000 0004 0002")).value(), expected);
}

TEST(MapReply, PaddingIsTolerated) {
  EXPECT_EQ(parse_map_reply(hex("21ffff01" + nonce + one + "00")).value(), plain());
}

TEST(MapReply, ManyRecords) {
  MapReply reply = plain();
  reply.records.assign(255, authoritative(record(vm, 5, {rloc(c_ipv4, 1, 50), rloc(g1, 2, 50)})));
  EXPECT_EQ(parse_map_reply(encode_map_reply(reply)).value(), reply);
  reply = plain();
  reply.records[0].rlocs.assign(255, rloc(g1, 1, 1));
  EXPECT_EQ(parse_map_reply(encode_map_reply(reply)).value(), reply);
}

TEST(MapReply, WhatIsNoneIsRefused) {
  EXPECT_EQ(parse_map_reply(hex("20000000" + nonce)).error(), ReadError::record_count);
  EXPECT_EQ(parse_map_reply(hex("20000002" + nonce + one)).error(), ReadError::truncated);
  EXPECT_EQ(parse_map_reply(hex("10000001" + nonce + one)).error(), ReadError::wrong_type);
  EXPECT_EQ(parse_map_reply(hex("200000")).error(), ReadError::truncated);
}

}  // namespace
}  // namespace ilnp::lisp
