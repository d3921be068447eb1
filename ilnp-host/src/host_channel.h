// SPDX-License-Identifier: Apache-2.0
// The line to the hypervisor: a virtio-serial port, named as the hypervisor names it, or a path. Its other end may be
// closed and opened again at any time (it is another one after a migration), and a port without an other end is always
// readable: then it is not watched but looked at now and then. Lines in, an answer to each out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "io/loop/descriptor.h"
#include "io/loop/loop.h"

namespace ilnp {

class HostChannel {
 public:
  struct Counters {
    std::uint64_t too_long = 0;      ///< lines that were not read to their end
    std::uint64_t answers_lost = 0;  ///< the other end does not read
  };
  /// A line without its end; the answer, or nothing.
  using OnLine = std::function<std::string(std::string_view line)>;

  /// `port`: a name, looked up in `ports`; a path when it has a '/'; empty: there is no channel.
  HostChannel(Loop& loop, std::string port, std::size_t max_line, OnLine on_line,
              std::string ports = "/sys/class/virtio-ports");

  /// Opens it when it is there, and listens. Looking for it costs files: called now and then.
  void look();
  /// Reads what has come to a port that is open and not watched. Called often.
  void listen();
  /// The other end is there, as far as we know.
  bool is_connected() const { return watch_ != nullptr; }
  const std::string& path() const { return path_; }  ///< of the device; empty: none was found
  const Counters& counters() const { return counters_; }

 private:
  enum class End : std::uint8_t { open, closed, gone };
  std::string find() const;
  bool open();
  void refuse(const std::string& reason);
  bool drain();
  End read_some();
  void take(std::string_view octets);
  void answer(const std::string& line);
  void close();

  Loop& loop_;
  std::string port_, ports_;
  std::size_t max_line_;
  OnLine on_line_;
  std::string path_;
  Descriptor descriptor_;
  std::unique_ptr<Watch> watch_;
  std::string line_;       ///< not at its end yet
  bool skipping_ = false;  ///< to the end of a line that is too long
  bool refused_ = false;   ///< and logged
  Counters counters_;
};

}  // namespace ilnp
