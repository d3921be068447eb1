// SPDX-License-Identifier: Apache-2.0
#include "io/group/group_receiver.h"

#include <openssl/err.h>
#include <openssl/sslerr.h>

#include <boost/asio/ssl/error.hpp>

#include "io/crypto/crypto.h"

namespace ilnp {
namespace asio = boost::asio;
using Failure = boost::system::error_code;

namespace {

constexpr Duration greeting_limit = seconds{5};  ///< handshake and hello
constexpr std::size_t read_octets = 16 * 1024;   ///< a record of TLS

bool is_about_certificate(const Failure& failure, SSL* connection) {
  return SSL_get_verify_result(connection) != X509_V_OK ||
         (failure.category() == asio::error::get_ssl_category() &&
          ERR_GET_REASON(static_cast<unsigned long>(failure.value())) == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE);
}

}  // namespace

GroupReceiver::GroupReceiver(Loop& loop, Socket socket, TlsContext tls, Duration silence, const Callbacks& callbacks,
                             GroupCounters& counters)
    : loop_{loop},
      tls_{std::move(tls)},
      stream_{std::move(socket), *tls_},
      silence_{silence},
      callbacks_{callbacks},
      counters_{counters},
      timer_{loop, [this] { on_time(); }} {
  Failure ignored;
  peer_ = stream_.next_layer().remote_endpoint(ignored).address().to_string();
}

GroupReceiver::~GroupReceiver() { wipe(input_); }

void GroupReceiver::start() {
  timer_.set(loop_.now() + greeting_limit);
  // Its certificate has to be for the address that it comes from, which is one of the peers'.
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream_.native_handle()), peer_.c_str()) != 1)
    return refuse(GroupCounter::refused_certificate, "its address can be in no certificate");
  stream_.async_handshake(asio::ssl::stream_base::server,
                          [self = shared_from_this()](const Failure& failure) { self->on_handshake(failure); });
}

void GroupReceiver::close() {
  if (!std::exchange(is_open_, false)) return;
  timer_.set(never);
  Failure ignored;
  stream_.next_layer().close(ignored);
}

void GroupReceiver::on_handshake(const Failure& failure) {
  if (!is_open_) return;
  SSL* const connection = stream_.native_handle();
  if (failure) {
    const bool is_certificate = is_about_certificate(failure, connection);
    return refuse(is_certificate ? GroupCounter::refused_certificate : GroupCounter::handshake_failed,
                  words_of(failure, connection));
  }
  input_.resize(read_octets);
  read();
}

void GroupReceiver::read() {
  stream_.async_read_some(asio::buffer(input_),
                          [self = shared_from_this()](const Failure& failure, std::size_t octets) {
                            if (!self->is_open_) return;
                            if (failure) return self->end();
                            self->on_octets(Bytes{self->input_}.first(octets));
                            if (self->is_open_) self->read();
                          });
}

void GroupReceiver::on_octets(Bytes octets) {
  counters_.add(GroupCounter::octets_received, octets.size());
  const std::uint64_t unknown_before = frames_.unknown_parts();
  while (is_open_ && !octets.empty()) {
    auto frame = frames_.take(octets);
    if (!frame) return refuse(GroupCounter::bad_frames, explain(frame.error()));
    if (!frame.value()) break;
    has_greeted_ = true;
    callbacks_.on_frame(*this, std::move(*frame.value()));
  }
  counters_.add(GroupCounter::unknown_parts, frames_.unknown_parts() - unknown_before);
  // The hello has its own limit: a trickle of octets does not move it.
  if (is_open_ && has_greeted_) timer_.set(loop_.now() + silence_);
}

void GroupReceiver::on_time() {
  const auto self = shared_from_this();
  if (!has_greeted_) return refuse(GroupCounter::handshake_failed, "no hello in time");
  counters_.add(GroupCounter::silent);
  end();
}

void GroupReceiver::refuse(GroupCounter reason, const std::string& why) {
  callbacks_.on_refusal(*this, reason, why);
  if (is_open_) end();
}

void GroupReceiver::end() {
  close();
  callbacks_.on_end(*this);
}

}  // namespace ilnp
