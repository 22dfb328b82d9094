// SPDX-License-Identifier: Apache-2.0
// The only file of the store that includes SQLite's header.
#include "core/store/database.h"

#include <cerrno>
#include <sqlite3.h>
#include <unistd.h>

namespace fulgurite {

namespace {

// Another window may be closing its last transaction; longer than this means that it stays open.
constexpr int busy_milliseconds = 2000;
// Writers that take turns wait for each other's transactions.
constexpr int turn_milliseconds = 5000;

bool fileHasContent(const std::filesystem::path& path) {
    std::error_code ignored;
    const auto size = std::filesystem::file_size(path, ignored);
    return !ignored && size > 0;
}

// Reading a write-ahead log needs a file beside the database. Where none can be made and no log is waiting, the
// database is read as what it is there: a file that never changes.
bool onReadOnlyMedium(const std::filesystem::path& path) {
    const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
    return ::access(folder.c_str(), W_OK) != 0 && !fileHasContent(path.string() + "-wal");
}

std::string immutableUri(const std::filesystem::path& path) {
    std::string uri = "file:";
    for (const char c : path.string()) {
        if (c == '%' || c == '?' || c == '#')
            uri += fmt::format("%{:02x}", static_cast<unsigned char>(c));
        else
            uri += c;
    }
    return uri + "?immutable=1";
}

} // namespace

Statement::Statement(Database& database, std::string_view sql, sqlite3_stmt* statement)
    : database_(&database), sql_(sql), statement_(statement) {}

Statement::Statement(Statement&& other) noexcept
    : database_(other.database_),
      sql_(std::move(other.sql_)),
      statement_(std::exchange(other.statement_, nullptr)) {}

Statement::~Statement() {
    if (statement_)
        database_->giveBack(std::move(sql_), statement_);
}

bool Statement::step() {
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW)
        return true;
    if (code != SQLITE_DONE)
        database_->raise(code, sqlite3_errmsg(database_->connection_));
    return false;
}

void Statement::run() {
    while (step()) {
    }
}

Statement& Statement::reset() {
    sqlite3_reset(statement_);
    return *this;
}

bool Statement::isNull(int column) const {
    return sqlite3_column_type(statement_, column) == SQLITE_NULL;
}
std::int64_t Statement::integer(int column) const {
    return sqlite3_column_int64(statement_, column);
}
double Statement::real(int column) const {
    return sqlite3_column_double(statement_, column);
}

std::string_view Statement::text(int column) const {
    const auto* data = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    return data ? std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)))
                : std::string_view();
}

std::span<const std::byte> Statement::blob(int column) const {
    const auto* data = static_cast<const std::byte*>(sqlite3_column_blob(statement_, column));
    return {data, data ? static_cast<std::size_t>(sqlite3_column_bytes(statement_, column)) : 0};
}

void Statement::bindOne(int index, std::int64_t value) {
    sqlite3_bind_int64(statement_, index + 1, value);
}
void Statement::bindOne(int index, double value) {
    sqlite3_bind_double(statement_, index + 1, value);
}
void Statement::bindOne(int index, std::nullopt_t) {
    sqlite3_bind_null(statement_, index + 1);
}

void Statement::bindOne(int index, std::string_view value) {
    // A null pointer would bind NULL where an empty text is meant.
    const char* data = value.data() ? value.data() : "";
    const int code = sqlite3_bind_text64(statement_, index + 1, data, value.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    if (code != SQLITE_OK)
        database_->raise(code, "a text is too large to be stored");
}

void Statement::bindOne(int index, std::span<const std::byte> value) {
    const void* data = value.data() ? static_cast<const void*>(value.data()) : "";
    const int code = sqlite3_bind_blob64(statement_, index + 1, data, value.size(), SQLITE_TRANSIENT);
    if (code != SQLITE_OK)
        database_->raise(code, "a value is too large to be stored");
}

Database::Database(const std::filesystem::path& path, DatabaseOptions options)
    : path_(path), options_(std::move(options)) {
    const int code = open();
    try {
        if (code != SQLITE_OK)
            raise(code, connection_ ? sqlite3_errmsg(connection_) : sqlite3_errstr(code));
        configure();
    } catch (...) {
        closeAll();
        throw;
    }
}

int Database::open() {
    // Counting its memory takes a lock that all connections share for each piece. Possible only before the first
    // use.
    static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    static_cast<void>(uncounted);
    constexpr int common = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    if (options_.access != DatabaseAccess::ReadOnly)
        return sqlite3_open_v2(path_.c_str(), &connection_, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | common,
                               nullptr);
    if (!std::filesystem::exists(path_))
        fail(ErrorKind::NotFound, "{}: there is no such file", path_.string());
    if (onReadOnlyMedium(path_))
        return sqlite3_open_v2(immutableUri(path_).c_str(), &connection_,
                               SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | common, nullptr);
    return sqlite3_open_v2(path_.c_str(), &connection_, SQLITE_OPEN_READONLY | common, nullptr);
}

Database::~Database() {
    closeAll();
}

void Database::closeAll() noexcept {
    for (const auto& [sql, statement] : cache_)
        sqlite3_finalize(statement);
    cache_.clear();
    sqlite3_close_v2(connection_);
    connection_ = nullptr;
}

void Database::configure() {
    const bool exclusive = options_.access == DatabaseAccess::Exclusive;
    sqlite3_busy_timeout(connection_, exclusive ? busy_milliseconds : turn_milliseconds);
    // SQLite opens what it may not write as read-only and says nothing.
    if (options_.access != DatabaseAccess::ReadOnly && sqlite3_db_readonly(connection_, "main") == 1)
        raise(SQLITE_READONLY, "the file is read-only");
    // Exclusive: one owner for each file, and a second window hears so at once.
    if (exclusive)
        execute("PRAGMA locking_mode = EXCLUSIVE");
    else
        execute("PRAGMA cache_size = -20000; PRAGMA temp_store = MEMORY");
    const std::int64_t found = integer("PRAGMA application_id").value_or(0);
    // A process that died before its first migration leaves a header without tables.
    const bool empty =
        !fileHasContent(path_) || (found == 0 && integer("SELECT count(*) FROM sqlite_master").value_or(0) == 0);
    if (!empty && found != options_.application_id)
        fail(ErrorKind::Corrupt,
             "{}: is a database, but not a Fulgurite {}. It was left as it is; choose another file.",
             path_.string(), options_.kind);
    if (options_.max_pages > 0)
        execute(fmt::format("PRAGMA max_page_count = {}", options_.max_pages));
}

void Database::execute(const std::string& script) {
    char* message = nullptr;
    const int code = sqlite3_exec(connection_, script.c_str(), nullptr, nullptr, &message);
    if (code == SQLITE_OK)
        return;
    const std::string text = message ? message : sqlite3_errstr(code);
    sqlite3_free(message);
    raise(code, text);
}

Statement Database::prepare(std::string_view sql) {
    if (const auto found = cache_.find(sql); found != cache_.end()) {
        sqlite3_stmt* statement = found->second;
        cache_.erase(found);
        return {*this, sql, statement};
    }
    sqlite3_stmt* statement = nullptr;
    const int code = sqlite3_prepare_v2(connection_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
    if (code != SQLITE_OK)
        raise(code, sqlite3_errmsg(connection_));
    return {*this, sql, statement};
}

void Database::giveBack(std::string&& sql, sqlite3_stmt* statement) noexcept {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
    try {
        if (cache_.try_emplace(std::move(sql), statement).second)
            return;
    } catch (...) {
        // No memory for the cache: preparing again later is all that is lost.
    }
    sqlite3_finalize(statement);
}

std::int64_t Database::lastInsertId() const {
    return sqlite3_last_insert_rowid(connection_);
}
std::int64_t Database::totalChanges() const {
    return sqlite3_total_changes64(connection_);
}
bool Database::inTransaction() const {
    return sqlite3_get_autocommit(connection_) == 0;
}
int Database::version() {
    return static_cast<int>(integer("PRAGMA user_version").value_or(0));
}

std::int64_t Database::dataVersion() {
    return integer("PRAGMA data_version").value_or(0);
}

void Database::checkIntegrity() {
    Statement check = prepare("PRAGMA quick_check(1)");
    if (check.step() && check.text(0) != "ok")
        raise(SQLITE_CORRUPT, check.string(0));
}

void Database::checkpoint() {
    sqlite3_wal_checkpoint_v2(connection_, nullptr, SQLITE_CHECKPOINT_PASSIVE, nullptr, nullptr);
}

void Database::raise(int code, const std::string& message) const {
    // SQLite does not keep the cause of every failure to write, so errno, which is that of its last system call.
    const auto is_space = [](int cause) { return cause == ENOSPC || cause == EDQUOT || cause == EFBIG; };
    const bool no_space = is_space(errno) || (connection_ && is_space(sqlite3_system_errno(connection_)));
    const std::string file = path_.string();
    const int primary = code & 0xff;
    if (primary == SQLITE_FULL || (primary == SQLITE_IOERR && no_space))
        fail(ErrorKind::Io,
             "{}: no space is left on the disk. What was saved before is intact; free some space and try again.",
             file);
    switch (primary) {
    case SQLITE_READONLY:
    case SQLITE_CANTOPEN:
    case SQLITE_PERM:
        fail(ErrorKind::Io,
             "{}: cannot be written ({}). Make the file and its folder writable, or choose another {}.", file,
             message, options_.kind);
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        fail(ErrorKind::Corrupt,
             "{}: this {} is damaged ({}). It was left as it is; move it aside to start a new one, or let "
             "\"sqlite3 FILE .recover\" save what can be read.",
             file, options_.kind, message);
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        if (options_.access != DatabaseAccess::Exclusive)
            fail(ErrorKind::Unavailable, "{}: another program has been writing to this {} for {} s. Try again.",
                 file, options_.kind, turn_milliseconds / 1000);
        fail(ErrorKind::Unavailable, "{}: another window has this {} open. Close it there, or choose another.",
             file, options_.kind);
    case SQLITE_TOOBIG:
        fail(ErrorKind::InvalidInput, "{}: {}", file, message);
    case SQLITE_NOMEM:
        fail(ErrorKind::OutOfMemory, "{}: no memory is left for the database", file);
    case SQLITE_IOERR:
        fail(ErrorKind::Io, "{}: the disk reports an error ({}). Check the disk, then try again.", file, message);
    default:
        fail(ErrorKind::Internal, "{}: {}", file, message);
    }
}

Transaction::Transaction(Database& database) : database_(database), outermost_(!database.inTransaction()) {
    if (outermost_)
        database_.execute("BEGIN IMMEDIATE");
}

Transaction::~Transaction() {
    // A full disk may have rolled back already.
    if (!outermost_ || !open_ || !database_.inTransaction())
        return;
    try {
        database_.execute("ROLLBACK");
    } catch (const Error&) {
        // The connection's end rolls back as well.
    }
}

void Transaction::commit() {
    if (outermost_)
        database_.execute("COMMIT");
    open_ = false;
}

void refuseNewer(const Database& database, int found, int known) {
    const std::string& kind = database.options().kind;
    fail(ErrorKind::Unsupported,
         "{}: was written by a newer Fulgurite ({} version {}; this program knows versions up to {}). It was "
         "left as it is; update Fulgurite, or choose another {}.",
         database.path().string(), kind, found, known, kind);
}

void migrate(Database& database, std::span<const Migration> migrations) {
    const int last = migrations.empty() ? 0 : migrations.back().version;
    const int found = database.version();
    if (found > last)
        refuseNewer(database, found, last);
    database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON");
    for (const Migration& migration : migrations) {
        if (migration.version <= found)
            continue;
        Transaction transaction(database);
        if (database.version() >= migration.version)
            continue; // another process was faster
        database.execute(migration.sql);
        database.execute(fmt::format("PRAGMA user_version = {}; PRAGMA application_id = {}", migration.version,
                                     database.options().application_id));
        transaction.commit();
    }
}

} // namespace fulgurite
