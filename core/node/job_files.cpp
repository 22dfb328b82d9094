// SPDX-License-Identifier: Apache-2.0
#include "core/node/job_files.h"

#include "core/base/atomic_file.h"
#include "core/base/file_io.h"
#include "core/base/json.h"
#include "core/base/json_field.h"
#include "core/node/json_text.h"

#include <array>
#include <fstream>

namespace fulgurite::node {

namespace {

namespace fs = std::filesystem;

constexpr std::array<std::pair<JobState, const char*>, 6> kStateNames{{{JobState::Running, "running"},
                                                                       {JobState::Paused, "paused"},
                                                                       {JobState::Stopping, "stopping"},
                                                                       {JobState::Finished, "finished"},
                                                                       {JobState::Failed, "failed"},
                                                                       {JobState::Stopped, "stopped"}}};

fs::path recordPath(const fs::path& folder) {
    return folder / "job.json";
}

} // namespace

const char* nameOf(JobState state) {
    for (const auto& [value, name] : kStateNames) {
        if (value == state)
            return name;
    }
    return "unknown";
}

std::int64_t nowMicroseconds() {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

nlohmann::json toJson(const JobRecord& record) {
    nlohmann::json json{{"id", record.id},
                        {"kind", record.kind},
                        {"name", record.name},
                        {"state", nameOf(record.state)},
                        {"spec", record.spec},
                        {"created_us", record.created_us},
                        {"folder", record.folder.string()},
                        {"log_bytes", record.log_bytes}};
    json["ended_us"] = record.ended_us ? nlohmann::json(*record.ended_us) : nlohmann::json();
    json["kill_us"] = record.kill_us ? nlohmann::json(*record.kill_us) : nlohmann::json();
    json["exit_code"] = record.exit_code ? nlohmann::json(*record.exit_code) : nlohmann::json();
    json["message"] = record.message;
    return json;
}

void writeJobFile(const JobRecord& record) {
    writeFileAtomically(recordPath(record.folder), dumpJson(toJson(record)) + "\n");
}

std::optional<JobRecord> readJobFile(const fs::path& folder) {
    try {
        const std::string name = recordPath(folder).string();
        const auto json = parseJson(readTextFile(name), name);
        const JsonField field(json, name);
        JobRecord record;
        record.id = field["id"].integer(1, INT64_MAX);
        record.kind = field["kind"].string();
        record.name = field["name"].string();
        record.spec = field["spec"].value();
        record.created_us = field["created_us"].integer(0, INT64_MAX);
        if (field.has("ended_us"))
            record.ended_us = field["ended_us"].integer(0, INT64_MAX);
        if (field.has("exit_code"))
            record.exit_code = static_cast<int>(field["exit_code"].integer(0, 1024));
        record.message = field["message"].string();
        record.folder = folder;
        const std::string state = field["state"].string();
        for (const auto& [value, text] : kStateNames) {
            if (state == text)
                record.state = value;
        }
        return record;
    } catch (const Error&) {
        return std::nullopt;
    }
}

JobLog readJobLog(const fs::path& path, std::optional<std::uint64_t> from, std::size_t limit) {
    JobLog log;
    std::error_code none_yet;
    const auto size = fs::file_size(path, none_yet);
    log.size = none_yet ? 0 : size;
    log.from = from.value_or(log.size - std::min<std::uint64_t>(log.size, limit));
    log.from = std::min(log.from, log.size);
    log.text.resize(static_cast<std::size_t>(std::min<std::uint64_t>(limit, log.size - log.from)));
    std::ifstream stream(path, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(log.from));
    stream.read(log.text.data(), static_cast<std::streamsize>(log.text.size()));
    log.text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, stream.gcount())));
    log.next = log.from + log.text.size();
    return log;
}

std::string lastLineOf(std::string_view text) {
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r'))
        text.remove_suffix(1);
    const std::size_t newline = text.rfind('\n');
    return std::string(newline == std::string_view::npos ? text : text.substr(newline + 1));
}

} // namespace fulgurite::node
