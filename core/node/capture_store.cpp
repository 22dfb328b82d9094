// SPDX-License-Identifier: Apache-2.0
#include "core/node/capture_store.h"

#include "core/base/error.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace fulgurite::node {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxId = 128;
constexpr std::string_view kUnfinished = ".partial";
// Another engine may be writing into the same folder; what has not grown for so long was left behind.
constexpr auto kAbandonedAfter = std::chrono::minutes(10);

bool isId(const std::string& id) {
    const auto fits = [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
               c == '.';
    };
    return !id.empty() && id.size() <= kMaxId && id.front() != '.' && std::all_of(id.begin(), id.end(), fits);
}

void removeAbandoned(const fs::path& folder) {
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
        if (entry.path().string().ends_with(std::string(capture::kCaptureSuffix) + std::string(kUnfinished)) &&
            entry.last_write_time(ignored) < fs::file_time_type::clock::now() - kAbandonedAfter) {
            fs::remove(entry.path(), ignored);
        }
    }
}

} // namespace

CaptureStore::CaptureStore(fs::path folder) : folder_(std::move(folder)) {
    removeAbandoned(folder_);
}

fs::path CaptureStore::pathOf(const std::string& id) const {
    if (!isId(id)) {
        fail(ErrorKind::NotFound, "there is no capture '{}'", id.substr(0, kMaxId));
    }
    return folder_ / (id + std::string(capture::kCaptureSuffix));
}

std::string CaptureStore::withoutFolder(std::string message) const {
    const std::string prefix = (folder_ / "").string();
    for (std::size_t at = 0; prefix.size() > 1 && (at = message.find(prefix, at)) != std::string::npos;) {
        message.erase(at, prefix.size());
    }
    return message;
}

bool CaptureStore::has(const std::string& id) const {
    std::error_code ignored;
    return fs::is_regular_file(pathOf(id), ignored);
}

std::shared_ptr<const capture::CaptureFile> CaptureStore::open(const std::string& id) {
    const fs::path path = pathOf(id);
    const std::lock_guard lock(mutex_);
    if (!has(id)) {
        open_.erase(id);
        fail(ErrorKind::NotFound, "there is no capture '{}'; it may have been removed", id);
    }
    std::shared_ptr<const capture::CaptureFile>& file = open_[id];
    // Cut or replaced behind our back: what is mapped is not there any more.
    std::error_code ignored;
    if (!file || !file->intact() || fs::file_size(path, ignored) != file->info().bytes) {
        try {
            file = capture::CaptureFile::open(path, path.filename().string());
        } catch (...) {
            open_.erase(id);
            throw;
        }
    }
    return file;
}

std::shared_ptr<const capture::CaptureFile> CaptureStore::whole(const std::string& id) {
    try {
        return open(id);
    } catch (const Error&) {
        return nullptr;
    }
}

void CaptureStore::remove(const std::string& id) {
    const fs::path path = pathOf(id);
    const std::lock_guard lock(mutex_);
    open_.erase(id);
    std::error_code error;
    if (!fs::remove(path, error)) {
        if (error) {
            fail(ErrorKind::Io, "{}: cannot remove: {}", path.string(), error.message());
        }
        fail(ErrorKind::NotFound, "there is no capture '{}'; it may have been removed", id);
    }
}

CaptureStore::Listing CaptureStore::list() {
    Listing listing;
    std::error_code ignored;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder_, ignored)) {
        const std::string id = entry.path().stem().string();
        if (entry.path().extension() != capture::kCaptureSuffix || !isId(id)) {
            continue;
        }
        try {
            listing.captures.emplace_back(id, open(id)->info());
        } catch (const Error& error) {
            listing.broken.emplace_back(id, withoutFolder(error.what()));
        }
    }
    std::sort(listing.captures.begin(), listing.captures.end(), [](const auto& a, const auto& b) {
        return std::pair(b.second.created, a.first) < std::pair(a.second.created, b.first);
    });
    return listing;
}

} // namespace fulgurite::node
