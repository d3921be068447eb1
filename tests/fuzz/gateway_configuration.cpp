// SPDX-License-Identifier: Apache-2.0
// Any octets as the configuration of ilnp-gateway: settings, or problems in the file that each say what is wrong.
#include <algorithm>

#include "gateway/src/settings.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto schema = gateway_schema();
  const auto configuration = read_configuration(schema, {{"fuzz.toml", std::string{data, data + size}}});
  if (!configuration) return 0;  // fuzz target `configuration`
  const auto settings = gateway_settings(configuration.value());
  if (!settings) {
    FUZZ_REQUIRE(!settings.error().empty());
    for (const Problem& problem : settings.error()) FUZZ_REQUIRE(!problem.reason.empty());
    return 0;
  }
  const lisp::XtrSettings& xtr = settings.value().xtr;
  FUZZ_REQUIRE(std::ranges::all_of(xtr.underlay.rlocs, [](const auto& rloc) { return rloc.is_routable_unicast(); }));
  for (const auto& server : xtr.map_servers) FUZZ_REQUIRE(!server.secrets.empty());
  for (const auto& peer : xtr.peers) FUZZ_REQUIRE(!peer.secrets.empty() && !peer.addresses.empty());
  return 0;
}
