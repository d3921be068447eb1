// SPDX-License-Identifier: Apache-2.0
// What the core costs: per packet with 10, 1,000 and 100,000 sessions, per idle session in memory, and for telling
// 10,000 peers about a move. Ratios of one run; medians of rounds that alternate between the populations, so that what
// else the machine does meets all of them.
//
// These are the functions alone, where many sessions are bound by cache misses; what a whole packet costs is measured
// by tests/bench/scaling.
#include <malloc.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/ilnp/locator_update.h"
#include "core/ipv6/header_walk.h"
#include "tests/bench/core_bench/measure.h"
#include "tests/bench/core_bench/population.h"

using namespace ilnp;

namespace {

using namespace bench;

double ns_per_packet(bench::Population& population, const std::vector<std::uint32_t>& order, bool outward) {
  const double start = cpu_seconds();
  std::size_t gone = 0;
  for (const std::uint32_t i : order) gone += (outward ? population.send(i) : population.receive(i)) ? 0 : 1;
  const double spent = cpu_seconds() - start;
  if (gone != 0) {
    std::fprintf(stderr, "%zu packets went nowhere\n", gone);
    std::exit(1);
  }
  population.actions.clear();
  return 1e9 * spent / static_cast<double>(order.size());
}

void per_packet() {
  constexpr std::size_t sizes[] = {10, 1000, 100'000};
  constexpr std::size_t packets = 200'000, rounds = 7;
  std::vector<std::unique_ptr<bench::Population>> populations;
  std::vector<std::vector<std::uint32_t>> orders;
  for (const std::size_t n : sizes) {
    populations.push_back(std::make_unique<bench::Population>(n));
    orders.push_back(random_order(n, packets));
  }
  std::vector<double> times[3][2];
  for (std::size_t round = 0; round <= rounds; ++round)
    for (std::size_t p = 0; p < 3; ++p)
      for (const bool outward : {true, false}) {
        const double ns = ns_per_packet(*populations[p], orders[p], outward);
        if (round > 0) times[p][outward ? 0 : 1].push_back(ns);  // the first warms up
      }
  double sum[3] = {};
  for (std::size_t p = 0; p < 3; ++p) {
    const double out = median(times[p][0]), in = median(times[p][1]);
    sum[p] = out + in;
    std::printf("sessions %6zu  outbound %6.1f ns  inbound %6.1f ns  ratio %.2f\n", sizes[p], out, in, sum[p] / sum[0]);
  }
}

void memory(std::size_t sessions) {
  const std::size_t heap = heap_octets(), resident = resident_octets();
  const bench::Population population{sessions};
  const std::size_t used = heap_octets() - heap, pages = resident_octets() - resident;
  std::printf("memory   %6zu  heap %zu octets, %zu a session  resident %zu octets  (Correspondent %zu)\n", sessions,
              used, used / sessions, pages, sizeof(Correspondent));
  std::printf("limits          1024 octets a session: %s  128 MiB for 100,000: %s\n",
              used / sessions <= 1024 ? "met" : "MISSED",
              used / sessions * 100'000 <= (std::size_t{128} << 20) ? "met" : "MISSED");
}

void fan_out(std::size_t peers) {
  bench::Population population{peers};
  HostForwarder& forwarder = population.forwarder();
  Actions actions;
  OwnLocator own;
  own.locator = Locator{0x20010db8000b0001};
  own.interface = 3;
  const TimePoint moved = population.now;
  const double start = cpu_seconds();
  forwarder.locator_down(moved, Locator{0x20010db8000a0001}, 2, actions);
  forwarder.locator_up(moved, own, actions);
  TimePoint now = moved;
  std::size_t updates = 0;
  for (;;) {
    for (const OutPacket& packet : actions.to_wire) {
      const WalkOutcome walked = walk_headers(packet.bytes);
      updates += walked.ok && packet.bytes[walked.walk.upper_offset] == icmpv6::locator_update ? 1 : 0;
    }
    actions.clear();
    if (updates >= peers || now - moved > seconds{10}) break;
    now = std::max(now, forwarder.next_deadline());
    forwarder.on_time(now, actions);
  }
  const double spent = cpu_seconds() - start;
  std::printf("fan-out  %6zu  %zu updates  CPU %.3f s  virtual time %.3f s  limit 1 s: %s\n", peers, updates, spent,
              std::chrono::duration<double>(now - moved).count(),
              updates >= peers && spent <= 1 && now - moved <= seconds{1} ? "met" : "MISSED");
}

}  // namespace

int main() {
  memory(100'000);
  malloc_trim(0);
  fan_out(10'000);
  per_packet();
  return 0;
}
