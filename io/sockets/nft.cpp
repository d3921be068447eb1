// SPDX-License-Identifier: Apache-2.0
#include "io/sockets/nft.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "io/sockets/child_process.h"

namespace ilnp {
namespace {

std::string nft_program() {
  for (const char* path : {"/usr/sbin/nft", "/sbin/nft", "/usr/bin/nft", "/usr/local/sbin/nft"})
    if (::access(path, X_OK) == 0) return path;
  return {};
}

}  // namespace

Result<std::string> run_nft(std::vector<std::string> arguments, const std::string& input) {
  const std::string program = nft_program();
  if (program.empty()) return error("the nft program is missing: install the package nftables");
  arguments.insert(arguments.begin(), program);
  auto finished = run_program(arguments, input);
  if (!finished) return finished.error();
  if (finished.value().exit_status != 0) {
    const std::string& errors = finished.value().errors;
    return error("nft failed: " + errors.substr(0, errors.find('\n')));
  }
  return std::move(finished.value().output);
}

Result<void> check_nft() {
  const auto listed = run_nft({"list", "tables"}, {});
  if (!listed) return listed.error();
  return ok();
}

bool nft_can_quote(const std::string& name) {
  return !name.empty() && name.size() < 16 && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '@' || c == ':';
  });
}

Result<std::map<std::string, std::uint64_t>> nft_counters(const std::string& family, const std::string& table) {
  const auto listed = run_nft({"-j", "list", "counters", "table", family, table}, {});
  if (!listed) return listed.error();
  const auto document = nlohmann::json::parse(listed.value(), nullptr, false);
  if (!document.is_object() || !document.contains("nftables")) return error("nft answered something that is not JSON");
  std::map<std::string, std::uint64_t> out;
  for (const auto& item : document["nftables"]) {
    if (!item.is_object() || !item.contains("counter")) continue;
    const auto& counter = item["counter"];
    if (!counter.is_object() || !counter.contains("packets") || !counter["packets"].is_number_unsigned()) continue;
    out[counter.value("name", "")] = counter["packets"].get<std::uint64_t>();
  }
  return out;
}

}  // namespace ilnp
