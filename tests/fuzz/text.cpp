// SPDX-License-Identifier: Apache-2.0
// Any octets as a text form: what is read is printed and read again as the same.
#include "core/ilnp/text.h"

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{data, data + size};
  if (const auto locator = parse_locator(text)) {
    FUZZ_REQUIRE(parse_locator(to_text(*locator)) == locator);
    FUZZ_REQUIRE(size <= 19);
  }
  if (const auto nid = parse_node_id(text)) {
    FUZZ_REQUIRE(parse_node_id(to_dns_text(nid->bits)) == nid);
    FUZZ_REQUIRE(size <= 19);
  }
  if (const auto ilv = parse_ilv(text)) {
    FUZZ_REQUIRE(parse_ilv(to_ilv_text(*ilv)) == ilv);
    FUZZ_REQUIRE(parse_ilv(to_string(*ilv)) == ilv);
  }
  return 0;
}
