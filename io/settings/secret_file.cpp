// SPDX-License-Identifier: Apache-2.0
#include "io/settings/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string>

namespace ilnp {

namespace {

class Descriptor {
 public:
  explicit Descriptor(int number) : number_{number} {}
  ~Descriptor() {
    if (number_ >= 0) close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

Error failure(const std::filesystem::path& path, const std::string& what) { return error(path.string() + ": " + what); }
Error failure(const std::filesystem::path& path, const char* what, int reason) {
  return failure(path, std::string{what} + ": " + std::strerror(reason));
}

std::string octal(mode_t mode) {
  char text[8];
  std::snprintf(text, sizeof text, "%04o", static_cast<unsigned>(mode & 07777));
  return text;
}

}  // namespace

Result<ByteVector> read_secret_file(const std::filesystem::path& path, std::size_t limit) {
  const Descriptor file{open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)};
  if (file.number() < 0) {
    if (errno == ELOOP) return failure(path, "is a symbolic link");
    return failure(path, "cannot be opened", errno);
  }
  struct stat status {};
  if (fstat(file.number(), &status) != 0) return failure(path, "cannot be examined", errno);
  if (!S_ISREG(status.st_mode)) return failure(path, "is not a regular file");
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return failure(path, "belongs to user " + std::to_string(status.st_uid) + ", must belong to root or to this user");
  }
  if ((status.st_mode & 077) != 0) {
    return failure(path, "has mode " + octal(status.st_mode) + ", must be 0600 or stricter (chmod 600)");
  }
  if (status.st_size < 0 || static_cast<std::size_t>(status.st_size) > limit) {
    return failure(path, "is larger than " + std::to_string(limit) + " octets");
  }
  // The size is fixed here, so that no growing reallocation leaves copies of a secret behind.
  ByteVector content(static_cast<std::size_t>(status.st_size));
  std::size_t filled = 0;
  while (filled < content.size()) {
    const ssize_t got = read(file.number(), content.data() + filled, content.size() - filled);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return failure(path, "cannot be read", errno);
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  content.resize(filled);
  return content;
}

Result<void> write_secret_file(const std::filesystem::path& path, Bytes content, Outlives outlives) {
  std::string temporary = path.string() + ".XXXXXX";
  const Descriptor file{mkostemp(temporary.data(), O_CLOEXEC)};  // created with mode 0600
  if (file.number() < 0) return failure(path, "cannot be created", errno);
  const auto give_up = [&](const char* what) {
    const int reason = errno;
    unlink(temporary.c_str());
    return failure(path, what, reason);
  };
  while (!content.empty()) {
    const ssize_t written = write(file.number(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return give_up("cannot be written");
    content = content.subspan(static_cast<std::size_t>(written));
  }
  const bool synchronise = outlives == Outlives::power_loss;
  if (synchronise && fsync(file.number()) != 0) return give_up("cannot be written");
  if (rename(temporary.c_str(), path.c_str()) != 0) return give_up("cannot be replaced");
  if (!synchronise) return ok();
  const std::filesystem::path parent = path.has_parent_path() ? path.parent_path() : std::filesystem::path{"."};
  const Descriptor directory{open(parent.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY)};
  if (directory.number() >= 0) fsync(directory.number());  // the name too survives a loss of power
  return ok();
}

}  // namespace ilnp
