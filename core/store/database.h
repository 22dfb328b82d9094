// SPDX-License-Identifier: Apache-2.0
// Thin ownership over SQLite's C interface: a connection, its statements, its transactions. Every failure becomes
// an Error whose message names the file and the remedy. One thread at a time.
#pragma once

#include "core/base/error.h"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

struct sqlite3;
struct sqlite3_stmt;

namespace fulgurite {

class Database;

// A prepared statement, borrowed from its database's cache and given back on destruction. Parameters and columns
// are counted from zero.
class Statement {
  public:
    Statement(Statement&& other) noexcept;
    Statement& operator=(Statement&&) = delete;
    ~Statement();

    // Binds all parameters in order.
    template <class... Args>
    Statement& bind(const Args&... args) {
        int index = 0;
        (bindOne(index++, args), ...);
        return *this;
    }

    bool step(); // true while there is a row
    void run();  // steps to the end
    // Ready for other parameters, for a statement that is run for many rows.
    Statement& reset();

    bool isNull(int column) const;
    std::int64_t integer(int column) const;
    double real(int column) const;
    std::optional<std::int64_t> integerOrNothing(int column) const {
        return isNull(column) ? std::nullopt : std::optional(integer(column));
    }
    std::optional<double> realOrNothing(int column) const {
        return isNull(column) ? std::nullopt : std::optional(real(column));
    }
    // Views end with the next step.
    std::string_view text(int column) const;
    std::span<const std::byte> blob(int column) const;
    std::string string(int column) const { return std::string(text(column)); }

    void bindOne(int index, std::int64_t value);
    void bindOne(int index, int value) { bindOne(index, static_cast<std::int64_t>(value)); }
    void bindOne(int index, bool value) { bindOne(index, static_cast<std::int64_t>(value)); }
    void bindOne(int index, std::size_t value) { bindOne(index, static_cast<std::int64_t>(value)); }
    void bindOne(int index, double value);
    void bindOne(int index, std::string_view value);
    void bindOne(int index, const std::string& value) { bindOne(index, std::string_view(value)); }
    void bindOne(int index, const char* value) { bindOne(index, std::string_view(value)); }
    void bindOne(int index, std::span<const std::byte> value);
    void bindOne(int index, std::nullopt_t);
    template <class T>
    void bindOne(int index, const std::optional<T>& value) {
        value ? bindOne(index, *value) : bindOne(index, std::nullopt);
    }

  private:
    friend class Database;
    Statement(Database& database, std::string_view sql, sqlite3_stmt* statement);

    Database* database_;
    std::string sql_;
    sqlite3_stmt* statement_;
};

enum class DatabaseAccess : std::uint8_t {
    Exclusive, // one owner; a second one is refused
    Shared,    // others may read at any time and write in turn
    ReadOnly,  // the file must exist; also one on a read-only medium
};

struct DatabaseOptions {
    int application_id = 0;     // marks whose file it is; another one's is refused
    std::string kind;           // in messages: "workspace"
    std::int64_t max_pages = 0; // a quota; 0 is none
    DatabaseAccess access = DatabaseAccess::Exclusive;
};

class Database {
  public:
    // Opens or creates. Refuses, before anything is written: a file that is no database or another program's
    // (Corrupt), one that cannot be written (Io), one that another process holds (Unavailable); with ReadOnly one
    // that does not exist (NotFound).
    Database(const std::filesystem::path& path, DatabaseOptions options);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    const std::filesystem::path& path() const { return path_; }
    const DatabaseOptions& options() const { return options_; }

    void execute(const std::string& script); // one or more statements without parameters
    Statement prepare(std::string_view sql);
    template <class... Args>
    void run(std::string_view sql, const Args&... args) {
        prepare(sql).bind(args...).run();
    }
    // First column of the first row.
    template <class... Args>
    std::optional<std::int64_t> integer(std::string_view sql, const Args&... args) {
        Statement statement = prepare(sql);
        if (!statement.bind(args...).step() || statement.isNull(0))
            return std::nullopt;
        return statement.integer(0);
    }

    std::int64_t lastInsertId() const;
    std::int64_t totalChanges() const; // rows written since it was opened
    bool inTransaction() const;
    int version(); // user_version
    // A number that differs from the last one when another connection has committed in between.
    std::int64_t dataVersion();

    // Throws Error{Corrupt} with SQLite's first finding.
    void checkIntegrity();
    // Puts the write-ahead log into the file, as far as possible.
    void checkpoint();

    [[noreturn]] void raise(int code, const std::string& message) const;

  private:
    friend class Statement;
    int open();
    void configure();
    void giveBack(std::string&& sql, sqlite3_stmt* statement) noexcept;
    void closeAll() noexcept;

    std::filesystem::path path_;
    DatabaseOptions options_;
    sqlite3* connection_ = nullptr;
    std::map<std::string, sqlite3_stmt*, std::less<>> cache_;
};

// Rolls back unless committed. Nested ones join the outermost.
class Transaction {
  public:
    explicit Transaction(Database& database);
    ~Transaction();
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    void commit();

  private:
    Database& database_;
    bool outermost_;
    bool open_ = true;
};

struct Migration {
    int version; // 1, 2, 3 ...
    const char* sql;
};

// Brings the file to the last version, each step in a transaction of its own. Throws Error{Unsupported} and leaves
// the file untouched when it is newer than the last.
void migrate(Database& database, std::span<const Migration> migrations);
// That Error, for whoever reads without migrating.
[[noreturn]] void refuseNewer(const Database& database, int found, int known);

} // namespace fulgurite
