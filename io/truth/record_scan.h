// SPDX-License-Identifier: Apache-2.0
// Reads the table record(key, json, revision) of a SQLite file in slices, so that the loop has its turn between them.
#pragma once

#include <functional>
#include <string>

#include "io/truth/sqlite.h"

namespace ilnp {

inline constexpr std::uint64_t records_per_slice = 200;

class RecordScan {
 public:
  explicit RecordScan(sqlite3* database)
      : select_{database, "SELECT key, json, revision FROM record WHERE key > ?1 ORDER BY key LIMIT ?2"} {}

  void restart() { after_.clear(); }
  enum class Outcome : std::uint8_t { more, end, failed };
  using Take = std::function<void(std::string_view key, std::string_view json, std::uint64_t revision)>;
  /// The next records by key. What changes meanwhile may be missed or be seen: read the changes afterwards.
  Outcome next(const Take& take);
  int code() const { return select_.code(); }

 private:
  Statement select_;
  std::string after_;  ///< keys are never empty
};

}  // namespace ilnp
