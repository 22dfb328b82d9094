// SPDX-License-Identifier: Apache-2.0
// The rules that docs/ARCHITECTURE.md gives to the tree besides tests/layering: licences, the order of core's
// parts, sizes, and that nothing in it knows the machine it was written on.
#include "core/base/file_io.h"
#include "repository_files.h"
#include "test_paths.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

namespace fulgurite::test {
namespace {

namespace fs = std::filesystem;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using Findings = std::vector<std::string>;

constexpr std::size_t kMaxLines = 500;
constexpr std::uintmax_t kMaxTreeBytes = std::uintmax_t{45} << 20;

bool isInOneOf(const std::string& file, const std::vector<std::string>& folders) {
    return std::any_of(folders.begin(), folders.end(),
                       [&](const std::string& folder) { return isBelow(file, folder); });
}

TEST(Licences, EveryFileNamesOne) {
    Findings without;
    for (const std::string& file : repositoryFiles()) {
        if (!file.ends_with(".license") && !isBelow(file, "LICENSES") && licenceOf(file).empty())
            without.push_back(file);
    }
    EXPECT_THAT(without, IsEmpty()) << "put an SPDX line first, or add the file to REUSE.toml";
}

TEST(Licences, TheTextOfEveryOneIsThere) {
    std::set<std::string> named;
    for (const std::string& file : repositoryFiles()) {
        if (!isBelow(file, "LICENSES") && !file.ends_with(".license"))
            named.insert(licenceOf(file));
    }
    named.erase("");
    EXPECT_THAT(named, IsSupersetOf({"Apache-2.0", "GPL-3.0-or-later"}));
    for (const std::string& licence : named)
        EXPECT_TRUE(fs::exists(sourceDir() / "LICENSES" / (licence + ".txt"))) << licence;
}

TEST(Licences, EngineIsApacheAndDesktopIsGpl) {
    Findings wrong;
    for (const std::string& file : repositoryFiles()) {
        const bool desktop = isInOneOf(file, {"ui", "app/desktop", "tests/ui"});
        if (!isSource(file) || !(desktop || isInOneOf(file, {"core", "kernels", "app/engine"})))
            continue;
        if (licenceOf(file) != (desktop ? "GPL-3.0-or-later" : "Apache-2.0"))
            wrong.push_back(file + ": " + licenceOf(file));
    }
    EXPECT_THAT(wrong, IsEmpty());
}

TEST(Layers, PartsOfCoreUseEarlierPartsOnly) {
    std::map<std::string, int> order;
    const std::regex subdirectory("add_subdirectory\\(([a-z]+)\\)");
    for (const std::string& line : textLines("core/CMakeLists.txt")) {
        if (std::smatch match; std::regex_match(line, match, subdirectory))
            order.emplace(match[1], static_cast<int>(order.size()));
    }
    const auto partOf = [](const std::string& file) { return file.substr(5, file.find('/', 5) - 5); };
    Findings wrong;
    for (const std::string& file : repositoryFiles()) {
        if (!isBelow(file, "core") || file == "core/CMakeLists.txt")
            continue;
        EXPECT_TRUE(order.contains(partOf(file))) << file << " belongs to no part in core/CMakeLists.txt";
        for (const std::string& include : includesOf(file)) {
            if (isBelow(include, "core") && order[partOf(include)] > order[partOf(file)])
                wrong.push_back(file + " includes " + include);
        }
    }
    EXPECT_THAT(wrong, IsEmpty()) << "core/CMakeLists.txt lists the parts in the order of dependence";
}

TEST(Sources, StayUnder500Lines) {
    Findings long_files;
    for (const std::string& file : repositoryFiles()) {
        if (!isSource(file))
            continue;
        if (const std::size_t lines = textLines(file).size(); lines > kMaxLines)
            long_files.push_back(file + ": " + std::to_string(lines));
    }
    EXPECT_THAT(long_files, IsEmpty()) << "part the file by subject";
}

TEST(Sources, HeadersAreIncludedOnce) {
    Findings without;
    for (const std::string& file : repositoryFiles()) {
        if (!file.ends_with(".h"))
            continue;
        const auto lines = textLines(file);
        if (std::find(lines.begin(), lines.end(), "#pragma once") == lines.end())
            without.push_back(file);
    }
    EXPECT_THAT(without, IsEmpty());
}

TEST(Tree, KnowsNoMachine) {
    // In two parts each, so that this file does not match itself.
    const std::regex machine_path(std::string("(^|[\\s\"'=(:`])/(wo") + "rk|ro" + "ot|ho" + "me/[a-z]+|Us" +
                                  "ers)/");
    Findings found;
    for (const std::string& file : repositoryFiles()) {
        const auto lines = textLines(file);
        if (fs::file_size(sourceDir() / file) > (1U << 20))
            continue;
        for (std::size_t i = 0; i < lines.size(); ++i) {
            if (lines[i].find('/') != std::string::npos && std::regex_search(lines[i], machine_path))
                found.push_back(file + ":" + std::to_string(i + 1) + ": " + lines[i].substr(0, 120));
        }
    }
    EXPECT_THAT(found, IsEmpty());
}

TEST(Tree, LinksOfDocumentsLeadSomewhere) {
    const std::regex link("\\]\\(([^)#\\s]+)[^)]*\\)");
    Findings broken;
    for (const std::string& file : repositoryFiles()) {
        if (!file.ends_with(".md"))
            continue;
        for (const std::string& line : textLines(file)) {
            for (std::sregex_iterator it(line.begin(), line.end(), link), end; it != end; ++it) {
                const std::string target = (*it)[1];
                const fs::path folder = fs::path(file).parent_path();
                if (target.find("://") == std::string::npos && !fs::exists(sourceDir() / folder / target))
                    broken.push_back(file + " -> " + target);
            }
        }
    }
    EXPECT_THAT(broken, IsEmpty());
}

TEST(Tree, IsUnder45MiB) {
    std::uintmax_t bytes = 0;
    for (const std::string& file : repositoryFiles())
        bytes += fs::file_size(sourceDir() / file);
    EXPECT_LT(bytes, kMaxTreeBytes);
}

TEST(Tree, HasTheSamePresetsForConfiguringBuildingAndTesting) {
    const auto presets = nlohmann::json::parse(readTextFile(sourceDir() / "CMakePresets.json"));
    for (const char* kind : {"configurePresets", "buildPresets", "testPresets"}) {
        std::set<std::string> names;
        for (const auto& preset : presets.at(kind))
            names.insert(preset.at("name").get<std::string>());
        EXPECT_THAT(names, IsSupersetOf({"release", "debug", "asan-ubsan", "tsan", "engine-only"})) << kind;
    }
}

} // namespace
} // namespace fulgurite::test
