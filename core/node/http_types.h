// SPDX-License-Identifier: Apache-2.0
// What passes between the HTTP transport and the endpoints: plain data and three small interfaces, no sockets.
#pragma once

#include "core/node/api_error.h"
#include "core/node/request_record.h"

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

namespace fulgurite::node {

struct HttpHead {
    std::string method;
    std::string path; // of the target, without the query
    std::string query;
    std::string authorization;
    std::string content_type;
    std::string content_encoding;
    std::string request_id;  // X-Request-Id, when the client chose one
    std::string host;        // as the client names this machine, with the port
    bool has_origin = false; // only browsers send one
    bool cross_site = false; // a browser says that a page of another site asks
    bool http10 = false;
    bool keep_alive = true;
    bool expects_continue = false;
    std::optional<std::uint64_t> content_length; // absent for a chunked body
    std::string peer;                            // the client's address
    std::shared_ptr<RequestRecord> record;       // set by admit()
};

struct HttpRequest {
    HttpHead head;
    std::string body;
    std::shared_ptr<const void> lease; // gives the body's share of the memory for bodies back
    std::stop_token stop = {};         // nobody waits for the answer any more, or the server must end
};

using HttpFields = std::vector<std::pair<std::string, std::string>>;

struct HttpReply {
    int status = 200;
    std::string content_type = "application/json";
    std::string body;
    HttpFields fields; // besides Content-Type, Content-Length and Connection
};

HttpReply replyOf(const ApiError& error);

// The start of a reply whose body comes in pieces.
struct ReplyHead {
    int status = 200;
    std::string content_type = "application/json";
    HttpFields fields;
};

// A reply that is not complete yet. The transport pulls only when the client has taken what came before, so a slow
// reader holds nothing up but itself. Everything but the wake function runs on the I/O thread.
class ReplySource {
  public:
    enum class Pull {
        Wait, // nothing to send; wake() will be called when there is
        More, // `out` was appended to
        End,  // `out` may have been appended to, and that was all
    };

    virtual ~ReplySource() = default;
    // `wake` may be called from any thread, any number of times, until close().
    virtual void start(std::function<void()> wake) = 0;
    // Throws when the reply cannot be completed: an ApiError is sent in place of a reply that has not begun, and
    // one that has begun ends without its end, by which the client sees that something is missing.
    virtual Pull pull(std::string& out) = 0;
    // Valid once pull() has returned something other than Wait.
    virtual ReplyHead head() const = 0;
    // Bytes that keep a silent stream alive; empty for replies that are not streams.
    virtual std::string heartbeat() const { return {}; }
    // The server is going down: end soon, with an error the client can read.
    virtual void shutDown() = 0;
    // The time that a request may take is over: as shutDown(), with that as the reason where a reply can say so.
    virtual void timeOut() { shutDown(); }
    // Nobody reads any more. Cancels the work; no calls follow.
    virtual void close() = 0;
};

// Where an endpoint puts its answer: exactly one call, from any thread.
class Responder {
  public:
    virtual ~Responder() = default;
    virtual void reply(HttpReply reply) = 0;
    virtual void stream(std::shared_ptr<ReplySource> source) = 0;
};

// What the transport calls for every request, on the I/O thread: must not block.
class RequestHandler {
  public:
    virtual ~RequestHandler() = default;
    // Looks at a request before its body is read and sets its record; a reply refuses it.
    virtual std::optional<HttpReply> admit(HttpHead& head) = 0;
    // Sets the record of a request whose head could not be read.
    virtual void unreadable(HttpHead& head) = 0;
    virtual void handle(HttpRequest request, std::shared_ptr<Responder> responder) = 0;
    // The name under which a request is counted: one of few, whatever clients send.
    virtual std::string label(const HttpHead& head) const = 0;
};

} // namespace fulgurite::node
