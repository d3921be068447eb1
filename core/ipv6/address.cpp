// SPDX-License-Identifier: Apache-2.0
#include "core/ipv6/address.h"

#include <arpa/inet.h>  // inet_pton and inet_ntop are pure functions over text and bytes

namespace ilnp {

std::string to_string(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  const auto octets = address.octets();
  return inet_ntop(AF_INET6, octets.data(), text, sizeof text);
}

std::optional<Address> parse_address(std::string_view text) {
  std::array<std::uint8_t, 16> octets{};
  if (text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  if (inet_pton(AF_INET6, std::string{text}.c_str(), octets.data()) != 1) return std::nullopt;
  return Address::load(octets.data());
}

}  // namespace ilnp
