// SPDX-License-Identifier: Apache-2.0
// Standard streams are anonymous memory files: the child can neither block on us nor we on it, and nothing has to be
// read while it runs.
#include "io/sockets/child_process.h"

#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include "io/loop/descriptor.h"

namespace ilnp {
namespace {

constexpr off_t largest_output = 1 << 20;  ///< octets read back

std::string reason(int number) { return std::strerror(number); }

Descriptor memory_file() { return Descriptor{::memfd_create("stream", MFD_CLOEXEC)}; }

bool fill(int file, const std::string& text) {
  for (std::size_t done = 0; done < text.size();) {
    const ssize_t n = ::write(file, text.data() + done, text.size() - done);
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return ::lseek(file, 0, SEEK_SET) == 0;
}

std::string contents(int file) {
  const off_t size = std::clamp<off_t>(::lseek(file, 0, SEEK_END), 0, largest_output);
  std::string text(static_cast<std::size_t>(size), '\0');
  const ssize_t n = ::pread(file, text.data(), text.size(), 0);
  text.resize(n < 0 ? 0 : static_cast<std::size_t>(n));
  return text;
}

/// True when the child ended within the limit.
bool await_end(pid_t child, Duration limit) {
  const Descriptor handle{static_cast<int>(::syscall(SYS_pidfd_open, child, 0))};
  pollfd wait{handle.get(), POLLIN, 0};
  const auto milliseconds_left = std::chrono::duration_cast<milliseconds>(limit).count();
  int ready = 0;
  do {
    ready = ::poll(&wait, 1, static_cast<int>(milliseconds_left));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

}  // namespace

Result<FinishedProcess> run_program(const std::vector<std::string>& arguments, const std::string& input,
                                    Duration limit) {
  const std::array<Descriptor, 3> streams{memory_file(), memory_file(), memory_file()};
  for (const Descriptor& stream : streams)
    if (!stream.is_open()) return error("memory file for a child process: " + reason(errno));
  if (!fill(streams[0].get(), input)) return error("memory file for a child process: " + reason(errno));

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  for (int i = 0; i < 3; ++i) posix_spawn_file_actions_adddup2(&actions, streams[static_cast<std::size_t>(i)].get(), i);
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &all);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  std::vector<char*> words;
  for (const std::string& argument : arguments) words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin", language = "LC_ALL=C";
  char* environment[] = {path.data(), language.data(), nullptr};
  pid_t child = 0;
  const int failure = ::posix_spawn(&child, words[0], &actions, &attributes, words.data(), environment);
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (failure != 0) return error("cannot run " + arguments[0] + ": " + reason(failure));

  const bool ended = await_end(child, limit);
  if (!ended) ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!ended) return error(arguments[0] + " did not end in time and was stopped");
  return FinishedProcess{WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), contents(streams[1].get()),
                         contents(streams[2].get())};
}

}  // namespace ilnp
