// SPDX-License-Identifier: Apache-2.0
// A file as a reply, piece by piece at the pace of the client. What is cut off does not end as a whole file would.
#pragma once

#include "core/node/http_types.h"

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace fulgurite::node {

class FileReply final : public ReplySource {
  public:
    // Throws Error{NotFound | Io}. `name`: under which a browser would save it.
    FileReply(const std::filesystem::path& path, std::string name);

    void start(std::function<void()> /*wake*/) override {}
    Pull pull(std::string& out) override;
    ReplyHead head() const override;
    void shutDown() override;
    void timeOut() override;
    void close() override { file_.reset(); }

  private:
    struct Closer {
        void operator()(std::FILE* file) const { std::fclose(file); }
    };
    std::unique_ptr<std::FILE, Closer> file_;
    std::string name_;
    std::optional<ApiError> cut_off_; // why it must not go on
};

} // namespace fulgurite::node
