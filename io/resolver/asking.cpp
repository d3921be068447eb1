// SPDX-License-Identifier: Apache-2.0
#include "io/resolver/asking.h"

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace ilnp {

using boost::asio::ip::tcp;
using boost::asio::ip::udp;
using boost::system::error_code;

class Asking::Udp : public std::enable_shared_from_this<Udp> {
 public:
  Udp(boost::asio::io_context& io, ByteVector message, OnMessage on_message, OnFailure on_failure)
      : io_{io},
        socket_{io},
        message_{std::move(message)},
        on_message_{std::move(on_message)},
        on_failure_{std::move(on_failure)} {}

  void start(const NameServer& server) {
    error_code bad;
    socket_.open(server.protocol(), bad);
    if (!bad) socket_.non_blocking(true, bad);
    if (!bad) socket_.connect(server, bad);
    if (bad) return fail_later(bad.message());
    send();
    wait();
  }

  void send() {
    if (!socket_.is_open()) return;
    error_code bad;
    socket_.send(boost::asio::buffer(message_), 0, bad);
    // A full queue is as a lost datagram: the owner's timer repeats it. The rest is an answer of its own.
    if (bad && bad != boost::asio::error::would_block) fail_later(bad.message());
  }

  void stop() {
    error_code ignored;
    socket_.close(ignored);
    on_message_ = {};
    on_failure_ = {};
  }

 private:
  void wait() {
    socket_.async_wait(udp::socket::wait_read, [self = weak_from_this()](error_code bad) {
      if (const auto udp = self.lock(); udp && !bad) udp->receive();
    });
  }

  void receive() {
    static thread_local std::array<std::uint8_t, 65535> buffer;
    constexpr int most_datagrams = 16;  // in one turn of the loop
    for (int i = 0; i < most_datagrams && socket_.is_open(); ++i) {
      error_code bad;
      const std::size_t n = socket_.receive(boost::asio::buffer(buffer), 0, bad);
      if (bad == boost::asio::error::would_block) break;
      if (bad) return fail(bad.message());
      if (on_message_ && OnMessage{on_message_}({buffer.data(), n})) return stop();
    }
    if (socket_.is_open()) wait();
  }

  void fail_later(const std::string& why) {
    boost::asio::post(io_, [self = weak_from_this(), why] {
      if (const auto udp = self.lock()) udp->fail(why);
    });
  }

  void fail(const std::string& why) {
    const OnFailure on_failure = std::exchange(on_failure_, {});
    stop();
    if (on_failure) on_failure(why);
  }

  boost::asio::io_context& io_;
  udp::socket socket_;
  ByteVector message_;
  OnMessage on_message_;
  OnFailure on_failure_;
};

class Asking::Tcp : public std::enable_shared_from_this<Tcp> {
 public:
  Tcp(boost::asio::io_context& io, ByteVector message, OnMessage on_message, OnFailure on_failure)
      : socket_{io}, on_message_{std::move(on_message)}, on_failure_{std::move(on_failure)} {
    ByteWriter w{framed_};
    w.u16(static_cast<std::uint16_t>(message.size()));
    w.bytes(message);
  }

  void start(const NameServer& server) {
    socket_.async_connect(tcp::endpoint{server.address(), server.port()}, [self = weak_from_this()](error_code bad) {
      const auto tcp = self.lock();
      if (!tcp) return;
      bad ? tcp->fail(bad.message()) : tcp->write();
    });
  }

  void stop() {
    error_code ignored;
    socket_.close(ignored);
    on_message_ = {};
    on_failure_ = {};
  }

 private:
  void write() {
    boost::asio::async_write(socket_, boost::asio::buffer(framed_),
                             [self = shared_from_this()](error_code bad, std::size_t) {
                               bad ? self->fail(bad.message()) : self->read_length();
                             });
  }

  void read_length() {
    boost::asio::async_read(socket_, boost::asio::buffer(length_),
                            [self = shared_from_this()](error_code bad, std::size_t) {
                              bad ? self->fail(bad.message()) : self->read_message();
                            });
  }

  void read_message() {
    message_.resize(load_u16(length_.data()));
    boost::asio::async_read(socket_, boost::asio::buffer(message_),
                            [self = shared_from_this()](error_code bad, std::size_t) {
                              if (bad) return self->fail(bad.message());
                              if (!self->on_message_) return;
                              if (OnMessage{self->on_message_}(self->message_)) return self->stop();
                              if (self->socket_.is_open()) self->read_length();
                            });
  }

  void fail(const std::string& why) {
    const OnFailure on_failure = std::exchange(on_failure_, {});
    stop();
    if (on_failure) on_failure(why);
  }

  tcp::socket socket_;
  ByteVector framed_;
  std::array<std::uint8_t, 2> length_{};
  ByteVector message_;
  OnMessage on_message_;
  OnFailure on_failure_;
};

Asking::Asking(boost::asio::io_context& io, const NameServer& server, Transport transport, ByteVector message,
               OnMessage on_message, OnFailure on_failure) {
  if (transport == Transport::udp) {
    udp_ = std::make_shared<Udp>(io, std::move(message), std::move(on_message), std::move(on_failure));
    udp_->start(server);
  } else {
    tcp_ = std::make_shared<Tcp>(io, std::move(message), std::move(on_message), std::move(on_failure));
    tcp_->start(server);
  }
}

Asking::~Asking() {
  if (udp_) udp_->stop();
  if (tcp_) tcp_->stop();
}

void Asking::send_again() {
  if (udp_) udp_->send();
}

}  // namespace ilnp
