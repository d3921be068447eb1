// SPDX-License-Identifier: Apache-2.0
// Any lines as requests to move one node after the other: refused with a reason, or planned; a step that was taken may
// be repeated, and every record that comes of it can be stored and read again.
#include <algorithm>

#include "core/site/migration.h"
#include "io/telemetry/control.h"
#include "io/truth/record_json.h"
#include "sbr/src/migrate_command.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;

namespace {

std::optional<SiteId> site_of(Locator locator) {
  const auto number = static_cast<SiteId>(locator.bits >> 32 & 0xff);
  return locator.bits >> 48 == 0xfd00 && number >= 1 && number <= 3 ? std::optional{number} : std::nullopt;
}

const SiteNames& names() {
  static const SiteNames all = [] {
    SiteNames made;
    for (const SiteId site : {SiteId{1}, SiteId{2}, SiteId{3}})
      FUZZ_REQUIRE(made.add(site, "dc" + std::to_string(site)).has_value());
    return made;
  }();
  return all;
}

void check_record(const Ownership& record) {
  const auto text = record_to_json(record, names());
  FUZZ_REQUIRE(text.has_value());
  auto again = parse_record(record_key(record.key), *text, names());
  FUZZ_REQUIRE(again.has_value());
  again.value().epoch = record.epoch;
  FUZZ_REQUIRE(again.value() == record);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ConfiguredSites sites{names(), 1, site_of, [](SiteId site) {
                                return std::optional{Locator{0xfd00'0000'0000'0001 | std::uint64_t{site} << 32}};
                              }};
  std::map<NodeKey, Ownership> records;
  std::uint64_t epoch = 0;
  for (const auto *line = data, *end = data + size; line < end;) {
    const auto* stop = std::find(line, end, '\n');
    const auto request = parse_control_request(
        std::string_view{reinterpret_cast<const char*>(line), static_cast<std::size_t>(stop - line)});
    line = stop == end ? end : stop + 1;
    if (!request) continue;
    const auto wanted = parse_migrate(request.value().body, sites);
    if (!wanted) {
      FUZZ_REQUIRE(!wanted.error().message.empty());
      continue;
    }
    const auto found = records.find(wanted.value().key);
    const auto current = found == records.end() ? std::nullopt : std::optional{found->second};
    const auto plan = plan_move(current, wanted.value());
    if (!plan || !plan.value().changes) continue;
    auto next = plan.value().next;
    if (next) {
      next->epoch = ++epoch;
      check_record(*next);
      records.insert_or_assign(next->key, *next);
    } else {
      records.erase(wanted.value().key);
    }
    MoveRequest repeated = wanted.value();
    repeated.epoch.reset();
    const auto again = plan_move(next, repeated);
    FUZZ_REQUIRE(again.has_value() && !again.value().changes);
  }
  return 0;
}
