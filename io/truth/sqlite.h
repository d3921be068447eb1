// SPDX-License-Identifier: Apache-2.0
// One SQLite file of ours: mode 0600, WAL, recognised by its application id, with a schema version, checked at open.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

#include "core/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace ilnp {

/// Prepared once, run often:  statement.start().bind(...).bind(...);  while (statement.row()) ...
class Statement {
 public:
  Statement(sqlite3* database, const char* sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& start();
  /// The next parameter. A text must stay as it is until the next start().
  Statement& bind(std::string_view text);
  Statement& bind(std::uint64_t number);
  /// True: there is a row. False: no more, or it failed.
  bool row();
  /// Runs it to its end; false when it failed.
  bool finish();
  bool failed() const;
  /// SQLite's result code of the last step.
  int code() const { return code_; }

  /// Valid until the next row() or start().
  std::string_view text(int column) const;
  std::uint64_t number(int column) const;

 private:
  sqlite3_stmt* statement_ = nullptr;
  int next_parameter_ = 1;
  int code_ = 0;
};

class SqliteFile {
 public:
  struct Form {
    std::uint32_t application_id;
    std::uint32_t version;
    const char* schema;       ///< makes the tables of an empty file
    bool each_change_synced;  ///< a change that was acknowledged survives a loss of power
    std::uint64_t max_octets = 4ull << 30;
  };
  static Result<std::unique_ptr<SqliteFile>> open(const std::filesystem::path& path, const Form& form);
  ~SqliteFile();
  SqliteFile(const SqliteFile&) = delete;
  SqliteFile& operator=(const SqliteFile&) = delete;

  sqlite3* handle() const { return database_; }
  /// Statements without parameters; SQLite's result code.
  int run(const char* sql);
  /// Takes a transaction back, if there is one.
  void roll_back();
  /// The last failure, in words.
  std::string why() const;

 private:
  explicit SqliteFile(sqlite3* database) : database_{database} {}
  Result<void> prepare(const Form& form);
  Result<void> adopt(const Form& form);
  std::uint64_t pragma(const char* name);

  sqlite3* database_;
};

}  // namespace ilnp
