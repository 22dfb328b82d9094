// SPDX-License-Identifier: Apache-2.0
// Incremental reader of HTTP/1.1 requests with limits; no sockets, so that it can be tested and fuzzed alone.
#pragma once

#include "core/node/http_types.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace fulgurite::node {

struct HttpLimits {
    std::size_t head_bytes = 16 * 1024;
    std::uint64_t body_bytes = std::uint64_t{32} << 20;
};

// Reads one request after another from a stream of bytes. After the head it pauses, so that a request can be
// refused before its body arrives.
class HttpReader {
  public:
    enum class State {
        Head,     // wants more bytes of the start line and fields
        HeadDone, // head() is valid; call acceptBody() to go on
        Body,     // wants more bytes of the body
        Complete, // take() it
        Failed,   // error() says why; the connection cannot go on
    };

    explicit HttpReader(HttpLimits limits);
    ~HttpReader();

    // Uses up bytes from the front of `bytes` and returns how many. Stops at HeadDone, Complete and Failed. While
    // the head is incomplete nothing is used: present the same bytes again with more behind them.
    std::size_t feed(std::string_view bytes);
    State state() const;
    const HttpHead& head() const;
    const ApiError& error() const;
    void acceptBody();
    std::uint64_t bodyBytes() const; // of the body, so far
    // The request; the reader then waits for the next head.
    HttpRequest take();

  private:
    struct Parser;
    std::unique_ptr<Parser> parser_;
};

} // namespace fulgurite::node
