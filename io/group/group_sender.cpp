// SPDX-License-Identifier: Apache-2.0
#include "io/group/group_sender.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>

namespace ilnp {
namespace asio = boost::asio;
using tcp = asio::ip::tcp;
using Failure = boost::system::error_code;

namespace {

constexpr Duration connect_limit = seconds{5};  ///< with the handshake
constexpr Duration first_retry = milliseconds{50}, last_retry = seconds{2};
constexpr int unacknowledged_limit = 5000;  ///< milliseconds, of what the peer's kernel has not taken

tcp::endpoint endpoint_of(const Endpoint& endpoint, std::uint16_t port) {
  return {asio::ip::make_address(endpoint.address), port};
}

}  // namespace

struct GroupSender::Connection {
  Connection(Loop& loop, TlsContext context) : tls{std::move(context)}, stream{loop.context(), *tls} {}

  TlsContext tls;
  asio::ssl::stream<tcp::socket> stream;
  bool is_over = false;   ///< the sender has let go of it, or is gone
  bool is_ready = false;  ///< hands are shaken
  bool is_writing = false;
  ByteVector hello;
  std::array<std::uint8_t, 6> head{};
  std::shared_ptr<const SecretPart> part;  ///< being written
  std::array<std::uint8_t, 16> unexpected{};
};

GroupSender::GroupSender(Loop& loop, const GroupSettings& settings, const GroupMember& own, const Endpoint& peer,
                         TlsContext tls, const SecretParts& newest, Random& random, GroupCounters& counters)
    : loop_{loop},
      settings_{settings},
      own_{own},
      peer_{peer},
      tls_{std::move(tls)},
      newest_{newest},
      random_{random},
      counters_{counters},
      timer_{loop, [this] { on_time(); }} {
  timer_.set(loop.now());
}

GroupSender::~GroupSender() { drop(); }

template <class F>
auto GroupSender::then(const char* what, F f) {
  return [this, connection = connection_, what, f](const Failure& failure, std::size_t octets = 0) {
    if (connection->is_over) return;
    if (failure) return end(std::string{what} + ": " + words_of(failure, connection->stream.native_handle()));
    f(octets);
  };
}

void GroupSender::on_time() {
  if (connection_ == nullptr) return connect();
  if (!connection_->is_ready) return end("no connection in time");
  if (!connection_->is_writing) write(group_alive);
}

void GroupSender::connect() {
  // Certificates are renewed in their files now and then.
  if (auto renewed = make_tls_context(settings_.tls, TlsSide::client, TlsOldest::tls_1_3)) tls_ = renewed.value();
  connection_ = std::make_shared<Connection>(loop_, tls_);
  timer_.set(loop_.now() + connect_limit);
  auto& socket = connection_->stream.next_layer();
  const tcp::endpoint peer = endpoint_of(peer_, peer_.port);
  Failure failure;
  socket.open(peer.protocol(), failure);
  // The peer takes connections only from the addresses that it knows.
  if (!failure) socket.bind(endpoint_of(settings_.listen, 0), failure);
  if (failure) return end(failure.message());
  socket.async_connect(peer, then("connect", [this](std::size_t) { shake_hands(); }));
}

void GroupSender::shake_hands() {
  auto& stream = connection_->stream;
  Failure ignored;
  stream.next_layer().set_option(tcp::no_delay{true}, ignored);
  setsockopt(stream.next_layer().native_handle(), IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_limit,
             sizeof unacknowledged_limit);
  if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(stream.native_handle()), peer_.address.c_str()) != 1)
    return end("its address can be in no certificate");
  stream.async_handshake(asio::ssl::stream_base::client, then("TLS", [this](std::size_t) { greet(); }));
}

void GroupSender::greet() {
  counters_.add(GroupCounter::connects);
  since_ = loop_.now();
  connection_->is_ready = true;
  for (std::size_t i = 0; i < group_parts; ++i) marked_[i] = newest_[i] != nullptr;
  listen_for_end();
  connection_->hello = group_hello(own_);
  write(connection_->hello);
}

/// The peer says nothing on this connection; but reading is how we hear of its end, and of why.
void GroupSender::listen_for_end() {
  connection_->stream.async_read_some(asio::buffer(connection_->unexpected), then("connection", [this](std::size_t) {
                                        end("it speaks, though it should only listen");
                                      }));
}

void GroupSender::mark(GroupPart part) {
  marked_[index_of(part)] = true;
  if (connection_ != nullptr && connection_->is_ready && !connection_->is_writing) send_next();
}

void GroupSender::send_next() {
  for (std::size_t n = 0; n < group_parts; ++n) {
    const std::size_t i = (next_ + n) % group_parts;
    if (marked_[i]) return send_part(i);
  }
}

void GroupSender::send_part(std::size_t index) {
  marked_[index] = false;
  next_ = index + 1;
  Connection& connection = *connection_;
  connection.part = newest_[index];
  connection.head = group_part_head(static_cast<GroupPart>(index + 1), connection.part->content.size());
  counters_.add(GroupCounter::parts_sent);
  write(connection.head, connection.part->content);
}

void GroupSender::write(Bytes head, Bytes content) {
  connection_->is_writing = true;
  const std::array<asio::const_buffer, 2> buffers{asio::buffer(head.data(), head.size()),
                                                  asio::buffer(content.data(), content.size())};
  asio::async_write(connection_->stream, buffers, then("send", [this](std::size_t octets) {
                      counters_.add(GroupCounter::octets_sent, octets);
                      connection_->is_writing = false;
                      connection_->part.reset();
                      timer_.set(loop_.now() + settings_.heartbeat);
                      send_next();
                    }));
}

void GroupSender::end(const std::string& why) {
  // A peer that refuses us does so after the handshake: such a connection is no success.
  if (connection_->is_ready && loop_.now() - since_ > last_retry) failures_ = 0;
  drop();
  last_error_ = why;
  const Duration delay = std::min(first_retry * (1 << std::min(failures_, 10u)), last_retry);
  timer_.set(loop_.now() + delay / 2 + Duration{random_.u64() % static_cast<std::uint64_t>(delay.count())} / 2);
  ++failures_;
}

/// Without the goodbye of TLS: nobody waits for it.
void GroupSender::drop() {
  if (connection_ == nullptr) return;
  connection_->is_over = true;
  Failure ignored;
  connection_->stream.next_layer().close(ignored);
  connection_.reset();
}

GroupStatus::Peer GroupSender::status() const {
  const bool is_ready = connection_ != nullptr && connection_->is_ready;
  return {to_string(peer_), is_ready, since_, last_error_};
}

}  // namespace ilnp
