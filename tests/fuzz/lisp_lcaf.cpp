// SPDX-License-Identifier: Apache-2.0
// Any octets as an address field in both positions. Both find the same end; what is an EID is one again when written,
// and where an EID is read without complaint an RLOC is too.
#include "core/lisp/afi.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;
using namespace ilnp::lisp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  ByteReader as_eid{{data, size}}, as_rloc{{data, size}};
  const auto eid = read_eid(as_eid);
  const auto rloc = read_rloc(as_rloc);
  if (eid.has_error()) {
    FUZZ_REQUIRE(rloc.has_value() == (eid.error() == ReadError::unknown_lcaf));
    return 0;
  }
  FUZZ_REQUIRE(rloc.has_value() && as_eid.remaining() == as_rloc.remaining());
  const bool is_address = eid.value().kind == EidField::Kind::address;
  FUZZ_REQUIRE(rloc.value().has_value() == is_address);
  if (!is_address) return 0;
  FUZZ_REQUIRE(*rloc.value() == eid.value().eid.address && eid.value().eid.instance <= max_instance);
  ByteVector written;
  ByteWriter out{written};
  write_eid(out, eid.value().eid);
  ByteReader in{written};
  const auto again = read_eid(in);
  FUZZ_REQUIRE(again.has_value() && again.value().eid == eid.value().eid && in.empty());
  return 0;
}
