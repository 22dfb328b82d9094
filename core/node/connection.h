// SPDX-License-Identifier: Apache-2.0
// One HTTP connection: reads requests, hands them to the handler, writes replies, notices that the client left.
#pragma once

#include "core/node/body_memory.h"
#include "core/node/http_reader.h"
#include "core/node/http_server.h"
#include "core/node/socket.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

namespace fulgurite::node {

class Connection;

// What connections share. Everything but the memory for bodies belongs to the I/O thread.
class ConnectionOwner {
  public:
    virtual ~ConnectionOwner() = default;
    virtual const HttpServerOptions& options() const = 0;
    virtual boost::asio::io_context& io() = 0;
    virtual RequestHandler& handler() = 0;
    virtual Metrics& metrics() = 0;
    virtual std::shared_ptr<BodyMemory> bodyMemory() = 0;
    virtual void closed(Connection& connection) = 0;
};

class Connection final : public std::enable_shared_from_this<Connection> {
  public:
    using Clock = std::chrono::steady_clock;

    // `peer`: the client's address.
    Connection(ConnectionOwner& owner, std::unique_ptr<Socket> socket, std::string peer);

    void start();
    bool idle() const { return state_ == State::Idle; }
    // A request is being answered.
    bool busy() const { return state_ == State::Waiting || state_ == State::Replying || state_ == State::Draining; }
    // The next request is the last.
    void serveOnce() { keep_alive_ = false; }
    Clock::time_point since() const { return since_; } // of the present state
    // No request after the present one; closes at once when there is none.
    void finish();
    // Asks the present reply to end with an error.
    void interrupt();
    void closeNow();

    // The handler's answer, on the I/O thread. `exchange` tells late answers from current ones.
    void onReply(std::uint64_t exchange, HttpReply reply);
    void onStream(std::uint64_t exchange, std::shared_ptr<ReplySource> source);

  private:
    enum class State {
        Handshake,
        Idle,     // between requests
        Head,     // of a request is arriving
        Body,     // of a request is arriving
        Waiting,  // for the handler's answer
        Replying, // a whole reply or pieces of one
        Draining, // everything is said; discards what the client still sends
        Closed,
    };
    class ConnectionResponder;

    void enter(State state);
    void arm(std::chrono::milliseconds delay);
    void onDeadline();
    void limitRequest();
    void endReply();

    void read();
    void onRead(boost::system::error_code code, std::size_t count);
    void process();
    bool onHead();
    bool takeMemory(std::uint64_t bytes);
    void dispatch();

    void refuse(const HttpReply& reply);
    void send(const HttpReply& reply);
    void answered(int status);
    void finishRecord();
    void pump();
    void write(std::string bytes);
    void writeMore();
    void onWritten();
    void drain();
    std::string headOf(int status, const std::string& type, const HttpFields& fields) const;

    ConnectionOwner& owner_;
    std::unique_ptr<Socket> socket_;
    std::string peer_;
    boost::asio::steady_timer timer_;
    boost::asio::steady_timer request_timer_;
    std::uint64_t timer_round_ = 0;
    State state_ = State::Handshake;
    Clock::time_point since_;

    std::array<char, 8192> scratch_{};
    std::string in_;
    bool reading_ = false;
    HttpReader reader_;
    std::shared_ptr<BodyLease> lease_;

    std::uint64_t exchange_ = 0;
    HttpHead head_; // of the present request
    std::stop_source stop_; // for whoever makes its answer
    bool keep_alive_ = true;
    bool interrupted_ = false;
    std::shared_ptr<ReplySource> source_;
    bool head_sent_ = false;

    std::string out_;
    std::string next_; // waits behind out_
    std::size_t written_ = 0;
    bool writing_ = false;
};

} // namespace fulgurite::node
