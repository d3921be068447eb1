// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/own_address.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>

#include "io/loop/descriptor.h"

namespace ilnp {

/// The kernel is asked by what it is needed for: it lets a socket have the address, or not.
bool is_own_address(const lisp::IpAddress& address) {
  const int family = address.is_ipv4() ? AF_INET : AF_INET6;
  const Descriptor socket{::socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
  if (socket.get() < 0) return false;
  sockaddr_in6 name6{};
  sockaddr_in name4{};
  const auto octets = address.octets();
  if (address.is_ipv4()) {
    name4.sin_family = AF_INET;
    std::copy(octets.begin(), octets.end(), reinterpret_cast<std::uint8_t*>(&name4.sin_addr));
    return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name4), sizeof name4) == 0;
  }
  name6.sin6_family = AF_INET6;
  std::copy(octets.begin(), octets.end(), name6.sin6_addr.s6_addr);
  return ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&name6), sizeof name6) == 0;
}

}  // namespace ilnp
