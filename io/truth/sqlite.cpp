// SPDX-License-Identifier: Apache-2.0
#include "io/truth/sqlite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include <cassert>
#include <cerrno>
#include <cstring>

#include "io/loop/descriptor.h"

namespace ilnp {
namespace {

constexpr int busy_at_open_ms = 2000;
/// Later nobody waits inside SQLite: the loop has packets to forward, and asks again.
constexpr int busy_later_ms = 0;

/// SQLite gives its other files (-wal, -shm) the mode of this one. A file that is there is not opened here: closing it
/// would end the locks of another connection of this process.
Result<void> make_private(const std::filesystem::path& path) {
  const auto failure = [&](const std::string& what) { return error(path.string() + ": " + what); };
  if (Descriptor{::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600)}.is_open()) return ok();
  if (errno != EEXIST) return failure(std::string{"cannot be made: "} + std::strerror(errno));
  struct stat status {};
  if (lstat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return failure("is not a regular file");
  if ((status.st_mode & 077) != 0 && chmod(path.c_str(), 0600) != 0) {
    return failure(std::string{"cannot be made private: "} + std::strerror(errno));
  }
  return ok();
}

}  // namespace

Statement::Statement(sqlite3* database, const char* sql) {
  code_ = sqlite3_prepare_v3(database, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
}
Statement::~Statement() { sqlite3_finalize(statement_); }

Statement& Statement::start() {
  sqlite3_reset(statement_);
  next_parameter_ = 1;
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  sqlite3_bind_text64(statement_, next_parameter_++, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(std::uint64_t number) {
  sqlite3_bind_int64(statement_, next_parameter_++, static_cast<std::int64_t>(number));
  return *this;
}

bool Statement::row() {
  if (statement_ == nullptr) return false;  // could not be prepared: code_ says why
  code_ = sqlite3_step(statement_);
  // A statement that is over must not hold its read lock until it is used again.
  if (code_ != SQLITE_ROW) sqlite3_reset(statement_);
  return code_ == SQLITE_ROW;
}

bool Statement::finish() {
  while (row()) {
  }
  return !failed();
}

bool Statement::failed() const { return code_ != SQLITE_OK && code_ != SQLITE_ROW && code_ != SQLITE_DONE; }

std::string_view Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

std::uint64_t Statement::number(int column) const {
  return static_cast<std::uint64_t>(sqlite3_column_int64(statement_, column));
}

Result<std::unique_ptr<SqliteFile>> SqliteFile::open(const std::filesystem::path& path, const Form& form) {
  const auto made = make_private(path);
  if (!made) return made.error();
  sqlite3* database = nullptr;
  const int code = sqlite3_open_v2(path.c_str(), &database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<SqliteFile> file{new SqliteFile{database}};
  if (database == nullptr) return error(path.string() + ": no memory");
  if (code != SQLITE_OK) return error(path.string() + ": " + file->why());
  const auto prepared = file->prepare(form);
  if (!prepared) return error(path.string() + ": " + prepared.error().message);
  return file;
}

SqliteFile::~SqliteFile() {
  [[maybe_unused]] const int code = sqlite3_close(database_);
  assert(code == SQLITE_OK);  // statements go before their file
}

Result<void> SqliteFile::prepare(const Form& form) {
  sqlite3_extended_result_codes(database_, 0);
  sqlite3_busy_timeout(database_, busy_at_open_ms);
  // Nothing in the file is trusted: neither its schema nor its pages.
  if (run("PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON; PRAGMA journal_mode=WAL") != SQLITE_OK)
    return error(why());
  const auto adopted = adopt(form);
  if (!adopted) return adopted.error();
  Statement check{database_, "PRAGMA quick_check(1)"};
  if (!check.row()) return error(why());
  if (check.text(0) != "ok") return error("is damaged: " + std::string{check.text(0)});
  if (run(form.each_change_synced ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL") != SQLITE_OK)
    return error(why());
  const std::uint64_t page_octets = pragma("PRAGMA page_size");
  if (page_octets == 0) return error(why());
  if (run(("PRAGMA max_page_count=" + std::to_string(form.max_octets / page_octets)).c_str()) != SQLITE_OK)
    return error(why());
  sqlite3_busy_timeout(database_, busy_later_ms);
  return ok();
}

/// In one transaction, because two processes may find the same empty file.
Result<void> SqliteFile::adopt(const Form& form) {
  if (run("BEGIN IMMEDIATE") != SQLITE_OK) return error(why());
  const auto refuse = [&](const std::string& what) {
    roll_back();
    return error(what);
  };
  const std::uint64_t id = pragma("PRAGMA application_id"), version = pragma("PRAGMA user_version");
  if (id == 0 && version == 0 && pragma("SELECT count(*) FROM sqlite_schema") == 0) {
    const std::string marks = "PRAGMA application_id=" + std::to_string(form.application_id) +
                              "; PRAGMA user_version=" + std::to_string(form.version) + "; COMMIT";
    if (run(form.schema) != SQLITE_OK || run(marks.c_str()) != SQLITE_OK) return refuse(why());
    return ok();
  }
  if (id != form.application_id) return refuse("is a database of something else");
  if (version > form.version) {
    return refuse("was written by a newer version of this program (schema " + std::to_string(version) +
                  ", this one knows " + std::to_string(form.version) + ")");
  }
  if (version != form.version) return refuse("has schema " + std::to_string(version) + ", which never was");
  return run("COMMIT") == SQLITE_OK ? Result<void>{ok()} : Result<void>{refuse(why())};
}

std::uint64_t SqliteFile::pragma(const char* name) {
  Statement statement{database_, name};
  return statement.row() ? statement.number(0) : 0;
}

int SqliteFile::run(const char* sql) { return sqlite3_exec(database_, sql, nullptr, nullptr, nullptr); }

void SqliteFile::roll_back() {
  if (sqlite3_get_autocommit(database_) == 0) run("ROLLBACK");
}

std::string SqliteFile::why() const { return sqlite3_errmsg(database_); }

}  // namespace ilnp
