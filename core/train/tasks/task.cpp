// SPDX-License-Identifier: Apache-2.0
#include "core/train/tasks/task.h"

#include "core/base/error.h"
#include "core/train/tasks/makers.h"

#include <algorithm>
#include <charconv>

namespace fulgurite {

namespace {

struct Entry {
    const char* name;
    const char* summary;
    std::unique_ptr<const Task> (*make)(ConfigFields&);
};

const std::vector<Entry>& entries() {
    static const std::vector<Entry> all{
        {"addition", "47+85= : the sum, by default with its digits reversed: 231", makeAddition},
        {"scratchpad", "47+85: : one step a column, then the sum: 7+5+0=12 4+8+1=13 =132", makeScratchpad},
        {"sorting", "3 1 0 2= : the numbers in rising order: 0 1 2 3", makeSorting},
        {"strings", "reverse abca= : the letters reversed, copied, or each once (dedupe)", makeStrings},
        {"parity", "1011= : the running sum modulo a number, then its last value: 1101:1", makeParity},
        {"recall", "a=31 k=70 k? : the value of the key: 70", makeRecall},
        {"countdown", "3 5 2>13= : an expression of all numbers with that value: 3*5-2", makeCountdown},
        {"game24", "1 5 5 5= : an expression of all four numbers with the value 24: 5*(5-1/5)", makeGameOf24},
        {"brackets", "([]{= : what closes the brackets: })", makeBrackets},
        {"boolean", "(1&0)|!1= : the value: 0", makeBoolean},
        {"path", "ab bc bd:a>c= : a path along the edges: abc", makePath},
    };
    return all;
}

const Entry& entryOf(std::string_view name) {
    const auto found =
        std::find_if(entries().begin(), entries().end(), [&](const Entry& entry) { return entry.name == name; });
    if (found == entries().end()) {
        fail(ErrorKind::InvalidInput, "there is no task \"{}\"; the nearest is \"{}\"", name,
             nearestName(std::string(name), taskNames()));
    }
    return *found;
}

constexpr std::uint64_t kTestShare = 8;
constexpr int kMostDraws = 4096;

// FNV-1a, then the finaliser of SplitMix64, so that the low bits depend on all of the text.
std::uint64_t hashOf(std::string_view text) {
    std::uint64_t hash = 0xcbf29ce484222325u;
    for (const char c : text) {
        hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3u;
    }
    return RandomStream(hash).bits();
}

} // namespace

const std::vector<std::string>& taskNames() {
    static const std::vector<std::string> names = [] {
        std::vector<std::string> list;
        for (const Entry& entry : entries()) {
            list.emplace_back(entry.name);
        }
        return list;
    }();
    return names;
}

std::string_view taskSummary(std::string_view name) {
    return entryOf(name).summary;
}

std::unique_ptr<const Task> makeTask(const std::string& name, ConfigFields& fields) {
    return entryOf(name).make(fields);
}

Verdict Task::judge(const TaskItem& item, std::string_view answer) const {
    const std::size_t first = answer.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos || answer.size() > kLongestAnswer) {
        return {};
    }
    answer = answer.substr(first, answer.find_last_not_of(" \t\r\n") + 1 - first);
    Verdict verdict = check(item, answer);
    if (verdict.correct) {
        verdict.formed = true;
        verdict.partial = 1;
    }
    return verdict;
}

TaskItem itemOf(const Task& task, Split split, std::uint64_t seed, std::uint64_t index) {
    RandomStream seeds(seed);
    const std::uint64_t base = seeds.bits() ^ hashOf(task.name()) ^ (split == Split::Test ? seeds.bits() : 0);
    RandomStream random(RandomStream(base + index).bits());
    for (int i = 0; i < kMostDraws; ++i) {
        TaskItem item = task.draw(random);
        if (item.key.empty()) {
            item.key = item.prompt;
        }
        if ((hashOf(item.key) % kTestShare == 0) == (split == Split::Test)) {
            return item;
        }
    }
    fail(ErrorKind::InvalidInput, "task {}: its knobs leave too few different problems for a {} split: widen them",
         task.name(), split == Split::Test ? "test" : "training");
}

KnobRange KnobRange::read(ConfigFields& fields, const std::string& name, std::int64_t lowest, std::int64_t highest,
                          KnobRange fallback) {
    KnobRange range;
    range.max = fields.integer("max_" + name, lowest, highest, fallback.max);
    range.min = fields.integer("min_" + name, lowest, range.max, std::min(fallback.min, range.max));
    return range;
}

void KnobRange::write(nlohmann::ordered_json& json, const std::string& name) const {
    json["min_" + name] = min;
    json["max_" + name] = max;
}

std::vector<std::string_view> piecesOf(std::string_view text, char separator) {
    std::vector<std::string_view> pieces;
    for (std::size_t begin = 0;;) {
        const std::size_t end = std::min(text.find(separator, begin), text.size());
        pieces.push_back(text.substr(begin, end - begin));
        if (end == text.size()) {
            return pieces;
        }
        begin = end + 1;
    }
}

bool isDigits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::int64_t> smallNumber(std::string_view text) {
    constexpr std::size_t kMostDigits = 9;
    std::int64_t value = 0;
    if (!isDigits(text) || text.size() > kMostDigits) {
        return std::nullopt;
    }
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
}

double samePlaces(std::string_view a, std::string_view b) {
    std::size_t same = 0;
    for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
        same += a[i] == b[i] ? 1 : 0;
    }
    return static_cast<double>(same) / static_cast<double>(std::max<std::size_t>({a.size(), b.size(), 1}));
}

double samePrefix(std::string_view a, std::string_view b) {
    const auto [end, other] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    return static_cast<double>(end - a.begin()) /
           static_cast<double>(std::max<std::size_t>({a.size(), b.size(), 1}));
}

std::string spaced(const std::vector<std::int64_t>& numbers) {
    std::string text;
    for (const std::int64_t number : numbers) {
        text += (text.empty() ? "" : " ") + std::to_string(number);
    }
    return text;
}

} // namespace fulgurite
