// SPDX-License-Identifier: Apache-2.0
// An exchange whose answer is one JSON document.
#pragma once

#include "core/client/engine_client.h"
#include "core/client/engine_json.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace fulgurite::client {

template <class T>
class JsonCall : public HttpHandler {
  public:
    using Reader = std::function<T(std::string_view body, const std::string& where)>;

    // `any_status`: the answer's body is read whatever its status.
    JsonCall(std::string where, Reader reader, Callback<T> callback, bool any_status = false)
        : where_(std::move(where)),
          reader_(std::move(reader)),
          callback_(std::move(callback)),
          any_status_(any_status) {}

    void onHead(int status, const std::map<std::string, std::string>&) override { status_ = status; }

    void onBody(std::string_view bytes) override {
        if (body_.size() + bytes.size() > max_body_bytes)
            fail(ErrorKind::InvalidInput, "{}: the answer is larger than {} bytes", where_, max_body_bytes);
        body_.append(bytes);
    }

    void onEnd() override {
        if (status_ >= 400 && !any_status_)
            return callback_(readError(status_, body_, where_));
        try {
            T value = reader_(body_, where_);
            callback_(std::move(value));
        } catch (const Error& error) {
            callback_(error);
        }
    }

    void onError(const Error& error) override { callback_(error); }

  private:
    static constexpr std::size_t max_body_bytes = std::size_t{256} << 20;

    std::string where_;
    Reader reader_;
    Callback<T> callback_;
    bool any_status_;
    int status_ = 0;
    std::string body_;
};

} // namespace fulgurite::client
