// SPDX-License-Identifier: Apache-2.0
// States of conversations on their way from one node to another: files that wait to be fetched, and files that are
// being sent here.
#pragma once

#include "core/base/types.h"
#include "core/generate/engine.h"
#include "core/model/hybrid_model.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace fulgurite::node {

// Whose a file is, and what part of the memory for states all of its files may come to.
struct StateOwner {
    std::string name;
    double share = 1;
};

// Thread-safe. Files that nobody has asked for in ten minutes go. One owner has some of the places only, and what has
// been announced and not come takes none of the bytes: nobody keeps the others from moving.
class StateExchange {
  public:
    using Clock = std::chrono::steady_clock;

    // `folder` is this exchange's alone: emptied now, gone with it. `engine` must outlive it.
    StateExchange(std::shared_ptr<const HybridModel> model, Engine& engine, std::filesystem::path folder);
    ~StateExchange();
    StateExchange(const StateExchange&) = delete;
    StateExchange& operator=(const StateExchange&) = delete;

    // SHA-256 of every weight and of the configuration, worked out at the first question. Throws Error{Unavailable}
    // when that takes longer than `patience`.
    std::string weightsHash(std::chrono::milliseconds patience = std::chrono::seconds(2));

    struct Taken {
        std::string id;
        std::size_t tokens = 0; // that the state has absorbed
        std::uint64_t bytes = 0;
    };
    // A copy of the longest state that this node holds for a beginning of `tokens`. Throws Error{NotFound} when it
    // holds none, OverloadError when too much waits already.
    Taken take(std::span<const TokenId> tokens, const StateOwner& owner);
    // For it to be read; throws Error{NotFound}, and Error{Unavailable} for one that is still being sent.
    std::filesystem::path fileOf(const std::string& id);

    // Begins one of `bytes`; its id. Throws OverloadError when too much waits already.
    std::string begin(std::uint64_t bytes, const StateOwner& owner);
    // The bytes from `offset` on; what is there already is passed over. How many are there now. Throws OverloadError,
    // and Error{Io} for a full disk: both leave what was there, and the same piece can be sent again.
    std::uint64_t append(const std::string& id, std::uint64_t offset, std::string_view bytes);
    // From now on the node holds it for `tokens`, for `owner`; the file goes. False: there is no room for it among
    // the snapshots. Throws OverloadError while running answers need the memory, and the file stays for another
    // try; Error{Corrupt | InvalidInput} for what is no state of this model that has absorbed as many tokens, and
    // the file goes.
    bool restore(const std::string& id, std::span<const TokenId> tokens, const std::string& owner);

    bool has(const std::string& id);
    void remove(const std::string& id);
    // Drops what is old; what went.
    std::vector<std::string> expire(Clock::time_point now = Clock::now());

  private:
    struct File {
        std::uint64_t bytes = 0;   // when it is complete
        std::uint64_t written = 0; // of them
        std::string owner;
        bool sent = false;         // here, piece by piece
        Clock::time_point used;
    };

    std::filesystem::path pathOf(const std::string& id) const;
    File& find(const std::string& id); // under the lock
    void requirePlace(std::uint64_t bytes, const StateOwner& owner) const;
    void requireRoom(std::uint64_t bytes) const;
    std::string enter(std::uint64_t bytes, bool sent, const StateOwner& owner);
    void onModelsThread(const std::function<void()>& work);
    void hash(const std::stop_token& stop);

    std::shared_ptr<const HybridModel> model_;
    Engine& engine_;
    std::filesystem::path folder_;
    std::mutex mutex_; // guards what follows
    std::map<std::string, File> files_;
    std::string hash_;
    std::condition_variable_any hashed_;
    bool hashing_ = false;
    std::jthread hasher_; // last: it uses all of the above
};

} // namespace fulgurite::node
