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
    if (cut_off_) {
        throw *cut_off_;
    }
    const std::size_t before = out.size();
    out.resize(before + kPiece);
    const std::size_t count = std::fread(out.data() + before, 1, kPiece, file_.get());
    out.resize(before + count);
    if (std::ferror(file_.get()) != 0) { // also behind the first bytes of the piece
        fail(ErrorKind::Io, "{}: cannot read on", name_);
    }
    return count < kPiece ? Pull::End : Pull::More;
}

void FileReply::shutDown() {
    if (!cut_off_) { // the first reason counts
        cut_off_.emplace(503, "the server is shutting down", std::string(), "shutting_down");
    }
}

void FileReply::timeOut() {
    if (!cut_off_) {
        cut_off_.emplace(408, "the answer took longer than a request may take here", std::string(), "time_limit");
    }
}

ReplyHead FileReply::head() const {
    return {200, "application/octet-stream", {{"Content-Disposition", "attachment; filename=\"" + name_ + "\""}}};
}

} // namespace fulgurite::node
