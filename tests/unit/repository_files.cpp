// SPDX-License-Identifier: Apache-2.0
#include "repository_files.h"

#include "core/base/file_io.h"
#include "test_paths.h"

#include <algorithm>
#include <cstdio>
#include <optional>
#include <regex>
#include <sstream>

namespace fulgurite::test {
namespace fs = std::filesystem;
namespace {

std::vector<std::string> splitAt(const std::string& text, char separator) {
    std::vector<std::string> parts;
    std::istringstream stream(text);
    for (std::string part; std::getline(stream, part, separator);)
        parts.push_back(part);
    return parts;
}

std::vector<std::string> filesBelowSource() {
    std::vector<std::string> files;
    const fs::path root = sourceDir();
    for (auto it = fs::recursive_directory_iterator(root); it != fs::recursive_directory_iterator(); ++it) {
        const std::string name = it->path().filename().string();
        if (it->is_directory() && (name == ".git" || name == "build" || name == "__pycache__"))
            it.disable_recursion_pending();
        else if (it->is_regular_file())
            files.push_back(fs::relative(it->path(), root).generic_string());
    }
    return files;
}

// `**` any path, `*` anything within a folder, everything else as it is.
std::regex globPattern(const std::string& glob) {
    std::string pattern;
    for (std::size_t i = 0; i < glob.size(); ++i) {
        if (glob[i] == '*') {
            const bool any_path = i + 1 < glob.size() && glob[i + 1] == '*';
            pattern += any_path ? ".*" : "[^/]*";
            i += any_path ? 1 : 0;
        } else {
            pattern += std::string(glob[i] == '.' || glob[i] == '+' ? "\\" : "") + glob[i];
        }
    }
    return std::regex(pattern);
}

struct Annotation {
    std::vector<std::regex> paths;
    std::string licence;
};

// The part of REUSE.toml that this repository uses: `path = [...]` and `SPDX-License-Identifier = "..."` on lines.
std::vector<Annotation> readAnnotations() {
    std::vector<Annotation> annotations;
    const std::regex quoted("\"([^\"]*)\"");
    bool in_paths = false;
    for (const std::string& line : textLines("REUSE.toml")) {
        if (line == "[[annotations]]")
            annotations.emplace_back();
        const bool names_licence = line.starts_with("SPDX-License-Identifier");
        in_paths = in_paths || line.starts_with("path");
        for (std::sregex_iterator it(line.begin(), line.end(), quoted), end; it != end; ++it) {
            if (in_paths)
                annotations.back().paths.push_back(globPattern((*it)[1]));
            else if (names_licence)
                annotations.back().licence = (*it)[1];
        }
        in_paths = in_paths && line.find(']') == std::string::npos; // a list may take several lines
    }
    return annotations;
}

std::string licenceInside(const std::vector<std::string>& lines) {
    static const std::regex identifier("SPDX-License-" "Identifier: ([A-Za-z0-9.+-]+)");
    for (std::size_t i = 0; i < std::min<std::size_t>(lines.size(), 5); ++i) {
        std::smatch match;
        if (std::regex_search(lines[i], match, identifier))
            return match[1];
    }
    return {};
}

// Standard output of a shell command; nothing when it fails.
std::optional<std::string> outputOf(const std::string& command) {
    std::FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
    if (pipe == nullptr)
        return std::nullopt;
    std::string text;
    char buffer[65536];
    for (std::size_t size = 0; (size = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;)
        text.append(buffer, size);
    return ::pclose(pipe) == 0 ? std::optional(text) : std::nullopt;
}

} // namespace

std::vector<std::string> repositoryFiles() {
    std::vector<std::string> files;
    const auto tracked = outputOf("git -C '" + sourceDir().string() + "' ls-files -z");
    for (const std::string& file : tracked ? splitAt(*tracked, '\0') : filesBelowSource()) {
        if (fs::is_regular_file(sourceDir() / file))
            files.push_back(file);
    }
    std::sort(files.begin(), files.end());
    return files;
}

std::vector<std::string> textLines(const std::string& file) {
    const std::string text = readTextFile(sourceDir() / file);
    if (text.find('\0') != std::string::npos)
        return {};
    return splitAt(text, '\n');
}

bool isSource(const std::string& file) {
    static const std::set<std::string> extensions = {".cpp", ".h", ".inl", ".cu", ".cuh", ".py", ".sh", ".cmake"};
    return extensions.contains(fs::path(file).extension().string()) || file.ends_with("CMakeLists.txt");
}

bool isBelow(const std::string& file, const std::string& folder) {
    return file.starts_with(folder + "/");
}

std::string licenceOf(const std::string& file) {
    static const std::vector<Annotation> annotations = readAnnotations();
    if (fs::exists(sourceDir() / (file + ".license")))
        return licenceInside(textLines(file + ".license"));
    if (const std::string licence = licenceInside(textLines(file)); !licence.empty())
        return licence;
    for (const Annotation& annotation : annotations) {
        for (const std::regex& path : annotation.paths) {
            if (std::regex_match(file, path) && !annotation.licence.empty())
                return annotation.licence;
        }
    }
    return {};
}

std::set<std::string> includesOf(const std::string& file) {
    static const std::regex line_pattern("\\s*#\\s*include\\s*\"([^\"]+)\".*");
    std::set<std::string> includes;
    for (const std::string& line : textLines(file)) {
        if (std::smatch match; std::regex_match(line, match, line_pattern))
            includes.insert(match[1]);
    }
    return includes;
}

} // namespace fulgurite::test
