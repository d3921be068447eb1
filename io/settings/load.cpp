// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>

#include "io/settings/configuration.h"
#include "io/settings/reader.h"

namespace ilnp {

namespace {

/// The file's octets, one more than allowed at most. O_NONBLOCK: opening a named pipe must not wait.
Result<std::string> read_text(const std::filesystem::path& path) {
  const int file = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return error(std::string{"cannot be opened: "} + std::strerror(errno));
  std::string text;
  struct stat status {};
  if (fstat(file, &status) != 0 || !S_ISREG(status.st_mode)) {
    close(file);
    return error("is not a regular file");
  }
  while (text.size() <= max_configuration_file) {
    char block[16384];
    const ssize_t got = ::read(file, block, sizeof block);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      const int reason = errno;
      close(file);
      return error(std::string{"cannot be read: "} + std::strerror(reason));
    }
    if (got == 0) break;
    text.append(block, static_cast<std::size_t>(got));
  }
  close(file);
  return text;
}

void read_into(ConfigurationReader& reader, const std::filesystem::path& path) {
  auto text = read_text(path);
  if (!text) return reader.add({{path.string(), 0, 0}, {}, std::move(text).error().message});
  reader.read({path.string(), std::move(text).value()});
}

}  // namespace

Configured load_configuration(std::shared_ptr<const Schema> schema, const std::filesystem::path& main,
                              const std::filesystem::path& directory) {
  ConfigurationReader reader{std::move(schema)};
  read_into(reader, main);
  if (directory.empty()) return reader.finish();

  std::vector<std::filesystem::path> drop_ins;
  std::error_code problem;
  for (std::filesystem::directory_iterator it{directory, problem}, end; !problem && it != end; it.increment(problem)) {
    if (it->path().extension() == ".toml") drop_ins.push_back(it->path());
  }
  if (problem && problem != std::errc::no_such_file_or_directory) {
    reader.add({{directory.string(), 0, 0}, {}, "cannot be listed: " + problem.message()});
  }
  std::sort(drop_ins.begin(), drop_ins.end());
  if (drop_ins.size() > max_configuration_files) {
    reader.add({{directory.string(), 0, 0}, {}, "has more than " + std::to_string(max_configuration_files) + " files"});
    drop_ins.resize(max_configuration_files);
  }
  for (const auto& path : drop_ins) read_into(reader, path);
  return reader.finish();
}

}  // namespace ilnp
