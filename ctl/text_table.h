// SPDX-License-Identifier: Apache-2.0
// Text for terminals: columns, colours, durations and sizes as people read them.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace ilnp {

/// Columns as wide as their widest cell, two blanks between them, none at the ends of lines.
class TextTable {
 public:
  explicit TextTable(std::vector<std::string> header) : rows_{std::move(header)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  std::string text(std::string_view indent = {}) const;

 private:
  struct Rows : std::vector<std::vector<std::string>> {
    explicit Rows(std::vector<std::string> header) { push_back(std::move(header)); }
  } rows_;
};

enum class Colour { none, red, yellow, green, bold };
std::string coloured(std::string_view text, Colour colour, bool enabled);

/// Control characters (C0, DEL, C1) replaced, so that no name from the network can steer a terminal.
std::string printable(std::string_view text);

/// The value at a path of keys as text, "-" when it is missing or null.
std::string field(const nlohmann::json& object, std::initializer_list<const char*> path);
/// The number at a key, or `otherwise`.
double number(const nlohmann::json& object, const char* key, double otherwise = 0);
/// The array at a key, or an empty one.
const nlohmann::json& list(const nlohmann::json& object, const char* key);

std::string human_duration(double seconds);     ///< "350 ms", "12 s", "4 min 05 s", "3 h 02 min", "5 d 07 h"
std::string human_count(std::uint64_t count);   ///< "999", "12.3 k", "4.56 M"
std::string human_octets(std::uint64_t count);  ///< "999 B", "12.3 KiB"

}  // namespace ilnp
