// SPDX-License-Identifier: Apache-2.0
// Any line as a request of `ilnpctl lisp`: refused with a reason, or a step about one EID that, written down, is read
// as the same.
#include "gateway/src/lisp_request.h"

#include <algorithm>
#include <string>

#include "io/telemetry/control.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;

namespace {

nlohmann::json written(const LispStep& step) {
  nlohmann::json out{{"step", name_of(step.kind)}, {"eid", lisp::to_string(lisp::EidPrefix::host(step.eid))}};
  for (const lisp::RlocRecord& rloc : step.rlocs)
    out["rlocs"].push_back(lisp::to_string(rloc.address) + "," + std::to_string(rloc.priority) + "," +
                           std::to_string(rloc.weight));
  return out;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto request = parse_control_request({reinterpret_cast<const char*>(data), size});
  if (!request) return 0;
  const auto step = parse_lisp_step(request.value().body);
  if (!step) {
    FUZZ_REQUIRE(!step.error().message.empty());
    return 0;
  }
  const auto& rlocs = step.value().rlocs;
  FUZZ_REQUIRE(rlocs.size() <= 32 && std::ranges::is_sorted(rlocs, {}, &lisp::RlocRecord::address));
  FUZZ_REQUIRE(std::ranges::all_of(rlocs, [](const auto& one) { return one.address.is_routable_unicast(); }));
  const auto again = parse_lisp_step(written(step.value()));
  FUZZ_REQUIRE(again.has_value() && again.value().kind == step.value().kind && again.value().eid == step.value().eid);
  FUZZ_REQUIRE(std::ranges::is_permutation(again.value().rlocs, rlocs));
  return 0;
}
