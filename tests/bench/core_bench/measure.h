// SPDX-License-Identifier: Apache-2.0
// What the benchmarks of functions measure with.
#pragma once

#include <malloc.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <vector>

#include "tests/support/fakes.h"

namespace ilnp::bench {

inline double cpu_seconds() {
  timespec t{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

inline std::size_t heap_octets() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

inline std::size_t resident_octets() {
  std::ifstream statm{"/proc/self/statm"};
  std::size_t total = 0, resident = 0;
  statm >> total >> resident;
  return resident * static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
}

inline double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

/// Peers in an order that no cache guesses; the same work for every population.
inline std::vector<std::uint32_t> random_order(std::size_t sessions, std::size_t packets) {
  test::FakeRandom random{42};
  std::vector<std::uint32_t> order(packets);
  for (std::uint32_t& i : order) i = static_cast<std::uint32_t>(random.below(sessions));
  return order;
}

}  // namespace ilnp::bench
