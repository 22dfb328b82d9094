// SPDX-License-Identifier: Apache-2.0
// The writing half of a connection: replies, streams, and the way out.
#include "core/node/connection.h"

#include "core/node/connection_detail.h"

#include <boost/asio/post.hpp>
#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

#include <iterator>
#include <utility>

namespace fulgurite::node {

using boost::system::error_code;

std::string Connection::headOf(int status, const std::string& type, const HttpFields& fields) const {
    const auto reason = boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(status));
    std::string text = fmt::format("HTTP/1.1 {} {}\r\nServer: fulgurite-engine\r\nContent-Type: {}\r\n", status,
                                   std::string_view(reason.data(), reason.size()), type);
    for (const auto& [name, value] : fields) {
        fmt::format_to(std::back_inserter(text), "{}: {}\r\n", name, value);
    }
    if (head_.record) {
        fmt::format_to(std::back_inserter(text), "X-Request-Id: {}\r\n", head_.record->id);
    }
    text += keep_alive_ ? (head_.http10 ? "Connection: keep-alive\r\n" : "") : "Connection: close\r\n";
    return text;
}

void Connection::onReply(std::uint64_t exchange, HttpReply reply) {
    if (exchange == exchange_ && state_ == State::Waiting) {
        send(reply);
    }
}

void Connection::onStream(std::uint64_t exchange, std::shared_ptr<ReplySource> source) {
    if (exchange != exchange_ || state_ != State::Waiting) {
        source->close();
        return;
    }
    enter(State::Replying);
    head_sent_ = false;
    source_ = std::move(source);
    source_->start([weak = weak_from_this(), &io = owner_.io()] {
        boost::asio::post(io, [weak] {
            if (const auto self = weak.lock()) {
                self->pump();
            }
        });
    });
    if (interrupted_) {
        source_->shutDown();
    }
    pump();
}

// A request that cannot be read to its end: says why, then closes.
void Connection::refuse(const HttpReply& reply) {
    if (!head_.record) { // its head has not been read: what is known is of the request before
        head_ = HttpHead();
        head_.peer = peer_;
        owner_.handler().unreadable(head_);
    }
    keep_alive_ = false;
    lease_.reset();
    enter(State::Waiting);
    send(reply);
}

void Connection::send(const HttpReply& reply) {
    enter(State::Replying);
    answered(reply.status);
    std::string bytes = headOf(reply.status, reply.content_type, reply.fields);
    finishRecord();
    fmt::format_to(std::back_inserter(bytes), "Content-Length: {}\r\n\r\n", reply.body.size());
    if (head_.method != "HEAD") {
        bytes += reply.body;
    }
    write(std::move(bytes));
}

void Connection::answered(int status) {
    owner_.metrics().requestAnswered(owner_.handler().label(head_), status);
    if (head_.record) {
        head_.record->answered(status);
    }
}

void Connection::finishRecord() {
    if (head_.record) {
        std::exchange(head_.record, nullptr)->finish();
    }
}

void Connection::pump() {
    if (writing_ || !source_ || state_ != State::Replying) {
        return;
    }
    std::string piece;
    ReplySource::Pull pull{};
    try {
        pull = source_->pull(piece);
    } catch (const ApiError& error) {
        if (!head_sent_) {
            std::exchange(source_, nullptr)->close();
            send(replyOf(error));
            return;
        }
        owner_.metrics().streamDropped(error.code());
        closeNow();
        return;
    } catch (const std::exception&) { // out of memory: this reply is lost, the others need not be
        owner_.metrics().streamDropped("internal_error");
        closeNow();
        return;
    }
    if (pull == ReplySource::Pull::Wait) {
        arm(owner_.options().timeouts.heartbeat);
        return;
    }
    const bool whole = pull == ReplySource::Pull::End;
    if (!head_sent_ && whole) {
        const ReplyHead head = source_->head();
        std::exchange(source_, nullptr)->close();
        send({head.status, head.content_type, std::move(piece), head.fields});
        return;
    }
    const bool head_only = head_.method == "HEAD"; // any byte more would be taken for the next reply
    const bool last = whole || head_only;
    std::string bytes;
    if (!head_sent_) {
        const ReplyHead head = source_->head();
        head_sent_ = true;
        keep_alive_ = keep_alive_ && !head_.http10;
        answered(head.status);
        bytes = headOf(head.status, head.content_type, head.fields);
        bytes += head_.http10 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n";
    }
    if (!piece.empty() && !head_only) { // an empty chunk would be the end
        bytes += chunkOf(piece, head_.http10);
    }
    if (last) {
        bytes += head_.http10 || head_only ? "" : "0\r\n\r\n";
        std::exchange(source_, nullptr)->close();
        finishRecord();
    }
    write(std::move(bytes));
}

void Connection::write(std::string bytes) {
    if (writing_) { // only behind "100 Continue"
        next_ += bytes;
        return;
    }
    out_ = std::move(bytes);
    written_ = 0;
    writeMore();
}

void Connection::writeMore() {
    writing_ = true;
    if (state_ == State::Replying) {
        arm(owner_.options().timeouts.write);
    }
    const auto rest = boost::asio::buffer(out_) + written_;
    socket_->writeSome(rest, [self = shared_from_this()](error_code code, std::size_t count) {
        if (self->state_ == State::Closed) {
            return;
        }
        if (code) {
            self->closeNow();
            return;
        }
        self->written_ += count;
        if (self->written_ < self->out_.size()) {
            self->writeMore();
            return;
        }
        self->writing_ = false;
        self->out_.clear();
        if (!self->next_.empty()) {
            self->write(std::exchange(self->next_, {}));
            return;
        }
        self->onWritten();
    });
}

void Connection::onWritten() {
    if (state_ != State::Replying) {
        return; // "100 Continue" is out
    }
    if (source_) {
        pump();
        return;
    }
    if (!keep_alive_) {
        drain();
        return;
    }
    enter(State::Idle);
    arm(owner_.options().timeouts.idle);
    process();
    read();
}

// Closing with unread bytes would reset the connection and could take the reply with it.
void Connection::drain() {
    enter(State::Draining);
    in_.clear();
    socket_->finishSending();
    arm(owner_.options().timeouts.drain);
    read();
}

} // namespace fulgurite::node
