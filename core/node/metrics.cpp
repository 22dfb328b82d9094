// SPDX-License-Identifier: Apache-2.0
// Prometheus text exposition.
#include "core/node/metrics.h"

#include "core/base/version.h"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <unistd.h>

namespace fulgurite::node {

namespace {

void describe(std::string& out, const char* name, const char* type, const char* help) {
    fmt::format_to(std::back_inserter(out), "# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
}

template <class Value>
void plain(std::string& out, const char* name, const char* type, const char* help, Value value) {
    describe(out, name, type, help);
    fmt::format_to(std::back_inserter(out), "{} {}\n", name, value);
}

void histogram(std::string& out, const char* name, const char* help, const Histogram& values) {
    describe(out, name, "histogram", help);
    for (std::size_t i = 0; i < Histogram::kBounds.size(); ++i) {
        fmt::format_to(std::back_inserter(out), "{}_bucket{{le=\"{}\"}} {}\n", name, Histogram::kBounds[i],
                       values.counts[i]);
    }
    fmt::format_to(std::back_inserter(out), "{0}_bucket{{le=\"+Inf\"}} {1}\n{0}_sum {2}\n{0}_count {1}\n", name,
                   values.total, values.sum);
}

std::uint64_t residentBytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t pages = 0;
    std::uint64_t resident = 0;
    file >> pages >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

void renderEngine(std::string& out, const EngineStatus& engine) {
    plain(out, "fulgurite_generations_active", "gauge", "Sequences being computed", engine.active);
    plain(out, "fulgurite_generations_queued", "gauge", "Sequences that wait for room", engine.queued);
    plain(out, "fulgurite_prompt_tokens_total", "counter", "Prompt tokens of all requests",
          engine.prompt_tokens_total);
    plain(out, "fulgurite_reused_tokens_total", "counter", "Prompt tokens taken from snapshots",
          engine.reused_tokens_total);
    plain(out, "fulgurite_completion_tokens_total", "counter", "Tokens generated", engine.completion_tokens_total);
    plain(out, "fulgurite_prefill_tokens_per_second", "gauge", "Recent prefill rate",
          engine.prefill_tokens_per_second);
    plain(out, "fulgurite_decode_tokens_per_second", "gauge", "Recent decode rate, all sequences together",
          engine.decode_tokens_per_second);
    plain(out, "fulgurite_state_bytes", "gauge", "Memory of running sequences", engine.state_bytes);
    plain(out, "fulgurite_snapshot_bytes", "gauge", "Memory of snapshots", engine.snapshot_bytes);
    plain(out, "fulgurite_snapshots", "gauge", "Snapshots held", engine.snapshot_count);
    plain(out, "fulgurite_memory_limit_bytes", "gauge", "Memory that states and snapshots may take",
          engine.memory_limit);
}

} // namespace

void Histogram::observe(double seconds) {
    for (std::size_t i = 0; i < kBounds.size(); ++i) {
        counts[i] += seconds <= kBounds[i] ? 1 : 0;
    }
    ++total;
    sum += seconds;
}

void Metrics::connectionOpened() {
    const std::lock_guard lock(mutex_);
    ++open_;
    ++accepted_;
}

void Metrics::connectionClosed() {
    const std::lock_guard lock(mutex_);
    --open_;
}

void Metrics::connectionRefused() {
    const std::lock_guard lock(mutex_);
    ++refused_;
}

void Metrics::requestAnswered(const std::string& route, int status) {
    const std::lock_guard lock(mutex_);
    ++requests_[{route, status}];
}

void Metrics::streamDropped(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++dropped_[reason];
}

void Metrics::firstToken(double seconds) {
    const std::lock_guard lock(mutex_);
    first_token_.observe(seconds);
}

void Metrics::betweenTokens(double seconds) {
    const std::lock_guard lock(mutex_);
    between_tokens_.observe(seconds);
}

void Metrics::refused(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    ++refusals_[reason];
}

void Metrics::logLost() {
    const std::lock_guard lock(mutex_);
    ++lost_lines_;
}

void Metrics::generationFinished(double queue_seconds, double total_seconds) {
    const std::lock_guard lock(mutex_);
    queue_.observe(queue_seconds);
    duration_.observe(total_seconds);
}

double Metrics::uptimeSeconds() const {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
}

std::int64_t Metrics::openConnections() const {
    const std::lock_guard lock(mutex_);
    return open_;
}

std::string Metrics::render(const EngineStatus* engine) const {
    const std::lock_guard lock(mutex_);
    std::string out;
    describe(out, "fulgurite_build_info", "gauge", "Always 1; the label is the version");
    fmt::format_to(std::back_inserter(out), "fulgurite_build_info{{version=\"{}\"}} 1\n", kVersion);
    plain(out, "fulgurite_uptime_seconds", "gauge", "Since the start of the process", uptimeSeconds());
    plain(out, "process_resident_memory_bytes", "gauge", "Resident memory, mapped weights included",
          residentBytes());
    plain(out, "fulgurite_model_loaded", "gauge", "1 when requests can be answered", engine != nullptr ? 1 : 0);
    plain(out, "fulgurite_http_connections", "gauge", "Open connections", open_);
    plain(out, "fulgurite_http_connections_total", "counter", "Connections accepted", accepted_);
    plain(out, "fulgurite_http_connections_refused_total", "counter", "Connections turned away: too many",
          refused_);
    describe(out, "fulgurite_http_requests_total", "counter", "Requests answered by route and status");
    for (const auto& [key, count] : requests_) {
        fmt::format_to(std::back_inserter(out), "fulgurite_http_requests_total{{route=\"{}\",code=\"{}\"}} {}\n",
                       key.first, key.second, count);
    }
    describe(out, "fulgurite_streams_dropped_total", "counter", "Replies given up by reason");
    for (const auto& [reason, count] : dropped_) {
        fmt::format_to(std::back_inserter(out), "fulgurite_streams_dropped_total{{reason=\"{}\"}} {}\n", reason,
                       count);
    }
    describe(out, "fulgurite_refusals_total", "counter", "Requests refused by reason");
    for (const auto& [reason, count] : refusals_) {
        fmt::format_to(std::back_inserter(out), "fulgurite_refusals_total{{reason=\"{}\"}} {}\n", reason, count);
    }
    plain(out, "fulgurite_log_lines_lost_total", "counter", "Lines of logs that could not be written", lost_lines_);
    histogram(out, "fulgurite_first_token_seconds", "From a request's head to its first token", first_token_);
    histogram(out, "fulgurite_inter_token_seconds", "Between two tokens of one answer", between_tokens_);
    histogram(out, "fulgurite_queue_seconds", "Waiting of finished generations for room", queue_);
    histogram(out, "fulgurite_generation_seconds", "Whole time of finished generations", duration_);
    if (engine != nullptr) {
        renderEngine(out, *engine);
    }
    return out;
}

void appendCallers(std::string& out, const std::vector<std::shared_ptr<const Caller>>& callers) {
    struct Column {
        const char* name;
        const char* type;
        const char* help;
        std::uint64_t (*value)(const CallerUse::Totals&);
    };
    using Totals = CallerUse::Totals;
    static constexpr Column kColumns[] = {
        {"fulgurite_token_requests_total", "counter", "Requests let in, by the token's name",
         [](const Totals& each) { return each.requests; }},
        {"fulgurite_token_refused_total", "counter", "Requests over a limit of the token",
         [](const Totals& each) { return each.refused; }},
        {"fulgurite_token_prompt_tokens_total", "counter", "Prompt tokens, by the token's name",
         [](const Totals& each) { return each.prompt_tokens; }},
        {"fulgurite_token_completion_tokens_total", "counter", "Generated tokens, by the token's name",
         [](const Totals& each) { return each.completion_tokens; }},
        {"fulgurite_token_requests_at_once", "gauge", "Requests being answered, by the token's name",
         [](const Totals& each) { return static_cast<std::uint64_t>(each.at_once); }}};
    for (const Column& column : kColumns) {
        describe(out, column.name, column.type, column.help);
        for (const auto& caller : callers) {
            fmt::format_to(std::back_inserter(out), "{}{{token=\"{}\"}} {}\n", column.name, caller->name,
                           column.value(caller->use->totals(unixSeconds())));
        }
    }
}

} // namespace fulgurite::node
