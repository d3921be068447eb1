// SPDX-License-Identifier: Apache-2.0
#include "core/site/flow_table.h"

#include "core/base/keyed_hash.h"

namespace ilnp {

std::uint64_t FlowTable::hash(const FlowKey& key) const {
  const std::uint64_t ports =
      std::uint64_t{key.inside_port} << 32 | std::uint64_t{key.outside_port} << 16 | key.protocol;
  return keyed_hash(seed_, {key.inside.bits, key.outside.locator.bits, key.outside.nid.bits, ports});
}

}  // namespace ilnp
