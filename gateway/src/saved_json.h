// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "core/base/bytes.h"
#include "core/lisp/mapping.h"

/// What the files a gateway keeps have in common. A disk or a person may have damaged them: the readers throw
/// nlohmann::json::exception, which whoever reads the file catches.
namespace ilnp::saved {

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
inline std::string_view text_of(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

[[noreturn]] void damaged(const char* what);

/// A whole number that fits; the library's own get<T>() casts fractions and what is too large.
template <std::unsigned_integral T>
T number(const nlohmann::json& row, const char* name) {
  const nlohmann::json& value = row.at(name);
  if (!value.is_number_unsigned()) damaged("not a whole number");
  const auto number = value.get<std::uint64_t>();
  if (number > std::numeric_limits<T>::max()) damaged("too large a number");
  return static_cast<T>(number);
}

nlohmann::json written(const lisp::XtrIdentity& who);
lisp::XtrIdentity identity(const nlohmann::json& row);

/// Not more than `most` rows.
const nlohmann::json& rows(const nlohmann::json& whole, const char* name, std::size_t most);

}  // namespace ilnp::saved
