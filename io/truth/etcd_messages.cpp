// SPDX-License-Identifier: Apache-2.0
#include "io/truth/etcd_messages.h"

#include <charconv>

#include "io/telemetry/json_text.h"
#include "io/truth/base64.h"

namespace ilnp {
namespace {

using nlohmann::json;
using std::string_view;

constexpr JsonLimits limits{max_etcd_answer, 12};
constexpr std::size_t max_message_shown = 200;

/// Reads members; the first one that is not what it should be is kept as the problem, and the rest is zeros.
class Reader {
 public:
  std::uint64_t number(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return 0;
    if (found->is_number_unsigned()) return found->get<std::uint64_t>();
    std::uint64_t value = 0;
    const std::string* text = found->get_ptr<const std::string*>();
    if (text == nullptr) return fail(AnswerProblem::bad_number), 0;
    const char* end = text->data() + text->size();
    const auto [rest, failure] = std::from_chars(text->data(), end, value);
    if (failure != std::errc{} || rest != end) return fail(AnswerProblem::bad_number), 0;
    return value;
  }

  bool flag(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return false;
    if (!found->is_boolean()) return fail(AnswerProblem::bad_shape), false;
    return found->get<bool>();
  }

  std::string text(const json& object, const char* name) {
    const auto found = object.find(name);
    if (found == object.end()) return {};
    const std::string* value = found->get_ptr<const std::string*>();
    if (value == nullptr) return fail(AnswerProblem::bad_shape), std::string{};
    return *value;
  }

  std::string octets(const json& object, const char* name) {
    auto decoded = from_base64(text(object, name));
    if (!decoded) return fail(AnswerProblem::bad_base64), std::string{};
    return std::move(*decoded);
  }

  EtcdHeader header(const json& object) {
    const auto found = object.find("header");
    if (found == object.end() || !found->is_object()) return fail(AnswerProblem::no_header), EtcdHeader{};
    const EtcdHeader read{number(*found, "cluster_id"), number(*found, "revision"), number(*found, "raft_term")};
    if (read.cluster == 0) fail(AnswerProblem::no_header);
    return read;
  }

  EtcdValue value(const json& object) {
    if (!object.is_object()) return fail(AnswerProblem::bad_shape), EtcdValue{};
    EtcdValue read{octets(object, "key"), octets(object, "value"), number(object, "mod_revision")};
    if (read.key.empty() || read.revision == 0) fail(AnswerProblem::bad_shape);
    return read;
  }

  /// Calls take(item) for each item of a list that may be absent.
  template <class Take>
  void list(const json& object, const char* name, Take take) {
    const auto found = object.find(name);
    if (found == object.end()) return;
    if (!found->is_array()) return fail(AnswerProblem::bad_shape);
    for (const json& item : *found) take(item);
  }

  void fail(AnswerProblem problem) {
    if (!problem_) problem_ = problem;
  }
  const std::optional<AnswerProblem>& problem() const { return problem_; }

 private:
  std::optional<AnswerProblem> problem_;
};

Result<ParsedJson, AnswerProblem> parse_object(string_view text) {
  auto parsed = parse_json(text, limits);
  if (!parsed) {
    const JsonProblem problem = parsed.error();
    if (problem == JsonProblem::not_json) return AnswerProblem::not_json;
    return problem == JsonProblem::too_long ? AnswerProblem::too_long : AnswerProblem::too_deep;
  }
  if (!parsed.value().value.is_object()) return AnswerProblem::bad_shape;
  return std::move(parsed.value());
}

std::string printable(string_view text) {
  std::string shown{text.substr(0, max_message_shown)};
  for (char& c : shown)
    if (c < ' ' || c > '~') c = '?';
  return shown;
}

EtcdRefusal read_refusal(const json& object) {
  EtcdRefusal refusal;
  for (const char* name : {"message", "error"}) {
    const auto found = object.find(name);
    if (found != object.end() && found->is_string() && refusal.message.empty())
      refusal.message = printable(found->get_ref<const std::string&>());
  }
  for (const char* name : {"code", "grpc_code"}) {
    const auto found = object.find(name);
    if (found != object.end() && found->is_number_unsigned() && *found < 100) refusal.code = found->get<int>();
  }
  return refusal;
}

}  // namespace

const char* explain(AnswerProblem problem) {
  constexpr const char* words[] = {
      "it is longer than 32 MiB",           "it is nested too deeply",   "it is not JSON",
      "it has no header with a cluster id", "a number in it is not one", "a key or value in it is not base64",
      "it is not of the form expected"};
  return words[static_cast<int>(problem)];
}

std::string range_request(string_view key, string_view end, std::uint64_t limit, std::uint64_t revision) {
  json request{{"key", to_base64(key)}};
  if (!end.empty()) request["range_end"] = to_base64(end);
  if (limit != 0) request["limit"] = std::to_string(limit);
  if (revision != 0) request["revision"] = std::to_string(revision);
  return request.dump();
}

std::string swap_request(string_view key, const std::optional<std::string>& value, std::uint64_t expected) {
  const std::string name = to_base64(key);
  json request{{"compare",
                {{{"key", name}, {"target", "MOD"}, {"result", "EQUAL"}, {"mod_revision", std::to_string(expected)}}}}};
  if (value)
    request["success"] = {{{"request_put", {{"key", name}, {"value", to_base64(*value)}}}}};
  else
    request["success"] = {{{"request_delete_range", {{"key", name}}}}};
  return request.dump();
}

std::string watch_request(string_view key, string_view end, std::uint64_t from_revision) {
  return json{{"create_request",
               {{"key", to_base64(key)},
                {"range_end", to_base64(end)},
                {"start_revision", std::to_string(from_revision)},
                {"progress_notify", true},
                {"fragment", true}}}}
      .dump();
}

Result<RangeAnswer, AnswerProblem> parse_range_answer(string_view text) {
  const auto parsed = parse_object(text);
  if (!parsed) return parsed.error();
  const json& object = parsed.value().value;
  Reader reader;
  RangeAnswer answer;
  answer.header = reader.header(object);
  answer.more = reader.flag(object, "more");
  reader.list(object, "kvs", [&](const json& item) { answer.values.push_back(reader.value(item)); });
  if (answer.header.revision == 0) reader.fail(AnswerProblem::no_header);
  if (reader.problem()) return *reader.problem();
  return answer;
}

Result<SwapAnswer, AnswerProblem> parse_swap_answer(string_view text) {
  const auto parsed = parse_object(text);
  if (!parsed) return parsed.error();
  const json& object = parsed.value().value;
  Reader reader;
  const SwapAnswer answer{reader.header(object), reader.flag(object, "succeeded")};
  if (answer.header.revision == 0) reader.fail(AnswerProblem::no_header);
  if (reader.problem()) return *reader.problem();
  return answer;
}

Result<WatchMessage, AnswerProblem> parse_watch_message(string_view line) {
  const auto parsed = parse_object(line);
  if (!parsed) return parsed.error();
  const json& object = parsed.value().value;
  WatchMessage message;
  if (const auto refusal = object.find("error"); refusal != object.end()) {
    if (!refusal->is_object()) return AnswerProblem::bad_shape;
    message.canceled = true;
    message.cancel_reason = read_refusal(*refusal).message;
    return message;
  }
  const auto result = object.find("result");
  if (result == object.end() || !result->is_object()) return AnswerProblem::bad_shape;
  Reader reader;
  message.header = reader.header(*result);
  message.created = reader.flag(*result, "created");
  message.canceled = reader.flag(*result, "canceled");
  message.is_fragment = reader.flag(*result, "fragment");
  message.compact_revision = reader.number(*result, "compact_revision");
  message.cancel_reason = printable(reader.text(*result, "cancel_reason"));
  reader.list(*result, "events", [&](const json& item) {
    if (!item.is_object() || !item.contains("kv")) return reader.fail(AnswerProblem::bad_shape);
    const std::string type = reader.text(item, "type");
    if (!type.empty() && type != "PUT" && type != "DELETE") return reader.fail(AnswerProblem::bad_shape);
    message.events.push_back({reader.value(item.at("kv")), type == "DELETE"});
  });
  if (reader.problem()) return *reader.problem();
  return message;
}

EtcdRefusal parse_refusal(string_view text) {
  const auto parsed = parse_object(text);
  return parsed ? read_refusal(parsed.value().value) : EtcdRefusal{};
}

}  // namespace ilnp
