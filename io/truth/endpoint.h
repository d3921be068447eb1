// SPDX-License-Identifier: Apache-2.0
// Where a member of an etcd cluster listens.
#pragma once

#include <string>
#include <string_view>

#include "core/base/result.h"

namespace ilnp {

struct EtcdEndpoint {
  bool tls = true;
  std::string host;  ///< a name or an address, without brackets
  std::string port;
  std::string text;  ///< as configured

  bool has_address() const;
  bool is_loopback() const;
};

/// https://HOST:PORT or http://HOST:PORT, IPv6 addresses in brackets.
Result<EtcdEndpoint> parse_endpoint(std::string_view text);

}  // namespace ilnp
