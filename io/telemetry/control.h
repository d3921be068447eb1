// SPDX-License-Identifier: Apache-2.0
// The language of the control socket (docs/operations/control-socket.md): each request and each answer is one JSON
// object on one line. Answers carry a schema name with a version.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "core/base/result.h"
#include "io/telemetry/log.h"

namespace ilnp {

inline constexpr std::size_t max_control_request = 64 * 1024;     ///< octets of one request line
inline constexpr int max_control_depth = 16;                      ///< nested objects and arrays of a request
inline constexpr std::size_t max_control_response = 256ul << 20;  ///< octets of one answer that a client reads

struct ControlRequest {
  std::string command;
  nlohmann::json body;  ///< the whole request object
};

/// Parses one line (without its line feed) from whoever could open the socket.
Result<ControlRequest> parse_control_request(std::string_view line);

/// {"schema":"ilnp.error/1","code":code,"error":message}
nlohmann::json control_error(std::string_view code, std::string_view message);

/// {"schema":"ilnp.event/1","time":"2026-...Z","level":...,"event":...,fields...}
nlohmann::json event_to_json(const Event& event);

}  // namespace ilnp
