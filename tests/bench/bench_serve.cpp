// SPDX-License-Identifier: Apache-2.0
// Load for a server with an OpenAI-compatible surface, whoever wrote it: so many streams at a time, each with a
// prompt of its own, and how soon their tokens came. One thread, so that on a small machine the server has the
// rest. usage: bench_serve HOST PORT [--streams 200] [--requests 400] [--tokens 64] [--words 40] [--model NAME]
// [--token-file F]
#include "core/base/error.h"
#include "core/base/file_io.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <arpa/inet.h>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <map>
#include <memory>
#include <netinet/tcp.h>
#include <poll.h>
#include <random>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace fulgurite {
namespace {

using Clock = std::chrono::steady_clock;

constexpr double kGiveUpSeconds = 600; // without a byte from anybody

double secondsSince(Clock::time_point from) {
    return std::chrono::duration<double>(Clock::now() - from).count();
}

struct Options {
    std::string host;
    std::uint16_t port = 0;
    std::size_t streams = 200;
    std::size_t requests = 400;
    int tokens = 64;
    int words = 40;
    std::string model = "ember";
    std::string authorization;
};

Options readOptions(int argc, char** argv) {
    if (argc < 3) {
        fail(ErrorKind::InvalidInput,
             "usage: bench_serve HOST PORT [--streams N] [--requests N] [--tokens N] [--words N] "
             "[--model NAME] [--token-file FILE]");
    }
    Options options;
    options.host = argv[1];
    options.port = static_cast<std::uint16_t>(std::stoi(argv[2]));
    for (int i = 3; i + 1 < argc; i += 2) {
        const std::string name = argv[i];
        const std::string value = argv[i + 1];
        if (name == "--streams") {
            options.streams = std::stoul(value);
        } else if (name == "--requests") {
            options.requests = std::stoul(value);
        } else if (name == "--tokens") {
            options.tokens = std::stoi(value);
        } else if (name == "--words") {
            options.words = std::stoi(value);
        } else if (name == "--model") {
            options.model = value;
        } else if (name == "--token-file") {
            std::string token = readTextFile(value);
            token.erase(std::min(token.find('\n'), token.size()));
            options.authorization = "Authorization: Bearer " + token + "\r\n";
        } else {
            fail(ErrorKind::InvalidInput, "there is no option {}", name);
        }
    }
    return options;
}

// Words of no meaning, other ones for each request, so that no server has read them before.
std::string requestBody(const Options& options, std::size_t number) {
    std::mt19937 random(static_cast<std::uint32_t>(number));
    std::string prompt = "Question " + std::to_string(number) + ":";
    for (int i = 0; i < options.words; ++i) {
        prompt += ' ';
        for (std::uint32_t letters = 2 + random() % 6; letters > 0; --letters) {
            prompt += static_cast<char>('a' + random() % 26);
        }
    }
    const nlohmann::json body{{"model", options.model},
                              {"prompt", prompt},
                              {"max_tokens", options.tokens},
                              {"stream", true},
                              {"ignore_eos", true},
                              {"temperature", 0.8},
                              {"top_k", 40},
                              {"top_p", 0.95},
                              {"min_p", 0},
                              {"seed", number},
                              {"stream_options", {{"include_usage", true}}}};
    return body.dump();
}

struct Figures {
    std::vector<double> first;   // seconds from sending to the first event
    std::vector<double> between; // seconds from one event to the next
    std::size_t tokens = 0;
    std::size_t prompt_tokens = 0;
    std::size_t answered = 0;
    std::map<std::string, std::size_t> errors;
};

// One request from connecting to its last event.
class Stream {
  public:
    Stream(const Options& options, std::size_t number) {
        const std::string body = requestBody(options, number);
        out_ = "POST /v1/completions HTTP/1.1\r\nHost: " + options.host + "\r\n" + options.authorization +
               "Content-Type: application/json\r\nConnection: close\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n" + body;
        fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const int on = 1;
        ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(options.port);
        ::inet_pton(AF_INET, options.host.c_str(), &address.sin_addr);
        if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 &&
            errno != EINPROGRESS) {
            failed(std::strerror(errno));
        }
    }
    ~Stream() { ::close(fd_); }
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;

    pollfd wish() const { return {fd_, static_cast<short>(out_.empty() ? POLLIN : POLLOUT), 0}; }
    bool ended() const { return ended_; }

    void move(Figures& figures) {
        if (!out_.empty()) {
            send();
        } else {
            receive(figures);
        }
        if (ended_) {
            settle(figures);
        }
    }

  private:
    void failed(const std::string& why) {
        error_ = why;
        ended_ = true;
    }

    void send() {
        const ssize_t count = ::send(fd_, out_.data(), out_.size(), MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN) {
            failed(std::strerror(errno));
        } else if (count > 0) {
            out_.erase(0, static_cast<std::size_t>(count));
        }
    }

    void receive(Figures& figures) {
        char buffer[65536];
        const ssize_t count = ::recv(fd_, buffer, sizeof buffer, 0);
        if (count <= 0) {
            if (count == 0 || errno != EAGAIN) {
                done_ ? void(ended_ = true) : failed(head_seen_ ? "the stream was cut" : "no answer");
            }
            return;
        }
        in_.append(buffer, static_cast<std::size_t>(count));
        if (!head_seen_ && in_.find("\r\n\r\n") != std::string::npos) {
            head_seen_ = true;
            if (in_.compare(0, 12, "HTTP/1.1 200") != 0) {
                failed(in_.substr(9, 3));
                return;
            }
        }
        takeLines(figures);
    }

    // Sizes of chunks stand on lines of their own and look like no event.
    void takeLines(Figures& figures) {
        std::size_t begin = 0;
        for (std::size_t end = 0; (end = in_.find('\n', begin)) != std::string::npos; begin = end + 1) {
            const std::string_view line = std::string_view(in_).substr(begin, end - begin);
            if (line.starts_with("data: [DONE]")) {
                done_ = ended_ = true;
            } else if (line.starts_with("data: {\"error\"") || line.starts_with("error:")) {
                failed(std::string(line.substr(0, 120)));
            } else if (line.starts_with("data: ")) {
                event(line.substr(6), figures);
            }
        }
        in_.erase(0, begin);
    }

    void event(std::string_view data, Figures& figures) {
        const std::size_t usage = data.find("\"completion_tokens\":");
        if (usage != std::string_view::npos) {
            figures.tokens += std::stoul(std::string(data.substr(usage + 20, 12)));
            const std::size_t prompt = data.find("\"prompt_tokens\":");
            figures.prompt_tokens += std::stoul(std::string(data.substr(prompt + 16, 12)));
            return;
        }
        const auto now = Clock::now();
        if (events_++ == 0) {
            first_ = secondsSince(began_);
        } else {
            gaps_.push_back(std::chrono::duration<double>(now - last_).count());
        }
        last_ = now;
    }

    void settle(Figures& figures) {
        if (!error_.empty()) {
            ++figures.errors[error_];
            return;
        }
        ++figures.answered;
        figures.first.push_back(first_);
        figures.between.insert(figures.between.end(), gaps_.begin(), gaps_.end());
    }

    int fd_ = -1;
    std::string out_;
    std::string in_;
    bool head_seen_ = false;
    bool done_ = false;
    bool ended_ = false;
    std::string error_;
    std::size_t events_ = 0;
    Clock::time_point began_ = Clock::now();
    Clock::time_point last_;
    double first_ = 0;
    std::vector<double> gaps_;
};

Figures run(const Options& options) {
    Figures figures;
    std::vector<std::unique_ptr<Stream>> open;
    std::size_t next = 0;
    auto heard = Clock::now();
    while (next < options.requests || !open.empty()) {
        while (open.size() < options.streams && next < options.requests) {
            open.push_back(std::make_unique<Stream>(options, next++));
        }
        std::vector<pollfd> wishes;
        for (const auto& stream : open) {
            wishes.push_back(stream->wish());
        }
        if (::poll(wishes.data(), wishes.size(), 1000) > 0) {
            heard = Clock::now();
        } else if (secondsSince(heard) > kGiveUpSeconds) {
            figures.errors["silence"] += open.size();
            break;
        }
        for (std::size_t i = 0; i < wishes.size(); ++i) {
            if (wishes[i].revents != 0) {
                open[i]->move(figures);
            }
        }
        std::erase_if(open, [](const auto& stream) { return stream->ended(); });
    }
    return figures;
}

double percentile(std::vector<double>& values, double share) {
    if (values.empty()) {
        return 0;
    }
    const auto at = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
    std::nth_element(values.begin(), values.begin() + std::max<std::ptrdiff_t>(at, 0), values.end());
    return values[static_cast<std::size_t>(std::max<std::ptrdiff_t>(at, 0))];
}

int report(const Options& options, Figures& figures, double seconds) {
    std::size_t errors = 0;
    for (const auto& [what, count] : figures.errors) {
        std::printf("error %zu x %s\n", count, what.c_str());
        errors += count;
    }
    std::printf("%zu streams at a time, %zu of %zu requests answered, %zu errors, %zu prompt and %zu new tokens in "
                "%.2f s\n",
                options.streams, figures.answered, options.requests, errors, figures.prompt_tokens, figures.tokens,
                seconds);
    std::printf("new tokens/s %.1f   first event p50 %.3f s p99 %.3f s   between events p50 %.1f ms p99 %.1f ms\n",
                static_cast<double>(figures.tokens) / seconds, percentile(figures.first, 0.5),
                percentile(figures.first, 0.99), 1e3 * percentile(figures.between, 0.5),
                1e3 * percentile(figures.between, 0.99));
    return errors == 0 && figures.answered == options.requests ? 0 : 1;
}

} // namespace
} // namespace fulgurite

int main(int argc, char** argv) {
    using namespace fulgurite;
    try {
        const Options options = readOptions(argc, argv);
        const auto began = Clock::now();
        Figures figures = run(options);
        return report(options, figures, secondsSince(began));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 2;
    }
}
