// SPDX-License-Identifier: Apache-2.0
// A tiny HTTP server for tests: answers each connection with the next script, byte for byte.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace fulgurite {

class ScriptedServer {
  public:
    struct Piece {
        std::string bytes;
        int delay_ms = 0;                        // before it is sent
        bool wait_close = false;                 // wait until the client closes, at most five seconds
        const std::atomic<bool>* gate = nullptr; // before it is sent, wait until this is true
    };
    using Script = std::vector<Piece>;

    // The next script for each connection, one after the other.
    explicit ScriptedServer(std::vector<Script> scripts) : scripts_(std::move(scripts)) { listen(); }
    // The script that `route` makes for each request, connections side by side. `route` is called by many threads.
    explicit ScriptedServer(std::function<Script(const std::string& request)> route) : route_(std::move(route)) {
        listen();
    }
    ~ScriptedServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        for (std::thread& each : connections_)
            each.join();
        ::close(listener_);
    }

    int port() const { return port_; }
    bool sawClose() const { return saw_close_; }
    std::vector<std::string> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }

    static std::string answer(int status, const std::string& type, const std::string& body) {
        return "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Type: " + type +
               "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    }
    static std::string streamHead() {
        return "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n";
    }
    static std::string chunk(const std::string& bytes) {
        char size[32];
        std::snprintf(size, sizeof size, "%zx\r\n", bytes.size());
        return size + bytes + "\r\n";
    }
    static std::string event(const std::string& name, const std::string& data) {
        return chunk("event: " + name + "\ndata: " + data + "\n\n");
    }

  private:
    void listen() {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        ::listen(listener_, 8);
        socklen_t size = sizeof address;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }

    void serve() {
        for (std::size_t i = 0; route_ || i < scripts_.size(); ++i) {
            const int connection = ::accept(listener_, nullptr, nullptr);
            if (connection < 0)
                return;
            if (route_)
                connections_.emplace_back([this, connection] { answer(connection, {}); });
            else
                answer(connection, scripts_[i]);
        }
    }

    void answer(int connection, Script script) {
        const std::string request = readRequest(connection);
        if (request.find("\r\n\r\n") == std::string::npos) {
            ::close(connection); // the client went before it had asked
            return;
        }
        {
            const std::scoped_lock lock(mutex_);
            requests_.push_back(request);
        }
        if (route_)
            script = route_(request);
        for (const Piece& piece : script)
            play(connection, piece);
        ::close(connection);
    }

    static std::string readRequest(int connection) {
        std::string request;
        char buffer[4096];
        for (;;) {
            const std::size_t head = request.find("\r\n\r\n");
            if (head != std::string::npos) {
                const std::size_t field = request.find("Content-Length: ");
                const std::size_t body = field == std::string::npos ? 0 : std::stoul(request.substr(field + 16));
                if (request.size() >= head + 4 + body)
                    return request;
            }
            const ssize_t got = ::recv(connection, buffer, sizeof buffer, 0);
            if (got <= 0)
                return request;
            request.append(buffer, static_cast<std::size_t>(got));
        }
    }

    void play(int connection, const Piece& piece) {
        std::this_thread::sleep_for(std::chrono::milliseconds(piece.delay_ms));
        while (piece.gate != nullptr && !*piece.gate)
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        ::send(connection, piece.bytes.data(), piece.bytes.size(), MSG_NOSIGNAL);
        if (!piece.wait_close)
            return;
        timeval limit{5, 0};
        ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        char byte = 0;
        saw_close_ = ::recv(connection, &byte, 1, 0) == 0;
    }

    std::vector<Script> scripts_;
    std::function<Script(const std::string&)> route_;
    std::vector<std::thread> connections_;
    int listener_ = -1;
    int port_ = 0;
    std::atomic<bool> saw_close_ = false;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

} // namespace fulgurite
