// SPDX-License-Identifier: Apache-2.0
#include "gateway/src/memory_file.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "gateway/src/saved_json.h"
#include "gateway/src/settings.h"
#include "io/settings/secret_file.h"
#include "io/telemetry/log.h"

namespace ilnp {
namespace {

using nlohmann::json;

constexpr const char* schema = "ilnp.gateway_memory/1";
constexpr std::size_t largest_file = std::size_t{64} << 20;
constexpr std::size_t most_rows = 200'000;

std::uint64_t nonce_of(const json& row) { return saved::number<std::uint64_t>(row, "nonce"); }

}  // namespace

std::string to_text(const lisp::XtrMemory& memory) {
  json out{{"schema", schema},
           {"registration_nonce", memory.registration_nonce},
           {"change_nonce", memory.change_nonce},
           {"change_highest", json::array()},
           {"subscriptions", json::array()},
           {"server_nonces", json::array()}};
  for (const auto& [sender, nonce] : memory.change_highest) {
    json row = saved::written(sender.first);
    row.update({{"key", sender.second}, {"nonce", nonce}});
    out["change_highest"].push_back(std::move(row));
  }
  for (const auto& [eid, nonce] : memory.subscriptions)
    out["subscriptions"].push_back({{"eid", lisp::to_string(eid)}, {"nonce", nonce}});
  for (const auto& [key, nonce] : memory.server_nonces) {
    json row = saved::written(key.first);
    row.update({{"of", key.second.first}, {"key", key.second.second}, {"nonce", nonce}});
    out["server_nonces"].push_back(std::move(row));
  }
  return out.dump() + "\n";
}

std::optional<lisp::XtrMemory> parse_memory(std::string_view text) {
  try {
    const json whole = json::parse(text);
    if (whole.at("schema") != schema) return std::nullopt;
    lisp::XtrMemory out;
    out.registration_nonce = saved::number<std::uint64_t>(whole, "registration_nonce");
    out.change_nonce = saved::number<std::uint64_t>(whole, "change_nonce");
    for (const json& row : saved::rows(whole, "change_highest", most_rows))
      out.change_highest[{saved::identity(row), saved::number<std::uint8_t>(row, "key")}] = nonce_of(row);
    for (const json& row : saved::rows(whole, "subscriptions", most_rows)) {
      const auto eid = lisp::parse_eid_prefix(row.at("eid").get<std::string>());
      if (!eid) return std::nullopt;
      out.subscriptions.emplace_back(*eid, nonce_of(row));
    }
    for (const json& row : saved::rows(whole, "server_nonces", most_rows))
      out.server_nonces[{saved::identity(row),
                         {saved::number<std::uint16_t>(row, "of"), saved::number<std::uint8_t>(row, "key")}}] =
          nonce_of(row);
    return out;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

MemoryFile::MemoryFile(const std::string& directory)
    : id_path_{(std::filesystem::path{directory} / "gateway.xtr-id").string()},
      memory_path_{(std::filesystem::path{directory} / "gateway.nonces").string()} {
  std::error_code failure;
  std::filesystem::create_directories(directory, failure);
}

Result<std::array<std::uint8_t, 16>> MemoryFile::xtr_id(Random& random) {
  std::error_code failure;
  if (std::filesystem::exists(id_path_, failure)) {
    const auto content = read_secret_file(id_path_);
    if (!content) return content.error();
    std::string text{saved::text_of(content.value())};
    if (text.ends_with('\n')) text.pop_back();
    const auto id = parse_xtr_id(text);
    if (!id) return error(id_path_ + ": is not an xTR-ID of 32 hexadecimal digits");
    return *id;
  }
  std::array<std::uint8_t, 16> id{};
  random.fill(id);
  const std::string text = to_text(id) + "\n";
  if (auto written = write_secret_file(id_path_, saved::bytes_of(text)); !written) return written.error();
  return id;
}

std::optional<lisp::XtrMemory> MemoryFile::load() {
  std::error_code failure;
  if (!std::filesystem::exists(memory_path_, failure)) return std::nullopt;
  const auto content = read_secret_file(memory_path_, largest_file);
  const auto memory = content ? parse_memory(saved::text_of(content.value())) : std::nullopt;
  if (!memory)
    log_event(LogLevel::warning, "nonces_lost",
              {{"reason", content ? "the file is damaged" : content.error().message}});
  return memory;
}

bool MemoryFile::save(const lisp::XtrMemory& memory) {
  const auto written = write_secret_file(memory_path_, saved::bytes_of(to_text(memory)));
  if (!written && !is_failing_) log_event(LogLevel::error, "nonces_not_saved", {{"reason", written.error().message}});
  is_failing_ = !written;
  return !is_failing_;
}

}  // namespace ilnp
