// SPDX-License-Identifier: Apache-2.0
// Octets as lower-case hexadecimal text, without blanks.
#pragma once

#include <string>

#include "core/base/bytes.h"

namespace ilnp::test {

inline std::string hex_digits(Bytes octets) {
  static constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t octet : octets) {
    text += digits[octet >> 4];
    text += digits[octet & 15];
  }
  return text;
}

}  // namespace ilnp::test
