// SPDX-License-Identifier: Apache-2.0
#include "core/node/route_paths.h"

#include <algorithm>

namespace fulgurite::node {

namespace {

constexpr RoutePath kPaths[] = {
    {"GET", "/health"},
    {"GET", "/health/ready"},
    {"GET", "/ready"},
    {"GET", "/metrics"},
    {"GET", "/v1/models"},
    {"GET", "/v1/models/{id}"},
    {"POST", "/v1/chat/completions"},
    {"POST", "/v1/completions"},
    {"POST", "/v1/embeddings"},
    {"GET", "/fulgurite/v1/info"},
    {"GET", "/fulgurite/v1/status"},
    {"GET", "/fulgurite/v1/node"},
    {"GET", "/fulgurite/v1/node/log"},
    {"GET", "/fulgurite/v1/access"},
    {"POST", "/fulgurite/v1/share"},
    {"GET", "/fulgurite/v1/model"},
    {"GET", "/fulgurite/v1/model/choices"},
    {"POST", "/fulgurite/v1/model/load"},
    {"POST", "/fulgurite/v1/model/unload"},
    {"POST", "/fulgurite/v1/model/cancel"},
    {"POST", "/fulgurite/v1/generate"},
    {"POST", "/fulgurite/v1/tokenize"},
    {"POST", "/fulgurite/v1/reentry"},
    {"POST", "/fulgurite/v1/search-prompts"},
    {"POST", "/fulgurite/v1/states"},
    {"POST", "/fulgurite/v1/state-uploads"},
    {"GET", "/fulgurite/v1/states/{id}"},
    {"DELETE", "/fulgurite/v1/states/{id}"},
    {"POST", "/fulgurite/v1/states/{id}/piece"},
    {"POST", "/fulgurite/v1/states/{id}/restore"},
    {"POST", "/fulgurite/v1/inspect/plan"},
    {"GET", "/fulgurite/v1/inspect/decay"},
    {"GET", "/fulgurite/v1/inspect/costs"},
    {"POST", "/fulgurite/v1/inspect/compare"},
    {"GET", "/fulgurite/v1/captures"},
    {"POST", "/fulgurite/v1/captures"},
    {"GET", "/fulgurite/v1/captures/{id}"},
    {"DELETE", "/fulgurite/v1/captures/{id}"},
    {"GET", "/fulgurite/v1/captures/{id}/file"},
    {"GET", "/fulgurite/v1/captures/{id}/tokens"},
    {"GET", "/fulgurite/v1/captures/{id}/row"},
    {"GET", "/fulgurite/v1/captures/{id}/map"},
    {"GET", "/fulgurite/v1/captures/{id}/thumbnails"},
    {"GET", "/fulgurite/v1/captures/{id}/heads"},
    {"GET", "/fulgurite/v1/captures/{id}/routing"},
    {"GET", "/fulgurite/v1/captures/{id}/routing/summary"},
    {"GET", "/fulgurite/v1/captures/{id}/lens"},
    {"GET", "/fulgurite/v1/runs"},
    {"POST", "/fulgurite/v1/runs"},
    {"GET", "/fulgurite/v1/runs/{run}"},
    {"PATCH", "/fulgurite/v1/runs/{run}"},
    {"DELETE", "/fulgurite/v1/runs/{run}"},
    {"GET", "/fulgurite/v1/runs/{run}/series"},
    {"GET", "/fulgurite/v1/runs/{run}/points"},
    {"POST", "/fulgurite/v1/runs/{run}/points"},
    {"GET", "/fulgurite/v1/runs/{run}/marks"},
    {"GET", "/fulgurite/v1/runs/{run}/histograms"},
    {"GET", "/fulgurite/v1/runs/{run}/samples"},
    {"POST", "/fulgurite/v1/runs/{run}/samples"},
    {"GET", "/fulgurite/v1/runs/{run}/samples/{sample}"},
    {"POST", "/fulgurite/v1/runs/{run}/rewind"},
    {"POST", "/fulgurite/v1/runs/{run}/finish"},
    {"GET", "/fulgurite/v1/jobs"},
    {"POST", "/fulgurite/v1/jobs"},
    {"GET", "/fulgurite/v1/jobs/{id}"},
    {"DELETE", "/fulgurite/v1/jobs/{id}"},
    {"GET", "/fulgurite/v1/jobs/{id}/log"},
    {"POST", "/fulgurite/v1/jobs/{id}/pause"},
    {"POST", "/fulgurite/v1/jobs/{id}/stop"},
    {"POST", "/fulgurite/v1/jobs/{id}/resume"},
    {"GET", "/fulgurite/v1/encoders"},
    {"GET", "/fulgurite/v1/libraries"},
    {"POST", "/fulgurite/v1/libraries"},
    {"GET", "/fulgurite/v1/libraries/{id}"},
    {"PATCH", "/fulgurite/v1/libraries/{id}"},
    {"DELETE", "/fulgurite/v1/libraries/{id}"},
    {"GET", "/fulgurite/v1/libraries/{id}/images"},
    {"GET", "/fulgurite/v1/libraries/{id}/images/{image}"},
    {"GET", "/fulgurite/v1/libraries/{id}/images/{image}/thumbnail"},
    {"GET", "/fulgurite/v1/libraries/{id}/unreadable"},
    {"GET", "/fulgurite/v1/libraries/{id}/ledger"},
    {"POST", "/fulgurite/v1/libraries/{id}/scan"},
    {"POST", "/fulgurite/v1/libraries/{id}/query"},
    {"POST", "/fulgurite/v1/libraries/{id}/simulate"},
    {"POST", "/fulgurite/v1/libraries/{id}/evaluate"},
    {"GET", "/fulgurite/v1/embedders"},
    {"POST", "/fulgurite/v1/embedders"},
    {"GET", "/fulgurite/v1/collections"},
    {"POST", "/fulgurite/v1/collections"},
    {"GET", "/fulgurite/v1/collections/{id}"},
    {"DELETE", "/fulgurite/v1/collections/{id}"},
    {"GET", "/fulgurite/v1/collections/{id}/documents"},
    {"GET", "/fulgurite/v1/collections/{id}/documents/{document}"},
    {"GET", "/fulgurite/v1/collections/{id}/heads"},
    {"GET", "/fulgurite/v1/collections/{id}/queries"},
    {"POST", "/fulgurite/v1/collections/{id}/queries"},
    {"GET", "/fulgurite/v1/collections/{id}/evaluations"},
    {"GET", "/fulgurite/v1/collections/{id}/evaluations/{record}"},
    {"POST", "/fulgurite/v1/collections/{id}/evaluations"},
    {"POST", "/fulgurite/v1/collections/{id}/ingest"},
    {"POST", "/fulgurite/v1/collections/{id}/job"},
    {"POST", "/fulgurite/v1/collections/{id}/search"},
    {"POST", "/fulgurite/v1/collections/{id}/projection"},
};

std::string_view takeSegment(std::string_view& path) {
    const std::size_t end = std::min(path.find('/'), path.size());
    const std::string_view segment = path.substr(0, end);
    path.remove_prefix(std::min(end + 1, path.size()));
    return segment;
}

bool fits(std::string_view pattern, std::string_view path) {
    if (std::count(pattern.begin(), pattern.end(), '/') != std::count(path.begin(), path.end(), '/')) {
        return false;
    }
    while (!pattern.empty()) {
        const std::string_view wanted = takeSegment(pattern);
        const std::string_view given = takeSegment(path);
        if (wanted.starts_with('{') ? given.empty() : wanted != given) {
            return false;
        }
    }
    return true;
}

} // namespace

std::span<const RoutePath> routePaths() {
    return kPaths;
}

std::vector<std::string_view> methodsAt(std::string_view path) {
    std::vector<std::string_view> methods;
    for (const RoutePath& each : kPaths) {
        if (fits(each.path, path)) {
            methods.push_back(each.method);
        }
    }
    return methods;
}

} // namespace fulgurite::node
