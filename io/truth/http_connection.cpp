// SPDX-License-Identifier: Apache-2.0
// The state is shared with the pending Asio operations. `fail` and `succeed` end a question: they move the callback out
// first, so that it is called once and may destroy the object that it belongs to.
#include "io/truth/http_connection.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <array>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <cerrno>
#include <optional>

namespace ilnp {
namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;
using Addresses = tcp::resolver::results_type;
using Failure = boost::system::error_code;

namespace {

constexpr std::size_t read_octets = 64 * 1024;
constexpr std::uint32_t max_header_octets = 16 * 1024;

/// The kernel gives up a connection whose peer is silent, so that a stream without events does not wait for ever.
void watch_peer(tcp::socket& socket) {
  Failure ignored;
  socket.set_option(tcp::no_delay{true}, ignored);
  socket.set_option(asio::socket_base::keep_alive{true}, ignored);
  const auto set = [&](int option, int value) {
    setsockopt(socket.native_handle(), IPPROTO_TCP, option, &value, sizeof value);
  };
  set(TCP_KEEPIDLE, 5);
  set(TCP_KEEPINTVL, 2);
  set(TCP_KEEPCNT, 3);
  set(TCP_USER_TIMEOUT, 10'000);
}

}  // namespace

struct HttpConnection::State : std::enable_shared_from_this<State> {
  State(Loop& loop, EtcdEndpoint where, TlsContext context)
      : endpoint{std::move(where)},
        tls_context{std::move(context)},
        resolver{loop.context()},
        deadline{loop,
                 [this] {
                   const auto self = shared_from_this();
                   fail("no answer in time");
                 }},
        clock{loop} {
    if (endpoint.tls) {
      tls.emplace(loop.context(), *tls_context);
    } else {
      plain.emplace(loop.context());
    }
  }

  beast::tcp_stream& socket() { return tls ? beast::get_lowest_layer(*tls) : *plain; }

  /// f(stream) with whichever of the two it is.
  template <class F>
  void with_stream(F f) {
    if (tls) {
      f(*tls);
    } else {
      f(*plain);
    }
  }

  /// An Asio handler that does nothing after the question has ended, and ends it on a failure.
  template <class F>
  auto then(const char* what, F f) {
    return [self = shared_from_this(), round = round, what, f](const Failure& failure, auto&&...) {
      if (self->round != round) return;
      if (failure)
        return self->fail(std::string{what} + ": " + self->words(failure), failure == http::error::body_limit);
      f();
    };
  }

  std::string words(const Failure& failure) {
    if (failure == http::error::end_of_stream || failure == asio::error::eof) return "the other end closed it";
    return tls ? words_of(failure, tls->native_handle()) : failure.message();
  }

  void begin(std::string_view target, std::string body, Duration timeout) {
    ++round;
    deadline.set(clock.now() + timeout);
    request = {};
    request.method(http::verb::post);
    request.target(beast::string_view{target.data(), target.size()});
    request.version(11);
    request.set(http::field::host,
                (endpoint.host.find(':') == std::string::npos ? endpoint.host : '[' + endpoint.host + ']') + ':' +
                    endpoint.port);
    request.set(http::field::content_type, "application/json");
    request.body() = std::move(body);
    request.prepare_payload();
    if (is_connected) return write();
    if (!endpoint.has_address()) {
      resolver.async_resolve(
          endpoint.host, endpoint.port,
          [self = shared_from_this(), round = round](const Failure& failure, const Addresses& found) {
            if (self->round != round) return;
            if (failure) return self->fail("look-up: " + failure.message());
            self->connect(found);
          });
      return;
    }
    const tcp::endpoint address{asio::ip::make_address(endpoint.host),
                                static_cast<std::uint16_t>(std::stoul(endpoint.port))};
    connect(Addresses::create(address, endpoint.host, endpoint.port));
  }

  void connect(const Addresses& addresses) {
    socket().async_connect(addresses, then("connect", [this] {
                             watch_peer(socket().socket());
                             is_connected = true;
                             if (tls) return shake_hands();
                             write();
                           }));
  }

  void shake_hands() {
    SSL* ssl = tls->native_handle();
    if (endpoint.has_address()) {
      X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), endpoint.host.c_str());
    } else {
      SSL_set1_host(ssl, endpoint.host.c_str());
      SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name, endpoint.host.data());
    }
    tls->async_handshake(asio::ssl::stream_base::client, then("TLS", [this] { write(); }));
  }

  void write() {
    with_stream([this](auto& stream) {
      http::async_write(stream, request, then("send", [this] {
                          if (on_line) return read_stream_header();
                          read_answer();
                        }));
    });
  }

  void read_answer() {
    answer_parser.emplace();
    answer_parser->body_limit(max_octets);
    answer_parser->header_limit(max_header_octets);
    with_stream([this](auto& stream) {
      http::async_read_header(stream, buffer, *answer_parser, then("answer", [this] { read_body(); }));
    });
  }

  void read_body() {
    // Beast makes room for as much as the header says, before it looks at the limit.
    const auto announced = answer_parser->content_length();
    if (announced && *announced > max_octets) return fail("the answer is too long", true);
    with_stream([this](auto& stream) {
      http::async_read(stream, buffer, *answer_parser, then("answer", [this] {
                         auto& message = answer_parser->get();
                         is_reusable = message.keep_alive();
                         succeed({true, message.result_int(), std::move(message.body()), {}, false});
                       }));
    });
  }

  void read_stream_header() {
    stream_parser.emplace();
    stream_parser->body_limit(boost::none);
    stream_parser->header_limit(max_header_octets);
    with_stream([this](auto& stream) {
      http::async_read_header(stream, buffer, *stream_parser, then("answer", [this] {
                                const unsigned status = stream_parser->get().result_int();
                                if (status != 200) return fail("HTTP status " + std::to_string(status));
                                read_lines();
                              }));
    });
  }

  void read_lines() {
    stream_parser->get().body() = {piece.data(), piece.size(), true};
    with_stream([this](auto& stream) {
      http::async_read_some(stream, buffer, *stream_parser,
                            [self = shared_from_this(), round = round](const Failure& failure, std::size_t) {
                              if (self->round != round) return;
                              // The piece being full is how Beast asks for the next one.
                              const bool good = !failure || failure == http::error::need_buffer;
                              if (!good) return self->fail("stream: " + self->words(failure));
                              self->take_piece();
                            });
    });
  }

  void take_piece() {
    const std::size_t got = piece.size() - stream_parser->get().body().size;
    std::size_t search = line.size();
    line.append(piece.data(), got);
    const auto self = shared_from_this();
    const auto this_round = round;
    std::size_t begin = 0;
    for (std::size_t end; (end = line.find('\n', search)) != line.npos; begin = search = end + 1) {
      deadline.set(never);
      const auto callback = on_line;
      if (end > begin) callback(std::string_view{line}.substr(begin, end - begin));
      if (round != this_round) return;
    }
    line.erase(0, begin);
    if (line.size() > max_octets) return fail("stream: a line is longer than " + std::to_string(max_octets));
    if (stream_parser->is_done()) return fail("stream: it ended");
    read_lines();
  }

  void fail(const std::string& why, bool too_long = false) {
    close();
    const auto answered = std::exchange(on_answer, nullptr);
    const auto ended = std::exchange(on_end, nullptr);
    on_line = nullptr;
    if (answered) answered({false, 0, {}, why, too_long});
    if (ended) ended(why);
  }

  void succeed(HttpAnswer answer) {
    deadline.set(never);
    ++round;
    if (!is_reusable) close();
    std::exchange(on_answer, nullptr)(std::move(answer));
  }

  /// Without the goodbye of TLS: nobody waits for it.
  void close() {
    ++round;
    deadline.set(never);
    resolver.cancel();
    socket().close();
  }

  EtcdEndpoint endpoint;
  TlsContext tls_context;
  tcp::resolver resolver;
  std::optional<beast::tcp_stream> plain;
  std::optional<beast::ssl_stream<beast::tcp_stream>> tls;
  DeadlineTimer deadline;
  Loop& clock;
  unsigned round = 0;  ///< goes on with each question and each end: handlers of an older one do nothing
  bool is_connected = false, is_reusable = true;
  std::size_t max_octets = 0;
  http::request<http::string_body> request;
  beast::flat_buffer buffer;
  std::optional<http::response_parser<http::string_body>> answer_parser;
  std::optional<http::response_parser<http::buffer_body>> stream_parser;
  std::array<char, read_octets> piece;
  std::string line;
  OnAnswer on_answer;
  OnLine on_line;
  OnEnd on_end;
};

HttpConnection::HttpConnection(Loop& loop, EtcdEndpoint endpoint, TlsContext tls)
    : state_{std::make_shared<State>(loop, std::move(endpoint), std::move(tls))} {}

HttpConnection::~HttpConnection() {
  state_->on_answer = nullptr;
  state_->on_end = nullptr;
  state_->on_line = nullptr;
  state_->close();
}

bool HttpConnection::is_stale() const {
  if (!state_->is_connected) return false;
  char octet = 0;
  return recv(state_->socket().socket().native_handle(), &octet, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno != EAGAIN;
}

void HttpConnection::post(std::string_view target, std::string body, Duration timeout, std::size_t max_octets,
                          OnAnswer on_answer) {
  state_->max_octets = max_octets;
  state_->on_answer = std::move(on_answer);
  state_->begin(target, std::move(body), timeout);
}

void HttpConnection::stream(std::string_view target, std::string body, Duration timeout, std::size_t max_line,
                            OnLine on_line, OnEnd on_end) {
  state_->max_octets = max_line;
  state_->on_line = std::move(on_line);
  state_->on_end = std::move(on_end);
  state_->begin(target, std::move(body), timeout);
}

}  // namespace ilnp
