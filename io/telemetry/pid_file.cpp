// SPDX-License-Identifier: Apache-2.0
#include "io/telemetry/pid_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace ilnp {

namespace {

std::string owner_of(int descriptor) {
  char text[24] = {};
  const ssize_t length = pread(descriptor, text, sizeof text - 1, 0);
  const long pid = length > 0 ? std::strtol(text, nullptr, 10) : 0;
  return pid > 0 ? "already running, pid " + std::to_string(pid) : "already running";
}

/// The file that we locked is still the one with that name (the last owner may have removed it in between).
bool is_current(int descriptor, const std::string& path) {
  struct stat opened {
  }, named{};
  return fstat(descriptor, &opened) == 0 && lstat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino &&
         opened.st_dev == named.st_dev;
}

}  // namespace

Result<PidFile> PidFile::acquire(const std::string& path) {
  constexpr int attempts = 10;  // each further one needs another instance ending at this very moment
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const int file = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (file < 0) return error(path + ": " + std::strerror(errno));
    PidFile lock{file, path};
    if (flock(file, LOCK_EX | LOCK_NB) != 0) {
      const int reason = errno;
      lock.path_.clear();
      if (reason == EWOULDBLOCK) return error(owner_of(file));
      return error(path + ": " + std::strerror(reason));
    }
    if (!is_current(file, path)) {
      lock.path_.clear();
      continue;
    }
    const std::string pid = std::to_string(getpid()) + "\n";
    if (ftruncate(file, 0) != 0 || pwrite(file, pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size())) {
      return error(path + ": " + std::strerror(errno));
    }
    return lock;
  }
  return error(path + ": keeps being replaced");
}

PidFile::PidFile(PidFile&& other) noexcept
    : descriptor_{std::exchange(other.descriptor_, -1)}, path_{std::exchange(other.path_, {})} {}

PidFile::~PidFile() {
  if (descriptor_ < 0) return;
  if (!path_.empty()) unlink(path_.c_str());
  close(descriptor_);
}

}  // namespace ilnp
