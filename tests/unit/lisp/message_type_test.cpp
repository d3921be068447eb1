// SPDX-License-Identifier: Apache-2.0
#include "core/lisp/message_type.h"

#include <gtest/gtest.h>

#include "tests/support/packet_builder.h"
#include "tests/unit/lisp/show.h"

namespace ilnp::lisp {
namespace {

using test::hex;

TEST(MessageType, HighNibble) {
  EXPECT_EQ(message_type(hex("1f")).value(), MessageType::map_request);
  EXPECT_EQ(message_type(hex("88")).value(), MessageType::encapsulated_control);
  EXPECT_EQ(message_type(hex("ff")).value(), MessageType::shared_extension);
  for (const char* octet : {"00", "90", "e0"}) EXPECT_EQ(message_type(hex(octet)).error(), ReadError::unknown_type);
  EXPECT_EQ(message_type({}).error(), ReadError::truncated);
}

TEST(MessageType, SubtypeHasTwelveBits) {
  EXPECT_EQ(extension_subtype(hex("ff6e")).value(), 3950);
  EXPECT_EQ(extension_subtype(hex("ff")).error(), ReadError::truncated);
}

}  // namespace
}  // namespace ilnp::lisp
