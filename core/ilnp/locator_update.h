// SPDX-License-Identifier: Apache-2.0
// The Locator Update message, ICMPv6 type 156 (RFC 6743): codec only. Who sends it when is lu_sender, who obeys it is
// lu_receiver.
#pragma once

#include <cstdint>
#include <vector>

#include "core/base/bytes.h"
#include "core/base/result.h"
#include "core/base/time.h"
#include "core/ipv6/address.h"

namespace ilnp {

struct AdvertisedLocator {
  Locator locator;
  std::uint16_t preference = 0;  ///< lower is better
  std::chrono::duration<std::uint16_t> lifetime{};
  bool operator==(const AdvertisedLocator&) const = default;
};

enum class LocatorUpdateOperation : std::uint8_t { advertisement = 1, acknowledgement = 2 };

struct LocatorUpdate {
  LocatorUpdateOperation operation = LocatorUpdateOperation::advertisement;
  std::vector<AdvertisedLocator> locators;
  bool operator==(const LocatorUpdate&) const = default;
};

enum class LocatorUpdateError : std::uint8_t { truncated, bad_code, no_locators, bad_length, bad_operation };

inline constexpr std::size_t locator_update_header = 8, locator_update_entry = 12;
inline constexpr std::size_t max_encoded_locators = 255;

/// The ICMPv6 message (type to last locator) with checksum zero. Precondition: 1..255 locators.
ByteVector encode_locator_update(const LocatorUpdate& update);

/// Parses an ICMPv6 message of type 156; its checksum has been verified by the caller. Its length must be exactly
/// 8 + 12 * N (the 16-octet entries of the Linux 4.9 prototype are bad_length).
Result<LocatorUpdate, LocatorUpdateError> parse_locator_update(Bytes message);

}  // namespace ilnp
