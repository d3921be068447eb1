// SPDX-License-Identifier: Apache-2.0
#include "core/ilnp/locator_update.h"

#include <cassert>

#include "core/ipv6/icmpv6.h"

namespace ilnp {

ByteVector encode_locator_update(const LocatorUpdate& update) {
  assert(!update.locators.empty() && update.locators.size() <= max_encoded_locators);
  ByteVector message;
  message.reserve(locator_update_header + locator_update_entry * update.locators.size());
  ByteWriter out{message};
  out.u8(icmpv6::locator_update);
  out.u8(0);
  out.u16(0);
  out.u8(static_cast<std::uint8_t>(update.locators.size()));
  out.u8(static_cast<std::uint8_t>(update.operation));
  out.u16(0);
  for (const AdvertisedLocator& entry : update.locators) {
    out.u64(entry.locator.bits);
    out.u16(entry.preference);
    out.u16(entry.lifetime.count());
  }
  return message;
}

Result<LocatorUpdate, LocatorUpdateError> parse_locator_update(Bytes message) {
  ByteReader in{message};
  const std::uint8_t type = in.u8(), code = in.u8();
  in.skip(2);  // checksum
  const std::size_t count = in.u8();
  const std::uint8_t operation = in.u8();
  in.skip(2);  // reserved, ignored on receipt
  if (!in.ok()) return LocatorUpdateError::truncated;
  if (type != icmpv6::locator_update || code != 0) return LocatorUpdateError::bad_code;
  if (operation != 1 && operation != 2) return LocatorUpdateError::bad_operation;
  if (count == 0) return LocatorUpdateError::no_locators;
  if (in.remaining() < count * locator_update_entry) return LocatorUpdateError::truncated;
  if (in.remaining() > count * locator_update_entry) return LocatorUpdateError::bad_length;

  LocatorUpdate update;
  update.operation = static_cast<LocatorUpdateOperation>(operation);
  update.locators.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    AdvertisedLocator& entry = update.locators.emplace_back();
    entry.locator = {in.u64()};
    entry.preference = in.u16();
    entry.lifetime = decltype(entry.lifetime){in.u16()};
  }
  return update;
}

}  // namespace ilnp
