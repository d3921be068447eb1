// SPDX-License-Identifier: Apache-2.0
// Where events go: stderr through spdlog, or the journal. Inside io/telemetry only.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "io/telemetry/log.h"

namespace ilnp {

std::unique_ptr<LogOutput> make_log_output(const LogOptions& options);

/// True when stderr is the stream that `journal_stream` ("device:inode", the variable JOURNAL_STREAM) names.
bool is_journal_stream(int descriptor, const char* journal_stream);

/// The journal fields of an event: MESSAGE, PRIORITY, SYSLOG_IDENTIFIER, ILNP_EVENT, and ILNP_NAME for each field.
std::vector<std::string> journal_fields(const Event& event, std::uint64_t suppressed, std::string_view program);

/// "2026-11-21T07:01:02.003004Z"
std::string timestamp(std::chrono::system_clock::time_point time);

}  // namespace ilnp
