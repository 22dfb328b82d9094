// SPDX-License-Identifier: Apache-2.0
#include "core/cascade/pixel_share.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>

namespace fulgurite::cascade {

namespace {

constexpr std::size_t kMost = std::size_t{192} << 20; // 576 MiB decoded

// Memory is the process's, so this is.
struct Budget {
    std::mutex mutex;
    std::condition_variable changed;
    std::size_t used = 0;
};

Budget& budget() {
    static Budget all;
    return all;
}

} // namespace

PixelShare::PixelShare(const image::ImageInfo& info)
    : pixels_(std::min(static_cast<std::size_t>(info.width) * static_cast<std::size_t>(info.height), kMost)) {
    std::unique_lock lock(budget().mutex);
    budget().changed.wait(lock, [this] { return budget().used + pixels_ <= kMost; });
    budget().used += pixels_;
}

PixelShare::~PixelShare() {
    {
        const std::lock_guard lock(budget().mutex);
        budget().used -= pixels_;
    }
    budget().changed.notify_all();
}

} // namespace fulgurite::cascade
