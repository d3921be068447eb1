// SPDX-License-Identifier: Apache-2.0
// What tests of control messages have in common; their suites are in several files.
#pragma once

#include "tests/unit/forwarding/host_fixture.h"

namespace ilnp::test {

class HostControl : public HostTest {
 protected:
  std::vector<AdvertisedLocator> many(std::size_t n) {
    std::vector<AdvertisedLocator> list;
    for (std::uint64_t i = 0; i < n; ++i) list.push_back(at(Locator{0x2a00000000000000 + (i << 16)}));
    return list;
  }
  ByteVector raw_update(ByteVector message) const {
    return PacketBuilder{peer, us_at_home}.nonce(peer_nonce).payload(next_header::icmpv6, message).build();
  }
  bool obeyed(const Outcome& o) { return o.event(EventKind::peer_moved) != nullptr; }
};

}  // namespace ilnp::test
