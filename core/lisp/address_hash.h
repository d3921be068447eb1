// SPDX-License-Identifier: Apache-2.0
// For tables by addresses that strangers choose.
#pragma once

#include <cstdint>

#include "core/base/keyed_hash.h"
#include "core/lisp/ip_address.h"

namespace ilnp::lisp {

/// `seed`: secret.
inline std::uint64_t hash_of(std::uint64_t seed, const IpAddress& address, std::uint32_t instance = 0) {
  const Bytes octets = address.octets();
  if (address.is_ipv4()) return keyed_hash(seed, {4, instance, address.ipv4()});
  return keyed_hash(seed, {instance, load_u64(octets.data()), load_u64(octets.data() + 8)});
}

}  // namespace ilnp::lisp
