// SPDX-License-Identifier: Apache-2.0
#include "io/loop/file_notice.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cstring>
#include <string_view>

namespace ilnp {

FileNotice::FileNotice(Loop& loop, const std::filesystem::path& file, std::function<void()> on_write) noexcept
    : name_{file.filename().string()},
      on_write_{std::move(on_write)},
      inotify_{inotify_init1(IN_NONBLOCK | IN_CLOEXEC)} {
  const std::filesystem::path directory = file.has_parent_path() ? file.parent_path() : ".";
  if (!inotify_.is_open() || inotify_add_watch(inotify_.get(), directory.c_str(), IN_MODIFY) < 0) return;
  watch_ = std::make_unique<Watch>(loop, inotify_.get(), [this] { return drain(); });
}

bool FileNotice::drain() {
  alignas(inotify_event) std::array<char, 4096> events;
  const ssize_t length = ::read(inotify_.get(), events.data(), events.size());
  bool was_written = false;
  for (ssize_t at = 0; at + static_cast<ssize_t>(sizeof(inotify_event)) <= length;) {
    inotify_event event{};
    std::memcpy(&event, events.data() + at, sizeof event);
    const char* name = events.data() + at + sizeof event;
    // An overflow of the queue has no name: who knows what was written.
    const bool is_ours = event.len == 0 || std::string_view{name, strnlen(name, event.len)}.starts_with(name_);
    was_written = was_written || is_ours;
    at += static_cast<ssize_t>(sizeof event + event.len);
  }
  if (was_written) on_write_();
  return false;
}

}  // namespace ilnp
