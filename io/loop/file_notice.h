// SPDX-License-Identifier: Apache-2.0
// Tells when somebody on this machine writes to a file, or to files beside it whose names begin with its name
// (inotify). It is a hint: other machines' writes to a shared file system, and mapped memory, are not seen.
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "io/loop/descriptor.h"
#include "io/loop/loop.h"

namespace ilnp {

class FileNotice {
 public:
  /// Its directory must be there. Where the kernel has no room for another watch nothing is ever told.
  FileNotice(Loop& loop, const std::filesystem::path& file, std::function<void()> on_write) noexcept;

 private:
  bool drain();

  std::string name_;
  std::function<void()> on_write_;
  Descriptor inotify_;
  std::unique_ptr<Watch> watch_;
};

}  // namespace ilnp
