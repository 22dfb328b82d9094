// SPDX-License-Identifier: Apache-2.0
// A TCP or TLS connection behind one asynchronous interface, so that the HTTP code exists once.
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/system/error_code.hpp>

#include <cstddef>
#include <functional>
#include <memory>

namespace fulgurite::node {

// One read and one write may be under way at a time. Handlers run on the I/O thread.
class Socket {
  public:
    using Handler = std::function<void(boost::system::error_code, std::size_t)>;

    virtual ~Socket() = default;
    virtual void handshake(std::function<void(boost::system::error_code)> handler) = 0;
    virtual void readSome(boost::asio::mutable_buffer buffer, Handler handler) = 0;
    virtual void writeSome(boost::asio::const_buffer buffer, Handler handler) = 0;
    // The client will see the end of what was sent; reading goes on.
    virtual void finishSending() = 0;
    virtual void close() = 0;
};

std::unique_ptr<Socket> makePlainSocket(boost::asio::ip::tcp::socket socket);
std::unique_ptr<Socket> makeTlsSocket(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context& context);

} // namespace fulgurite::node
