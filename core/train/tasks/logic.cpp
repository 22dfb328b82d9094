// SPDX-License-Identifier: Apache-2.0
// Tasks of structure: closing brackets, the value of a boolean expression, a path through a small graph.
#include "core/train/tasks/makers.h"

#include <algorithm>
#include <array>
#include <set>

namespace fulgurite {

namespace {

class Brackets final : public Task {
  public:
    explicit Brackets(ConfigFields& fields)
        : Task("brackets"),
          length_(KnobRange::read(fields, "length", 1, 256, {4, 12})),
          kinds_(fields.integer("kinds", 1, 4, 3)) {}

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        length_.write(json, "length");
        json["kinds"] = kinds_;
        return json;
    }
    TaskItem draw(RandomStream& random) const override {
        constexpr double kOpening = 0.6;
        TaskItem item;
        std::string open; // what closes the open ones, the innermost last
        for (std::int64_t left = length_.draw(random); left > 0; --left) {
            // One that leaves nothing open at the end has no answer.
            const bool opens = open.empty() || (left == 1 && open.size() == 1) || random.uniform() < kOpening;
            if (opens) {
                const std::size_t kind = random.below(static_cast<std::uint64_t>(kinds_));
                item.prompt += kOpeners[kind];
                open += kClosers[kind];
            } else {
                item.prompt += open.back();
                open.pop_back();
            }
        }
        item.prompt += '=';
        item.gold.assign(open.rbegin(), open.rend());
        return item;
    }

  private:
    static constexpr std::string_view kOpeners = "([{<";
    static constexpr std::string_view kClosers = ")]}>";

    Verdict check(const TaskItem& item, std::string_view answer) const override {
        const bool formed = answer.find_first_not_of(kClosers) == std::string_view::npos;
        return {answer == item.gold, formed, formed ? samePrefix(answer, item.gold) : 0};
    }

    KnobRange length_;
    std::int64_t kinds_;
};

class Boolean final : public Task {
  public:
    explicit Boolean(ConfigFields& fields)
        : Task("boolean"), leaves_(KnobRange::read(fields, "leaves", 1, 64, {2, 6})) {}

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        leaves_.write(json, "leaves");
        return json;
    }
    TaskItem draw(RandomStream& random) const override {
        const auto [text, value] = drawPart(leaves_.draw(random), random);
        return {text + "=", value ? "1" : "0", {}, {}};
    }

  private:
    struct Part {
        std::string text;
        bool value;
    };

    static Part drawPart(std::int64_t leaves, RandomStream& random) {
        constexpr double kNegated = 0.25;
        Part part;
        if (leaves == 1) {
            part.value = random.below(2) == 1;
            part.text = part.value ? "1" : "0";
        } else {
            const auto first = 1 + static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(leaves - 1)));
            const Part a = drawPart(first, random);
            const Part b = drawPart(leaves - first, random);
            const std::size_t op = random.below(3);
            part.value = op == 0 ? a.value && b.value : op == 1 ? a.value || b.value : a.value != b.value;
            part.text = "(" + a.text + "&|^"[op] + b.text + ")";
        }
        if (random.uniform() < kNegated) {
            part.text.insert(0, 1, '!');
            part.value = !part.value;
        }
        return part;
    }
    // One value of two: a guess earns half, so it says nothing about a partly right answer.
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        return {answer == item.gold, answer == "0" || answer == "1", 0};
    }

    KnobRange leaves_;
};

// facts: start, goal, length of the shortest path, then the edges in pairs. Nodes are numbered, and written as
// letters.
class Path final : public Task {
  public:
    explicit Path(ConfigFields& fields)
        : Task("path"),
          nodes_(KnobRange::read(fields, "nodes", 2, 26, {4, 7})),
          extra_(fields.integer("extra_edges", 0, 40, 2)),
          shortest_(fields.flag("shortest", false)) {}

    nlohmann::ordered_json knobs() const override {
        nlohmann::ordered_json json;
        nodes_.write(json, "nodes");
        json["extra_edges"] = extra_;
        json["shortest"] = shortest_;
        return json;
    }
    TaskItem draw(RandomStream& random) const override {
        const auto count = static_cast<std::size_t>(nodes_.draw(random));
        std::vector<Edge> edges = drawTree(count, random);
        std::set<Edge> known(edges.begin(), edges.end());
        for (std::int64_t i = 0; i < extra_; ++i) { // fewer where the place is taken
            const Edge edge = ordered(random.below(count), random.below(count));
            if (edge[0] != edge[1] && known.insert(edge).second) {
                edges.push_back(edge);
            }
        }
        shuffle(edges, random);
        const std::size_t start = random.below(count);
        const std::size_t goal = (start + 1 + random.below(count - 1)) % count;
        TaskItem item;
        item.gold = shortestPath(edges, count, start, goal);
        item.facts = {static_cast<std::int64_t>(start), static_cast<std::int64_t>(goal),
                      static_cast<std::int64_t>(item.gold.size())};
        for (Edge& edge : edges) {
            item.facts.insert(item.facts.end(), edge.begin(), edge.end());
            if (random.below(2) == 1) { // edges go both ways
                std::swap(edge[0], edge[1]);
            }
            item.prompt += std::string(item.prompt.empty() ? "" : " ") + letter(edge[0]) + letter(edge[1]);
        }
        item.prompt += std::string(":") + letter(start) + ">" + letter(goal) + "=";
        return item;
    }

  private:
    using Edge = std::array<std::size_t, 2>; // the smaller first

    static char letter(std::size_t node) { return static_cast<char>('a' + node); }
    static Edge ordered(std::size_t a, std::size_t b) { return {std::min(a, b), std::max(a, b)}; }

    // A random tree connects all nodes: each joins one of those before it in a random order.
    static std::vector<Edge> drawTree(std::size_t count, RandomStream& random) {
        std::vector<std::size_t> order(count);
        for (std::size_t i = 0; i < count; ++i) {
            order[i] = i;
        }
        shuffle(order, random);
        std::vector<Edge> edges;
        for (std::size_t i = 1; i < count; ++i) {
            edges.push_back(ordered(order[i], order[random.below(i)]));
        }
        return edges;
    }
    // Breadth first.
    static std::string shortestPath(const std::vector<Edge>& edges, std::size_t count, std::size_t start,
                                    std::size_t goal) {
        std::vector<std::size_t> from(count, count);
        from[goal] = goal;
        std::vector<std::size_t> front{goal};
        for (std::size_t i = 0; i < front.size(); ++i) {
            for (const auto& [a, b] : edges) {
                const std::size_t next = a == front[i] ? b : b == front[i] ? a : front[i];
                if (from[next] == count) {
                    from[next] = front[i];
                    front.push_back(next);
                }
            }
        }
        std::string path(1, letter(start));
        for (std::size_t node = start; node != goal;) {
            node = from[node];
            path += letter(node);
        }
        return path;
    }
    static bool hasEdge(const TaskItem& item, char a, char b) {
        const Edge edge = ordered(static_cast<std::size_t>(a - 'a'), static_cast<std::size_t>(b - 'a'));
        for (std::size_t i = 3; i + 1 < item.facts.size(); i += 2) {
            if (item.facts[i] == static_cast<std::int64_t>(edge[0]) &&
                item.facts[i + 1] == static_cast<std::int64_t>(edge[1])) {
                return true;
            }
        }
        return false;
    }
    Verdict check(const TaskItem& item, std::string_view answer) const override {
        if (!std::all_of(answer.begin(), answer.end(), [](char c) { return c >= 'a' && c <= 'z'; })) {
            return {};
        }
        std::size_t valid = 0;
        for (std::size_t i = 1; i < answer.size(); ++i) {
            valid += hasEdge(item, answer[i - 1], answer[i]) ? 1 : 0;
        }
        const bool ends = answer.front() == letter(static_cast<std::size_t>(item.facts[0])) &&
                          answer.back() == letter(static_cast<std::size_t>(item.facts[1]));
        const bool once = std::set<char>(answer.begin(), answer.end()).size() == answer.size();
        Verdict verdict;
        verdict.formed = once;
        verdict.correct = ends && once && valid + 1 == answer.size() &&
                          (!shortest_ || answer.size() == static_cast<std::size_t>(item.facts[2]));
        verdict.partial =
            static_cast<double>(valid) / static_cast<double>(std::max(answer.size(), item.gold.size()));
        return verdict;
    }

    KnobRange nodes_;
    std::int64_t extra_;
    bool shortest_;
};

} // namespace

std::unique_ptr<const Task> makeBrackets(ConfigFields& fields) {
    return std::make_unique<Brackets>(fields);
}

std::unique_ptr<const Task> makeBoolean(ConfigFields& fields) {
    return std::make_unique<Boolean>(fields);
}

std::unique_ptr<const Task> makePath(ConfigFields& fields) {
    return std::make_unique<Path>(fields);
}

} // namespace fulgurite
