// SPDX-License-Identifier: Apache-2.0
// How GoogleTest shows our values: addresses as text, packets as hex with the first difference marked.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ostream>
#include <string>

#include "core/base/bytes.h"
#include "core/ilnp/text.h"
#include "core/ipv6/address.h"
#include "core/ipv6/header_walk.h"

namespace ilnp {

inline void PrintTo(const Locator& locator, std::ostream* out) { *out << to_text(locator); }
inline void PrintTo(const NodeId& nid, std::ostream* out) { *out << to_text(nid); }
inline void PrintTo(const Address& address, std::ostream* out) { *out << to_string(address); }

inline void PrintTo(ParseError error, std::ostream* out) {
  static constexpr const char* names[] = {
      "truncated",          "not_ipv6",         "length_mismatch", "bad_extension_header",
      "header_not_allowed", "too_many_headers", "bad_option",      "two_nonces"};
  *out << names[static_cast<std::size_t>(error)];
}

namespace test {

/// Sixteen octets a line, in pairs, behind their offset; '>' marks the line that holds `mark`.
inline std::string hex_dump(Bytes bytes, std::size_t mark = static_cast<std::size_t>(-1)) {
  std::string dump;
  char piece[24];
  for (std::size_t line = 0; line < bytes.size(); line += 16) {
    std::snprintf(piece, sizeof piece, "%c %04zx ", mark / 16 == line / 16 ? '>' : ' ', line);
    dump += piece;
    for (std::size_t i = line; i < std::min(line + 16, bytes.size()); ++i) {
      std::snprintf(piece, sizeof piece, i % 2 == 0 ? " %02x" : "%02x", bytes[i]);
      dump += piece;
    }
    dump += '\n';
  }
  return dump;
}

inline ::testing::AssertionResult same_bytes(const char* left_text, const char* right_text, Bytes left, Bytes right) {
  if (std::ranges::equal(left, right)) return ::testing::AssertionSuccess();
  const auto difference = static_cast<std::size_t>(std::ranges::mismatch(left, right).in1 - left.begin());
  return ::testing::AssertionFailure() << left_text << " (" << left.size() << " octets)\n"
                                       << hex_dump(left, difference) << "differs at octet " << difference << " from "
                                       << right_text << " (" << right.size() << " octets)\n"
                                       << hex_dump(right, difference);
}

}  // namespace test
}  // namespace ilnp

#define EXPECT_SAME_BYTES(left, right) EXPECT_PRED_FORMAT2(::ilnp::test::same_bytes, left, right)
#define ASSERT_SAME_BYTES(left, right) ASSERT_PRED_FORMAT2(::ilnp::test::same_bytes, left, right)
