// SPDX-License-Identifier: Apache-2.0
// The tree as the rules of the repository see it: which files belong to it, what they include, which licence they
// are under.
#pragma once

#include <filesystem>
#include <set>
#include <string>
#include <vector>

namespace fulgurite::test {

// Paths relative to the source folder, sorted: what git tracks or, without git, all files outside build folders.
std::vector<std::string> repositoryFiles();

// Lines of a text file; none when it holds a zero byte.
std::vector<std::string> textLines(const std::string& file);

bool isSource(const std::string& file);
bool isBelow(const std::string& file, const std::string& folder);

// The licence that a file names in its first lines, in FILE.license, or in REUSE.toml; empty when there is none.
std::string licenceOf(const std::string& file);

// Paths of the quoted `#include` lines, relative to the source folder.
std::set<std::string> includesOf(const std::string& file);

} // namespace fulgurite::test
