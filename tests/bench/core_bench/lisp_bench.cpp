// SPDX-License-Identifier: Apache-2.0
// What an ITR's map-cache costs: the look-up of a packet's EID and the choice of its RLOC with 10, 1,000 and 100,000
// EIDs, each with two RLOCs, in an order that no cache guesses, and the memory that they take. Host prefixes of both
// families with a few shorter ones around them, as behind a gateway for moving machines; and, for the record, what a
// cache with every length from /16 in use costs, which only somebody who owns EIDs of all of them can bring about.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <memory>
#include <span>

#include "core/lisp/map_cache.h"
#include "core/lisp/rloc_choice.h"
#include "tests/bench/core_bench/measure.h"

using namespace ilnp;
using namespace ilnp::lisp;
using namespace bench;

namespace {

constexpr std::size_t batch = 32;      // packets that the daemon reads at once
constexpr double look_up_limit = 200;  // ns, median
constexpr std::size_t memory_limit = 100ul << 20;

IpAddress ipv6(std::uint64_t high, std::uint64_t low) { return Address{{high}, {low}}; }

class Population {
 public:
  explicit Population(std::size_t eids) {
    test::FakeRandom random{5};
    for (std::size_t i = 0; i < eids; ++i) {
      const auto number = static_cast<std::uint32_t>(i);
      const bool is_ipv4 = i % 4 == 3;
      known_.push_back({0, is_ipv4 ? IpAddress::v4(0x0a00'0000 + number * 2654435761u % (1u << 24))
                                   : ipv6(0x2001'0db8'0e1d'0000 + i % 64, random.u64())});
      add(EidPrefix::host(known_.back()));
    }
    // What surrounds them: the aggregates of a few sites.
    for (const std::uint8_t length : std::initializer_list<std::uint8_t>{24, 16, 8})
      add({0, IpPrefix{IpAddress::v4(0x0a00'0000), length}.network()});
    for (const std::uint8_t length : std::initializer_list<std::uint8_t>{64, 56, 48, 32})
      add({0, IpPrefix{ipv6(0x2001'0db8'0e1d'0000, 0), length}.network()});
  }

  void add_every_length() {
    for (std::uint8_t length = 16; length < 128; ++length)
      add({0, IpPrefix{ipv6(0x3fff'ffff'ffff'ffff, ~0ull), length}.network()});
  }

  /// Where packets go: to hosts with entries of their own, or to others in the prefixes around them.
  std::vector<Eid> destinations(const std::vector<std::uint32_t>& order, bool known) const {
    std::vector<Eid> eids;
    for (const std::uint32_t i : order)
      eids.push_back(known ? known_[i] : Eid{0, ipv6(0x2001'0db8'0e1d'0000 + i % 64, i)});
    return eids;
  }

  /// Nanoseconds for a packet; they come in batches, as the daemon gets them, or one by one.
  double look_up(std::span<const Eid> eids, std::size_t at_once) {
    std::size_t found = 0;
    const double start = cpu_seconds();
    for (std::size_t at = 0; at < eids.size(); at += at_once) {
      const auto packets = eids.subspan(at, std::min(at_once, eids.size() - at));
      if (at_once > 1) cache_.expect(packets);
      now_ += microseconds{1} * static_cast<int>(packets.size());
      for (const Eid& eid : packets) {
        const MapCache::Found hit = cache_.look_up(now_, eid);
        if (hit.mapping == nullptr) continue;
        found += choose_rloc(hit.mapping->rlocs, {at, 0}, policy_, underlay_, down_) != nullptr ? 1 : 0;
      }
    }
    const double spent = cpu_seconds() - start;
    if (found != eids.size()) {
      std::fprintf(stderr, "%zu packets went nowhere\n", eids.size() - found);
      std::exit(1);
    }
    return 1e9 * spent / static_cast<double>(eids.size());
  }

 private:
  void add(const EidPrefix& prefix) {
    MappingRecord record;
    record.ttl = 1440;
    record.eid = prefix;
    record.rlocs = {{ipv6(0x2001'0db8'00a1'0000, 1)}, {ipv6(0x2001'0db8'00a2'0000, 1)}};
    cache_.install(now_, record, MappingOrigin::reply);
  }

  TimePoint now_{seconds{100}};
  ItrDrops drops_;
  MapCacheTuning tuning_{.capacity = 200'000};
  MapCache cache_{tuning_, 0x1234'5678'9abc'def1, drops_};
  RlocPolicy policy_;
  Underlay underlay_{{ipv6(0x2001'0db8'00c1'0000, 1)}};
  std::set<IpAddress> down_;
  std::vector<Eid> known_;
};

bool per_packet() {
  constexpr std::size_t sizes[] = {10, 1000, 100'000};
  constexpr std::size_t packets = 200'000, rounds = 9;
  std::vector<std::unique_ptr<Population>> populations;
  std::vector<std::vector<Eid>> known, others;
  for (const std::size_t n : sizes) {
    populations.push_back(std::make_unique<Population>(n));
    known.push_back(populations.back()->destinations(random_order(n, packets), true));
    others.push_back(populations.back()->destinations(random_order(n, packets), false));
  }
  std::vector<double> hosts[3], covered[3], alone[3], many_lengths;
  for (std::size_t round = 0; round <= rounds; ++round)
    for (std::size_t p = 0; p < 3; ++p) {
      const double times[] = {populations[p]->look_up(known[p], batch), populations[p]->look_up(others[p], batch),
                              populations[p]->look_up(known[p], 1)};
      if (round == 0) continue;  // warms up
      hosts[p].push_back(times[0]);
      covered[p].push_back(times[1]);
      alone[p].push_back(times[2]);
    }
  populations[2]->add_every_length();
  for (std::size_t round = 0; round < rounds; ++round)
    many_lengths.push_back(populations[2]->look_up(others[2], batch));
  bool met = true;
  for (std::size_t p = 0; p < 3; ++p) {
    const double host = median(hosts[p]), covering = median(covered[p]);
    std::printf(
        "EIDs %6zu  host prefix %6.1f ns  covering prefix only %6.1f ns  host prefix, not in batches %6.1f ns\n",
        sizes[p], host, covering, median(alone[p]));
    met = met && host <= look_up_limit && covering <= look_up_limit;
  }
  std::printf("limit %.0f ns in batches: %s\n", look_up_limit, met ? "met" : "MISSED");
  std::printf("every length from /16 in use, covering prefix only %.1f ns, no limit\n", median(many_lengths));
  return met;
}

bool memory(std::size_t eids) {
  const std::size_t resident = resident_octets();
  const Population population{eids};
  const std::size_t pages = resident_octets() - resident;
  const bool met = pages <= memory_limit;
  std::printf("memory %zu EIDs  resident %.1f MiB  limit %zu MiB: %s\n", eids, static_cast<double>(pages) / (1 << 20),
              memory_limit >> 20, met ? "met" : "MISSED");
  return met;
}

}  // namespace

int main() {
  const bool small = memory(100'000);
  malloc_trim(0);
  return per_packet() && small ? 0 : 1;
}
