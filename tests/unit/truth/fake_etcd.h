// SPDX-License-Identifier: Apache-2.0
// A scripted HTTP server on loopback, in the loop of the test: it answers each question with what the test's function
// says, which may be anything. An Etcd of a few lines is there to begin from: records, revisions, a watch.
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <functional>
#include <list>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>

#include "io/loop/descriptor.h"
#include "io/loop/loop.h"
#include "io/truth/base64.h"

namespace ilnp {

class FakeServer {
 public:
  struct Question {
    int connection;
    std::string target, body;
  };
  /// What is sent, octet for octet; nothing: silence. An empty text closes the connection.
  using Script = std::function<std::optional<std::string>(const Question&)>;

  explicit FakeServer(Loop& loop) : loop_{loop}, listening_{socket(AF_INET6, SOCK_STREAM | SOCK_NONBLOCK, 0)} {
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_addr = in6addr_loopback;
    socklen_t length = sizeof address;
    bind(listening_.get(), reinterpret_cast<sockaddr*>(&address), length);
    listen(listening_.get(), 10);
    getsockname(listening_.get(), reinterpret_cast<sockaddr*>(&address), &length);
    port_ = ntohs(address.sin6_port);
    watch_ = std::make_unique<Watch>(loop_, listening_.get(), [this] { return accept_one(); });
  }

  std::string endpoint() const { return "http://[::1]:" + std::to_string(port_); }
  /// Sends more on a connection that is open, such as that of a watch.
  void send(int connection, const std::string& octets) {
    ::send(connection, octets.data(), octets.size(), MSG_NOSIGNAL);
  }
  void close_all() { connections_.clear(); }

  Script script;
  std::vector<Question> questions;

 private:
  struct Connection {
    Descriptor socket;
    std::string input;
    std::unique_ptr<Watch> watch;
  };

  bool accept_one() {
    const int fd = accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK);
    if (fd < 0) return false;
    Connection& connection = connections_.emplace_back();
    connection.socket = Descriptor{fd};
    connection.watch = std::make_unique<Watch>(loop_, fd, [this, &connection] { return take(connection); });
    return true;
  }

  bool take(Connection& connection) {
    char piece[65536];
    const ssize_t got = recv(connection.socket.get(), piece, sizeof piece, 0);
    if (got <= 0) {
      if (got == 0 || errno != EAGAIN) end(connection);
      return false;
    }
    connection.input.append(piece, static_cast<std::size_t>(got));
    const std::size_t head = connection.input.find("\r\n\r\n");
    const std::size_t field = connection.input.find("Content-Length: ");
    if (head == std::string::npos || field == std::string::npos) return true;
    const std::size_t whole = head + 4 + std::stoul(connection.input.substr(field + 16));
    if (connection.input.size() < whole) return true;
    const std::size_t blank = connection.input.find(' ');
    const Question question{connection.socket.get(),
                            connection.input.substr(blank + 1, connection.input.find(' ', blank + 1) - blank - 1),
                            connection.input.substr(head + 4, whole - head - 4)};
    connection.input.erase(0, whole);
    questions.push_back(question);
    const auto said = script(question);
    if (said && said->empty()) {
      end(connection);
      return false;
    }
    if (said) send(question.connection, *said);
    return true;
  }

  void end(Connection& connection) {
    const int fd = connection.socket.get();
    loop_.post([this, fd] { connections_.remove_if([fd](const Connection& c) { return c.socket.get() == fd; }); });
  }

  Loop& loop_;
  Descriptor listening_;
  std::uint16_t port_ = 0;
  std::unique_ptr<Watch> watch_;
  std::list<Connection> connections_;
};

inline std::string http_answer(const std::string& body, int status = 200) {
  return "HTTP/1.1 " + std::to_string(status) +
         " X\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}
inline std::string http_chunk(const std::string& text) {
  char length[20];
  std::snprintf(length, sizeof length, "%zx\r\n", text.size());
  return length + text + "\r\n";
}

/// As much of etcd as the store asks for.
struct FakeEtcd {
  std::uint64_t cluster = 4711, revision = 10, term = 2, compacted = 0;
  std::map<std::string, std::pair<std::string, std::uint64_t>> values;  ///< key -> value, revision
  int watcher = -1;
  std::uint64_t watched_from = 0;

  nlohmann::json header() const {
    return {{"cluster_id", std::to_string(cluster)},
            {"revision", std::to_string(revision)},
            {"raft_term", std::to_string(term)}};
  }
  static nlohmann::json kv(const std::string& key, const std::pair<std::string, std::uint64_t>& value) {
    return {{"key", to_base64(key)}, {"value", to_base64(value.first)}, {"mod_revision", std::to_string(value.second)}};
  }
  /// A change that somebody made; the line for the watch.
  std::string put(const std::string& key, const std::string& value) {
    values[key] = {value, ++revision};
    return event({{"kv", kv(key, values[key])}});
  }
  std::string erase(const std::string& key) {
    values.erase(key);
    ++revision;
    return event({{"type", "DELETE"}, {"kv", {{"key", to_base64(key)}, {"mod_revision", std::to_string(revision)}}}});
  }
  std::string event(const nlohmann::json& change) const { return line({{"events", {change}}}); }
  std::string line(nlohmann::json result) const {
    result["header"] = header();
    return http_chunk(nlohmann::json{{"result", result}}.dump() + "\n");
  }

  std::optional<std::string> answer(const FakeServer::Question& question) {
    const auto asked = nlohmann::json::parse(question.body);
    if (question.target == "/v3/kv/range") return range(asked);
    if (question.target == "/v3/kv/txn") return swap(asked);
    watcher = question.connection;
    watched_from = std::stoull(asked["create_request"]["start_revision"].get<std::string>());
    const std::string start = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + line({{"created", true}});
    if (watched_from > compacted) return start;
    return start + line({{"canceled", true}, {"compact_revision", std::to_string(compacted)}});
  }

  std::string range(const nlohmann::json& asked) {
    nlohmann::json found = nlohmann::json::array();
    const std::string begin = from_base64(asked["key"].get<std::string>()).value();
    const std::string end = from_base64(asked.value("range_end", "")).value();
    const std::size_t limit = std::stoul(asked.value("limit", "1000"));
    bool more = false;
    for (auto it = values.lower_bound(begin); it != values.end(); ++it) {
      if (end.empty() ? it->first != begin : it->first >= end) break;
      more = found.size() == limit;
      if (more) break;
      found.push_back(kv(it->first, it->second));
    }
    return http_answer(nlohmann::json{{"header", header()}, {"kvs", found}, {"more", more}}.dump());
  }

  std::string swap(const nlohmann::json& asked) {
    const auto& compare = asked["compare"][0];
    const std::string key = from_base64(compare["key"].get<std::string>()).value();
    const auto found = values.find(key);
    const std::uint64_t now = found == values.end() ? 0 : found->second.second;
    const bool same = std::to_string(now) == compare["mod_revision"];
    if (same && asked["success"][0].contains("request_put"))
      put(key, from_base64(asked["success"][0]["request_put"]["value"].get<std::string>()).value());
    else if (same && found != values.end())
      erase(key);
    return http_answer(nlohmann::json{{"header", header()}, {"succeeded", same}}.dump());
  }
};

}  // namespace ilnp
