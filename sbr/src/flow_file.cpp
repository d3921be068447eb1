// SPDX-License-Identifier: Apache-2.0
#include "sbr/src/flow_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <functional>

#include "io/loop/descriptor.h"

namespace ilnp {

/// Padded to a page, so that what follows is aligned.
struct FlowFile::Header {
  static constexpr std::size_t octets = 4096;
  static constexpr std::uint64_t current_version = 2;

  std::array<char, 8> magic;
  std::uint64_t version;
  std::uint64_t flow_octets, session_octets;  ///< of one entry: another compiler may lay them out differently
  std::uint64_t flows, sessions;
  std::uint64_t seed;
  std::array<char, 64> boot_id;
  std::array<char, 1024> uplinks;  ///< as far as they fit

  static Header of(const Form& form, std::uint64_t seed) {
    Header header{};
    std::memcpy(header.magic.data(), "ilnpflow", header.magic.size());
    header.version = current_version;
    header.flow_octets = sizeof(Flow);
    header.session_octets = sizeof(WatchedSession);
    header.flows = FlowTable::rounded(form.flows);
    header.sessions = WatchedSessions::rounded(form.sessions);
    header.seed = seed;
    form.boot_id.copy(header.boot_id.data(), header.boot_id.size() - 1);
    form.uplinks.copy(header.uplinks.data(), header.uplinks.size() - 1);
    return header;
  }
  std::size_t file_size() const { return octets + flows * flow_octets + sessions * session_octets; }

  /// Empty: this one can be used where `wanted` is wanted.
  const char* differs_from(const Header& wanted) const {
    if (magic != wanted.magic || version != wanted.version) return "another format";
    if (flow_octets != wanted.flow_octets || session_octets != wanted.session_octets) return "another build";
    if (flows != wanted.flows || sessions != wanted.sessions) return "other sizes";
    if (boot_id != wanted.boot_id || boot_id[0] == '\0') return "before this boot";
    if (uplinks != wanted.uplinks) return "other uplinks";
    return "";
  }
};

std::string FlowFile::boot_id() {
  std::string id;
  std::ifstream{"/proc/sys/kernel/random/boot_id"} >> id;
  return id;
}

Result<std::unique_ptr<FlowFile>> FlowFile::open(const std::string& path, const Form& form, Random& random) {
  const auto fail = [&](const char* what) { return error(path + ": cannot " + what + ": " + std::strerror(errno)); };
  const Header wanted = Header::of(form, random.u64() | 1);
  static_assert(sizeof(Header) <= Header::octets && alignof(Flow) <= 64 && alignof(WatchedSession) <= 64);
  const Descriptor file{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
  if (!file.is_open()) return fail("open");
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail("look at");
  if (status.st_uid != ::geteuid() || !S_ISREG(status.st_mode)) return error(path + ": is not ours");
  if (::fchmod(file.get(), 0600) != 0) return fail("protect");
  Header found{};
  const bool has_header = ::pread(file.get(), &found, sizeof found, 0) == static_cast<ssize_t>(sizeof found);
  const bool has_size = status.st_size == static_cast<off_t>(wanted.file_size());
  std::string why_new = status.st_size == 0 ? "there was none" : !has_header || !has_size ? "another size" : "";
  if (why_new.empty()) why_new = found.differs_from(wanted);
  if (!why_new.empty()) {
    found = wanted;
    if (::ftruncate(file.get(), 0) != 0) return fail("empty");
    // The blocks are taken now: writing to a mapping for which there is no room would end the process.
    if (const int failure = ::posix_fallocate(file.get(), 0, static_cast<off_t>(wanted.file_size())); failure != 0)
      return error(path + ": no room for " + std::to_string(wanted.file_size()) + " octets: " + std::strerror(failure));
    if (::pwrite(file.get(), &found, sizeof found, 0) != static_cast<ssize_t>(sizeof found)) return fail("write");
  }
  void* mapping = ::mmap(nullptr, found.file_size(), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (mapping == MAP_FAILED) return fail("map");
  std::unique_ptr<FlowFile> out{new FlowFile{mapping, found.file_size()}};
  auto* const begin = static_cast<std::uint8_t*>(mapping) + Header::octets;
  out->memory_.seed = found.seed;
  out->memory_.flows = {reinterpret_cast<Flow*>(begin), found.flows};
  out->memory_.sessions = {reinterpret_cast<WatchedSession*>(begin + found.flows * sizeof(Flow)), found.sessions};
  out->why_new_ = std::move(why_new);
  return out;
}

FlowFile::~FlowFile() { ::munmap(mapping_, size_); }

}  // namespace ilnp
