// SPDX-License-Identifier: Apache-2.0
// What every fuzz target needs: its entry point, statements that must hold, and packets that get past the first checks.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "core/base/bytes.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

/// Stays in every build, says what broke, and stops where libFuzzer sees it.
#define FUZZ_REQUIRE(statement)                                                           \
  do {                                                                                    \
    if (!(statement)) {                                                                   \
      std::fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #statement); \
      std::abort();                                                                       \
    }                                                                                     \
  } while (false)

namespace ilnp::fuzz {

/// A copy whose IPv6 payload length is right, so that mutations reach what lies behind that check.
inline ByteVector with_right_length(Bytes packet) {
  ByteVector copy{packet.begin(), packet.end()};
  if (copy.size() >= 40 && copy.size() - 40 <= 0xffff)
    store_u16(copy.data() + 4, static_cast<std::uint16_t>(copy.size() - 40));
  return copy;
}

}  // namespace ilnp::fuzz
