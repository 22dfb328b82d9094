// SPDX-License-Identifier: Apache-2.0
// Who made what on this node, and how many tokens each name has used on which day. Kept in one SQLite file; all of
// it is in memory too, so that a look costs no SQL.
#pragma once

#include "core/node/access.h"
#include "core/store/database.h"

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>

namespace fulgurite::node {

// What has an owner. The id is the one of its address, a run's its uuid.
enum class Kind : std::uint8_t { None, Capture, Run, Job, Library, Collection, State };

std::string_view nameOf(Kind kind); // "capture"
Kind kindOf(std::string_view name); // None for what is no kind

// Thread-safe.
class Ledger {
  public:
    // In memory alone: for a node that keeps nothing.
    Ledger() = default;
    // Throws Error as Database does.
    explicit Ledger(const std::filesystem::path& file);

    // What the node's own callers make is entered nowhere: it is the node's. What is the caller's already stays as
    // shared as it is.
    void claim(Kind kind, const std::string& id, const Caller& caller);
    // Entered also when nobody owns it; whether it is shared stays.
    void assign(Kind kind, const std::string& id, const std::string& owner);
    bool has(Kind kind, const std::string& id) const; // it is entered
    void forget(Kind kind, const std::string& id);
    // Everybody may read it from now on, or no longer. False when nobody owns such a thing.
    void share(Kind kind, const std::string& id, bool shared);
    bool shared(Kind kind, const std::string& id) const;
    std::string ownerOf(Kind kind, const std::string& id) const; // empty: the node's own, or there is none

    // Admins may do everything; others see what they made and what is shared, and change what they made.
    bool mayRead(Kind kind, const std::string& id, const Caller& caller) const;
    bool mayChange(Kind kind, const std::string& id, const Caller& caller) const;

    void spend(const std::string& name, std::int64_t day, std::uint64_t tokens);
    std::uint64_t spent(const std::string& name, std::int64_t day) const;

  private:
    struct Entry {
        std::string owner;
        bool shared = false;
    };
    using Key = std::pair<Kind, std::string>;

    void load();
    void save(const Key& key, const Entry& entry);
    Entry entryOf(const Key& key) const; // an empty one where there is none

    std::mutex changing_;            // taken before the other one, and held while the file is written
    std::unique_ptr<Database> file_; // null: nothing is kept
    mutable std::mutex mutex_;       // guards what follows
    std::map<Key, Entry> entries_;
    std::map<std::pair<std::string, std::int64_t>, std::uint64_t> spent_;
};

} // namespace fulgurite::node
