// SPDX-License-Identifier: Apache-2.0
// The JSON of etcd's version 3 gateway, as far as a store of records needs it: numbers of 64 bits are strings, keys and
// values base64, what is zero is left out. Answers come from whoever answers, so each is bounded and checked before
// anything of it is used.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/result.h"

namespace ilnp {

inline constexpr std::size_t max_etcd_answer = 32ul << 20;  ///< octets

enum class AnswerProblem : std::uint8_t { too_long, too_deep, not_json, no_header, bad_number, bad_base64, bad_shape };
const char* explain(AnswerProblem problem);

struct EtcdHeader {
  std::uint64_t cluster = 0;   ///< never zero
  std::uint64_t revision = 0;  ///< of the whole store; zero in a message that has none
  std::uint64_t term = 0;      ///< of the leader's election
};

struct EtcdValue {
  std::string key, value;
  std::uint64_t revision = 0;  ///< that of its last change
};

struct RangeAnswer {
  EtcdHeader header;
  std::vector<EtcdValue> values;
  bool more = false;
};

struct SwapAnswer {
  EtcdHeader header;
  bool succeeded = false;
};

struct EtcdEvent {
  EtcdValue value;
  bool is_removal = false;
};

struct WatchMessage {
  EtcdHeader header;
  bool created = false, canceled = false;
  bool is_fragment = false;  ///< more events of the last one's revision follow in the next message
  std::uint64_t compact_revision = 0;
  std::string cancel_reason;
  std::vector<EtcdEvent> events;
};

/// What etcd says instead of an answer: a gRPC status.
struct EtcdRefusal {
  int code = 0;
  std::string message;  ///< printable, at most 200 octets
};
namespace grpc_code {
inline constexpr int invalid_argument = 3, permission_denied = 7, resource_exhausted = 8, failed_precondition = 9,
                     out_of_range = 11, unimplemented = 12, unauthenticated = 16;
}

/// `end` empty: that key alone. `revision` zero: the newest, as a majority knows it.
std::string range_request(std::string_view key, std::string_view end, std::uint64_t limit, std::uint64_t revision);
/// One compare-and-swap: stores `value` (nothing: removes) if the key's last change is `expected` (0: there is no key).
std::string swap_request(std::string_view key, const std::optional<std::string>& value, std::uint64_t expected);
std::string watch_request(std::string_view key, std::string_view end, std::uint64_t from_revision);

Result<RangeAnswer, AnswerProblem> parse_range_answer(std::string_view text);
Result<SwapAnswer, AnswerProblem> parse_swap_answer(std::string_view text);
/// One line of the stream; a refusal in it is a message that is canceled.
Result<WatchMessage, AnswerProblem> parse_watch_message(std::string_view line);
/// The body of an answer that is not 200.
EtcdRefusal parse_refusal(std::string_view text);

}  // namespace ilnp
