// SPDX-License-Identifier: Apache-2.0
// Frames between the processes of one launch: a length, a type, a few fields. Private to kernels/comm.
//
// A frame is: u32 length of what follows, u8 type, payload; integers are little-endian, strings a u32 length and
// bytes.
#pragma once

#include "kernels/comm/communicator.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace fulgurite::kernels {

enum class FrameType : std::uint8_t { Hello = 1, Welcome, Refused, Share, Abort, Bye };

struct Frame {
    FrameType type = FrameType::Bye;
    std::string payload;
};

// What a rank says first.
struct Hello {
    int rank = 0;
    int size = 0;
    RankIdentity identity;

    std::string encode() const;
    // Nothing when the bytes are no Hello of this protocol.
    static std::optional<Hello> decode(const std::string& payload);
};

// "rank, message" of an abort.
std::string encodeAbort(int rank, const std::string& message);
CommError decodeAbort(const std::string& payload);

using Deadline = std::chrono::steady_clock::time_point;

// A connected socket, closed with the object.
class Connection {
  public:
    Connection() = default;
    explicit Connection(int fd);
    ~Connection();
    Connection(Connection&& other) noexcept;
    Connection& operator=(Connection&& other) noexcept;

    bool isOpen() const { return fd_ >= 0; }
    int fd() const { return fd_; }
    void close();
    // False when the other side has gone.
    bool send(const Frame& frame) noexcept;
    // Nothing when the other side has gone, sends what is no frame, or nothing whole until the deadline.
    std::optional<Frame> receive(Deadline deadline);

  private:
    bool readAll(char* out, std::size_t count, Deadline deadline);

    int fd_ = -1;
};

} // namespace fulgurite::kernels
