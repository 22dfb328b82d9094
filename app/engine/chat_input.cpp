// SPDX-License-Identifier: Apache-2.0
#include "app/engine/chat_input.h"

#include "core/base/error.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <string_view>
#include <unistd.h>
#include <utility>

namespace fulgurite::app {

namespace {

constexpr std::string_view kQuotes = "\"\"\"";
constexpr const char* kFirst = "> ";
constexpr const char* kMore = ". ";

} // namespace

ChatInput::Result ChatInput::readLine(InterruptGuard& interrupts, const char* prompt, std::string& line) {
    if (::isatty(STDIN_FILENO) == 1) {
        std::fputs(prompt, stdout);
        std::fflush(stdout);
    }
    while (true) {
        if (const std::size_t end = buffer_.find('\n'); end != std::string::npos) {
            line = buffer_.substr(0, end);
            buffer_.erase(0, end + 1);
            if (line.ends_with('\r')) {
                line.pop_back();
            }
            return Result::Message;
        }
        if (ended_) {
            line = std::exchange(buffer_, {});
            return line.empty() ? Result::End : Result::Message;
        }
        std::array<char, 4096> bytes{};
        const ssize_t count = ::read(STDIN_FILENO, bytes.data(), bytes.size());
        if (count > 0) {
            buffer_.append(bytes.data(), static_cast<std::size_t>(count));
        } else if (count == 0) {
            ended_ = true;
        } else if (errno != EINTR) {
            fail(ErrorKind::Io, "standard input: {}", std::strerror(errno));
        } else if (interrupts.take()) {
            buffer_.clear();
            return Result::Interrupted;
        }
    }
}

ChatInput::Result ChatInput::read(InterruptGuard& interrupts, std::string& message) {
    message.clear();
    std::string line;
    const char* prompt = kFirst;
    while (true) {
        const Result result = readLine(interrupts, prompt, line);
        if (result != Result::Message) {
            return result == Result::End && !message.empty() ? Result::Message : result;
        }
        if (message.empty() && line.starts_with(kQuotes)) {
            message = line.substr(kQuotes.size());
            return readBlock(interrupts, message);
        }
        if (!line.ends_with('\\')) {
            message += line;
            return Result::Message;
        }
        line.back() = '\n';
        message += line;
        prompt = kMore;
    }
}

ChatInput::Result ChatInput::readBlock(InterruptGuard& interrupts, std::string& message) {
    std::string line = std::exchange(message, {});
    while (true) {
        if (const std::size_t end = line.find(kQuotes); end != std::string::npos) {
            message += line.substr(0, end);
            if (message.ends_with('\n')) {
                message.pop_back();
            }
            return Result::Message;
        }
        if (!message.empty() || !line.empty()) { // nothing after the opening quotes is no line
            message += line + '\n';
        }
        const Result result = readLine(interrupts, kMore, line);
        if (result != Result::Message) {
            return result;
        }
    }
}

} // namespace fulgurite::app
