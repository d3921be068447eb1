// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/control_listener.h"

#include <grp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

namespace ilnp {

namespace {

constexpr mode_t socket_mode = 0660;

int new_socket() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0); }

std::optional<ucred> credentials_of(int connection) {
  ucred credentials{};
  socklen_t length = sizeof credentials;
  if (getsockopt(connection, SOL_SOCKET, SO_PEERCRED, &credentials, &length) != 0) return std::nullopt;
  return credentials;
}

/// Supplementary groups of the process at the other end, as they were when it connected.
std::vector<gid_t> groups_of(int connection) {
  std::vector<gid_t> groups(64);
  for (int attempt = 0; attempt < 2; ++attempt) {
    socklen_t length = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const int outcome = getsockopt(connection, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &length);
    groups.resize(length / sizeof(gid_t));  // with ERANGE: how many there are
    if (outcome == 0) return groups;
    if (errno != ERANGE) break;
  }
  return {};
}

/// Makes way for our socket, if nobody needs the one that is there.
Result<void> clear_stale(const std::string& path, const sockaddr_un& address) {
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0) return ok();
  if (!S_ISSOCK(status.st_mode)) return error(path + ": exists and is not a socket");
  const int probe = new_socket();
  if (probe < 0) return error(std::string{"cannot make a socket: "} + std::strerror(errno));
  const bool connected = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  const int reason = errno;
  const auto owner = connected ? credentials_of(probe) : std::nullopt;
  close(probe);
  if (connected) return error("already running" + (owner ? ", pid " + std::to_string(owner->pid) : std::string{}));
  if (reason == EAGAIN) return error("already running");  // its backlog is full
  if (reason != ECONNREFUSED && reason != ENOENT) return error(path + ": " + std::strerror(reason));
  unlink(path.c_str());
  return ok();
}

}  // namespace

Result<int> listen_at(const std::string& path, std::optional<gid_t> group) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return error(path + ": not a usable socket path");
  std::memcpy(address.sun_path, path.data(), path.size());
  if (auto cleared = clear_stale(path, address); !cleared) return std::move(cleared).error();

  const int descriptor = new_socket();
  if (descriptor < 0) return error(std::string{"cannot make a socket: "} + std::strerror(errno));
  const auto failed = [&] {
    const int reason = errno;
    close(descriptor);
    return error(path + ": " + std::strerror(reason));
  };
  // The mode of the socket itself limits that of the file, so nobody else gets in before chmod.
  if (fchmod(descriptor, socket_mode) != 0) return failed();
  if (bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) return failed();
  if ((group && lchown(path.c_str(), static_cast<uid_t>(-1), *group) != 0) || chmod(path.c_str(), socket_mode) != 0 ||
      listen(descriptor, 64) != 0) {
    const Error problem = failed();
    unlink(path.c_str());
    return problem;
  }
  return descriptor;
}

Result<gid_t> find_group(const std::string& name) {
  std::vector<char> buffer(1 << 16);
  group entry{};
  group* found = nullptr;
  const int outcome = getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (outcome != 0) return error("group " + name + ": " + std::strerror(outcome));
  if (found == nullptr) return error("there is no group " + name);
  return entry.gr_gid;
}

bool may_control(int connection, std::optional<gid_t> group) {
  const auto credentials = credentials_of(connection);
  if (!credentials) return false;
  if (credentials->uid == 0 || credentials->uid == geteuid()) return true;
  if (!group) return false;
  if (credentials->gid == *group) return true;
  const auto groups = groups_of(connection);
  return std::find(groups.begin(), groups.end(), *group) != groups.end();
}

}  // namespace ilnp
