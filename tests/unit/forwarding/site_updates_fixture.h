// SPDX-License-Identifier: Apache-2.0
// Locator Updates and their acknowledgements across the border of site_fixture.h.
#pragma once

#include "core/ilnp/locator_update.h"
#include "tests/unit/forwarding/site_fixture.h"

namespace ilnp::test {

using Lifetime = std::chrono::duration<std::uint16_t>;

class SiteUpdatesTest : public SiteTest {
 protected:
  static AdvertisedLocator at(Locator locator, std::uint16_t preference = 10, std::uint16_t lifetime = 600) {
    return {locator, preference, Lifetime{lifetime}};
  }
  const ByteVector nonce = hex("41d0c7729e1835fb0a66284c");

  static ByteVector message(const Address& from, const Address& to, const LocatorUpdate& update,
                            const ByteVector& with) {
    const ByteVector body = encode_locator_update(update);
    return PacketBuilder{from, to}.nonce(with).icmpv6(icmpv6::locator_update, 0, Bytes{body}.subspan(4)).build();
  }
  ByteVector advertisement(const Address& from, const Address& to, std::vector<AdvertisedLocator> locators) const {
    return message(from, to, {LocatorUpdateOperation::advertisement, std::move(locators)}, nonce);
  }
  ByteVector acknowledgement(const Address& from, const Address& to, std::vector<AdvertisedLocator> locators) const {
    return message(from, to, {LocatorUpdateOperation::acknowledgement, std::move(locators)}, nonce);
  }
  static std::vector<AdvertisedLocator> listed(const Crossing& crossing) {
    const auto parsed = parse_locator_update(Bytes{crossing.bytes}.subspan(crossing.walk.upper_offset));
    return parsed ? parsed.value().locators : std::vector<AdvertisedLocator>{};
  }
};

}  // namespace ilnp::test
