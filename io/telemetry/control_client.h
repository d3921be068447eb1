// SPDX-License-Identifier: Apache-2.0
// The other end of the control socket, for command-line programs: blocking, with time limits.
#pragma once

#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "core/base/result.h"

namespace ilnp {

class ControlClient {
 public:
  /// Errors tell apart "no daemon" (nobody listens), "no permission" and others by their message.
  static Result<ControlClient> connect(const std::string& path);
  ~ControlClient();
  ControlClient(ControlClient&& other) noexcept;
  ControlClient& operator=(ControlClient&&) = delete;

  /// Sends a request and waits for one answer. An ilnp.error/1 answer is an error with its text.
  Result<nlohmann::json> request(const nlohmann::json& request,
                                 std::chrono::milliseconds limit = std::chrono::seconds{5});
  /// Sends without waiting (before a series of read_line()).
  Result<void> send(const nlohmann::json& request);
  /// The next object from the daemon; a negative limit waits for ever.
  Result<nlohmann::json> receive(std::chrono::milliseconds limit);

 private:
  explicit ControlClient(int descriptor) : descriptor_{descriptor} {}
  int descriptor_;
  std::string received_;  ///< not yet handed out
};

}  // namespace ilnp
