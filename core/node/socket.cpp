// SPDX-License-Identifier: Apache-2.0
// Plain and TLS sockets.
#include "core/node/socket.h"

#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <utility>

namespace fulgurite::node {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

class PlainSocket final : public Socket {
  public:
    explicit PlainSocket(tcp::socket socket) : socket_(std::move(socket)) {}

    void handshake(std::function<void(error_code)> handler) override {
        asio::post(socket_.get_executor(), [handler = std::move(handler)] { handler({}); });
    }
    void readSome(asio::mutable_buffer buffer, Handler handler) override {
        socket_.async_read_some(buffer, std::move(handler));
    }
    void writeSome(asio::const_buffer buffer, Handler handler) override {
        socket_.async_write_some(buffer, std::move(handler));
    }
    void finishSending() override {
        error_code ignored;
        socket_.shutdown(tcp::socket::shutdown_send, ignored);
    }
    void close() override {
        error_code ignored;
        socket_.close(ignored);
    }

  private:
    tcp::socket socket_;
};

class TlsSocket final : public Socket {
  public:
    TlsSocket(tcp::socket socket, asio::ssl::context& context) : stream_(std::move(socket), context) {}

    void handshake(std::function<void(error_code)> handler) override {
        stream_.async_handshake(asio::ssl::stream_base::server, std::move(handler));
    }
    void readSome(asio::mutable_buffer buffer, Handler handler) override {
        stream_.async_read_some(buffer, std::move(handler));
    }
    void writeSome(asio::const_buffer buffer, Handler handler) override {
        stream_.async_write_some(buffer, std::move(handler));
    }
    // Without TLS's own closing message: every reply says its length or ends with an empty chunk, so a cut is seen.
    void finishSending() override {
        error_code ignored;
        stream_.next_layer().shutdown(tcp::socket::shutdown_send, ignored);
    }
    void close() override {
        error_code ignored;
        stream_.next_layer().close(ignored);
    }

  private:
    asio::ssl::stream<tcp::socket> stream_;
};

} // namespace

std::unique_ptr<Socket> makePlainSocket(tcp::socket socket) {
    return std::make_unique<PlainSocket>(std::move(socket));
}

std::unique_ptr<Socket> makeTlsSocket(tcp::socket socket, asio::ssl::context& context) {
    return std::make_unique<TlsSocket>(std::move(socket), context);
}

} // namespace fulgurite::node
