// SPDX-License-Identifier: Apache-2.0
// Counters of the node and their Prometheus text form.
#pragma once

#include "core/generate/engine_options.h"
#include "core/node/access.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace fulgurite::node {

// Counts how many observations fell at or under each bound.
struct Histogram {
    static constexpr std::array<double, 16> kBounds{0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25,
                                                    0.5,   1,      2.5,   5,    10,    30,   60,  300}; // seconds
    std::array<std::uint64_t, kBounds.size()> counts{};
    std::uint64_t total = 0;
    double sum = 0;

    void observe(double seconds);
};

// Thread-safe.
class Metrics {
  public:
    Metrics() : start_(std::chrono::steady_clock::now()) {}

    void connectionOpened();
    void connectionClosed();
    void connectionRefused();
    void requestAnswered(const std::string& route, int status);
    void streamDropped(const std::string& reason);
    void firstToken(double seconds); // from the request's head to its first token
    void betweenTokens(double seconds);
    void generationFinished(double queue_seconds, double total_seconds);
    void refused(const std::string& reason); // a request, with the error's code
    void logLost();                          // a line that could not be written

    double uptimeSeconds() const;
    std::int64_t openConnections() const;
    // Prometheus text format 0.0.4; `engine` is null while no model is loaded.
    std::string render(const EngineStatus* engine) const;

  private:
    std::chrono::steady_clock::time_point start_;
    mutable std::mutex mutex_;
    std::int64_t open_ = 0;
    std::uint64_t accepted_ = 0;
    std::uint64_t refused_ = 0;
    std::map<std::pair<std::string, int>, std::uint64_t> requests_;
    std::map<std::string, std::uint64_t> dropped_;
    std::map<std::string, std::uint64_t> refusals_;
    std::uint64_t lost_lines_ = 0;
    Histogram first_token_;
    Histogram between_tokens_;
    Histogram queue_;
    Histogram duration_;
};

// Counters of every name in a list of tokens, in the same format.
void appendCallers(std::string& out, const std::vector<std::shared_ptr<const Caller>>& callers);

} // namespace fulgurite::node
