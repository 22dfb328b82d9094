// SPDX-License-Identifier: Apache-2.0
// A network that can be bad, between a client and a server on this machine: forwards bytes, late or not at all,
// cuts what is open and refuses what comes.
#pragma once

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <list>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace fulgurite::test {

class FaultProxy {
  public:
    explicit FaultProxy(std::uint16_t to) : to_(to) {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address = loopback(0);
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address);
        ::listen(listener_, 16);
        socklen_t size = sizeof address;
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ~FaultProxy() {
        ending_ = true;
        cut();
        thread_.join();
        for (std::thread& each : pairs_)
            each.join();
        ::close(listener_);
    }
    FaultProxy(const FaultProxy&) = delete;
    FaultProxy& operator=(const FaultProxy&) = delete;

    std::uint16_t port() const { return port_; }
    void setServer(std::uint16_t to) { to_ = to; } // after a restart
    void delay(int milliseconds) { delay_ = milliseconds; }
    void stall(bool stalled) { stalled_ = stalled; }  // bytes wait, connections stay open
    void refuse(bool refused) { refused_ = refused; } // new connections are closed at once
    void cut() { ++cuts_; }                           // what is open now
    // Cuts everything after so many more bytes of answers have passed; negative: never.
    void cutAfter(std::int64_t bytes) { bytes_left_ = bytes; }

  private:
    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        return address;
    }

    void serve() {
        while (!ending_) {
            pollfd ready{listener_, POLLIN, 0};
            if (::poll(&ready, 1, 20) <= 0)
                continue;
            const int client = ::accept(listener_, nullptr, nullptr);
            if (client < 0)
                continue;
            const int server = ::socket(AF_INET, SOCK_STREAM, 0);
            const sockaddr_in address = loopback(to_);
            if (refused_ || ::connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
                ::close(client);
                ::close(server);
                continue;
            }
            pairs_.emplace_back([this, client, server] { forward(client, server); });
        }
    }

    void forward(int client, int server) {
        const int born = cuts_;
        std::vector<char> buffer(16 * 1024);
        while (!ending_ && born == cuts_) {
            pollfd ends[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
            if (::poll(ends, 2, 10) <= 0 || stalled_)
                continue;
            if (!pass(ends[0], server, buffer, false) || !pass(ends[1], client, buffer, true))
                break;
        }
        ::close(client);
        ::close(server);
    }

    bool pass(const pollfd& from, int to, std::vector<char>& buffer, bool answer) {
        if (from.revents == 0)
            return true;
        const ssize_t got = ::recv(from.fd, buffer.data(), buffer.size(), 0);
        if (got <= 0)
            return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(delay_));
        if (answer && bytes_left_ >= 0 && (bytes_left_ -= got) < 0) {
            cut();
            bytes_left_ = -1;
            return false;
        }
        return ::send(to, buffer.data(), static_cast<std::size_t>(got), MSG_NOSIGNAL) == got;
    }

    std::atomic<std::uint16_t> to_;
    int listener_ = -1;
    std::uint16_t port_ = 0;
    std::atomic<bool> ending_ = false;
    std::atomic<bool> stalled_ = false;
    std::atomic<bool> refused_ = false;
    std::atomic<int> delay_ = 0;
    std::atomic<int> cuts_ = 0;
    std::atomic<std::int64_t> bytes_left_ = -1;
    std::list<std::thread> pairs_;
    std::thread thread_;
};

} // namespace fulgurite::test
