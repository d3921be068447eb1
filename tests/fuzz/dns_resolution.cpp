// SPDX-License-Identifier: Apache-2.0
// A name server that says anything, in any order: the input is a list of (question, how it went, message). A message
// gets the ID and question that it should have when its first octet is odd, so that mutations reach the records.
#include "core/records/resolution.h"

#include <set>

#include "tests/fuzz/fuzz.h"

using namespace ilnp;

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const DnsName name = *DnsName::from_text("a.bc");
  ResolutionCounters counters;
  Resolution machine{name, {}, counters};
  const TimePoint start{std::chrono::hours{1}};
  auto open = machine.start(start);
  std::size_t asked = open.size();
  ByteReader in{{data, size}};
  while (in.ok() && !in.empty()) {
    const std::uint8_t which = in.u8();
    const std::uint8_t how = in.u8();
    const Bytes body = in.take(std::min<std::size_t>(in.remaining(), in.u16()));
    if (open.empty()) break;
    const Resolution::Ask ask = open[which % open.size()];
    ByteVector message{body.begin(), body.end()};
    if ((how & 1) != 0 && body.size() >= 8) {
      ByteVector framed = make_query(0, ask.question, false);
      std::copy(body.begin(), body.begin() + 2, framed.begin() + 2);  // flags
      framed[2] = static_cast<std::uint8_t>((framed[2] & 0x05) | 0x80);
      std::copy(body.begin() + 2, body.begin() + 8, framed.begin() + 6);  // counts
      framed.insert(framed.end(), body.begin() + 8, body.end());
      message = std::move(framed);
    }
    const auto status = (how & 0x06) == 0x06 ? DnsAnswer::Status::timed_out : DnsAnswer::Status::answered;
    const auto security = static_cast<DnsSecurity>((how >> 3) % 3);
    const auto more = machine.on_answer(start, ask.id, {status, message, security});
    asked += more.size();
    open.insert(open.end(), more.begin(), more.end());
  }
  FUZZ_REQUIRE(asked <= 4 + ResolutionTuning{}.most_lps);
  machine.on_time(start + ResolutionTuning{}.total);
  FUZZ_REQUIRE(machine.result().has_value());
  const ResolvedName& found = *machine.result();
  FUZZ_REQUIRE(found.is_ilnp() == (!found.nids.empty() && !found.locators.empty()));
  FUZZ_REQUIRE(found.nids.size() <= ResolutionTuning{}.most_nids);
  FUZZ_REQUIRE(found.locators.size() <= ResolutionTuning{}.most_locators);
  std::set<std::uint64_t> seen;
  for (std::size_t i = 0; i < found.locators.size(); ++i) {
    FUZZ_REQUIRE(is_global_unicast(found.locators[i].locator));
    FUZZ_REQUIRE(seen.insert(found.locators[i].locator.bits).second);
    FUZZ_REQUIRE(i == 0 || found.locators[i - 1].preference <= found.locators[i].preference);
    FUZZ_REQUIRE(found.ttl <= found.locators[i].ttl);
  }
  FUZZ_REQUIRE(!found.is_ilnp() || found.security != DnsSecurity::bogus);
  return 0;
}
