// SPDX-License-Identifier: Apache-2.0
// Who we are and whom we believe on connections with TLS.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "core/base/result.h"

namespace boost::asio::ssl {
class context;
}
namespace boost::system {
class error_code;
}
struct ssl_st;

namespace ilnp {

/// All PEM.
struct TlsFiles {
  std::filesystem::path ca{};           ///< who signs the certificates of the other end
  std::filesystem::path certificate{};  ///< ours, with what is between it and the CA; empty: we have none
  std::filesystem::path key{};          ///< of our certificate, mode 0600
};

enum class TlsSide { client, server };
enum class TlsOldest { tls_1_2, tls_1_3 };  ///< the oldest version that is spoken

/// The other end has to have a certificate, on the server's side too. Sessions are not resumed.
using TlsContext = std::shared_ptr<boost::asio::ssl::context>;
Result<TlsContext> make_tls_context(const TlsFiles& files, TlsSide side, TlsOldest oldest);

/// The reason for an operator: what is wrong with the other's certificate, if that is it.
std::string words_of(const boost::system::error_code& failure, ssl_st* connection);

}  // namespace ilnp
