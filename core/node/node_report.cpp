// SPDX-License-Identifier: Apache-2.0
#include "core/node/node_report.h"

#include "core/base/gpu_devices.h"
#include "core/base/system_memory.h"
#include "core/base/version.h"
#include "core/node/json_text.h"
#include "core/node/node_log.h"
#include "core/node/query_reader.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <thread>
#include <unistd.h>

namespace fulgurite::node {

namespace {

constexpr std::size_t kMostLines = 500;

HttpReply reply(const nlohmann::json& value) {
    HttpReply answer;
    answer.body = dumpJson(value);
    return answer;
}

std::string hostName() {
    char name[256] = {};
    return ::gethostname(name, sizeof(name) - 1) == 0 ? name : "";
}

std::uint64_t residentBytes() {
    std::ifstream file("/proc/self/statm");
    std::uint64_t pages = 0;
    std::uint64_t resident = 0;
    file >> pages >> resident;
    return resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

nlohmann::json machineObject() {
    double load[1] = {0};
    if (::getloadavg(load, 1) < 1) {
        load[0] = 0;
    }
    const auto pages = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES));
    return {{"cores", std::thread::hardware_concurrency()},
            {"load", load[0]},
            {"memory_total_bytes", pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE))},
            {"memory_available_bytes", availableMemory()},
            {"process_bytes", residentBytes()}};
}

nlohmann::json gpuObject() {
    const GpuReport report = readGpus();
    nlohmann::json devices = nlohmann::json::array();
    for (const GpuDevice& each : report.devices) {
        nlohmann::json device{{"name", each.name},
                              {"memory_used_bytes", each.memory_used},
                              {"memory_total_bytes", each.memory_total},
                              {"compute_capability", fmt::format("{}.{}", each.compute_major, each.compute_minor)}};
        if (each.utilization >= 0) {
            device["utilisation_percent"] = each.utilization;
        }
        if (each.temperature >= 0) {
            device["temperature_celsius"] = each.temperature;
        }
        if (each.power >= 0) {
            device["watts"] = each.power;
        }
        devices.push_back(std::move(device));
    }
    return {{"driver", report.driver}, {"problem", report.problem}, {"devices", std::move(devices)}};
}

nlohmann::json modelState(const ModelHost& host) {
    nlohmann::json model{{"state", nameOf(host.state())}, {"message", host.message()}};
    if (const std::shared_ptr<ModelService> service = host.look()) {
        const ModelFacts& facts = service->facts();
        model["id"] = facts.id;
        model["path"] = facts.path;
        model["weight_bytes"] = facts.weight_bytes;
    }
    return model;
}

nlohmann::json reportOf(const EndpointContext& context) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return {{"host", hostName()},
            {"version", kVersion},
            {"process", static_cast<std::int64_t>(::getpid())},
            {"uptime_seconds", context.metrics.uptimeSeconds()},
            {"clock", std::chrono::duration<double>(now).count()},
            {"machine", machineObject()},
            {"gpu", gpuObject()},
            {"model", modelState(context.host)}};
}

} // namespace

Answer nodeReport(const EndpointContext& context, const HttpRequest& /*request*/) {
    return reply(reportOf(context));
}

Answer showLog(const EndpointContext& /*context*/, const HttpRequest& request) {
    QueryReader query(request.head.query);
    const auto from = static_cast<std::uint64_t>(query.integer("from", 0, INT64_MAX).value_or(0));
    query.finish();
    nlohmann::json lines = nlohmann::json::array();
    std::uint64_t next = nodeLog().next();
    for (const LogLine& line : nodeLog().from(from, kMostLines)) {
        lines.push_back({{"number", line.number},
                         {"time_us", line.time_us},
                         {"level", nameOf(line.level)},
                         {"text", line.text}});
        next = line.number + 1;
    }
    return reply({{"lines", std::move(lines)}, {"next", next}});
}

} // namespace fulgurite::node
