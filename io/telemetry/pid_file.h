// SPDX-License-Identifier: Apache-2.0
// One instance at a time: a locked file that holds the owner's process id. The kernel drops the lock when the process
// ends in whatever way, so a file that was left behind never blocks a start.
#pragma once

#include <string>

#include "core/base/result.h"

namespace ilnp {

class PidFile {
 public:
  /// Errors: "already running, pid N", or why the file cannot be opened. Mode 0644, never through a symbolic link.
  static Result<PidFile> acquire(const std::string& path);
  ~PidFile();  ///< removes the file, then drops the lock
  PidFile(PidFile&& other) noexcept;
  PidFile& operator=(PidFile&&) = delete;

 private:
  PidFile(int descriptor, std::string path) : descriptor_{descriptor}, path_{std::move(path)} {}
  int descriptor_;
  std::string path_;
};

}  // namespace ilnp
