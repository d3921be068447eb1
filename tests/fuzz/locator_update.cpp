// SPDX-License-Identifier: Apache-2.0
// Any octets as a Locator Update: what is accepted is exactly what we would write.
#include "core/ilnp/locator_update.h"

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto parsed = parse_locator_update({data, size});
  if (parsed.has_error()) return 0;
  const ByteVector again = encode_locator_update(parsed.value());
  ByteVector message{data, data + size};
  store_u16(message.data() + 2, 0);  // checksum
  store_u16(message.data() + 6, 0);  // reserved
  FUZZ_REQUIRE(again == message);
  return 0;
}
