// SPDX-License-Identifier: Apache-2.0
// Any octets as an answer of etcd; the first one says to which question. Refused with a reason, or something that the
// store may use: it has a cluster, and every value a key and a revision.
#include "io/truth/etcd_messages.h"
#include "tests/fuzz/fuzz.h"

using namespace ilnp;

namespace {

void require_sound(const EtcdValue& value) { FUZZ_REQUIRE(!value.key.empty() && value.revision != 0); }

template <class T>
bool is_refused(const Result<T, AnswerProblem>& answer) {
  if (!answer) FUZZ_REQUIRE(*explain(answer.error()) != '\0');
  return !answer;
}

void watch_message(std::string_view text) {
  const auto message = parse_watch_message(text);
  if (is_refused(message)) return;
  FUZZ_REQUIRE(message.value().header.cluster != 0 || message.value().canceled);
  FUZZ_REQUIRE(message.value().cancel_reason.size() <= 200);
  for (const EtcdEvent& event : message.value().events) require_sound(event.value);
}

}  // namespace

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text{reinterpret_cast<const char*>(data) + 1, size - 1};
  switch (data[0] % 4) {
    case 0: {
      const auto answer = parse_range_answer(text);
      if (is_refused(answer)) return 0;
      FUZZ_REQUIRE(answer.value().header.cluster != 0 && answer.value().header.revision != 0);
      for (const EtcdValue& value : answer.value().values) require_sound(value);
      return 0;
    }
    case 1: {
      const auto answer = parse_swap_answer(text);
      if (!is_refused(answer)) FUZZ_REQUIRE(answer.value().header.cluster != 0);
      return 0;
    }
    case 2:
      watch_message(text);
      return 0;
    default:
      FUZZ_REQUIRE(parse_refusal(text).message.size() <= 200);
      return 0;
  }
}
