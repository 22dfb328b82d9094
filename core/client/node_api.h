// SPDX-License-Identifier: Apache-2.0
// What every client of one node shares: its address, the bearer token, a thread for its exchanges, and the exchange
// whose answer is one JSON document.
#pragma once

#include "core/client/http_client.h"
#include "core/client/json_call.h"

#include <functional>
#include <memory>
#include <string>
#include <utility>

namespace fulgurite::client {

class NodeApi {
  public:
    // `head_timeout`: how long the node may take until it begins to answer.
    NodeApi(HttpEndpoint endpoint, std::string token, const HttpClientOptions& options,
            std::chrono::milliseconds head_timeout = HttpRequest().head_timeout)
        : endpoint_(std::move(endpoint)), token_(std::move(token)), head_timeout_(head_timeout), http_(options) {}

    const HttpEndpoint& endpoint() const { return endpoint_; }
    const std::string& token() const { return token_; }

    // A body that is not empty is JSON.
    HttpRequest prepare(const char* method, std::string path, std::string body) const {
        HttpRequest request;
        request.method = method;
        request.path = std::move(path);
        request.body = std::move(body);
        request.head_timeout = head_timeout_;
        if (!token_.empty())
            request.headers["Authorization"] = "Bearer " + token_;
        if (!request.body.empty())
            request.headers["Content-Type"] = "application/json";
        return request;
    }
    // The same with a body that the client's thread writes: a conversation of 100,000 tokens is megabytes of JSON.
    HttpRequest prepareLate(const char* method, std::string path, std::function<std::string()> write_body) const {
        HttpRequest request = prepare(method, std::move(path), std::string());
        request.write_body = std::move(write_body);
        request.headers["Content-Type"] = "application/json";
        return request;
    }

    std::shared_ptr<HttpCall> start(HttpRequest request, std::shared_ptr<HttpHandler> handler) {
        return http_.start(endpoint_, std::move(request), std::move(handler));
    }

    // `any_status`: the reader takes the body whatever the answer's status.
    template <class T>
    std::shared_ptr<HttpCall> ask(const char* method, const std::string& path, std::string body,
                                  typename JsonCall<T>::Reader reader, Callback<T> callback,
                                  bool any_status = false) {
        return start(prepare(method, path, std::move(body)),
                     std::make_shared<JsonCall<T>>(endpoint_.url() + path, std::move(reader), std::move(callback),
                                                   any_status));
    }

  private:
    HttpEndpoint endpoint_;
    std::string token_;
    std::chrono::milliseconds head_timeout_;
    HttpClient http_;
};

} // namespace fulgurite::client
