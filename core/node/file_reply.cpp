// SPDX-License-Identifier: Apache-2.0
#include "core/node/file_reply.h"

#include "core/base/error.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace fulgurite::node {

namespace {

// Read in one go on the I/O thread: small enough for a disk not to hold other clients up.
constexpr std::size_t kPiece = std::size_t{256} << 10;

} // namespace

FileReply::FileReply(const std::filesystem::path& path, std::string name)
    : file_(std::fopen(path.c_str(), "rb")), name_(std::move(name)) {
    if (!file_) {
        fail(errno == ENOENT ? ErrorKind::NotFound : ErrorKind::Io, "{}: cannot open: {}", path.string(),
             std::strerror(errno));
    }
}

ReplySource::Pull FileReply::pull(std::string& out) {
    if (ended_ || !file_) {
        return Pull::End;
    }
    const std::size_t before = out.size();
    out.resize(before + kPiece);
    const std::size_t count = std::fread(out.data() + before, 1, kPiece, file_.get());
    out.resize(before + count);
    // A chunked reply that lacks its end tells the client that something went wrong.
    if (count == 0 && std::ferror(file_.get()) != 0) {
        fail(ErrorKind::Io, "{}: cannot read on", name_);
    }
    return count < kPiece ? Pull::End : Pull::More;
}

ReplyHead FileReply::head() const {
    return {200, "application/octet-stream", {{"Content-Disposition", "attachment; filename=\"" + name_ + "\""}}};
}

} // namespace fulgurite::node
