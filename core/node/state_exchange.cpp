// SPDX-License-Identifier: Apache-2.0
#include "core/node/state_exchange.h"

#include "core/base/error.h"
#include "core/base/sha256.h"
#include "core/base/system_memory.h"
#include "core/generate/overload.h"
#include "core/model/weights.h"
#include "core/node/sampling_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <system_error>
#include <utility>

namespace fulgurite::node {

namespace {

namespace fs = std::filesystem;

constexpr auto kKept = std::chrono::minutes(10);
constexpr std::size_t kMostFiles = 64;
constexpr std::size_t kMostOfOne = 16; // of one owner
constexpr double kRetrySeconds = 30;
constexpr std::size_t kHashPiece = std::size_t{16} << 20; // between two looks at whether to stop

// Behind the `length` bytes that are known to be there: a piece that a full disk has cut is written again from its
// beginning.
bool appendWhole(const fs::path& path, std::uint64_t length, std::string_view bytes) {
    std::error_code code;
    if (fs::exists(path, code)) {
        fs::resize_file(path, length, code);
    }
    std::ofstream out(path, std::ios::binary | std::ios::app);
    const bool whole = !code && out.write(bytes.data(), static_cast<std::streamsize>(bytes.size())).flush().good();
    out.close();
    if (!whole) {
        fs::resize_file(path, length, code);
    }
    return whole;
}

} // namespace

StateExchange::StateExchange(std::shared_ptr<const HybridModel> model, Engine& engine, fs::path folder)
    : model_(std::move(model)), engine_(engine), folder_(std::move(folder)) {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

StateExchange::~StateExchange() {
    hasher_ = {}; // stops and joins
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
}

fs::path StateExchange::pathOf(const std::string& id) const {
    return folder_ / (id + ".safetensors");
}

void StateExchange::hash(const std::stop_token& stop) {
    const ModelWeights& weights = model_->weights();
    Sha256 sum;
    sum.update(weights.config.toJson());
    for (const auto& [name, view] : weights.checkpoint->tensors()) {
        sum.update(fmt::format("\n{} {} {}\n", name, nameOf(view.dtype), toString(view.shape)));
        const std::span<const std::byte> bytes{view.data, view.bytes()};
        for (std::size_t at = 0; at < bytes.size(); at += kHashPiece) {
            if (stop.stop_requested()) {
                return;
            }
            sum.update(bytes.subspan(at, std::min(kHashPiece, bytes.size() - at)));
        }
    }
    const std::lock_guard lock(mutex_);
    hash_ = sum.finish();
    hashed_.notify_all();
}

std::string StateExchange::weightsHash(std::chrono::milliseconds patience) {
    std::unique_lock lock(mutex_);
    if (!std::exchange(hashing_, true)) {
        hasher_ = std::jthread([this](const std::stop_token& stop) { hash(stop); });
    }
    if (!hashed_.wait_for(lock, patience, [this] { return !hash_.empty(); })) {
        fail(ErrorKind::Unavailable, "the hash of the weights is still being worked out; ask again in a while");
    }
    return hash_;
}

// A device has one queue at a time; on the host a state is memory like any other.
void StateExchange::onModelsThread(const std::function<void()>& work) {
    if (model_->device()) {
        engine_.takeTurn([&work](kernels::ThreadPool&, std::size_t) { work(); });
    } else {
        work();
    }
}

StateExchange::File& StateExchange::find(const std::string& id) {
    const auto found = files_.find(id);
    if (found == files_.end()) {
        fail(ErrorKind::NotFound, "there is no state '{}'", id.substr(0, 64));
    }
    found->second.used = Clock::now();
    return found->second;
}

// Of one owner: all that its files will be, and how many they are.
void StateExchange::requirePlace(std::uint64_t bytes, const StateOwner& owner) const {
    const auto most = owner.share * static_cast<double>(engine_.status().memory_limit);
    std::uint64_t own = bytes;
    std::size_t files = 0;
    for (const auto& [id, file] : files_) {
        own += file.owner == owner.name ? file.bytes : 0;
        files += file.owner == owner.name ? 1 : 0;
    }
    if (files_.size() >= kMostFiles || files >= kMostOfOne || static_cast<double>(own) > most) {
        throw OverloadError(fmt::format("{} states are being moved, {} of them yours, which would be {} with this one; "
                                        "this node takes {} in all, and of yours {} and {}. Try again when some have "
                                        "been moved.",
                                        files_.size(), files, readableBytes(own), kMostFiles, kMostOfOne,
                                        readableBytes(static_cast<std::size_t>(most))),
                            kRetrySeconds);
    }
}

// Of all: what lies here. Who announces much and sends little keeps nobody out.
void StateExchange::requireRoom(std::uint64_t bytes) const {
    const std::size_t limit = engine_.status().memory_limit;
    std::uint64_t all = bytes;
    for (const auto& [id, file] : files_) {
        all += file.sent ? file.written : file.bytes;
    }
    if (all > limit) {
        throw OverloadError(fmt::format("{} of states would wait on this node; it takes {}. Try again when some have "
                                        "been moved.",
                                        readableBytes(all), readableBytes(limit)),
                            kRetrySeconds);
    }
}

std::string StateExchange::enter(std::uint64_t bytes, bool sent, const StateOwner& owner) {
    requirePlace(bytes, owner);
    if (!sent) {
        requireRoom(bytes);
    }
    fs::create_directories(folder_);
    fs::permissions(folder_, fs::perms::owner_all);
    const std::string id = newId("state-");
    files_[id] = File{bytes, sent ? 0 : bytes, owner.name, sent, Clock::now()};
    return id;
}

StateExchange::Taken StateExchange::take(std::span<const TokenId> tokens, const StateOwner& owner) {
    const std::optional<SequenceState> state = engine_.snapshotOf(tokens, owner.name);
    if (!state) {
        fail(ErrorKind::NotFound, "this node holds no state for a beginning of this text");
    }
    Taken taken;
    taken.tokens = state->position();
    {
        const std::lock_guard lock(mutex_);
        taken.id = enter(state->shape().whole().bytesAt(state->position()), false, owner);
    }
    try {
        onModelsThread([&] { state->save(pathOf(taken.id)); });
    } catch (...) {
        remove(taken.id);
        throw;
    }
    taken.bytes = fs::file_size(pathOf(taken.id));
    const std::lock_guard lock(mutex_);
    find(taken.id).bytes = taken.bytes;
    return taken;
}

fs::path StateExchange::fileOf(const std::string& id) {
    const std::lock_guard lock(mutex_);
    const File& file = find(id);
    if (file.sent) {
        fail(ErrorKind::Unavailable, "'{}' is being sent here; {} of {} bytes have come", id, file.written,
             file.bytes);
    }
    return pathOf(id);
}

std::string StateExchange::begin(std::uint64_t bytes, const StateOwner& owner) {
    const std::lock_guard lock(mutex_);
    return enter(bytes, true, owner);
}

std::uint64_t StateExchange::append(const std::string& id, std::uint64_t offset, std::string_view bytes) {
    const std::lock_guard lock(mutex_);
    File& file = find(id);
    if (!file.sent || offset > file.written || offset + bytes.size() > file.bytes) {
        fail(ErrorKind::InvalidInput, "'{}' takes bytes from {} up to {}, not {} from {} on", id, file.written,
             file.sent ? file.bytes : file.written, bytes.size(), offset);
    }
    const std::size_t known = std::min<std::size_t>(bytes.size(), file.written - offset);
    bytes.remove_prefix(known);
    requireRoom(bytes.size());
    const fs::path path = pathOf(id);
    if (!appendWhole(path, file.written, bytes)) {
        fail(ErrorKind::Io, "the state cannot be written; is the disk full?");
    }
    file.written += bytes.size();
    return file.written;
}

bool StateExchange::restore(const std::string& id, std::span<const TokenId> tokens, const std::string& owner) {
    {
        const std::lock_guard lock(mutex_);
        const File& file = find(id);
        if (!file.sent || file.written < file.bytes) {
            fail(ErrorKind::InvalidInput, "'{}' is not complete: {} of {} bytes have come", id, file.written,
                 file.bytes);
        }
    }
    bool kept = false;
    try {
        onModelsThread([&] {
            const std::size_t position = SequenceState::savedPosition(pathOf(id));
            if (position != tokens.size()) {
                fail(ErrorKind::InvalidInput, "the state has absorbed {} tokens, and {} are said to be its own",
                     position, tokens.size());
            }
            kept = engine_.keepSnapshot(
                tokens, [&] { return SequenceState::restore(pathOf(id), model_->stateShape()); }, owner);
        });
    } catch (const OverloadError&) { // nothing is wrong with it: whoever has sent it need not send it again
        throw;
    } catch (const Error& error) { // says what is wrong with the file, not where it lies
        const std::string path = pathOf(id).string();
        std::string message = error.what();
        if (const std::size_t at = message.find(path); at != std::string::npos) {
            message.replace(at, path.size(), "the state");
        }
        remove(id);
        throw Error(error.kind(), message);
    }
    remove(id);
    return kept;
}

bool StateExchange::has(const std::string& id) {
    const std::lock_guard lock(mutex_);
    return files_.contains(id);
}

void StateExchange::remove(const std::string& id) {
    const std::lock_guard lock(mutex_);
    files_.erase(id);
    std::error_code ignored;
    fs::remove(pathOf(id), ignored);
}

std::vector<std::string> StateExchange::expire(Clock::time_point now) {
    const std::lock_guard lock(mutex_);
    std::vector<std::string> gone;
    for (auto each = files_.begin(); each != files_.end();) {
        if (now - each->second.used < kKept) {
            ++each;
            continue;
        }
        std::error_code ignored;
        fs::remove(pathOf(each->first), ignored);
        gone.push_back(each->first);
        each = files_.erase(each);
    }
    return gone;
}

} // namespace fulgurite::node
