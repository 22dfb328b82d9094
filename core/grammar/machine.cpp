// SPDX-License-Identifier: Apache-2.0
#include "core/grammar/machine.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

namespace fulgurite::grammar {

namespace {

constexpr ConfigId kUnknown = -2;
constexpr std::int32_t kBottom = 0; // the frame under everything
// Ambiguous grammars may keep very many things going at once. Leaving some out leaves out answers, never rules.
constexpr std::size_t kMaxItems = 1000;
constexpr std::size_t kMaxVisits = 20'000;

} // namespace

// All that can be reached from some items without reading.
class Machine::Closure {
  public:
    explicit Closure(Machine& machine) : machine_(machine) {}

    void add(const Item& item) {
        const Node& node = machine_.nodeAt(item.node);
        const int depth = machine_.frames_[static_cast<std::size_t>(item.frame)].depth;
        if (node.depth != kNever && depth + node.depth <= kMaxDepth && visited_.size() < kMaxVisits &&
            visited_.insert(key(item)).second) {
            todo_.push_back(item);
        }
    }

    void run() {
        while (!todo_.empty()) {
            const Item item = todo_.back();
            todo_.pop_back();
            expand(item);
        }
        std::sort(reading.begin(), reading.end());
    }

    Items reading;
    bool accepts = false;

  private:
    struct Key {
        std::uint64_t place = 0;
        std::uint32_t count = 0;
        bool operator==(const Key&) const = default;
    };
    struct KeyHash {
        std::size_t operator()(const Key& key) const {
            return static_cast<std::size_t>((key.place ^ std::uint64_t{key.count} << 40) * 0x9E3779B97F4A7C15ULL);
        }
    };
    static Key key(const Item& item) {
        return {static_cast<std::uint64_t>(item.node) << 32 | static_cast<std::uint32_t>(item.frame), item.count};
    }

    void expand(const Item& item) {
        const Node& node = machine_.nodeAt(item.node);
        if (!node.bytes.empty() && reading.size() < kMaxItems) {
            reading.push_back({item.node, 0, item.frame});
        }
        if (node.end) {
            finishRule(item.frame);
        }
        for (const NodeId to : node.empty) {
            add({to, 0, item.frame});
        }
        for (const CallEdge& edge : node.calls) {
            enter(edge.rule, edge.to, 0, item.frame);
        }
        if (node.repeat) {
            repeat(*node.repeat, item);
        }
    }

    void finishRule(FrameId id) {
        if (id == kBottom) {
            accepts = true;
            return;
        }
        const Frame frame = machine_.frames_[static_cast<std::size_t>(id)];
        add({frame.node, frame.count, frame.parent});
    }

    // A call that is the last thing of its rule leaves nothing to come back for.
    void enter(RuleId rule, NodeId to, std::uint32_t count, FrameId under) {
        const NodeId start = machine_.grammar_.rules[static_cast<std::size_t>(rule)];
        const bool last = machine_.nodeAt(to).only_ends;
        const int inside = machine_.nodeAt(start).depth;
        const int depth = machine_.frames_[static_cast<std::size_t>(under)].depth + (last ? 0 : 1);
        if (inside != kNever && depth + inside <= kMaxDepth) {
            add({start, 0, last ? under : machine_.frame(to, count, under)});
        }
    }

    void repeat(const Repeat& repeat, const Item& item) {
        if (item.count >= repeat.min) {
            add({repeat.to, 0, item.frame});
        }
        if (item.count < repeat.max) {
            const bool counts = repeat.max != kUnlimited || item.count < repeat.min;
            enter(repeat.body, item.node, item.count + (counts ? 1 : 0), item.frame);
        }
    }

    Machine& machine_;
    Items todo_;
    std::unordered_set<Key, KeyHash> visited_;
};

std::size_t Machine::ItemsHash::operator()(const Items& items) const {
    std::uint64_t hash = items.size();
    for (const Item& item : items) {
        for (const std::uint64_t value :
             {static_cast<std::uint64_t>(static_cast<std::uint32_t>(item.node)), std::uint64_t{item.count},
              static_cast<std::uint64_t>(static_cast<std::uint32_t>(item.frame))}) {
            hash = (hash ^ value) * 0x9E3779B97F4A7C15ULL;
            hash ^= hash >> 29;
        }
    }
    return static_cast<std::size_t>(hash);
}

Machine::Machine(Grammar grammar) : grammar_(std::move(grammar)) {
    classifyBytes();
    frames_.push_back({});
}

void Machine::classifyBytes() {
    std::array<bool, 257> begins{};
    for (const Node& node : grammar_.nodes) {
        for (const ByteEdge& edge : node.bytes) {
            begins[edge.low] = true;
            begins[std::size_t{edge.high} + 1] = true;
        }
    }
    for (std::size_t byte = 0; byte < classes_.size(); ++byte) {
        class_count_ += byte > 0 && begins[byte] ? 1 : 0;
        classes_[byte] = static_cast<std::uint8_t>(class_count_);
    }
    ++class_count_;
}

Machine::FrameId Machine::frame(NodeId node, std::uint32_t count, FrameId parent) {
    const auto [entry, added] =
        frame_ids_.try_emplace({{node, count, parent}}, static_cast<FrameId>(frames_.size()));
    if (added) {
        frames_.push_back({node, count, parent, frames_[static_cast<std::size_t>(parent)].depth + 1});
    }
    return entry->second;
}

ConfigId Machine::internItems(Items items, bool accepts) {
    if (items.empty() && !accepts) {
        return kDead;
    }
    Items key{{-1, accepts ? 1U : 0U, -1}};
    key.insert(key.end(), items.begin(), items.end());
    const auto [entry, added] = closed_.try_emplace(std::move(key), static_cast<ConfigId>(configs_.size()));
    if (added) {
        configs_.push_back({std::move(items), accepts, {}});
    }
    return entry->second;
}

ConfigId Machine::intern(Items kernel) {
    if (kernel.empty() || configs_.size() >= kMaxConfigs) {
        return kDead;
    }
    const auto found = kernels_.find(kernel);
    if (found != kernels_.end()) {
        return found->second;
    }
    Closure closure(*this);
    for (const Item& item : kernel) {
        closure.add(item);
    }
    closure.run();
    const ConfigId id = internItems(std::move(closure.reading), closure.accepts);
    kernels_.emplace(std::move(kernel), id);
    return id;
}

ConfigId Machine::start() {
    return intern({{grammar_.rules[static_cast<std::size_t>(grammar_.root)], 0, kBottom}});
}

ConfigId Machine::next(ConfigId config, std::uint8_t byte) {
    const auto at = static_cast<std::size_t>(config);
    const std::size_t kind = classes_[byte];
    if (configs_[at].next.empty()) {
        configs_[at].next.assign(class_count_, kUnknown);
    }
    if (configs_[at].next[kind] == kUnknown) {
        Items kernel;
        for (const Item& item : configs_[at].items) {
            for (const ByteEdge& edge : nodeAt(item.node).bytes) {
                if (edge.low <= byte && byte <= edge.high) {
                    kernel.push_back({edge.to, 0, item.frame});
                }
            }
        }
        std::sort(kernel.begin(), kernel.end());
        kernel.erase(std::unique(kernel.begin(), kernel.end()), kernel.end());
        const ConfigId to = intern(std::move(kernel));
        configs_[at].next[kind] = to; // after intern(), which may move the configurations
    }
    return configs_[at].next[kind];
}

bool Machine::complete(ConfigId config) const {
    const Config& at = configs_[static_cast<std::size_t>(config)];
    return at.accepts && at.items.empty();
}

Machine::FrameId Machine::copyFrame(const std::vector<Frame>& frames, FrameId id) {
    if (id == kBottom) {
        return kBottom;
    }
    const Frame& old = frames[static_cast<std::size_t>(id)];
    return frame(old.node, old.count, copyFrame(frames, old.parent));
}

void Machine::reset(std::vector<ConfigId*> kept) {
    const std::vector<Frame> frames = std::exchange(frames_, {Frame{}});
    const std::vector<Config> configs = std::exchange(configs_, {});
    frame_ids_.clear();
    kernels_.clear();
    closed_.clear();
    for (ConfigId* id : kept) {
        if (*id == kDead) {
            continue;
        }
        const Config& old = configs[static_cast<std::size_t>(*id)];
        Items items = old.items;
        for (Item& item : items) {
            item.frame = copyFrame(frames, item.frame);
        }
        std::sort(items.begin(), items.end());
        *id = internItems(std::move(items), old.accepts);
    }
}

} // namespace fulgurite::grammar
