// SPDX-License-Identifier: Apache-2.0
#include "core/node/ledger.h"

#include <array>
#include <utility>

namespace fulgurite::node {

namespace {

constexpr std::array<std::pair<Kind, std::string_view>, 6> kNames{{{Kind::Capture, "capture"},
                                                                   {Kind::Run, "run"},
                                                                   {Kind::Job, "job"},
                                                                   {Kind::Library, "library"},
                                                                   {Kind::Collection, "collection"},
                                                                   {Kind::State, "state"}}};
constexpr int kApplicationId = 0x46474c41; // "FGLA"
constexpr std::int64_t kDaysKept = 400;

constexpr Migration kMigrations[] = {
    {1, R"(CREATE TABLE owners(kind TEXT NOT NULL, id TEXT NOT NULL, owner TEXT NOT NULL, shared INTEGER NOT NULL,
             PRIMARY KEY(kind, id)) STRICT, WITHOUT ROWID;
           CREATE TABLE spent(name TEXT NOT NULL, day INTEGER NOT NULL, tokens INTEGER NOT NULL,
             PRIMARY KEY(name, day)) STRICT, WITHOUT ROWID;)"}};

} // namespace

std::string_view nameOf(Kind kind) {
    for (const auto& [each, name] : kNames) {
        if (each == kind) {
            return name;
        }
    }
    return "";
}

Kind kindOf(std::string_view name) {
    for (const auto& [kind, each] : kNames) {
        if (each == name) {
            return kind;
        }
    }
    return Kind::None;
}

Ledger::Ledger(const std::filesystem::path& file)
    : file_(std::make_unique<Database>(file, DatabaseOptions{kApplicationId, "ledger of owners"})) {
    migrate(*file_, kMigrations);
    load();
}

void Ledger::load() {
    file_->run("DELETE FROM spent WHERE day < ?", CallerUse::dayOf(unixSeconds()) - kDaysKept);
    // States on their way are files of one process.
    file_->run("DELETE FROM owners WHERE kind = ?", nameOf(Kind::State));
    Statement owners = file_->prepare("SELECT kind, id, owner, shared FROM owners");
    while (owners.step()) {
        entries_[{kindOf(owners.text(0)), owners.string(1)}] = {owners.string(2), owners.integer(3) != 0};
    }
    Statement spent = file_->prepare("SELECT name, day, tokens FROM spent");
    while (spent.step()) {
        spent_[{spent.string(0), spent.integer(1)}] = static_cast<std::uint64_t>(spent.integer(2));
    }
}

// What is in the file is what is in memory, or was a moment ago: who only asks never waits for the disk.
void Ledger::save(const Key& key, const Entry& entry) {
    if (file_) {
        file_->run("INSERT OR REPLACE INTO owners(kind, id, owner, shared) VALUES(?, ?, ?, ?)", nameOf(key.first),
                   key.second, entry.owner, entry.shared);
    }
    const std::lock_guard lock(mutex_);
    entries_[key] = entry;
}

Ledger::Entry Ledger::entryOf(const Key& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found == entries_.end() ? Entry() : found->second;
}

void Ledger::claim(Kind kind, const std::string& id, const Caller& caller) {
    if (caller.owner.empty()) {
        return;
    }
    const std::lock_guard changing(changing_);
    if (entryOf({kind, id}).owner != caller.owner) {
        save({kind, id}, {caller.owner, false});
    } // made again by its owner: it stays as shared as it was
}

void Ledger::assign(Kind kind, const std::string& id, const std::string& owner) {
    const std::lock_guard changing(changing_);
    save({kind, id}, {owner, entryOf({kind, id}).shared});
}

bool Ledger::has(Kind kind, const std::string& id) const {
    const std::lock_guard lock(mutex_);
    return entries_.contains({kind, id});
}

void Ledger::forget(Kind kind, const std::string& id) {
    const std::lock_guard changing(changing_);
    bool known = false;
    {
        const std::lock_guard lock(mutex_);
        known = entries_.erase({kind, id}) > 0;
    }
    if (known && file_) {
        file_->run("DELETE FROM owners WHERE kind = ? AND id = ?", nameOf(kind), id);
    }
}

void Ledger::share(Kind kind, const std::string& id, bool shared) {
    const std::lock_guard changing(changing_);
    save({kind, id}, {entryOf({kind, id}).owner, shared});
}

bool Ledger::shared(Kind kind, const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find({kind, id});
    return found != entries_.end() && found->second.shared;
}

std::string Ledger::ownerOf(Kind kind, const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find({kind, id});
    return found == entries_.end() ? std::string() : found->second.owner;
}

bool Ledger::mayRead(Kind kind, const std::string& id, const Caller& caller) const {
    if (caller.has(Scope::Admin)) {
        return true;
    }
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find({kind, id});
    return found != entries_.end() && (found->second.shared || found->second.owner == caller.owner);
}

bool Ledger::mayChange(Kind kind, const std::string& id, const Caller& caller) const {
    return caller.has(Scope::Admin) || ownerOf(kind, id) == caller.owner;
}

void Ledger::spend(const std::string& name, std::int64_t day, std::uint64_t tokens) {
    const std::lock_guard changing(changing_);
    std::uint64_t sum = tokens;
    {
        const std::lock_guard lock(mutex_);
        sum = spent_[{name, day}] += tokens;
    }
    if (file_) {
        file_->run("INSERT OR REPLACE INTO spent(name, day, tokens) VALUES(?, ?, ?)", name, day, sum);
    }
}

std::uint64_t Ledger::spent(const std::string& name, std::int64_t day) const {
    const std::lock_guard lock(mutex_);
    const auto found = spent_.find({name, day});
    return found == spent_.end() ? 0 : found->second;
}

} // namespace fulgurite::node
