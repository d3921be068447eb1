// SPDX-License-Identifier: Apache-2.0
// main() of a program PCAP JSON [COUNT [SEED]] that writes packets, and beside them what was meant.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>

namespace ilnp::test {

/// `Generator`: made of a path and a seed; one() adds a packet or several, packets() counts them, meant() tells.
template <class Generator>
int generator_main(int argc, char** argv, std::size_t usual_count) {
  if (argc < 3) {
    std::cerr << "usage: " << argv[0] << " PCAP JSON [COUNT [SEED]]\n";
    return 2;
  }
  const std::size_t count = argc > 3 ? std::strtoull(argv[3], nullptr, 10) : usual_count;
  const std::uint64_t seed = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : 1;
  Generator generator{argv[1], seed};
  while (generator.packets() < count) generator.one();
  std::ofstream{argv[2]} << generator.meant() << '\n';
  std::cout << generator.packets() << " packets, seed " << seed << '\n';
  return 0;
}

}  // namespace ilnp::test
