// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/control_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "io/telemetry/control.h"

namespace ilnp {

using nlohmann::json;
using Clock = std::chrono::steady_clock;

namespace {

int milliseconds_until(Clock::time_point deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
  return static_cast<int>(std::clamp<long long>(left, 0, 3'600'000));
}

}  // namespace

Result<ControlClient> ControlClient::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return error(path + ": not a usable socket path");
  std::memcpy(address.sun_path, path.data(), path.size());
  const int descriptor = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return error(std::string{"cannot make a socket: "} + std::strerror(errno));
  ControlClient client{descriptor};
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    if (errno == ENOENT || errno == ECONNREFUSED) return error("no daemon listens at " + path);
    if (errno == EAGAIN) return error("the daemon at " + path + " does not accept connections");
    if (errno == EACCES) return error("no permission to use " + path + ": try as root");
    return error(path + ": " + std::strerror(errno));
  }
  return client;
}

ControlClient::ControlClient(ControlClient&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)}, received_{std::move(other.received_)} {}

ControlClient::~ControlClient() {
  if (descriptor_ >= 0) close(descriptor_);
}

Result<void> ControlClient::send(const json& request) {
  const std::string line = request.dump() + "\n";
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t sent = ::send(descriptor_, rest.data(), rest.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      rest.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      pollfd ready{descriptor_, POLLOUT, 0};
      if (poll(&ready, 1, 5000) == 0) return error("the daemon does not read its control socket");
    } else if (errno == EPIPE || errno == ECONNRESET) {
      break;  // its last words, perhaps "busy", may still be there to be read
    } else if (errno != EINTR) {
      return error(std::string{"cannot send to the daemon: "} + std::strerror(errno));
    }
  }
  return ok();
}

Result<json> ControlClient::receive(std::chrono::milliseconds limit) {
  const bool for_ever = limit.count() < 0;
  const auto deadline = Clock::now() + limit;
  std::size_t searched = 0;
  for (;;) {
    const std::size_t end = received_.find('\n', searched);
    if (end != std::string::npos) {
      json object = json::parse(std::string_view{received_}.substr(0, end), nullptr, /*allow_exceptions=*/false);
      received_.erase(0, end + 1);
      if (!object.is_object()) return error("the daemon sent something that is not a JSON object");
      return object;
    }
    searched = received_.size();
    if (searched > max_control_response) return error("the daemon's answer has no end");

    pollfd ready{descriptor_, POLLIN, 0};
    const int events = poll(&ready, 1, for_ever ? -1 : milliseconds_until(deadline));
    if (events < 0 && errno == EINTR) continue;
    if (events == 0) return error("the daemon did not answer in time");
    char block[65536];
    const ssize_t got = ::read(descriptor_, block, sizeof block);
    if (got == 0 || (got < 0 && errno == ECONNRESET)) return error("the daemon closed the connection");
    if (got < 0 && errno != EINTR && errno != EAGAIN) return error(std::string{"cannot read: "} + std::strerror(errno));
    if (got > 0) received_.append(block, static_cast<std::size_t>(got));
  }
}

Result<json> ControlClient::request(const json& request, std::chrono::milliseconds limit) {
  if (auto sent = send(request); !sent) return std::move(sent).error();
  auto answer = receive(limit);
  if (!answer) return answer;
  const json& object = answer.value();
  if (object.value("schema", json{}) == "ilnp.error/1") {
    const auto text = object.find("error");
    return error(text != object.end() && text->is_string() ? text->get<std::string>() : "the daemon reports an error");
  }
  return answer;
}

}  // namespace ilnp
