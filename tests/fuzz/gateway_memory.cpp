// SPDX-License-Identifier: Apache-2.0
// Any octets as the file of nonces, as after a disk that lied: refused, or a memory that is written and read as the
// same.
#include "gateway/src/memory_file.h"

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto memory = parse_memory({reinterpret_cast<const char*>(data), size});
  if (!memory) return 0;
  const std::string text = to_text(*memory);
  const auto again = parse_memory(text);
  FUZZ_REQUIRE(again.has_value() && to_text(*again) == text);
  return 0;
}
