// SPDX-License-Identifier: Apache-2.0
// Any octets as what a hypervisor says to its guest: refused with a reason, or a bounded notice that can be answered.
#include "ilnp-host/src/host_notice.h"

#include "core/ilnp/text.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string line{data, data + size};
  const auto notice = parse_host_notice(line);
  if (!notice) {
    FUZZ_REQUIRE(!notice.error().message.empty());
    FUZZ_REQUIRE(!refused_notice(notice.error().message).dump().empty());
    return 0;
  }
  FUZZ_REQUIRE(size <= max_host_line && notice.value().locators.size() <= max_noticed_locators);
  nlohmann::json again{{"schema", "ilnp.host-channel/1"}, {"event", "moved"}};
  for (const Locator locator : notice.value().locators) again["locators"].push_back(to_text(locator));
  const auto same = parse_host_notice(again.dump());
  FUZZ_REQUIRE(same && same.value().locators == notice.value().locators);
  // An answer that came back would not be taken for a notice.
  FUZZ_REQUIRE(!parse_host_notice(heard_notice(notice.value(), true).dump()));
  return 0;
}
