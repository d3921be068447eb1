// SPDX-License-Identifier: Apache-2.0
// Any octets as the file of mobile EIDs, as after a disk that lied: refused, or rows that are written and read as the
// same.
#include "gateway/src/presence_file.h"

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t now = 1'780'000'000'000'000;
  const auto presences = parse_presences({reinterpret_cast<const char*>(data), size}, now);
  if (!presences) return 0;
  const auto again = parse_presences(presences_to_text(*presences, now), now);
  FUZZ_REQUIRE(again == presences);
  return 0;
}
