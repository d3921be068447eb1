// SPDX-License-Identifier: Apache-2.0
// Where a member of an etcd cluster listens, and what we show and expect there.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "io/truth/open_store.h"

namespace boost::asio::ssl {
class context;
}

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

/// Our certificate and whom we believe; TLS 1.2 or newer.
using TlsContext = std::shared_ptr<boost::asio::ssl::context>;
Result<TlsContext> make_tls_context(const EtcdOptions& options);

}  // namespace ilnp
