// SPDX-License-Identifier: Apache-2.0
// Every path that a node answers, written out: docs/openapi.json has the same ones. The table of routes in node.cpp
// finds the endpoint by the beginning of a path; this one knows which methods the whole of it takes.
#pragma once

#include <span>
#include <string_view>
#include <vector>

namespace fulgurite::node {

struct RoutePath {
    std::string_view method;
    std::string_view path; // a name in braces stands for one segment
};

std::span<const RoutePath> routePaths();

// Empty when the path is none of them.
std::vector<std::string_view> methodsAt(std::string_view path);

} // namespace fulgurite::node
