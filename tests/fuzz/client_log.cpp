// SPDX-License-Identifier: Apache-2.0
// Any octets as the client log of another gateway: never more rows than there may be, and what is saved again is read
// as the same.
#include "core/lisp/client_log.h"

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t most = 20;
  const TimePoint now{seconds{1}};
  lisp::ClientLog log{{.most = most, .most_of_one_eid = 8}, 1}, again{{}, 2};
  (void)log.restore(now, {data, size});
  FUZZ_REQUIRE(log.size() <= most);
  const ByteVector saved = log.save(now, most);
  FUZZ_REQUIRE(again.restore(now, saved));
  FUZZ_REQUIRE(again.save(now, most) == saved);
  return 0;
}
