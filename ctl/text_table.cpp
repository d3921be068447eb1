// SPDX-License-Identifier: Apache-2.0
#include "ctl/text_table.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace ilnp {

namespace {

/// Columns on a terminal: code points (what we print has no wide characters) outside colour sequences.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\033') {
      i = std::min(text.find('m', i), text.size() - 1);
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      ++width;
    }
  }
  return width;
}

template <class... Arguments>
std::string formatted(const char* format, Arguments... arguments) {
  std::array<char, 64> out{};
  std::snprintf(out.data(), out.size(), format, arguments...);
  return out.data();
}

std::string scaled(std::uint64_t count, double step, const std::array<const char*, 5>& units) {
  double value = static_cast<double>(count);
  std::size_t unit = 0;
  while (value >= step && unit + 1 < units.size()) {
    value /= step;
    ++unit;
  }
  if (unit == 0) return std::to_string(count) + units[0];
  return formatted(value < 9.995 ? "%.2f" : value < 99.95 ? "%.1f" : "%.0f", value) + units[unit];
}

}  // namespace

std::string TextTable::text(std::string_view indent) const {
  std::vector<std::size_t> widths(rows_.front().size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string out;
  for (const auto& row : rows_) {
    std::string line{indent};
    for (std::size_t i = 0; i < row.size() && i < widths.size(); ++i) {
      line += row[i];
      line.append(widths[i] - width_of(row[i]) + 2, ' ');
    }
    line.erase(line.find_last_not_of(' ') + 1);
    out += line + "\n";
  }
  return out;
}

std::string coloured(std::string_view text, Colour colour, bool enabled) {
  if (!enabled || colour == Colour::none) return std::string{text};
  static constexpr std::array<const char*, 5> codes{"0", "31", "33", "32", "1"};
  return std::string{"\033["}
      .append(codes[static_cast<std::size_t>(colour)])
      .append("m")
      .append(text)
      .append("\033[0m");
}

std::string printable(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octet = static_cast<unsigned char>(text[i]);
    const auto next = i + 1 < text.size() ? static_cast<unsigned char>(text[i + 1]) : 0;
    if (octet == 0xc2 && next >= 0x80 && next < 0xa0) {
      out += '?';
      ++i;
    } else {
      out += octet < 0x20 || octet == 0x7f ? '?' : text[i];
    }
  }
  return out;
}

std::string field(const nlohmann::json& object, std::initializer_list<const char*> path) {
  const nlohmann::json* at = &object;
  for (const char* key : path) {
    if (!at->is_object()) return "-";
    const auto found = at->find(key);
    if (found == at->end()) return "-";
    at = &*found;
  }
  if (at->is_null()) return "-";
  if (at->is_string())
    return at->get_ref<const std::string&>().empty() ? "-" : printable(at->get_ref<const std::string&>());
  if (at->is_boolean()) return at->get<bool>() ? "yes" : "no";
  if (at->is_array()) {
    std::string out;
    for (const auto& item : *at) out.append(out.empty() ? "" : ", ").append(field({{"item", item}}, {"item"}));
    return out.empty() ? "-" : out;
  }
  return printable(at->dump());
}

double number(const nlohmann::json& object, const char* key, double otherwise) {
  if (!object.is_object()) return otherwise;
  const auto found = object.find(key);
  return found != object.end() && found->is_number() ? found->get<double>() : otherwise;
}

const nlohmann::json& list(const nlohmann::json& object, const char* key) {
  static const nlohmann::json empty = nlohmann::json::array();
  if (!object.is_object()) return empty;
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : empty;
}

std::string human_duration(double seconds) {
  if (!(seconds >= 0) || seconds > 1e12) return "-";
  if (seconds < 0.9995) return formatted("%.0f ms", seconds * 1000);
  if (seconds < 9.95) return formatted("%.1f s", seconds);
  const auto whole = static_cast<long long>(std::llround(seconds));
  if (whole < 60) return formatted("%lld s", whole);
  if (whole < 3600) return formatted("%lld min %02lld s", whole / 60, whole % 60);
  if (whole < 86400) return formatted("%lld h %02lld min", whole / 3600, whole % 3600 / 60);
  return formatted("%lld d %02lld h", whole / 86400, whole % 86400 / 3600);
}

std::string human_count(std::uint64_t count) { return scaled(count, 1000, {"", " k", " M", " G", " T"}); }
std::string human_octets(std::uint64_t count) { return scaled(count, 1024, {" B", " KiB", " MiB", " GiB", " TiB"}); }

}  // namespace ilnp
