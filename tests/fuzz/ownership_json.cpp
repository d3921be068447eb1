// SPDX-License-Identifier: Apache-2.0
// Any octets as a key (the first line) and a record of the store: refused with a reason, or a record that is written
// and read again as the same.
#include "io/truth/record_json.h"

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

namespace {

SiteNames two_sites() {
  SiteNames sites;
  FUZZ_REQUIRE(sites.add(1, "dc1") && sites.add(2, "dc2"));
  return sites;
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const SiteNames sites = two_sites();
  const std::string_view input{reinterpret_cast<const char*>(data), size};
  const std::size_t line = std::min(input.find('\n'), input.size());
  const std::string_view key = input.substr(0, line), text = input.substr(std::min(line + 1, input.size()));
  const auto record = parse_record(key, text, sites);
  if (!record) {
    FUZZ_REQUIRE(*explain(record.error()) != '\0');
    return 0;
  }
  FUZZ_REQUIRE(record_key(record.value().key) == key && record.value().epoch == 0);
  const auto written = record_to_json(record.value(), sites);
  FUZZ_REQUIRE(written.has_value());
  const auto again = parse_record(key, *written, sites);
  FUZZ_REQUIRE(again && again.value() == record.value());
  return 0;
}
