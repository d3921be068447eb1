// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/locator_update.h"

#include <gtest/gtest.h>

namespace ilnp {
namespace {

using std::chrono::duration;

LocatorUpdate two_locators() {
  return {LocatorUpdateOperation::advertisement,
          {{{0x20010db8000b0001}, 10, duration<std::uint16_t>{600}},
           {{0x20010db8000a0001}, 20, duration<std::uint16_t>{10}}}};
}

LocatorUpdateError error_of(const ByteVector& message) {
  const auto parsed = parse_locator_update(message);
  EXPECT_TRUE(parsed.has_error());
  return parsed.has_error() ? parsed.error() : LocatorUpdateError{};
}

TEST(LocatorUpdate, EncodesAsRfc6743Section2Draws) {
  const ByteVector expected{0x9c, 0,    0,    0,    2,    1,    0,    0,                              // header
                            0x20, 0x01, 0x0d, 0xb8, 0x00, 0x0b, 0x00, 0x01, 0x00, 0x0a, 0x02, 0x58,   // first
                            0x20, 0x01, 0x0d, 0xb8, 0x00, 0x0a, 0x00, 0x01, 0x00, 0x14, 0x00, 0x0a};  // second
  EXPECT_EQ(encode_locator_update(two_locators()), expected);
}

TEST(LocatorUpdate, ReadsBackWhatItWrote) {
  const auto parsed = parse_locator_update(encode_locator_update(two_locators()));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed.value(), two_locators());
}

TEST(LocatorUpdate, CarriesUpTo255Locators) {
  LocatorUpdate update{LocatorUpdateOperation::acknowledgement, {}};
  for (std::uint64_t i = 0; i < max_encoded_locators; ++i) update.locators.push_back({{i << 16}, 1, {}});
  const auto parsed = parse_locator_update(encode_locator_update(update));
  ASSERT_TRUE(parsed.has_value());
  EXPECT_EQ(parsed.value(), update);
}

TEST(LocatorUpdate, ReservedFieldIsIgnored) {
  ByteVector message = encode_locator_update(two_locators());
  message[6] = 0xff;
  EXPECT_TRUE(parse_locator_update(message).has_value());
}

TEST(LocatorUpdate, EveryTruncationIsRefused) {
  const ByteVector whole = encode_locator_update(two_locators());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_EQ(error_of({whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)}),
              LocatorUpdateError::truncated)
        << length;
  }
}

TEST(LocatorUpdate, LengthMustMatchTheCountExactly) {
  ByteVector message = encode_locator_update(two_locators());
  message.push_back(0);
  EXPECT_EQ(error_of(message), LocatorUpdateError::bad_length);
  message.resize(8 + 2 * 16);  // the entries of the Linux 4.9 prototype
  EXPECT_EQ(error_of(message), LocatorUpdateError::bad_length);
}

TEST(LocatorUpdate, CodeOperationAndCountAreChecked) {
  ByteVector message = encode_locator_update(two_locators());
  message[1] = 1;
  EXPECT_EQ(error_of(message), LocatorUpdateError::bad_code);
  for (const std::uint8_t operation : std::initializer_list<std::uint8_t>{0, 3, 255}) {
    message = encode_locator_update(two_locators());
    message[5] = operation;
    EXPECT_EQ(error_of(message), LocatorUpdateError::bad_operation);
  }
  message = encode_locator_update(two_locators());
  message[4] = 0;
  EXPECT_EQ(error_of(message), LocatorUpdateError::no_locators);
}

}  // namespace
}  // namespace ilnp
