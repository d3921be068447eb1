// SPDX-License-Identifier: Apache-2.0
// Any octets as a LISP data packet, with and without next protocol: a header that is written says the same again.
#include "core/lisp/data_header.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;
using namespace ilnp::lisp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const bool knows_next_protocol : {false, true}) {
    const auto read = parse_data_header({data, size}, knows_next_protocol);
    if (read.has_error()) {
      FUZZ_REQUIRE(size < data_header_length || knows_next_protocol);
      continue;
    }
    FUZZ_REQUIRE(knows_next_protocol || !read.value().next_protocol);
    const auto again = parse_data_header(encode_data_header(read.value()), knows_next_protocol);
    FUZZ_REQUIRE(again.has_value() && again.value() == read.value());
  }
  return 0;
}
