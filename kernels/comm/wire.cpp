// SPDX-License-Identifier: Apache-2.0
#include "kernels/comm/wire.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <utility>

namespace fulgurite::kernels {

static_assert(std::endian::native == std::endian::little, "frames are written as they lie in memory");

namespace {

constexpr std::uint32_t kMagic = 0x31524746; // "FGR1": the version of this protocol
// No frame is longer than a few names and hashes.
constexpr std::uint32_t kMaxFrame = 64 * 1024;

class Writer {
  public:
    void number(std::uint32_t value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof(value)); }
    void text(const std::string& value) {
        number(static_cast<std::uint32_t>(value.size()));
        bytes_ += value;
    }
    std::string take() { return std::move(bytes_); }

  private:
    std::string bytes_;
};

// Fields of a payload; ok() turns false at the first that is not there.
class Reader {
  public:
    explicit Reader(const std::string& bytes) : bytes_(bytes) {}
    std::uint32_t number() {
        std::uint32_t value = 0;
        if (left() < sizeof(value)) {
            ok_ = false;
            return 0;
        }
        std::memcpy(&value, bytes_.data() + at_, sizeof(value));
        at_ += sizeof(value);
        return value;
    }
    std::string text() {
        const std::uint32_t length = number();
        if (left() < length) {
            ok_ = false;
            return {};
        }
        at_ += length;
        return bytes_.substr(at_ - length, length);
    }
    bool ok() const { return ok_; }

  private:
    std::size_t left() const { return bytes_.size() - at_; }

    const std::string& bytes_;
    std::size_t at_ = 0;
    bool ok_ = true;
};

// A machine that is switched off says no goodbye: ask after it every few seconds.
void keepAlive(int fd) {
    const int on = 1;
    const int idle_seconds = 10;
    const int interval_seconds = 5;
    const int probes = 3;
    ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle_seconds, sizeof(idle_seconds));
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_seconds, sizeof(interval_seconds));
    ::setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

} // namespace

std::string Hello::encode() const {
    Writer writer;
    writer.number(kMagic);
    writer.number(static_cast<std::uint32_t>(rank));
    writer.number(static_cast<std::uint32_t>(size));
    writer.text(identity.version);
    writer.text(identity.model);
    writer.text(identity.plan);
    return writer.take();
}

std::optional<Hello> Hello::decode(const std::string& payload) {
    Reader reader(payload);
    if (reader.number() != kMagic) {
        return std::nullopt;
    }
    Hello hello;
    hello.rank = static_cast<int>(reader.number());
    hello.size = static_cast<int>(reader.number());
    hello.identity.version = reader.text();
    hello.identity.model = reader.text();
    hello.identity.plan = reader.text();
    return reader.ok() ? std::optional(hello) : std::nullopt;
}

std::string encodeAbort(int rank, const std::string& message) {
    Writer writer;
    writer.number(static_cast<std::uint32_t>(rank));
    writer.text(message.substr(0, kMaxFrame / 2));
    return writer.take();
}

CommError decodeAbort(const std::string& payload) {
    Reader reader(payload);
    const int rank = static_cast<int>(reader.number());
    const std::string message = reader.text();
    return reader.ok() ? CommError(rank, message) : CommError(-1, "another rank has stopped");
}

Connection::Connection(int fd) : fd_(fd) {
    keepAlive(fd);
}

Connection::~Connection() {
    close();
}

Connection::Connection(Connection&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

Connection& Connection::operator=(Connection&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
}

void Connection::close() {
    if (fd_ >= 0) {
        ::close(std::exchange(fd_, -1));
    }
}

bool Connection::send(const Frame& frame) noexcept {
    const auto length = static_cast<std::uint32_t>(frame.payload.size() + 1);
    std::array<char, sizeof(length) + 1> head{};
    std::memcpy(head.data(), &length, sizeof(length));
    head.back() = static_cast<char>(frame.type);
    for (const auto& [data, size] : {std::pair{static_cast<const char*>(head.data()), head.size()},
                                     std::pair{frame.payload.data(), frame.payload.size()}}) {
        std::size_t sent = 0;
        while (sent < size) {
            const ssize_t n = ::send(fd_, data + sent, size - sent, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) {
                continue;
            }
            if (n <= 0) {
                return false;
            }
            sent += static_cast<std::size_t>(n);
        }
    }
    return true;
}

bool Connection::readAll(char* out, std::size_t count, Deadline deadline) {
    while (count > 0) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
        pollfd waiting{fd_, POLLIN, 0};
        const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 1 << 30)));
        if (ready < 0 && errno == EINTR) {
            continue;
        }
        const ssize_t n = ready > 0 ? ::recv(fd_, out, count, 0) : -1;
        if (n <= 0) {
            return false;
        }
        out += n;
        count -= static_cast<std::size_t>(n);
    }
    return true;
}

std::optional<Frame> Connection::receive(Deadline deadline) {
    std::uint32_t length = 0;
    if (!readAll(reinterpret_cast<char*>(&length), sizeof(length), deadline) || length == 0 || length > kMaxFrame) {
        return std::nullopt;
    }
    Frame frame;
    char type = 0;
    frame.payload.resize(length - 1);
    if (!readAll(&type, 1, deadline) || !readAll(frame.payload.data(), frame.payload.size(), deadline)) {
        return std::nullopt;
    }
    frame.type = static_cast<FrameType>(type);
    return frame;
}

} // namespace fulgurite::kernels
