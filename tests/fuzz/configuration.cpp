// SPDX-License-Identifier: Apache-2.0
// Any octets as a configuration file: either values or problems, each problem with its place.
#include "io/settings/configuration.h"

#include "tests/fuzz/fuzz.h"
#include "tests/unit/settings/sample_schema.h"

using namespace ilnp;

namespace {

/// A problem is one line, in our file, and not beyond its end.
void require_sound(const std::vector<Problem>& problems, const std::string& text) {
  FUZZ_REQUIRE(!problems.empty());
  const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
  for (const Problem& problem : problems) {
    FUZZ_REQUIRE(problem.place.file == "fuzz.toml" && problem.place.line <= lines + 1);
    FUZZ_REQUIRE(!problem.reason.empty());
    FUZZ_REQUIRE(to_string(problem).find('\n') == std::string::npos);
  }
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text{data, data + size};
  const auto once = read_configuration(sample_schema(), {{"fuzz.toml", text}});
  if (!once) {
    require_sound(once.error(), text);
    return 0;
  }
  const auto again = read_configuration(sample_schema(), {{"fuzz.toml", text}});
  FUZZ_REQUIRE(again && diff(once.value(), again.value()).empty());
  for (const SettingChange& change : diff(Configuration::defaults(sample_schema()), once.value())) {
    FUZZ_REQUIRE(!change.key.empty() && change.before != change.after);
  }
  return 0;
}
