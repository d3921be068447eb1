// SPDX-License-Identifier: Apache-2.0
// TCP: each connection reads one message after the other (RFC 7766); at most `most_pipelined` are answered at the same
// time, then reading stops until a reply has gone out. A connection that is silent for ten seconds is closed.
#include "io/resolver/stub_sockets.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>

#include "core/base/time.h"

namespace ilnp {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using boost::system::error_code;

class StubSockets::Udp : public std::enable_shared_from_this<Udp> {
 public:
  Udp(boost::asio::io_context& io, OnQuery on_query) : socket_{io}, on_query_{std::move(on_query)} {}

  error_code open(const NameServer& at) {
    error_code bad;
    socket_.open(at.protocol(), bad);
    if (!bad && at.address().is_v6()) socket_.set_option(boost::asio::ip::v6_only{true}, bad);
    if (!bad) socket_.non_blocking(true, bad);
    if (!bad) socket_.bind(at, bad);
    return bad;
  }
  NameServer local() const { return socket_.local_endpoint(); }

  void wait() {
    socket_.async_wait(udp::socket::wait_read, [self = weak_from_this()](error_code bad) {
      if (const auto udp = self.lock(); udp && !bad) udp->receive();
    });
  }
  void stop() {
    error_code ignored;
    socket_.close(ignored);
  }

 private:
  void receive() {
    static thread_local std::array<std::uint8_t, 65535> buffer;
    constexpr int most_datagrams = 64;  // in one turn of the loop
    for (int i = 0; i < most_datagrams && socket_.is_open(); ++i) {
      udp::endpoint from;
      error_code bad;
      const std::size_t n = socket_.receive_from(boost::asio::buffer(buffer), from, 0, bad);
      if (bad == boost::asio::error::would_block) break;
      if (bad) continue;  // an ICMP error about an earlier reply
      on_query_({buffer.data(), n}, ClientTransport::udp, [self = weak_from_this(), from](Bytes reply) {
        const auto udp = self.lock();
        if (!udp || !udp->socket_.is_open() || reply.empty()) return;
        error_code ignored;  // lost, as datagrams are
        udp->socket_.send_to(boost::asio::buffer(reply.data(), reply.size()), from, 0, ignored);
      });
    }
    if (socket_.is_open()) wait();
  }

  udp::socket socket_;
  OnQuery on_query_;
};

class StubSockets::Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, OnQuery on_query, std::shared_ptr<std::size_t> open_sessions)
      : socket_{std::move(socket)},
        idle_{socket_.get_executor()},
        on_query_{std::move(on_query)},
        open_sessions_{std::move(open_sessions)} {
    ++*open_sessions_;
  }
  ~Session() { --*open_sessions_; }
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  void read_length() {
    reading_ = true;
    touch();
    boost::asio::async_read(
        socket_, boost::asio::buffer(length_),
        [self = shared_from_this()](error_code bad, std::size_t) { bad ? self->stop() : self->read_message(); });
  }

 private:
  static constexpr std::size_t most_pipelined = 16;

  void read_message() {
    message_.resize(load_u16(length_.data()));
    boost::asio::async_read(
        socket_, boost::asio::buffer(message_), [self = shared_from_this()](error_code bad, std::size_t) {
          if (bad) return self->stop();
          self->reading_ = false;
          ++self->answering_;
          self->on_query_(self->message_, ClientTransport::tcp, [weak = self->weak_from_this()](Bytes reply) {
            if (const auto session = weak.lock()) session->reply(reply);
          });
          self->read_on();
        });
  }

  void read_on() {
    if (!reading_ && answering_ < most_pipelined && socket_.is_open()) read_length();
  }

  /// An empty reply only says that there will be none.
  void reply(Bytes octets) {
    if (answering_ > 0) --answering_;
    if (!socket_.is_open()) return;
    if (!octets.empty()) {
      ByteVector framed;
      ByteWriter w{framed};
      w.u16(static_cast<std::uint16_t>(octets.size()));
      w.bytes(octets);
      out_.push_back(std::move(framed));
      if (out_.size() == 1) write();
    }
    read_on();
  }

  void write() {
    touch();
    boost::asio::async_write(socket_, boost::asio::buffer(out_.front()),
                             [self = shared_from_this()](error_code bad, std::size_t) {
                               if (bad) return self->stop();
                               self->out_.pop_front();
                               if (!self->out_.empty()) self->write();
                             });
  }

  void touch() {
    idle_.expires_after(seconds{10});
    idle_.async_wait([weak = weak_from_this()](error_code bad) {
      if (const auto session = weak.lock(); session && !bad) session->stop();
    });
  }

  void stop() {
    error_code ignored;
    socket_.close(ignored);
    idle_.cancel();
  }

  tcp::socket socket_;
  boost::asio::steady_timer idle_;
  OnQuery on_query_;
  std::shared_ptr<std::size_t> open_sessions_;
  std::array<std::uint8_t, 2> length_{};
  ByteVector message_;
  std::deque<ByteVector> out_;
  std::size_t answering_ = 0;
  bool reading_ = false;
};

class StubSockets::Tcp : public std::enable_shared_from_this<Tcp> {
 public:
  Tcp(boost::asio::io_context& io, std::size_t most_sessions, std::uint64_t& refused, OnQuery on_query)
      : acceptor_{io}, pause_{io}, most_sessions_{most_sessions}, refused_{refused}, on_query_{std::move(on_query)} {}

  error_code open(const NameServer& at) {
    const tcp::endpoint local{at.address(), at.port()};
    error_code bad;
    acceptor_.open(local.protocol(), bad);
    if (!bad) acceptor_.set_option(tcp::acceptor::reuse_address{true}, bad);
    if (!bad && at.address().is_v6()) acceptor_.set_option(boost::asio::ip::v6_only{true}, bad);
    if (!bad) acceptor_.bind(local, bad);
    if (!bad) acceptor_.listen(64, bad);
    return bad;
  }

  void accept() {
    acceptor_.async_accept([self = weak_from_this()](error_code bad, tcp::socket socket) {
      const auto tcp = self.lock();
      if (!tcp || !tcp->acceptor_.is_open()) return;
      if (bad) return tcp->accept_later();
      tcp->serve(std::move(socket));
      tcp->accept();
    });
  }
  void stop() {
    error_code ignored;
    acceptor_.close(ignored);
  }

 private:
  /// Out of descriptors: asking again at once would only spin.
  void accept_later() {
    pause_.expires_after(milliseconds{100});
    pause_.async_wait([self = weak_from_this()](error_code bad) {
      if (const auto tcp = self.lock(); tcp && !bad && tcp->acceptor_.is_open()) tcp->accept();
    });
  }

  void serve(tcp::socket socket) {
    if (*open_sessions_ >= most_sessions_) {
      ++refused_;
      return;  // closes
    }
    std::make_shared<Session>(std::move(socket), on_query_, open_sessions_)->read_length();
  }

  tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::size_t most_sessions_;
  std::uint64_t& refused_;
  OnQuery on_query_;
  std::shared_ptr<std::size_t> open_sessions_ = std::make_shared<std::size_t>(0);
};

Result<std::unique_ptr<StubSockets>> StubSockets::open(boost::asio::io_context& io,
                                                       const std::vector<NameServer>& listen,
                                                       std::size_t most_connections, std::uint64_t& refused,
                                                       OnQuery on_query) {
  std::unique_ptr<StubSockets> sockets{new StubSockets};
  for (const NameServer& at : listen) {
    std::shared_ptr<Udp> udp;
    std::shared_ptr<Tcp> tcp;
    NameServer bound;
    error_code bad = boost::asio::error::address_in_use;
    // Port 0 is any that is free: for UDP, and perhaps not for TCP.
    for (int tries = at.port() == 0 ? 16 : 1; bad == boost::asio::error::address_in_use && tries > 0; --tries) {
      udp = std::make_shared<Udp>(io, on_query);
      if (const auto no = udp->open(at)) return error("listening on " + to_string(at) + " (UDP): " + no.message());
      bound = udp->local();
      tcp = std::make_shared<Tcp>(io, most_connections, refused, on_query);
      bad = tcp->open(bound);
    }
    if (bad) return error("listening on " + to_string(bound) + " (TCP): " + bad.message());
    udp->wait();
    tcp->accept();
    sockets->udp_.push_back(std::move(udp));
    sockets->tcp_.push_back(std::move(tcp));
    sockets->listening_.push_back(bound);
  }
  return sockets;
}

StubSockets::~StubSockets() {
  for (const auto& udp : udp_) udp->stop();
  for (const auto& tcp : tcp_) tcp->stop();
}

}  // namespace ilnp
