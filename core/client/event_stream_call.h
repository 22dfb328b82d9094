// SPDX-License-Identifier: Apache-2.0
// An exchange whose answer is a stream of server-sent events with an end of its own.
#pragma once

#include "core/client/engine_json.h"
#include "core/client/http_client.h"
#include "core/client/sse_parser.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace fulgurite::client {

class EventStreamCall : public HttpHandler {
  public:
    explicit EventStreamCall(std::string where) : where_(std::move(where)) {}

    void onHead(int status, const std::map<std::string, std::string>& headers) override {
        refusal_ = refusalOf(status, headers);
        const auto type = headers.find("content-type");
        streams_ = status == 200 && type != headers.end() && type->second.starts_with("text/event-stream");
    }

    void onBody(std::string_view bytes) override {
        if (!streams_) {
            body_.append(bytes.substr(0, max_error_bytes - std::min(max_error_bytes, body_.size())));
            return;
        }
        parser_.push(bytes, [this](const SseEvent& event) {
            if (ended_)
                return;
            if (event.name == "error")
                end(readError(0, event.data, where_));
            else if (onEvent(event))
                ended_ = true;
        });
    }

    void onEnd() override {
        if (ended_)
            return;
        if (refusal_.status >= 400) {
            ended_ = true;
            return onRefusal(readError(refusal_.status, body_, where_), refusal_);
        }
        if (!streams_)
            return end(Error(ErrorKind::InvalidInput,
                             fmt::format("{}: the answer is no event stream; is this a Fulgurite node?", where_)));
        end(Error(ErrorKind::Unavailable, fmt::format("{}: the connection ended before the answer did", where_)));
    }

    void onError(const Error& error) override { end(error); }

  protected:
    // True when that was the last event.
    virtual bool onEvent(const SseEvent& event) = 0;
    // Called at most once, and not after the last event.
    virtual void onFailure(const Error& error) = 0;
    virtual void onRefusal(const Error& error, const Refusal&) { onFailure(error); }

    const std::string& where() const { return where_; }

  private:
    static constexpr std::size_t max_error_bytes = 64 * 1024;

    void end(const Error& error) {
        if (!std::exchange(ended_, true))
            onFailure(error);
    }

    std::string where_;
    SseParser parser_;
    std::string body_;
    Refusal refusal_; // its status is that of the answer, whatever it is
    bool streams_ = false;
    bool ended_ = false;
};

} // namespace fulgurite::client
