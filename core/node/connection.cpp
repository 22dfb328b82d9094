// SPDX-License-Identifier: Apache-2.0
// The life of a connection: deadlines, reading, dispatch. Writing is in connection_write.cpp.
#include "core/node/connection.h"

#include "core/node/connection_detail.h"

#include <boost/asio/post.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace fulgurite::node {

using boost::system::error_code;

namespace {

// Bytes of further requests that are taken in while one is being answered.
constexpr std::size_t kPipelineBytes = 64 * 1024;

} // namespace

// Carries the answer from whatever thread made it to the I/O thread.
class Connection::ConnectionResponder final : public Responder {
  public:
    ConnectionResponder(std::weak_ptr<Connection> connection, boost::asio::io_context& io, std::uint64_t exchange)
        : connection_(std::move(connection)), io_(io), exchange_(exchange) {}

    void reply(HttpReply reply) override {
        boost::asio::post(io_, [weak = connection_, exchange = exchange_, reply = std::move(reply)]() mutable {
            if (const auto connection = weak.lock()) {
                connection->onReply(exchange, std::move(reply));
            }
        });
    }

    void stream(std::shared_ptr<ReplySource> source) override {
        boost::asio::post(io_, [weak = connection_, exchange = exchange_, source = std::move(source)]() mutable {
            if (const auto connection = weak.lock()) {
                connection->onStream(exchange, std::move(source));
            } else {
                source->close();
            }
        });
    }

  private:
    std::weak_ptr<Connection> connection_;
    boost::asio::io_context& io_;
    std::uint64_t exchange_;
};

Connection::Connection(ConnectionOwner& owner, std::unique_ptr<Socket> socket, std::string peer)
    : owner_(owner),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      timer_(owner.io()),
      request_timer_(owner.io()),
      since_(Clock::now()),
      reader_(owner.options().limits) {}

void Connection::start() {
    arm(owner_.options().timeouts.handshake);
    socket_->handshake([self = shared_from_this()](error_code code) {
        if (self->state_ != State::Handshake) {
            return;
        }
        if (code) {
            self->closeNow();
            return;
        }
        self->enter(State::Idle);
        self->arm(self->owner_.options().timeouts.idle);
        self->read();
    });
}

void Connection::enter(State state) {
    state_ = state;
    since_ = Clock::now();
}

void Connection::arm(std::chrono::milliseconds delay) {
    const std::uint64_t round = ++timer_round_;
    timer_.expires_after(delay);
    timer_.async_wait([weak = weak_from_this(), round](error_code code) {
        const auto self = weak.lock();
        if (self && !code && round == self->timer_round_) {
            self->onDeadline();
        }
    });
}

void Connection::onDeadline() {
    switch (state_) {
    case State::Head:
    case State::Body:
        refuse(replyOf(ApiError(408, "the request did not arrive in time")));
        return;
    case State::Replying:
        if (!writing_ && source_) {
            const std::string comment = head_sent_ ? source_->heartbeat() : std::string();
            if (comment.empty()) {
                arm(owner_.options().timeouts.heartbeat);
            } else {
                write(chunkOf(comment, head_.http10));
            }
            return;
        }
        owner_.metrics().streamDropped("write_timeout");
        closeNow();
        return;
    case State::Waiting:
    case State::Closed:
        return;
    case State::Handshake:
    case State::Idle:
    case State::Draining:
        closeNow();
    }
}

// Whatever a client and the model do, an answer ends.
void Connection::limitRequest() {
    const std::chrono::milliseconds limit = owner_.options().timeouts.request;
    if (limit.count() == 0) {
        return;
    }
    request_timer_.expires_after(limit);
    request_timer_.async_wait([weak = weak_from_this(), exchange = exchange_](error_code code) {
        const auto self = weak.lock();
        if (!self || code || exchange != self->exchange_ || !self->busy()) {
            return;
        }
        if (self->state_ == State::Replying) {
            if (self->source_) {
                self->source_->timeOut();
                self->pump();
            }
            self->endReply();
        } else if (self->state_ == State::Waiting) {
            self->keep_alive_ = false;
            ++self->exchange_; // what is being made is for nobody any more
            self->stop_.request_stop();
            self->send(
                replyOf(ApiError(408, "the answer took longer than a request may take here", {}, "time_limit")));
        }
    });
}

// A client that takes its answer byte by byte would keep it, and its memory, for ever.
void Connection::endReply() {
    request_timer_.expires_after(owner_.options().timeouts.last_words);
    request_timer_.async_wait([weak = weak_from_this(), exchange = exchange_](error_code code) {
        const auto self = weak.lock();
        if (self && !code && exchange == self->exchange_ && self->state_ == State::Replying) {
            self->owner_.metrics().streamDropped("time_limit");
            self->closeNow();
        }
    });
}

void Connection::finish() {
    keep_alive_ = false;
    if (state_ != State::Waiting && state_ != State::Replying && state_ != State::Draining) {
        closeNow();
    }
}

void Connection::interrupt() {
    interrupted_ = true;
    stop_.request_stop();
    if (source_) {
        source_->shutDown();
        pump();
    }
}

void Connection::closeNow() {
    if (state_ == State::Closed) {
        return;
    }
    const auto self = shared_from_this();
    enter(State::Closed);
    ++timer_round_;
    timer_.cancel();
    request_timer_.cancel();
    stop_.request_stop();
    if (source_) {
        std::exchange(source_, nullptr)->close();
    }
    finishRecord();
    socket_->close();
    owner_.closed(*this);
}

void Connection::read() {
    if (reading_ || state_ == State::Closed) {
        return;
    }
    const bool answering = state_ == State::Waiting || state_ == State::Replying;
    if (answering && in_.size() > kPipelineBytes) {
        return;
    }
    reading_ = true;
    socket_->readSome(boost::asio::buffer(scratch_),
                      [self = shared_from_this()](error_code code, std::size_t count) {
                          self->reading_ = false;
                          self->onRead(code, count);
                      });
}

void Connection::onRead(error_code code, std::size_t count) {
    if (state_ == State::Closed) {
        return;
    }
    if (code) {
        // A whole reply that is on its way still goes out; anything else has lost its reader.
        if (state_ == State::Replying && !source_) {
            keep_alive_ = false;
            return;
        }
        closeNow();
        return;
    }
    if (state_ != State::Draining) {
        in_.append(scratch_.data(), count);
        process();
    }
    read();
}

void Connection::process() {
    const HttpTimeouts& timeouts = owner_.options().timeouts;
    while ((state_ == State::Idle || state_ == State::Head || state_ == State::Body) && !in_.empty()) {
        if (state_ == State::Idle) {
            enter(State::Head);
            arm(timeouts.head);
        }
        const std::size_t used = reader_.feed(in_);
        in_.erase(0, used);
        if (used == 0 && in_.size() > owner_.options().limits.head_bytes &&
            reader_.state() != HttpReader::State::Failed) {
            refuse(replyOf(ApiError(400, "a chunk header of the body is too long")));
            return;
        }
        if (reader_.state() == HttpReader::State::HeadDone && !onHead()) {
            return;
        }
        switch (reader_.state()) {
        case HttpReader::State::Complete:
            if (takeMemory(reader_.bodyBytes())) {
                dispatch();
            }
            return;
        case HttpReader::State::Failed:
            refuse(replyOf(reader_.error()));
            return;
        case HttpReader::State::Body: {
            // As it comes: what a head only announces takes nothing from anybody.
            if (!takeMemory(reader_.bodyBytes())) {
                return;
            }
            const auto earned = std::chrono::milliseconds(reader_.bodyBytes() * 1000 / timeouts.body_rate);
            const auto spent = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - since_);
            arm(std::max(timeouts.body_grace + earned - spent, std::chrono::milliseconds(1)));
            break;
        }
        default:
            break;
        }
        if (used == 0) {
            return; // not before more bytes arrive
        }
    }
}

// False when the request was refused or answered without its body.
bool Connection::onHead() {
    head_ = reader_.head();
    head_.peer = peer_;
    keep_alive_ = keep_alive_ && head_.keep_alive;
    const std::uint64_t limit = owner_.options().limits.body_bytes;
    std::optional<HttpReply> refusal = owner_.handler().admit(head_);
    if (!refusal && head_.content_length && *head_.content_length > limit) {
        refusal = replyOf(
            ApiError(413, fmt::format("the body has {} bytes; the limit is {}", *head_.content_length, limit)));
    }
    if (refusal) {
        if (head_.content_length != std::uint64_t{0}) {
            refuse(*refusal);
            return false;
        }
        reader_.acceptBody();
        reader_.take();
        enter(State::Waiting);
        send(*refusal);
        return false;
    }
    reader_.acceptBody();
    enter(State::Body);
    arm(owner_.options().timeouts.body_grace);
    if (head_.expects_continue && reader_.state() == HttpReader::State::Body) {
        write("HTTP/1.1 100 Continue\r\n\r\n");
    }
    return true;
}

// Takes memory for a body of `bytes` in all; refuses the request when too much is taken already. One name, or one
// address where all have the same token, may take half of it, or as much as one body.
bool Connection::takeMemory(std::uint64_t bytes) {
    if (bytes == 0) {
        return true;
    }
    if (!lease_) {
        const auto& record = head_.record;
        const bool named = record && record->who && !record->who->owner.empty();
        lease_ = std::make_shared<BodyLease>(owner_.bodyMemory(), named ? "name " + record->who->owner : peer_);
    }
    const HttpServerOptions& options = owner_.options();
    const std::uint64_t share = std::max(options.body_memory / 2, options.limits.body_bytes);
    switch (lease_->growTo(bytes, share, options.body_memory)) {
    case BodyMemory::Answer::Taken:
        return true;
    case BodyMemory::Answer::ShareUsed:
        refuse(replyOf(ApiError(429, "your other requests that are being read are too large; send one after another",
                                {}, "busy")
                           .retryAfter(1)));
        return false;
    case BodyMemory::Answer::AllUsed:
        break;
    }
    refuse(replyOf(ApiError(503, "too many large requests at once; try again", {}, "busy").retryAfter(1)));
    return false;
}

void Connection::dispatch() {
    HttpRequest request = reader_.take();
    request.lease = std::exchange(lease_, nullptr);
    request.head.record = head_.record;
    stop_ = std::stop_source();
    request.stop = stop_.get_token();
    if (interrupted_) {
        stop_.request_stop();
    }
    enter(State::Waiting);
    ++timer_round_;
    timer_.cancel();
    ++exchange_;
    limitRequest();
    auto responder = std::make_shared<ConnectionResponder>(weak_from_this(), owner_.io(), exchange_);
    owner_.handler().handle(std::move(request), std::move(responder));
}

} // namespace fulgurite::node
