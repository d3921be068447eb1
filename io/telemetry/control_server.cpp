// SPDX-License-Identifier: Apache-2.0
// Per client: one request is answered at a time, and the next one is looked at when the answer has been taken, so a
// client cannot make us hold more than one answer. Events wait in the same queue, up to a limit in octets; what does
// not fit is counted and reported in the stream as soon as there is room again. A client that takes nothing for
// write_limit is closed.
#include "io/telemetry/control_server.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <deque>
#include <exception>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "io/telemetry/control.h"
#include "io/telemetry/control_listener.h"
#include "io/telemetry/pid_file.h"

namespace ilnp {

using boost::asio::local::stream_protocol;
using boost::system::error_code;
using nlohmann::json;

namespace {

constexpr std::chrono::seconds write_limit{30};
constexpr std::chrono::milliseconds accept_pause{200};

std::string line_of(const json& object) { return object.dump(-1, ' ', false, json::error_handler_t::replace) + "\n"; }

}  // namespace

class ControlServer::Server : public std::enable_shared_from_this<Server> {
 public:
  class Client;

  Server(boost::asio::io_context& loop, ControlServerOptions options, std::optional<gid_t> group, PidFile lock)
      : options_{std::move(options)}, group_{group}, lock_{std::move(lock)}, acceptor_{loop}, pause_{loop} {}

  Result<void> start();
  void close();
  void accept();
  void publish(const Event& event);
  void answer(std::string_view line, bool& wants_events, const Reply& reply);
  void leave(const std::shared_ptr<Client>& client) { std::erase(clients_, client); }

  ControlServerOptions options_;
  std::optional<gid_t> group_;
  std::optional<PidFile> lock_;
  stream_protocol::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  std::vector<std::shared_ptr<Client>> clients_;
  std::map<std::string, SlowHandler, std::less<>> handlers_;
  ControlServerStats stats_;
};

class ControlServer::Server::Client : public std::enable_shared_from_this<Client> {
 public:
  Client(std::shared_ptr<Server> server, stream_protocol::socket socket)
      : server_{std::move(server)}, socket_{std::move(socket)}, stalled_{socket_.get_executor()} {}

  bool is_monitor() const { return is_monitor_; }
  void start() { read(); }

  /// Sends one last line and closes.
  void refuse(std::string_view code, std::string_view message) {
    is_last_ = true;
    send({line_of(control_error(code, message)), false});
  }

  void event(const std::string& line) {
    if (lost_ != 0 || queued_events_ + line.size() > server_->options_.max_queue) {
      ++lost_;
      ++server_->stats_.events_lost;
      return;
    }
    queued_events_ += line.size();
    send({line, false});
  }

  void close() {
    if (std::exchange(is_closed_, true)) return;
    error_code ignored;
    socket_.close(ignored);
    stalled_.cancel();
    server_->leave(shared_from_this());
  }

 private:
  struct Line {
    std::string text;
    bool is_answer = false;
  };

  void read() {
    if (is_closed_ || is_last_ || is_reading_) return;
    is_reading_ = true;
    socket_.async_read_some(boost::asio::buffer(block_),
                            [self = shared_from_this()](const error_code& problem, std::size_t got) {
                              self->is_reading_ = false;
                              if (problem) return self->close();
                              self->input_.append(self->block_.data(), got);
                              self->next_request();
                            });
  }

  /// Answers the next complete request, or reads on. Called again when its answer has been written.
  void next_request() {
    if (is_closed_ || is_last_ || is_answering_) return;
    const std::size_t end = input_.find('\n');
    if (std::min(end, input_.size()) > max_control_request) {
      ++server_->stats_.bad_requests;
      return refuse("too_long", "the request is longer than 65536 octets");
    }
    if (end == std::string::npos) return read();
    const std::string request = input_.substr(0, end);
    input_.erase(0, end + 1);
    is_answering_ = true;
    server_->answer(request, is_monitor_, [client = weak_from_this(), number = ++requests_](const json& answer) {
      const auto self = client.lock();
      if (self && self->replies_ < number) {
        self->replies_ = number;
        self->send({line_of(answer), true});
      }
    });
  }

  void send(Line line) {
    queue_.push_back(std::move(line));
    write();
  }

  void write() {
    if (is_closed_ || is_writing_ || queue_.empty()) return;
    is_writing_ = true;
    writing_.swap(queue_);
    queued_events_ = 0;
    std::vector<boost::asio::const_buffer> buffers;
    for (const Line& line : writing_) buffers.push_back(boost::asio::buffer(line.text));
    stalled_.expires_after(write_limit);
    stalled_.async_wait([self = shared_from_this()](const error_code&) {
      // Checked again, because a cancelled wait may already have been on its way.
      if (self->is_writing_ && self->stalled_.expiry() <= std::chrono::steady_clock::now()) self->close();
    });
    boost::asio::async_write(socket_, buffers, [self = shared_from_this()](const error_code& problem, std::size_t) {
      self->written(problem);
    });
  }

  void written(const error_code& problem) {
    const bool answered =
        std::any_of(writing_.begin(), writing_.end(), [](const Line& line) { return line.is_answer; });
    is_writing_ = false;
    stalled_.cancel();
    writing_.clear();
    if (problem || (is_last_ && queue_.empty())) return close();
    if (lost_ != 0) {
      const Field count{"count", std::exchange(lost_, 0)};
      const Event event{LogLevel::warning, "events_lost", {&count, 1}, std::chrono::system_clock::now()};
      queue_.push_back({line_of(event_to_json(event)), false});
    }
    write();
    if (answered) {
      is_answering_ = false;
      next_request();
    }
  }

  std::shared_ptr<Server> server_;
  stream_protocol::socket socket_;
  boost::asio::steady_timer stalled_;
  std::array<char, 16384> block_{};
  std::string input_;
  std::deque<Line> queue_, writing_;
  std::size_t queued_events_ = 0;  ///< octets in queue_
  std::uint64_t lost_ = 0;         ///< events since the last report
  std::uint64_t requests_ = 0, replies_ = 0;
  bool is_reading_ = false, is_writing_ = false, is_answering_ = false, is_monitor_ = false, is_last_ = false,
       is_closed_ = false;
};

Result<void> ControlServer::Server::start() {
  auto descriptor = listen_at(options_.path, group_);
  if (!descriptor) return std::move(descriptor).error();
  error_code problem;
  acceptor_.assign(stream_protocol{}, descriptor.value(), problem);
  if (problem) {
    ::close(descriptor.value());
    return error(options_.path + ": " + problem.message());
  }
  accept();
  return ok();
}

void ControlServer::Server::close() {
  if (!acceptor_.is_open()) return;
  error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  unlink(options_.path.c_str());
  lock_.reset();  // after the socket: the next instance finds the place clean
  for (const auto& client : std::vector{clients_}) client->close();
}

void ControlServer::Server::accept() {
  acceptor_.async_accept([self = shared_from_this()](const error_code& problem, stream_protocol::socket socket) {
    if (!self->acceptor_.is_open()) return;
    if (problem) {  // out of descriptors, most likely: wait instead of spinning
      self->pause_.expires_after(accept_pause);
      return self->pause_.async_wait([self](const error_code& cancelled) {
        if (!cancelled && self->acceptor_.is_open()) self->accept();
      });
    }
    const int connection = socket.native_handle();
    auto client = std::make_shared<Client>(self, std::move(socket));
    if (!may_control(connection, self->group_)) {
      ++self->stats_.refused_credentials;
      client->refuse("not_permitted", "only root and the socket's group may use this socket");
    } else if (self->clients_.size() >= self->options_.max_clients) {
      ++self->stats_.refused_busy;
      client->refuse("busy", "too many clients");
    } else {
      ++self->stats_.accepted;
      self->clients_.push_back(client);
      client->start();
    }
    self->accept();
  });
}

void ControlServer::Server::answer(std::string_view line, bool& wants_events, const Reply& reply) {
  ++stats_.requests;
  const auto refuse = [&](std::string_view code, const std::string& why) {
    ++stats_.bad_requests;
    reply(control_error(code, why));
  };
  auto request = parse_control_request(line);
  if (!request) return refuse("bad_request", request.error().message);
  if (request.value().command == "monitor") {
    wants_events = true;
    return reply(event_to_json({LogLevel::info, "monitor_started", {}, std::chrono::system_clock::now()}));
  }
  const auto handler = handlers_.find(request.value().command);
  if (handler == handlers_.end())
    return refuse("unknown_command", "unknown command \"" + request.value().command.substr(0, 64) + "\"");
  try {
    handler->second(request.value().body, reply);
  } catch (const std::exception& problem) {  // nlohmann-json's, about a request of the wrong shape
    refuse("bad_request", problem.what());
  }
}

void ControlServer::Server::publish(const Event& event) {
  ++stats_.events_published;
  std::string line;
  for (const auto& client : clients_) {
    if (!client->is_monitor()) continue;
    if (line.empty()) line = line_of(event_to_json(event));
    client->event(line);
  }
}

ControlServer::ControlServer(std::shared_ptr<Server> server) : server_{std::move(server)} {}
ControlServer::~ControlServer() { server_->close(); }

Result<std::unique_ptr<ControlServer>> ControlServer::open(boost::asio::io_context& loop,
                                                           ControlServerOptions options) {
  std::optional<gid_t> group;
  if (!options.group.empty()) {
    auto found = find_group(options.group);
    if (!found) return std::move(found).error();
    group = found.value();
  }
  auto lock = PidFile::acquire(options.path + ".lock");
  if (!lock) return std::move(lock).error();
  auto server = std::make_shared<Server>(loop, std::move(options), group, std::move(lock).value());
  if (auto started = server->start(); !started) return std::move(started).error();
  return std::unique_ptr<ControlServer>{new ControlServer{std::move(server)}};
}

void ControlServer::on(std::string command, Handler handler) {
  on_slow(std::move(command), [handler = std::move(handler)](const json& request, const Reply& reply) {
    auto answer = handler(request);
    reply(answer ? std::move(answer).value() : control_error("failed", answer.error().message));
  });
}
void ControlServer::on_slow(std::string command, SlowHandler handler) {
  server_->handlers_.insert_or_assign(std::move(command), std::move(handler));
}
void ControlServer::publish(const Event& event) { server_->publish(event); }

std::size_t ControlServer::clients() const { return server_->clients_.size(); }
std::size_t ControlServer::monitors() const {
  const auto& all = server_->clients_;
  return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& c) { return c->is_monitor(); }));
}
const ControlServerStats& ControlServer::stats() const { return server_->stats_; }

}  // namespace ilnp
