// SPDX-License-Identifier: Apache-2.0
// A hash for tables whose keys strangers choose: with a secret seed nobody can aim at one slot.
#pragma once

#include <cstdint>
#include <initializer_list>

namespace ilnp {

constexpr std::uint64_t keyed_hash(std::uint64_t seed, std::initializer_list<std::uint64_t> parts) {
  std::uint64_t h = seed;
  for (const std::uint64_t part : parts) {
    h ^= part;
    h *= 0x9e3779b97f4a7c15u;
    h ^= h >> 32;
    h += seed;
  }
  h *= 0xd6e8feb86659fd93u;
  return h ^ h >> 29;
}

}  // namespace ilnp
