// SPDX-License-Identifier: Apache-2.0
// docs/openapi.json and the node's table of routes name the same paths with the same methods.
#include "core/base/file_io.h"
#include "core/node/node.h"
#include "core/node/route_paths.h"
#include "tests/unit/test_paths.h"

#include <algorithm>
#include <cctype>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace fulgurite::node {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::UnorderedElementsAreArray;

struct Documented {
    std::string method;
    std::string path;
};

std::vector<Documented> documented() {
    const auto file = nlohmann::json::parse(readTextFile(test::sourceDir() / "docs/openapi.json"));
    std::vector<Documented> all;
    for (const auto& [path, methods] : file.at("paths").items()) {
        for (const auto& [method, operation] : methods.items()) {
            std::string upper = method;
            std::transform(upper.begin(), upper.end(), upper.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
            all.push_back({upper, path});
        }
    }
    return all;
}

std::vector<std::string> lines(const auto& rows) {
    std::vector<std::string> all;
    for (const auto& row : rows) {
        all.push_back(std::string(row.method) + " " + std::string(row.path));
    }
    return all;
}

TEST(OpenApi, NamesThePathsOfTheNode) {
    EXPECT_THAT(lines(documented()), UnorderedElementsAreArray(lines(routePaths())));
}

// A route that ends with '/' takes a name behind it, and more.
TEST(OpenApi, PathsAndRoutesBelongTogether) {
    const std::vector<RouteInfo> table = allRoutes();
    const auto belongs = [](const RoutePath& path, const RouteInfo& route) {
        const bool takes_more = route.path.ends_with('/');
        return path.method == route.method &&
               (takes_more ? path.path.starts_with(std::string(route.path) + "{") : path.path == route.path);
    };
    for (const RouteInfo& route : table) {
        EXPECT_TRUE(std::any_of(routePaths().begin(), routePaths().end(),
                                [&](const RoutePath& path) { return belongs(path, route); }))
            << route.method << " " << route.path << " is missing in route_paths.cpp";
    }
    for (const RoutePath& path : routePaths()) {
        EXPECT_TRUE(
            std::any_of(table.begin(), table.end(), [&](const RouteInfo& route) { return belongs(path, route); }))
            << path.method << " " << path.path << " has no endpoint in node.cpp";
    }
}

TEST(OpenApi, MethodsGoByTheWholePath) {
    EXPECT_THAT(methodsAt("/fulgurite/v1/jobs"), ElementsAre("GET", "POST"));
    EXPECT_THAT(methodsAt("/fulgurite/v1/jobs/7/pause"), ElementsAre("POST"));
    EXPECT_THAT(methodsAt("/fulgurite/v1/captures/x/routing/summary"), ElementsAre("GET"));
    EXPECT_THAT(methodsAt("/fulgurite/v1/captures/x"), ElementsAre("GET", "DELETE"));
    EXPECT_THAT(methodsAt("/fulgurite/v1/captures/"), IsEmpty());
    EXPECT_THAT(methodsAt("/fulgurite/v1/captures/x/nothing"), IsEmpty());
}

TEST(OpenApi, ReferencesLeadSomewhere) {
    const auto file = nlohmann::json::parse(readTextFile(test::sourceDir() / "docs/openapi.json"));
    const auto check = [&](auto&& self, const nlohmann::json& value) -> void {
        if (value.is_object() && value.contains("$ref") && value["$ref"].is_string()) {
            EXPECT_NO_THROW(file.at(nlohmann::json::json_pointer(value["$ref"].get<std::string>().substr(1))))
                << value["$ref"];
        }
        if (value.is_structured()) {
            for (const auto& [key, part] : value.items()) {
                self(self, part);
            }
        }
    };
    check(check, file);
}

} // namespace
} // namespace fulgurite::node
