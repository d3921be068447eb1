// SPDX-License-Identifier: Apache-2.0
#include "io/tls/tls_context.h"

#include <utility>  // before Asio: Boost 1.74 uses std::exchange without including it

#include <boost/asio/error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>

#include "io/crypto/crypto.h"
#include "io/settings/secret_file.h"

namespace ilnp {
namespace asio = boost::asio;

namespace {

constexpr std::size_t max_key_octets = 64 * 1024;

Result<void> use_certificate(asio::ssl::context& context, const TlsFiles& files) {
  boost::system::error_code failure;
  context.use_certificate_chain_file(files.certificate.string(), failure);
  if (failure) return error(files.certificate.string() + ": " + failure.message());
  auto key = read_secret_file(files.key, max_key_octets);
  if (!key) return key.error();
  // OpenSSL would ask for a passphrase on the terminal.
  context.set_password_callback([](std::size_t, asio::ssl::context::password_purpose) { return std::string{}; },
                                failure);
  context.use_private_key(asio::buffer(key.value()), asio::ssl::context::pem, failure);
  wipe(key.value());
  if (failure) return error(files.key.string() + ": " + failure.message());
  return ok();
}

}  // namespace

Result<TlsContext> make_tls_context(const TlsFiles& files, TlsSide side, TlsOldest oldest) {
  const bool is_server = side == TlsSide::server;
  auto context =
      std::make_shared<asio::ssl::context>(is_server ? asio::ssl::context::tls_server : asio::ssl::context::tls_client);
  boost::system::error_code failure;
  SSL_CTX* const native = context->native_handle();
  SSL_CTX_set_min_proto_version(native, oldest == TlsOldest::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION);
  // A resumed session would bring its verdict about a certificate of before.
  SSL_CTX_set_session_cache_mode(native, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_options(native, SSL_OP_NO_TICKET);
  if (is_server) SSL_CTX_set_num_tickets(native, 0);
  context->set_verify_mode(asio::ssl::verify_peer | asio::ssl::verify_fail_if_no_peer_cert, failure);
  context->load_verify_file(files.ca.string(), failure);
  if (failure) return error(files.ca.string() + ": " + failure.message());
  if (files.certificate.empty()) return context;
  if (auto used = use_certificate(*context, files); !used) return used.error();
  return context;
}

std::string words_of(const boost::system::error_code& failure, ssl_st* connection) {
  const long verdict = SSL_get_verify_result(connection);
  if (verdict != X509_V_OK) return X509_verify_cert_error_string(verdict);
  if (failure == asio::error::eof || failure == asio::ssl::error::stream_truncated) return "the other end closed it";
  return failure.message();
}

}  // namespace ilnp
